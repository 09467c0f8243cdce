//! `sealdrop mail test`

use crate::{
    admin::{Command, Reply},
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{execute, unexpected, write_json},
    },
};

command! {
    /// Send a test mail through the running daemon, and say what the mail server has answered, or which step
    /// has failed.
    #[argh(
        subcommand,
        name = "test",
        help_triggers("-h", "--help"),
        usage = "ADDRESS [--json] [--data DIR] [--config FILE]",
        example = "{command_name} me@example.org --data /var/lib/sealdrop"
    )]
    pub(crate) struct MailTestCommand: json, directory {
        /// to whom
        #[argh(positional)]
        address: String,
    }
}

impl MailTestCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = self.directory();
        let command = Command::TestMail { to: self.address };
        let Reply::MailTested(tested) = execute(place, command, context)? else {
            return Err(unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &tested)?);
        }
        Ok(writeln!(context.out, "the mail server has taken it: {}", tested.reply)?)
    }
}
