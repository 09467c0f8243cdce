//! `sealdrop key create`

use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        operator::administration::write_json,
        progress::CommandProgress,
        terminal_text,
    },
    client::api_keys::{self, NewApiKeyFields},
    domain::account::api_key::KeyKind,
};

command! {
    /// Create an API key of your account. It is printed only once, because the server stores only its hash.
    #[argh(
        subcommand,
        name = "create",
        help_triggers("-h", "--help"),
        usage = "--kind private|public [--name TEXT] [--json] [<flags>]",
        example = "{command_name} --kind private --name 'Backup script' >backup-key"
    )]
    pub(crate) struct AccountKeyCreateCommand: json("print one line of JSON, with the key"), server {
        /// private: all rights in the account; public: only viewing its secrets
        #[argh(option)]
        kind: KeyKind,

        /// the name of the key in lists, 60 characters at most
        #[argh(option, arg_name = "TEXT")]
        name: Option<String>,
    }
}

impl AccountKeyCreateCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let server = super::server(connection.settings(context)?, context)?;
        let new = NewApiKeyFields { kind: self.kind, name: self.name };
        let made = api_keys::create(&server, &new, &CommandProgress::new("Creating"))?;
        if self.json {
            return Ok(write_json(context.out, &made)?);
        }
        let text = |name: &str| {
            let text = made.get(name).and_then(|value| value.as_str());
            text.ok_or_else(|| server.misunderstood("the new key is missing in its answer"))
        };
        // Only the key goes to standard output, which may be a file.
        writeln!(context.out, "{}", terminal_text::line(text("key")?))?;
        let id = terminal_text::line(text("id")?);
        Ok(writeln!(
            context.err,
            "Created {} key {id}. It is shown only once: store it now.",
            new.kind
        )?)
    }
}
