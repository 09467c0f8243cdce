//! `sealdrop mail drop`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// Delete an item of the outbox without sending it. A link in it is burned as well.
    #[argh(
        subcommand,
        name = "drop",
        help_triggers("-h", "--help"),
        usage = "ID [--json] [--data DIR] [--config FILE]",
        example = "sealdrop mail list\n{command_name} 17"
    )]
    pub(crate) struct MailDropCommand: json, directory {
        /// the number of the item, from the list
        #[argh(positional)]
        id: u64,
    }
}

impl MailDropCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::DropOutbox { id: self.id };
        let changed = reply!(OutboxDropped, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &changed)?);
        }
        Ok(writeln!(context.out, "dropped {}", self.id)?)
    }
}
