//! `sealdrop apikey revoke`

use crate::{
    admin::Command,
    cli::{Context, Failure, flags::command, operator::administration::reply},
};

command! {
    /// Revoke an API key: it stops working at once.
    #[argh(
        subcommand,
        name = "revoke",
        help_triggers("-h", "--help"),
        usage = "ID [--data DIR] [--config FILE]",
        example = "sealdrop apikey list\n{command_name} ID-FROM-THE-LIST"
    )]
    pub(crate) struct ApiKeyRevokeCommand: directory {
        /// the id of the key, from the list
        #[argh(positional)]
        id: String,
    }
}

impl ApiKeyRevokeCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::RevokeApiKey { id: self.id };
        let revoked = reply!(ApiKeyRevoked, flags, command, context);
        Ok(writeln!(context.out, "key {} of account {} revoked", revoked.id, revoked.account)?)
    }
}
