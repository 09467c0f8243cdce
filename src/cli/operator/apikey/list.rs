//! `sealdrop apikey list`

use crate::{
    admin::Command,
    cli::{
        Context, Failure, columns,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// List the ids of API keys. The keys themselves are not stored.
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
        let rows: Vec<[String; 4]> = keys
            .into_iter()
            .map(|row| [row.id, row.account, row.kind.to_string(), row.created_at.to_string()])
            .collect();
        Ok(columns::write(context.out, ["ID", "ACCOUNT", "KIND", "CREATED"], &rows)?)
    }
}
