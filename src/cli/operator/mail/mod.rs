//! `sealdrop mail`: what goes out, and whether it can.

pub(crate) mod drop;
pub(crate) mod list;
pub(crate) mod retry;
pub(crate) mod test;

use argh::{ArgsInfo, FromArgs};

use crate::cli::{Context, Failure};

/// List, retry or drop what waits in the outbox, or send a test mail.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "mail",
    help_triggers("-h", "--help"),
    example = "{command_name} test me@example.org --data /var/lib/sealdrop"
)]
pub(crate) struct Mail {
    #[argh(subcommand)]
    action: Action,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum Action {
    List(list::List),
    Retry(retry::Retry),
    Drop(drop::Drop),
    Test(test::Test),
}

impl Mail {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.action {
            Action::List(list) => list.run(context),
            Action::Retry(retry) => retry.run(context),
            Action::Drop(drop) => drop.run(context),
            Action::Test(test) => test.run(context),
        }
    }
}
