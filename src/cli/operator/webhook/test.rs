//! `sealdrop webhook test`

use argh::{ArgsInfo, FromArgs};

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure,
        operator::administration::{Place, execute, unexpected, write_json},
    },
};

/// Call a webhook now, once, with an event of the type test, and say what it answers. The daemon must
/// be running.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "test",
    help_triggers("-h", "--help"),
    usage = "ID [--json] [--data DIR] [--config FILE]",
    example = "sealdrop webhook list\n{command_name} ID-FROM-THE-LIST"
)]
pub(crate) struct Test {
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

impl Test {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = Place { data: self.data, config: self.config };
        let command = Command::TestWebhook { id: self.id };
        let Reply::WebhookTested(tested) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &tested)?);
        }
        let (id, status) = (tested.id, tested.status);
        Ok(writeln!(context.out, "webhook {id} has taken the call: it answered {status}")?)
    }
}
