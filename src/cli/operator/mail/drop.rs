//! `sealdrop mail drop`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure,
        operator::administration::{Place, execute, unexpected, write_json},
    },
};

/// Take something out of the outbox unsent. A link in it is burned with it.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "drop",
    help_triggers("-h", "--help"),
    usage = "ID [--json] [--data DIR] [--config FILE]",
    example = "sealdrop mail list\n{command_name} 17"
)]
pub(crate) struct Drop {
    /// its number, as listed
    #[argh(positional)]
    id: u64,

    /// print one line of JSON
    #[argh(switch)]
    json: bool,

    /// the data directory (SEALDROP_DATA, or ./sealdrop-data)
    #[argh(option)]
    data: Option<String>,

    /// a TOML file that names the data directory
    #[argh(option)]
    config: Option<String>,
}

impl Drop {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = Place { data: self.data, config: self.config };
        let command = Command::DropOutbox { id: self.id };
        let Reply::OutboxDropped(changed) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &changed)?);
        }
        Ok(writeln!(context.out, "dropped {}", self.id)?)
    }
}
