//! `sealdrop apikey revoke`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure,
        operator::administration::{Place, execute, unexpected},
    },
};

/// Revoke an API key: from now on it opens nothing.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "revoke",
    help_triggers("-h", "--help"),
    usage = "ID [--data DIR] [--config FILE]",
    example = "sealdrop apikey list\n{command_name} ID-FROM-THE-LIST"
)]
pub(crate) struct Revoke {
    /// the key's id, as listed
    #[argh(positional)]
    id: String,

    /// the data directory (SEALDROP_DATA, or ./sealdrop-data)
    #[argh(option)]
    data: Option<String>,

    /// a TOML file that names the data directory
    #[argh(option)]
    config: Option<String>,
}

impl Revoke {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = Place { data: self.data, config: self.config };
        let command = Command::RevokeApiKey { id: self.id };
        let Reply::ApiKeyRevoked(revoked) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        Ok(writeln!(context.out, "key {} of account {} revoked", revoked.id, revoked.account)?)
    }
}
