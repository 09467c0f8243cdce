//! `sealdrop apikey list`

use crate::{
    admin::{ApiKeyRow, Command},
    cli::{
        Context, Failure, columns,
        flags::command,
        operator::administration::{reply, write_json},
        terminal_text,
    },
};

command! {
    /// List API keys with their ids, names and the day of their last use (UTC). The keys themselves are not
    /// stored.
    #[argh(
        subcommand,
        name = "list",
        help_triggers("-h", "--help"),
        usage = "[--account NAME] [--json] [--data DIR] [--config FILE]",
        example = "{command_name} --account alice"
    )]
    pub(crate) struct ApiKeyListCommand: json_array, directory {
        /// only the keys of this account
        #[argh(option)]
        account: Option<String>,
    }
}

impl ApiKeyListCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::ListApiKeys { account: self.account };
        let keys = reply!(ApiKeys, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &keys)?);
        }
        let cells = |row: ApiKeyRow| {
            [
                row.id,
                row.account,
                row.kind.to_string(),
                row.created_at.to_string(),
                row.last_used_on.unwrap_or_else(|| "never".into()),
                terminal_text::line(row.name.as_deref().unwrap_or("-")),
            ]
        };
        let rows: Vec<[String; 6]> = keys.into_iter().map(cells).collect();
        let header = ["ID", "ACCOUNT", "KIND", "CREATED", "LAST USED", "NAME"];
        Ok(columns::write(context.out, header, &rows)?)
    }
}
