//! `sealdrop burn`

use argh::{ArgsInfo, FromArgs};

use super::status::Sender;
use crate::{
    cli::{Context, Failure, connection::Connection, progress::Progress, prompt},
    client::secrets,
};

/// Burn a secret, viewed or not: its link stops working, and nobody can bring it back. Its log goes, too.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "burn",
    help_triggers("-h", "--help"),
    usage = "LINK_OR_ID [--yes] [<flags>]",
    example = "{command_name} 'https://drop.example.org/status/…#…'\n\
               {command_name} ID --yes --key-file key"
)]
pub(crate) struct Burn {
    /// the status link that send has printed, or the secret's link or id
    #[argh(positional)]
    secret: String,

    /// do not ask
    #[argh(switch, short = 'y')]
    yes: bool,

    /// the server's address (SEALDROP_SERVER)
    #[argh(option, arg_name = "URL")]
    server: Option<String>,

    /// a file with an API key (SEALDROP_KEY_FILE, or the key itself in SEALDROP_KEY)
    #[argh(option, arg_name = "FILE")]
    key_file: Option<String>,

    /// what the server speaks: sealdrop or password.link (SEALDROP_DIALECT, sealdrop)
    #[argh(option, arg_name = "sealdrop|password.link")]
    dialect: Option<String>,

    /// a header for what stands before the server, such as a login; also several times. @FILE for those in a file
    /// (SEALDROP_HEADER)
    #[argh(option, arg_name = "NAME:VALUE")]
    header: Vec<String>,

    /// a file with the certificates to trust, in place of the system's (SEALDROP_CACERT)
    #[argh(option, arg_name = "FILE")]
    cacert: Option<String>,
}

impl Burn {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = Connection {
            server: self.server,
            key_file: self.key_file,
            dialect: self.dialect,
            header: self.header,
            cacert: self.cacert,
        };
        let Sender { server, id, manage_token } = Sender::new(connection, &self.secret, context)?;
        if !self.yes {
            prompt::insist("Nobody can open it afterwards. Burn it?", context)?;
        }
        let progress = Progress::new("Burning");
        match &manage_token {
            Some(token) => secrets::delete_managed(&server, &id, token, &progress)?,
            None => secrets::delete(&server, &id, &progress)?,
        }
        Ok(writeln!(context.err, "Burned {}", prompt::line(&id))?)
    }
}
