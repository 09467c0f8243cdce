//! `sealdrop request …`

pub(crate) mod answer;
mod create;
mod delete;
mod list;

use crate::cli::flags::command_group;

command_group! {
    /// Ask others for secrets: a link through which somebody without an account hands one over.
    #[argh(
        subcommand,
        name = "request",
        help_triggers("-h", "--help"),
        usage = "<command> [<args>]",
        example = "{command_name} create --message 'the password of the router, please'\n{command_name} list"
    )]
    pub(crate) struct RequestCommand: RequestAction {
        Create(create::RequestCreateCommand),
        List(list::RequestListCommand),
        Delete(delete::RequestDeleteCommand),
    }
}
