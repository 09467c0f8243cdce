//! `sealdrop account list`

use crate::{
    admin::Command,
    cli::{
        Context, Failure, columns,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// List all accounts, each with the number of its secrets now and of those created in this calendar
    /// month.
    #[argh(
        subcommand,
        name = "list",
        help_triggers("-h", "--help"),
        usage = "[--json] [--data DIR] [--config FILE]",
        example = "{command_name} --data /var/lib/sealdrop"
    )]
    pub(crate) struct AccountListCommand: json_array, directory {}
}

impl AccountListCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let accounts = reply!(Accounts, flags, Command::ListAccounts, context);
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
