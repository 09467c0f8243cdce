//! `sealdrop webhook test`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// Call a webhook once with an event of the type test, and print its answer. The daemon must be running.
    #[argh(
        subcommand,
        name = "test",
        help_triggers("-h", "--help"),
        usage = "ID [--json] [--data DIR] [--config FILE]",
        example = "sealdrop webhook list\n{command_name} ID-FROM-THE-LIST"
    )]
    pub(crate) struct WebhookTestCommand: json, directory {
        /// the id of the webhook, from the list
        #[argh(positional)]
        id: String,
    }
}

impl WebhookTestCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::TestWebhook { id: self.id };
        let tested = reply!(WebhookTested, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &tested)?);
        }
        let (id, status) = (tested.id, tested.status);
        Ok(writeln!(context.out, "webhook {id} accepted the call with status {status}")?)
    }
}
