//! `sealdrop apikey`: the keys by which programs speak for an account.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use argh::{ArgsInfo, FromArgs};

use crate::cli::{Context, Failure};

/// Create, list or revoke API keys, whether the daemon runs or not.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "apikey",
    help_triggers("-h", "--help"),
    example = "{command_name} create --account alice --kind public"
)]
pub(crate) struct ApiKey {
    #[argh(subcommand)]
    action: Action,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum Action {
    Create(create::Create),
    List(list::List),
    Revoke(revoke::Revoke),
}

impl ApiKey {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.action {
            Action::Create(create) => create.run(context),
            Action::List(list) => list.run(context),
            Action::Revoke(revoke) => revoke.run(context),
        }
    }
}
