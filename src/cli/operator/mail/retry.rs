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
    /// Try something that waits at once, instead of at its next turn.
    #[argh(
        subcommand,
        name = "retry",
        help_triggers("-h", "--help"),
        usage = "ID|--all [--json] [--data DIR] [--config FILE]",
        example = "sealdrop mail list\n{command_name} 17\n{command_name} --all"
    )]
    pub(crate) struct MailRetryCommand: json, directory {
        /// its number, as listed
        #[argh(positional)]
        id: Option<u64>,

        /// everything that waits
        #[argh(switch)]
        all: bool,
    }
}

impl MailRetryCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.id.is_some() == self.all {
            let message = "give a number of sealdrop mail list, or --all".to_owned();
            return Err(Failure { exit: Exit::Usage, message });
        }
        let flags = self.directory();
        let command = Command::RetryOutbox { id: self.id };
        let changed = reply!(OutboxRetried, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &changed)?);
        }
        Ok(writeln!(context.out, "to be tried at once: {}", changed.count)?)
    }
}
