//! `sealdrop webhook add`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
    domain::notify::event::WebhookEventKind,
};

command! {
    /// Add a webhook, and create the key that signs its calls. The key is shown only once.
    #[argh(
        subcommand,
        name = "add",
        help_triggers("-h", "--help"),
        usage = "--account NAME --url URL [--event NAME]… [--json] [--data DIR] [--config FILE]",
        example = "{command_name} --account alice --url https://example.org/hook\n\
                   {command_name} --account alice --url https://example.org/hook --event secret.viewed"
    )]
    pub(crate) struct WebhookAddCommand: json, directory {
        /// the account whose events the webhook gets
        #[argh(option)]
        account: String,

        /// the URL to call: https://…, or http://… in a trusted network
        #[argh(option)]
        url: String,

        /// secret.viewed, secret.tried_after or secret_request.answered; repeat it for several (all of them)
        #[argh(option, arg_name = "secret.viewed|secret.tried_after|secret_request.answered")]
        event: Vec<WebhookEventKind>,
    }
}

impl WebhookAddCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command =
            Command::AddWebhook { account: self.account, url: self.url, events: self.event };
        let added = reply!(WebhookAdded, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &added)?);
        }
        Ok(write!(
            context.out,
            "webhook {} for account {} added: {}\n\n\
             signing key  {}\n\n\
             The key is shown only once: store it now.\n\
             To test the webhook: sealdrop webhook test {}\n",
            added.id,
            added.account,
            added.url,
            added.signing_key.expose_secret(),
            added.id,
        )?)
    }
}
