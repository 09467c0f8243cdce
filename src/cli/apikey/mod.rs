//! `sealdrop apikey`: the keys by which programs speak for an account.

mod create;
mod list;
mod revoke;

use argh::{ArgsInfo, FromArgs};

use super::{Context, Failure};

/// Create, list or revoke API keys, whether the daemon runs or not.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "apikey",
    help_triggers("-h", "--help"),
    example = "{command_name} create --account alice --kind public"
)]
pub(super) struct ApiKey {
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
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.action {
            Action::Create(create) => create.run(context),
            Action::List(list) => list.run(context),
            Action::Revoke(revoke) => revoke.run(context),
        }
    }
}
