//! `sealdrop webhook`: the webhooks of accounts.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod test;

use crate::cli::flags::command_group;

command_group! {
    /// Add, list, remove or test webhooks: URLs that sealdrop calls when something happens to the secrets of
    /// an account.
    #[argh(
        subcommand,
        name = "webhook",
        help_triggers("-h", "--help"),
        example = "{command_name} add --account alice --url https://example.org/hook"
    )]
    pub(crate) struct WebhookCommand: WebhookAction {
        Add(add::WebhookAddCommand),
        List(list::WebhookListCommand),
        Remove(remove::WebhookRemoveCommand),
        Test(test::WebhookTestCommand),
    }
}
