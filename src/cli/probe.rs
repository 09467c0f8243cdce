//! `sealdrop probe`

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{
    Context, Exit, Failure,
    connection::ServerFlags,
    operator::administration::{self, write_json},
    progress::CommandProgress,
};
use crate::{
    admin::{Command, Reply, ask_daemon},
    cli::flags::command,
    client::{
        ClientError, Dialect, ServerClient,
        secrets::{self, CreatedSecret, SealedFields, SecretTerms, ViewFields},
    },
    crypto::{SystemRandom, halves, hex, random_array},
};

command! {
    /// Test a server from outside, for monitoring: create a secret, look at it, open it, burn it, and check
    /// that it is gone. Each call is made once. The exit code is the result. With --local, ask the daemon on
    /// this machine instead, as its user and without a key: it answers, and so does its store.
    #[argh(
        subcommand,
        name = "probe",
        help_triggers("-h", "--help"),
        usage = "URL|--local [--json] [<flags>]",
        example = "{command_name} https://drop.example.org\n\
                   {command_name} https://drop.example.org --json --key-file key\n\
                   {command_name} --local --data /var/lib/sealdrop",
        note = "A server that allows only accounts to create secrets requires an API key. With a key, each \
                probe counts towards the account's allowance."
    )]
    pub(crate) struct ProbeCommand:
        json("print one line of JSON with the milliseconds of each step"),
        key_file,
        dialect,
        transport,
        directory
    {
        /// the address of the server
        #[argh(positional)]
        url: Option<String>,

        /// ask the daemon on this machine: for health checks
        #[argh(switch)]
        local: bool,
    }
}

/// How long the daemon on this machine may take to answer. Its own check of the store takes 2 seconds at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// The milliseconds of each step.
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
        match (&self.url, self.local) {
            (Some(_), false) => {}
            (None, true) => return self.ask_daemon(context),
            _ => {
                return Err(Failure::usage(
                    "give the address of a server, or --local for the daemon on this machine",
                ));
            }
        }
        let connection = ServerFlags {
            server: self.url,
            key_file: self.key_file,
            dialect: self.dialect,
            header: self.header,
            cacert: self.cacert,
        };
        let settings = connection.settings(context)?;
        let server = settings.creator(context)?;
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

impl ProbeCommand {
    /// Asks through the administration socket: that works on any address, also with TLS.
    fn ask_daemon(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        let dir = self.directory().directory(context)?;
        let Reply::Health(health) = ask_daemon(&dir, &Command::CheckHealth, PATIENCE)? else {
            return Err(administration::unexpected());
        };
        if self.json {
            return Ok(write_json(context.out, &health)?);
        }
        let state = match health.not_ready {
            None => "ok".to_owned(),
            Some(reason) => format!("ok, but it creates no secrets now: {reason}"),
        };
        Ok(writeln!(context.out, "{state}")?)
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
            // If this fails as well, the secret expires within the hour. The first error is reported.
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
            sealed_part: None,
            attachments: None,
        };
        // Two views, so that one is left to burn.
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
                    return Err(failed("look", "the secret has a wrong number of views"));
                }
                Some(time)
            }
        };
        let ((), open_ms) = step("open", || self.open(created, sealed, text))?;
        let ((), burn_ms) = step("burn", || {
            self.burn(created)?;
            match self.open(created, sealed, text) {
                Err(Failure { exit: Exit::Gone, .. }) => Ok(()),
                Ok(()) => Err(Failure::failed("the secret was burned, but can still be opened")),
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
                Err(ClientError::Damaged("the received text is not the text that was sent".into())
                    .into())
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

/// Runs a step and measures its time.
fn step<T>(name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<(T, u128), Failure> {
    let start = Instant::now();
    let done = work().map_err(|failure| Failure {
        message: format!("the probe failed at step \"{name}\": {}", failure.message),
        ..failure
    })?;
    Ok((done, start.elapsed().as_millis()))
}

fn failed(name: &str, why: &str) -> Failure {
    Failure::failed(format!("the probe failed at step \"{name}\": {why}"))
}
