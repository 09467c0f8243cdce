//! `sealdrop key revoke`

use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        progress::CommandProgress,
        prompt, terminal_text,
    },
    client::{ClientError, api_keys},
};

command! {
    /// Revoke an API key of your account: it stops working at once. The only private key is not revoked.
    #[argh(
        subcommand,
        name = "revoke",
        help_triggers("-h", "--help"),
        usage = "ID [--own] [--yes] [<flags>]",
        example = "{command_name} ID-FROM-THE-LIST --yes"
    )]
    pub(crate) struct AccountKeyRevokeCommand: server {
        /// the id of the key, from the list
        #[argh(positional)]
        id: String,

        /// also if it is the key that this command uses
        #[argh(switch)]
        own: bool,

        /// do not ask for confirmation
        #[argh(switch, short = 'y')]
        yes: bool,
    }
}

impl AccountKeyRevokeCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let server = super::server(connection.settings(context)?, context)?;
        if !self.yes {
            prompt::insist("Programs that use the key lose access. Revoke it?", context)?;
        }
        let revoked =
            api_keys::revoke(&server, &self.id, self.own, &CommandProgress::new("Revoking"));
        revoked.map_err(|error| match error {
            ClientError::Rejected { status: 409, message, .. } => {
                let hint = if self.own { "" } else { " (on the command line: --own)" };
                let message = terminal_text::escaped(&message);
                Failure::failed(format!("the server refuses: {message}{hint}"))
            }
            other => other.into(),
        })?;
        Ok(writeln!(context.err, "Revoked {}", terminal_text::line(&self.id))?)
    }
}
