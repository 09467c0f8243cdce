//! `sealdrop apikey create`

use crate::{
    admin::Command,
    cli::{
        Context, Failure,
        flags::command,
        operator::administration::{reply, write_json},
    },
    domain::account::api_key::KeyKind,
};

command! {
    /// Create an API key for an account. It is shown this once: only its hash is stored.
    #[argh(
        subcommand,
        name = "create",
        help_triggers("-h", "--help"),
        usage = "NAME --kind private|public [--json] [--data DIR] [--config FILE]",
        example = "{command_name} alice --kind public"
    )]
    pub(crate) struct ApiKeyCreateCommand: json, directory {
        /// the account that it is for
        #[argh(positional)]
        name: Option<String>,

        /// the same: scripts of before have it as a flag
        #[argh(option, arg_name = "NAME")]
        account: Option<String>,

        /// private: may do everything in the account; public: may only view secrets
        #[argh(option)]
        kind: KeyKind,
    }
}

impl ApiKeyCreateCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let account = match (self.name, self.account) {
            (Some(name), Some(account)) if name != account => {
                return Err(Failure::usage(format!(
                    "a key is for one account: give either {name} or --account {account}"
                )));
            }
            (Some(account), _) | (None, Some(account)) => account,
            (None, None) => {
                return Err(Failure::usage(
                    "which account is the key for? Give its name, as NAME or behind --account",
                ));
            }
        };
        let command = Command::CreateApiKey { account, kind: self.kind };
        let created = reply!(ApiKeyCreated, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &created)?);
        }
        Ok(write!(
            context.out,
            "{} key {} for account {} created\n\n\
             {}\n\n\
             The key is shown only once: keep it now, nobody can show it again.\n",
            created.kind,
            created.id,
            created.account,
            created.key.expose_secret(),
        )?)
    }
}
