//! `sealdrop ring`: turns of the ring.

use super::administration::{reply, write_json};
use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::{command, command_group},
    },
};

command_group! {
    /// The ring is the key to all data in the data directory. It is replaced every hour (--ring-turn): then no
    /// older copy of store/ opens what was burned before.
    #[argh(
        subcommand,
        name = "ring",
        help_triggers("-h", "--help"),
        example = "{command_name} turn --data /var/lib/sealdrop"
    )]
    pub(crate) struct RingCommand: RingAction {
        Turn(RingTurnCommand),
    }
}

command! {
    /// Turn the ring of the running daemon now.
    #[argh(
        subcommand,
        name = "turn",
        help_triggers("-h", "--help"),
        usage = "[--json] [--data DIR] [--config FILE]",
        example = "{command_name} --data /var/lib/sealdrop"
    )]
    pub(crate) struct RingTurnCommand: json, directory {}
}

impl RingTurnCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let turned = reply!(RingTurned, self.directory(), Command::TurnRing, context);
        if self.json {
            return Ok(write_json(context.out, &turned)?);
        }
        Ok(writeln!(
            context.out,
            "turned at {}: no older copy of store/ opens what was burned before",
            turned.turned_at
        )?)
    }
}
