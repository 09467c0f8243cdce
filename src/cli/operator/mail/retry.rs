//! `sealdrop mail retry`

use crate::{
    admin::Command,
    cli::{
        Context, Exit, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// Retry a waiting item of the outbox now instead of at its next attempt.
    #[argh(
        subcommand,
        name = "retry",
        help_triggers("-h", "--help"),
        usage = "ID|--all [--json] [--data DIR] [--config FILE]",
        example = "sealdrop mail list\n{command_name} 17\n{command_name} --all"
    )]
    pub(crate) struct MailRetryCommand: json, directory {
        /// the number of the item, from the list
        #[argh(positional)]
        id: Option<u64>,

        /// retry all waiting items
        #[argh(switch)]
        all: bool,
    }
}

impl MailRetryCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.id.is_some() == self.all {
            let message = "give a number from sealdrop mail list, or --all".to_owned();
            return Err(Failure { exit: Exit::Usage, message });
        }
        let flags = self.directory();
        let command = Command::RetryOutbox { id: self.id };
        let changed = reply!(OutboxRetried, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &changed)?);
        }
        Ok(writeln!(context.out, "items to retry now: {}", changed.count)?)
    }
}
