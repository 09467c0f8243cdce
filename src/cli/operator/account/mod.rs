//! `sealdrop account`: who may create secrets.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod set;

use argh::{ArgsInfo, FromArgs};

use crate::cli::{Context, Failure};

/// Create, list, change or delete accounts, whether the daemon runs or not.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "account",
    help_triggers("-h", "--help"),
    example = "{command_name} create alice --data /var/lib/sealdrop"
)]
pub(crate) struct Account {
    #[argh(subcommand)]
    action: Action,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum Action {
    Create(create::Create),
    List(list::List),
    Set(set::Set),
    Delete(delete::Delete),
}

impl Account {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.action {
            Action::Create(create) => create.run(context),
            Action::List(list) => list.run(context),
            Action::Set(set) => set.run(context),
            Action::Delete(delete) => delete.run(context),
        }
    }
}
