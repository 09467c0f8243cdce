//! `sealdrop mail`: the outbox and the mail server.

pub(crate) mod drop;
pub(crate) mod list;
pub(crate) mod retry;
pub(crate) mod test;

use crate::cli::flags::command_group;

command_group! {
    /// List, retry or drop the items of the outbox, or send a test mail.
    #[argh(
        subcommand,
        name = "mail",
        help_triggers("-h", "--help"),
        example = "{command_name} test me@example.org --data /var/lib/sealdrop"
    )]
    pub(crate) struct MailCommand: MailAction {
        List(list::MailListCommand),
        Retry(retry::MailRetryCommand),
        Drop(drop::MailDropCommand),
        Test(test::MailTestCommand),
    }
}
