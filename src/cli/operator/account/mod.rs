//! `sealdrop account`: the accounts, which create secrets.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod set;

use crate::cli::flags::command_group;

command_group! {
    /// Create, list, change or delete accounts, whether the daemon runs or not.
    #[argh(
        subcommand,
        name = "account",
        help_triggers("-h", "--help"),
        example = "{command_name} create alice --data /var/lib/sealdrop"
    )]
    pub(crate) struct AccountCommand: AccountAction {
        Create(create::AccountCreateCommand),
        List(list::AccountListCommand),
        Set(set::AccountSetCommand),
        Delete(delete::AccountDeleteCommand),
    }
}
