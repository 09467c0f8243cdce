//! `sealdrop burn`

use super::status::Sender;
use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        progress::CommandProgress,
        prompt, terminal_text,
    },
    client::secrets,
};

command! {
    /// Burn a secret, viewed or not: its link stops working permanently. Its log is deleted as well.
    #[argh(
        subcommand,
        name = "burn",
        help_triggers("-h", "--help"),
        usage = "LINK_OR_ID [--yes] [<flags>]",
        example = "{command_name} 'https://drop.example.org/status/…#…'\n\
                   {command_name} ID --yes --key-file key"
    )]
    pub(crate) struct BurnCommand: server {
        /// the status link from `sealdrop send`, or the secret's link or id
        #[argh(positional)]
        secret: String,

        /// do not ask for confirmation
        #[argh(switch, short = 'y')]
        yes: bool,
    }
}

impl BurnCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let Sender { server, id, manage_token, .. } =
            Sender::new(connection, &self.secret, context)?;
        if !self.yes {
            prompt::insist("After this, the secret cannot be opened. Burn it?", context)?;
        }
        let progress = CommandProgress::new("Burning");
        match &manage_token {
            Some(token) => secrets::delete_managed(&server, &id, token, &progress)?,
            None => secrets::delete(&server, &id, &progress)?,
        }
        Ok(writeln!(context.err, "Burned {}", terminal_text::line(&id))?)
    }
}
