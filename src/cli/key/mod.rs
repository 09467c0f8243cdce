//! `sealdrop key …`

mod create;
mod list;
mod rename;
mod revoke;

use crate::cli::{
    Context, Failure, connection::ServerSettings, flags::command_group,
    secret::terms::not_in_password_link,
};
use crate::client::{Dialect, ServerClient};

command_group! {
    /// Manage the API keys of your account on a server, with a private key of it.
    #[argh(
        subcommand,
        name = "key",
        help_triggers("-h", "--help"),
        usage = "<command> [<args>]",
        example = "{command_name} list --key-file key\n{command_name} create --kind public --name 'Web page'"
    )]
    pub(crate) struct AccountKeyCommand: AccountKeyAction {
        List(list::AccountKeyListCommand),
        Create(create::AccountKeyCreateCommand),
        Rename(rename::AccountKeyRenameCommand),
        Revoke(revoke::AccountKeyRevokeCommand),
    }
}

/// The server, with the key that manages.
fn server(settings: ServerSettings, context: &mut Context<'_>) -> Result<ServerClient, Failure> {
    if settings.dialect() == Dialect::PasswordLink {
        return Err(not_in_password_link("API keys"));
    }
    settings.account(context)
}
