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
    /// Create an API key for an account. It is shown only once, because only its hash is stored.
    #[argh(
        subcommand,
        name = "create",
        help_triggers("-h", "--help"),
        usage = "NAME --kind private|public [--key-name TEXT] [--json] [--data DIR] [--config FILE]",
        example = "{command_name} alice --kind public --key-name 'Web page'"
    )]
    pub(crate) struct ApiKeyCreateCommand: json, directory {
        /// the name of the account
        #[argh(positional)]
        name: Option<String>,

        /// the same as a flag, for older scripts
        #[argh(option, arg_name = "NAME")]
        account: Option<String>,

        /// private: all rights in the account; public: only viewing secrets
        #[argh(option)]
        kind: KeyKind,

        /// the name of the key in lists, 60 characters at most
        #[argh(option, arg_name = "TEXT")]
        key_name: Option<String>,
    }
}

impl ApiKeyCreateCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.directory();
        let account = match (self.name, self.account) {
            (Some(name), Some(account)) if name != account => {
                return Err(Failure::usage(format!(
                    "a key belongs to one account: give either {name} or --account {account}"
                )));
            }
            (Some(account), _) | (None, Some(account)) => account,
            (None, None) => {
                return Err(Failure::usage(
                    "the account of the key is missing: give NAME or --account NAME",
                ));
            }
        };
        let command = Command::CreateApiKey { account, kind: self.kind, name: self.key_name };
        let created = reply!(ApiKeyCreated, flags, command, context);
        if self.json {
            return Ok(write_json(context.out, &created)?);
        }
        Ok(write!(
            context.out,
            "{} key {} for account {} created\n\n\
             {}\n\n\
             The key is shown only once: store it now.\n",
            created.kind,
            created.id,
            created.account,
            created.key.expose_secret(),
        )?)
    }
}
