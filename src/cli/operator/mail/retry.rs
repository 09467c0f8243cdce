//! `sealdrop mail retry`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Exit, Failure,
        operator::administration::{Place, execute, unexpected, write_json},
    },
};

/// Try something that waits at once, instead of at its next turn.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "retry",
    help_triggers("-h", "--help"),
    usage = "ID|--all [--json] [--data DIR] [--config FILE]",
    example = "sealdrop mail list\n{command_name} 17\n{command_name} --all"
)]
pub(crate) struct Retry {
    /// its number, as listed
    #[argh(positional)]
    id: Option<u64>,

    /// everything that waits
    #[argh(switch)]
    all: bool,

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

impl Retry {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.id.is_some() == self.all {
            let message = "give a number of sealdrop mail list, or --all".to_owned();
            return Err(Failure { exit: Exit::Usage, message });
        }
        let place = Place { data: self.data, config: self.config };
        let command = Command::RetryOutbox { id: self.id };
        let Reply::OutboxRetried(changed) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &changed)?);
        }
        Ok(writeln!(context.out, "to be tried at once: {}", changed.count)?)
    }
}
