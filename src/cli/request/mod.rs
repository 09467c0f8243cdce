//! `sealdrop request …`

pub(crate) mod answer;
mod create;
mod delete;
mod list;

use crate::cli::flags::command_group;

command_group! {
    /// Ask others for secrets: with the link of a request, a person without an account sends you a secret.
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
