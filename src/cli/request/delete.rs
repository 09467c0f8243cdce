//! `sealdrop request delete`

use argh::{ArgsInfo, FromArgs};

use crate::{
    cli::{
        Context, Failure, connection::Connection, progress::Progress, prompt,
        secret::status::nobody,
    },
    client::{link::request_place, requests},
};

/// Delete a secret request: its link stops working. What was handed over through it stays.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "delete",
    help_triggers("-h", "--help"),
    usage = "LINK_OR_ID [<flags>]",
    example = "{command_name} 5e976e6e-d205-4f58-8df9-5ac0048bc702\n\
               {command_name} https://drop.example.org/req/5e976e6e-d205-4f58-8df9-5ac0048bc702"
)]
pub(crate) struct Delete {
    /// the request's link or id
    #[argh(positional)]
    request: String,

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

impl Delete {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = Connection {
            server: self.server,
            key_file: self.key_file,
            dialect: self.dialect,
            header: self.header,
            cacert: self.cacert,
        };
        let place = request_place(&self.request)?;
        let server = connection.settings(context)?.server_of(&place, context)?;
        if !server.has_key() {
            return Err(nobody(server.root().as_str()));
        }
        requests::delete(&server, &place.id, &Progress::new("Deleting"))?;
        Ok(writeln!(context.err, "Deleted {}", prompt::line(&place.id))?)
    }
}
