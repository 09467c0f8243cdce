//! `sealdrop webhook remove`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure,
        operator::administration::{Place, execute, unexpected, write_json},
    },
};

/// Remove a webhook: it is not called any more, not even for what has happened already.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "remove",
    help_triggers("-h", "--help"),
    usage = "ID [--json] [--data DIR] [--config FILE]",
    example = "sealdrop webhook list\n{command_name} ID-FROM-THE-LIST"
)]
pub(crate) struct Remove {
    /// the webhook's id, as listed
    #[argh(positional)]
    id: String,

    /// print one line of JSON
    #[argh(switch)]
    json: bool,

    /// the data directory (SEALDROP_DATA, or ./sealdrop-data)
    #[argh(option)]
    data: Option<String>,

    /// a TOML file that names the data directory
    #[argh(option)]
    config: Option<String>,
}

impl Remove {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = Place { data: self.data, config: self.config };
        let command = Command::RemoveWebhook { id: self.id };
        let Reply::WebhookRemoved(removed) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &removed)?);
        }
        Ok(writeln!(context.out, "webhook {} of account {} removed", removed.id, removed.account)?)
    }
}
