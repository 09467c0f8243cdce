//! `sealdrop account create`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
};

command! {
    /// Create an account with a private and a public API key. The keys are shown only once, because only
    /// their hashes are stored.
    #[argh(
        subcommand,
        name = "create",
        help_triggers("-h", "--help"),
        usage = "NAME [--allowance N] [--json] [--data DIR] [--config FILE]",
        example = "{command_name} alice --allowance 500\n\
                   {command_name} backup --json --data /var/lib/sealdrop"
    )]
    pub(crate) struct AccountCreateCommand: json, directory {
        /// the name of the account
        #[argh(positional)]
        name: String,

        /// the most secrets that it may create in a calendar month (the daemon's setting)
        #[argh(option)]
        allowance: Option<u64>,
    }
}

impl AccountCreateCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let command = Command::CreateAccount { name: self.name, allowance: self.allowance };
        let created = reply!(AccountCreated, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &created)?);
        }
        Ok(write!(
            context.out,
            "account {} created\n\n\
             private key  {}  may do everything in the account\n\
             public key   {}  may only view secrets\n\n\
             The keys are shown only once: store them now.\n",
            created.account,
            created.private_key.expose_secret(),
            created.public_key.expose_secret(),
        )?)
    }
}
