//! `sealdrop mail test`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure,
        operator::administration::{Place, execute, unexpected, write_json},
    },
};

/// Send a test mail through the running daemon, and say what the mail server has answered, or which step
/// has failed.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "test",
    help_triggers("-h", "--help"),
    usage = "ADDRESS [--json] [--data DIR] [--config FILE]",
    example = "{command_name} me@example.org --data /var/lib/sealdrop"
)]
pub(crate) struct Test {
    /// to whom
    #[argh(positional)]
    address: String,

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

impl Test {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = Place { data: self.data, config: self.config };
        let command = Command::TestMail { to: self.address };
        let Reply::MailTested(tested) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &tested)?);
        }
        Ok(writeln!(context.out, "the mail server has taken it: {}", tested.reply)?)
    }
}
