//! `sealdrop webhook`: what an account wants to be called for.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod test;

use argh::{ArgsInfo, FromArgs};

use crate::cli::{Context, Failure};

/// Add, list, remove or test webhooks: URLs that are called when something happens to the secrets of
/// an account.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "webhook",
    help_triggers("-h", "--help"),
    example = "{command_name} add --account alice --url https://example.org/hook"
)]
pub(crate) struct Webhook {
    #[argh(subcommand)]
    action: Action,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum Action {
    Add(add::Add),
    List(list::List),
    Remove(remove::Remove),
    Test(test::Test),
}

impl Webhook {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.action {
            Action::Add(add) => add.run(context),
            Action::List(list) => list.run(context),
            Action::Remove(remove) => remove.run(context),
            Action::Test(test) => test.run(context),
        }
    }
}
