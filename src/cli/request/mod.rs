//! `sealdrop request …`

pub(crate) mod answer;
mod create;
mod delete;
mod list;

use argh::{ArgsInfo, FromArgs};

use super::{Context, Failure};

/// Ask others for secrets: a link through which somebody without an account hands one over.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "request",
    help_triggers("-h", "--help"),
    usage = "<command> [<args>]",
    example = "{command_name} create --message 'the password of the router, please'\n{command_name} list"
)]
pub(crate) struct Request {
    #[argh(subcommand)]
    command: Command,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value per run; argh can not fill a box")]
enum Command {
    Create(create::Create),
    List(list::List),
    Delete(delete::Delete),
}

impl Request {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.command {
            Command::Create(create) => create.run(context),
            Command::List(list) => list.run(context),
            Command::Delete(delete) => delete.run(context),
        }
    }
}
