//! `sealdrop account list`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure, columns,
        operator::administration::{Place, execute, unexpected, write_json},
    },
};

/// List all accounts: how many secrets each has now, and has created in this calendar month.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "list",
    help_triggers("-h", "--help"),
    usage = "[--json] [--data DIR] [--config FILE]",
    example = "{command_name} --data /var/lib/sealdrop"
)]
pub(crate) struct List {
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
        let Reply::Accounts(accounts) = execute(place, Command::ListAccounts, context)? else {
            return Err(unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &accounts)?);
        }
        let rows: Vec<[String; 6]> = accounts
            .into_iter()
            .map(|row| {
                [
                    row.name,
                    row.secrets_total.to_string(),
                    row.secrets_usage.to_string(),
                    row.allowance.to_string(),
                    row.api_keys.to_string(),
                    row.created_at.to_string(),
                ]
            })
            .collect();
        let header = ["ACCOUNT", "SECRETS", "THIS MONTH", "ALLOWANCE", "API KEYS", "CREATED"];
        Ok(columns::write(context.out, header, &rows)?)
    }
}
