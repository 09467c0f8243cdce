//! `sealdrop probe`

use std::time::Instant;

use serde::Serialize;

use super::{
    Context, Exit, Failure, connection::ServerFlags, operator::administration::write_json,
    progress::CommandProgress,
};
use crate::{
    cli::flags::command,
    client::{
        ClientError, Dialect, ServerClient,
        secrets::{self, CreatedSecret, SealedFields, SecretTerms, ViewFields},
    },
    crypto::{SystemRandom, halves, hex, random_array},
};

command! {
    /// Try a server out, from outside, as its users do: make a secret, look at it, open it, burn it, and see that
    /// it is gone. Each call is tried once. For monitoring: the exit code says how it went.
    #[argh(
        subcommand,
        name = "probe",
        help_triggers("-h", "--help"),
        usage = "URL [--json] [<flags>]",
        example = "{command_name} https://drop.example.org\n\
                   {command_name} https://drop.example.org --json --key-file key",
        note = "A server on which not everybody may make secrets wants an API key. With one, each probe counts to \
                the account's allowance."
    )]
    pub(crate) struct ProbeCommand:
        json("print one line of JSON, with the milliseconds of each step"),
        key_file,
        dialect,
        transport
    {
        /// the server's address
        #[argh(positional)]
        url: String,
    }
}

/// Milliseconds of each step.
#[derive(Serialize)]
struct Times {
    ok: bool,
    create_ms: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    look_ms: Option<u128>,
    open_ms: u128,
    burn_ms: u128,
}

impl ProbeCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = ServerFlags {
            server: Some(self.url),
            key_file: self.key_file,
            dialect: self.dialect,
            header: self.header,
            cacert: self.cacert,
        };
        let settings = connection.settings(context)?;
        let server = match settings.dialect() {
            Dialect::Sealdrop => settings.server(context)?,
            Dialect::PasswordLink => settings.account(context)?,
        };
        let times = Trial { server: &server.impatient(), progress: CommandProgress::new("Trying") }
            .run()?;
        if self.json {
            return Ok(write_json(context.out, &times)?);
        }
        let look = times.look_ms.map_or(String::new(), |look| format!("look {look} ms, "));
        Ok(writeln!(
            context.out,
            "ok: create {} ms, {look}open {} ms, burn {} ms",
            times.create_ms, times.open_ms, times.burn_ms
        )?)
    }
}

struct Trial<'a> {
    server: &'a ServerClient,
    progress: CommandProgress,
}

impl Trial<'_> {
    fn run(&self) -> Result<Times, Failure> {
        let text = format!("sealdrop probe {}", hex(&random_array::<16>(&SystemRandom)));
        let sealed = halves::seal(text.as_bytes(), &SystemRandom);
        let (created, create_ms) = step("create", || self.create(&sealed))?;
        let rest = self.look_open_burn(&created, &sealed, &text);
        if rest.is_err() {
            // What is left of it ends within the hour; a probe that fails says why it does.
            let _ = self.burn(&created);
        }
        let (look_ms, open_ms, burn_ms) = rest?;
        Ok(Times { ok: true, create_ms, look_ms, open_ms, burn_ms })
    }

    fn create(&self, sealed: &halves::Halved) -> Result<CreatedSecret, Failure> {
        let fields = SealedFields {
            ciphertext: &sealed.ciphertext,
            password_part_private: sealed.private.expose_secret(),
            password_part_public: None,
            attachments: None,
        };
        // Twice, so that there is something left to burn.
        let terms = SecretTerms {
            expiration: Some(1),
            max_views: Some(2),
            description: self.server.has_key().then(|| "sealdrop probe".to_owned()),
            ..SecretTerms::default()
        };
        Ok(secrets::create(self.server, &fields, &terms, &self.progress)?)
    }

    fn look_open_burn(
        &self,
        created: &CreatedSecret,
        sealed: &halves::Halved,
        text: &str,
    ) -> Result<(Option<u128>, u128, u128), Failure> {
        let look_ms = match self.server.dialect() {
            Dialect::PasswordLink => None,
            Dialect::Sealdrop => {
                let (look, time) =
                    step("look", || Ok(secrets::look(self.server, &created.id, &self.progress)?))?;
                if look.views_left != 2 {
                    return Err(failed(
                        "look",
                        "it has another number of views than it was made with",
                    ));
                }
                Some(time)
            }
        };
        let ((), open_ms) = step("open", || self.open(created, sealed, text))?;
        let ((), burn_ms) = step("burn", || {
            self.burn(created)?;
            match self.open(created, sealed, text) {
                Err(Failure { exit: Exit::Gone, .. }) => Ok(()),
                Ok(()) => Err(Failure::failed("it was burned, and can still be opened")),
                Err(other) => Err(other),
            }
        })?;
        Ok((look_ms, open_ms, burn_ms))
    }

    fn open(
        &self,
        created: &CreatedSecret,
        sealed: &halves::Halved,
        text: &str,
    ) -> Result<(), Failure> {
        let lease = secrets::new_lease(&SystemRandom);
        let viewer = ViewFields { password: None, captcha: None, lease };
        let view = secrets::view(self.server, &created.id, &viewer, &self.progress)?;
        let plain = sealed.open(&view.ciphertext, &view.password_part_private);
        match plain.is_ok_and(|plain| plain.expose_secret() == text.as_bytes()) {
            true => Ok(()),
            false => {
                Err(ClientError::Damaged("what comes back is not what was sent".into()).into())
            }
        }
    }

    fn burn(&self, created: &CreatedSecret) -> Result<(), Failure> {
        let (server, id) = (self.server, &created.id);
        match &created.manage_token {
            Some(token) => Ok(secrets::delete_managed(server, id, token, &self.progress)?),
            None => Ok(secrets::delete(server, id, &self.progress)?),
        }
    }
}

/// Does a step, and takes its time.
fn step<T>(name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<(T, u128), Failure> {
    let start = Instant::now();
    let done = work().map_err(|failure| Failure {
        message: format!("the probe failed at \"{name}\": {}", failure.message),
        ..failure
    })?;
    Ok((done, start.elapsed().as_millis()))
}

fn failed(name: &str, why: &str) -> Failure {
    Failure::failed(format!("the probe failed at \"{name}\": {why}"))
}
