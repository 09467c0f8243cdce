//! `sealdrop webhook remove`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// Remove a webhook: it is not called again, not even for earlier events.
    #[argh(
        subcommand,
        name = "remove",
        help_triggers("-h", "--help"),
        usage = "ID [--json] [--data DIR] [--config FILE]",
        example = "sealdrop webhook list\n{command_name} ID-FROM-THE-LIST"
    )]
    pub(crate) struct WebhookRemoveCommand: json, directory {
        /// the id of the webhook, from the list
        #[argh(positional)]
        id: String,
    }
}

impl WebhookRemoveCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::RemoveWebhook { id: self.id };
        let removed = reply!(WebhookRemoved, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &removed)?);
        }
        Ok(writeln!(context.out, "webhook {} of account {} removed", removed.id, removed.account)?)
    }
}
