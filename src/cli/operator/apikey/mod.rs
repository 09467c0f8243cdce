//! `sealdrop apikey`: the API keys of accounts.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod rename;
pub(crate) mod revoke;

use crate::cli::flags::command_group;

command_group! {
    /// Create, list, rename or revoke API keys, whether the daemon runs or not.
    #[argh(
        subcommand,
        name = "apikey",
        help_triggers("-h", "--help"),
        example = "{command_name} create --account alice --kind public"
    )]
    pub(crate) struct ApiKeyCommand: ApiKeyAction {
        Create(create::ApiKeyCreateCommand),
        List(list::ApiKeyListCommand),
        Rename(rename::ApiKeyRenameCommand),
        Revoke(revoke::ApiKeyRevokeCommand),
    }
}
