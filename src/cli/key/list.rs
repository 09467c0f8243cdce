//! `sealdrop key list`

use crate::{
    cli::{
        Context, Failure, columns,
        flags::{command, server_connection},
        operator::administration::write_json,
        progress::CommandProgress,
        terminal_text,
    },
    client::{
        api_keys::{self, ListedAccountKey},
        listed,
    },
};

command! {
    /// List the API keys of your account, oldest first, with the day of their last use (UTC).
    #[argh(
        subcommand,
        name = "list",
        help_triggers("-h", "--help"),
        usage = "[--json] [<flags>]",
        example = "{command_name} --key-file key --server https://drop.example.org"
    )]
    pub(crate) struct AccountKeyListCommand: json("print one line of JSON for each"), server {}
}

impl AccountKeyListCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let server = super::server(connection.settings(context)?, context)?;
        let keys = api_keys::list(&server, &CommandProgress::new("Asking"))?;
        if self.json {
            return Ok(keys.iter().try_for_each(|key| write_json(context.out, key))?);
        }
        let mut rows = Vec::with_capacity(keys.len());
        for value in keys {
            let key: ListedAccountKey = listed::entry(&server, value)?;
            let name = key.name.as_deref().unwrap_or("-");
            let used =
                if key.current { "now" } else { key.last_used_on.as_deref().unwrap_or("never") };
            let cells = [key.id.as_str(), &key.kind, &key.created_at, used, name];
            rows.push(cells.map(terminal_text::line));
        }
        let header = ["ID", "KIND", "CREATED", "LAST USED", "NAME"];
        Ok(columns::write(context.out, header, &rows)?)
    }
}
