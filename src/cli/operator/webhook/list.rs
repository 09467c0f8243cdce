//! `sealdrop webhook list`

use crate::{
    admin::Command,
    cli::{
        Context, Failure, columns,
        flags::command,
        operator::administration::{reply, write_json},
    },
    domain::notify::event::WebhookEventKind,
};

command! {
    /// List webhooks with their ids, and their URLs without the query.
    #[argh(
        subcommand,
        name = "list",
        help_triggers("-h", "--help"),
        usage = "[--account NAME] [--json] [--data DIR] [--config FILE]",
        example = "{command_name} --account alice"
    )]
    pub(crate) struct WebhookListCommand: json_array, directory {
        /// only the webhooks of this account
        #[argh(option)]
        account: Option<String>,
    }
}

impl WebhookListCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::ListWebhooks { account: self.account };
        let webhooks = reply!(Webhooks, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &webhooks)?);
        }
        let rows: Vec<[String; 5]> = webhooks
            .into_iter()
            .map(|row| {
                let events: Vec<&str> =
                    row.events.into_iter().map(WebhookEventKind::name).collect();
                [row.id, row.account, row.created_at.to_string(), row.url, events.join(" ")]
            })
            .collect();
        Ok(columns::write(context.out, ["ID", "ACCOUNT", "CREATED", "URL", "EVENTS"], &rows)?)
    }
}
