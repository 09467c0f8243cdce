//! `sealdrop apikey list`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure, columns,
        operator::administration::{Place, execute, unexpected, write_json},
    },
};

/// List API keys by their ids; the keys themselves are not stored.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "list",
    help_triggers("-h", "--help"),
    usage = "[--account NAME] [--json] [--data DIR] [--config FILE]",
    example = "{command_name} --account alice"
)]
pub(crate) struct List {
    /// only those of this account
    #[argh(option)]
    account: Option<String>,

    /// print one line of JSON: an array; times in Unix seconds
    #[argh(switch)]
    json: bool,

    /// the data directory (SEALDROP_DATA, or ./sealdrop-data)
    #[argh(option)]
    data: Option<String>,

    /// a TOML file that names the data directory
    #[argh(option)]
    config: Option<String>,
}

impl List {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = Place { data: self.data, config: self.config };
        let command = Command::ListApiKeys { account: self.account };
        let Reply::ApiKeys(keys) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &keys)?);
        }
        let rows: Vec<[String; 4]> = keys
            .into_iter()
            .map(|row| [row.id, row.account, row.kind.to_string(), row.created_at.to_string()])
            .collect();
        Ok(columns::write(context.out, ["ID", "ACCOUNT", "KIND", "CREATED"], &rows)?)
    }
}
