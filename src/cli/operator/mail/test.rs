//! `sealdrop mail test`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// Send a test mail through the running daemon, and print the answer of the mail server or the step that
    /// failed.
    #[argh(
        subcommand,
        name = "test",
        help_triggers("-h", "--help"),
        usage = "ADDRESS [--json] [--data DIR] [--config FILE]",
        example = "{command_name} me@example.org --data /var/lib/sealdrop"
    )]
    pub(crate) struct MailTestCommand: json, directory {
        /// the address of the recipient
        #[argh(positional)]
        address: String,
    }
}

impl MailTestCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::TestMail { to: self.address };
        let tested = reply!(MailTested, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &tested)?);
        }
        Ok(writeln!(context.out, "the mail server accepted the mail: {}", tested.reply)?)
    }
}
