//! `sealdrop account delete`

use crate::{
    admin::Command,
    cli::{Context, Exit, Failure, flags::command, operator::administration::reply},
};

command! {
    /// Delete an account and its API keys, and burn all of its secrets: their links stop working permanently.
    #[argh(
        subcommand,
        name = "delete",
        help_triggers("-h", "--help"),
        usage = "NAME [--yes] [--data DIR] [--config FILE]",
        example = "{command_name} alice\n\
                   {command_name} alice --yes --data /var/lib/sealdrop"
    )]
    pub(crate) struct AccountDeleteCommand: directory {
        /// the name of the account
        #[argh(positional)]
        name: String,

        /// do not ask for confirmation
        #[argh(switch)]
        yes: bool,
    }
}

impl AccountDeleteCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        if !self.yes {
            confirm(&self.name, context)?;
        }
        let flags = self.directory();
        let command = Command::DeleteAccount { name: self.name };
        let deleted = reply!(AccountDeleted, flags, command, context);
        Ok(writeln!(
            context.out,
            "account {} deleted, secrets burned: {}",
            deleted.account, deleted.secrets_burned,
        )?)
    }
}

/// Asks for the name of the account instead of a y, so that the user reads it.
fn confirm(name: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    if !context.interactive {
        return Err(Failure {
            exit: Exit::Usage,
            message: format!(
                "deleting account {name} burns all of its secrets, and there is no terminal to ask for \
                 confirmation: add --yes to confirm",
            ),
        });
    }
    write!(
        context.err,
        "This deletes account {name} and its API keys, and burns all of its secrets.\n\
         Type the name of the account to continue: ",
    )?;
    context.err.flush()?;
    let mut answer = String::new();
    context.input.read_line(&mut answer)?;
    if answer.trim() == name {
        return Ok(());
    }
    Err(Failure::failed("this is not the name of the account; nothing was deleted"))
}
