//! `sealdrop box create`

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    key_file::{self, NewKeyFile},
    settings,
};
use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        operator::administration::{write_json, write_made},
        progress::CommandProgress,
        prompt, qr, terminal_text,
    },
    client::{
        ClientError, ServerClient,
        boxes::{self, BoxAccess, BoxClient, CreatedBox, NewBoxFields},
    },
    crypto::{BoxKey, PublicKey, RsaBits, SecretText, SystemRandom, box_key::ITERATIONS},
};

command! {
    /// Create a box. Its private key is created on this machine and stored in a file, encrypted with your
    /// passphrase: the server cannot open messages. Only the link for senders goes to standard output.
    #[argh(
        subcommand,
        name = "create",
        help_triggers("-h", "--help"),
        usage = "[--private-key FILE] [--store-key] [--online] [--release DATE] [--lock DATE] [<flags>]",
        example = "{command_name} --server https://drop.example.org\n\
                   {command_name} --private-key tax.pem --lock 2027-01-01 --qr\n\
                   {command_name} --online --delete-messages-after-reading",
        note = "Without --private-key the key is in ~/.local/share/sealdrop/boxes, where `box read` finds it \
                (below XDG_DATA_HOME, if that is set). Keep a copy: without the key, messages cannot be \
                opened. Dates are 2026-11-22 or 2026-11-22T12:00:00Z, in UTC if they have no zone."
    )]
    pub(super) struct BoxCreateCommand:
        json("print one line of JSON: token, link, key_file, fingerprint"),
        box_server(
            "the server's address (SEALDROP_SERVER)",
            "a file with an API key, if the server requires one for boxes (SEALDROP_KEY_FILE, or the key \
             itself in SEALDROP_KEY)"
        )
    {
        /// a new file for the private key
        #[argh(option, arg_name = "FILE")]
        private_key: Option<String>,

        /// the size of the key: 2048, 3072 or 4096 bits (3072)
        #[argh(option, default = "3072", arg_name = "N")]
        bits: u64,

        /// a file with the passphrase (default: ask at the terminal)
        #[argh(option, arg_name = "FILE")]
        passphrase_file: Option<String>,

        /// store the encrypted key on the server as well, so that --online opens the box
        #[argh(switch)]
        store_key: bool,

        /// let the server create the key, and open the box when it gets the passphrase
        #[argh(switch)]
        online: bool,

        /// the box cannot be read before this date
        #[argh(option, arg_name = "DATE")]
        release: Option<String>,

        /// the box takes no messages from this date on
        #[argh(option, arg_name = "DATE")]
        lock: Option<String>,

        /// delete each message after it is read
        #[argh(switch)]
        delete_messages_after_reading: bool,

        /// delete the box after all messages are read
        #[argh(switch)]
        delete_box_after_reading: bool,

        /// a mail address for notifications of new messages; requires an API key
        #[argh(option, arg_name = "ADDRESS")]
        notify: Option<String>,

        /// draw the link as a QR code on standard error
        #[argh(switch)]
        qr: bool,
    }
}

#[derive(Serialize)]
struct CreatedBoxLine<'a> {
    token: &'a str,
    link: &'a str,
    key_file: Option<&'a Path>,
    fingerprint: Option<&'a str>,
}

/// A new box.
struct NewBoxKeys {
    token: String,
    /// The file of the private key.
    path: Option<PathBuf>,
    /// The fingerprint of the public key.
    fingerprint: Option<String>,
}

impl BoxCreateCommand {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let settings = settings(connection, context)?;
        let bits = RsaBits::try_from(self.bits)
            .map_err(|error| Failure::usage(format!("--bits {}: {error}", self.bits)))?;
        if self.online && self.store_key {
            return Err(Failure::usage(
                "give either --online or --store-key: with --online the server always has the key",
            ));
        }
        let server = settings.server(context)?;
        if self.notify.is_some() && !server.has_key() {
            return Err(Failure::usage("--notify requires an API key: give --key-file FILE"));
        }
        // Before the prompt for a passphrase.
        if let Some(path) = &self.private_key {
            key_file::check_new(path)?;
        }
        let passphrase = match &self.passphrase_file {
            Some(path) => prompt::passphrase_in(path, "--passphrase-file")?,
            None => prompt::new_password("Passphrase", "--passphrase-file")?,
        };
        let made = match self.online {
            true => self.create_online(&server, &passphrase, context)?,
            false => self.create_offline(&server, bits, &passphrase, context)?,
        };
        self.show(&server, &made, context)
    }

    /// Writes the private key to the disk before the box exists.
    fn create_offline(
        &self,
        server: &ServerClient,
        bits: RsaBits,
        passphrase: &SecretText,
        context: &mut Context<'_>,
    ) -> Result<NewBoxKeys, Failure> {
        if !self.json {
            writeln!(context.err, "Creating a key …")?;
        }
        let key = BoxKey::generate(bits, &SystemRandom);
        let pem = key.to_encrypted_pem(passphrase, ITERATIONS, &SystemRandom);
        let (public_key, hash) = (key.public().to_pem(), SecretText::new(key.hash()));
        let mut file = NewKeyFile::create(self.private_key.as_deref(), context)?;
        file.write(&pem)?;
        let new = NewBoxFields {
            public_key: Some(&public_key),
            private_key_hash: Some(hash.expose_secret()),
            private_key: self.store_key.then_some(&pem),
            ..self.terms()
        };
        let CreatedBox { token, public_key, .. } = self.create(server, &new)?;
        if PublicKey::parse(&public_key).ok().as_ref() != Some(&key.public()) {
            return Err(disown(server, &token, hash, file));
        }
        let path = file.keep(&token)?;
        Ok(NewBoxKeys { token, path: Some(path), fingerprint: Some(key.public().fingerprint()) })
    }

    fn create_online(
        &self,
        server: &ServerClient,
        passphrase: &SecretText,
        context: &mut Context<'_>,
    ) -> Result<NewBoxKeys, Failure> {
        let path = self.private_key.as_deref();
        let file = path.map(|path| NewKeyFile::create(Some(path), context)).transpose()?;
        let new = NewBoxFields { passphrase: Some(passphrase.expose_secret()), ..self.terms() };
        let CreatedBox { token, public_key, private_key } = self.create(server, &new)?;
        let path = match (file, &private_key) {
            (Some(mut file), Some(pem)) => {
                let kept = file.write(pem).and_then(|()| file.keep(&token));
                // The box exists and can be opened online, so its link must be printed.
                if let Err(failure) = &kept {
                    writeln!(context.err, "warning: {}", failure.message)?;
                }
                kept.ok()
            }
            _ => None,
        };
        let fingerprint = PublicKey::parse(&public_key).ok().map(|key| key.fingerprint());
        Ok(NewBoxKeys { token, path, fingerprint })
    }

    fn terms(&self) -> NewBoxFields<'_> {
        NewBoxFields {
            release: self.release.as_deref(),
            lock: self.lock.as_deref(),
            delete_messages: self.delete_messages_after_reading,
            delete_box: self.delete_box_after_reading,
            notify: self.notify.as_deref(),
            ..NewBoxFields::default()
        }
    }

    fn create(&self, server: &ServerClient, new: &NewBoxFields<'_>) -> Result<CreatedBox, Failure> {
        let progress = CommandProgress::new("Creating");
        boxes::create(server, new, &progress).map_err(|error| match error {
            ClientError::Rejected { field: Some(field), message, .. } => {
                let reason = message.strip_prefix(&field).unwrap_or(&message);
                Failure::usage(terminal_text::escaped(&format!("{}{reason}", flag_of(&field))))
            }
            other => other.into(),
        })
    }

    fn show(
        &self,
        server: &ServerClient,
        NewBoxKeys { token, path, fingerprint }: &NewBoxKeys,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let (path, fingerprint) = (path.as_deref(), fingerprint.as_deref());
        let link = format!("{}box/{token}", server.root());
        let shown = CreatedBoxLine { token, link: &link, key_file: path, fingerprint };
        write_made(context, |out| match self.json {
            true => write_json(out, &shown),
            false => writeln!(out, "{link}"),
        })?;
        if self.qr {
            qr::draw(&link, context.err)?;
        }
        if self.json {
            return Ok(());
        }
        if let Some(path) = path {
            let path = terminal_text::line(&path.display().to_string());
            writeln!(context.err, "The private key is in {path}, encrypted with your passphrase.")?;
        }
        let kept = match self.online {
            true => {
                "The server stores the key, encrypted with your passphrase: read with --online."
            }
            false => "Without the file and the passphrase the box cannot be opened: keep a copy.",
        };
        writeln!(context.err, "{kept}")?;
        if let Some(fingerprint) = fingerprint {
            writeln!(context.err, "Senders can check the fingerprint: {fingerprint}")?;
        }
        Ok(())
    }
}

/// The error for a box with another key than the one created here: senders must not use it.
fn disown(server: &ServerClient, token: &str, hash: SecretText, file: NewKeyFile) -> Failure {
    let drop_box = BoxClient { server, token };
    let deleted = drop_box.delete(&BoxAccess::Hash(hash), &CommandProgress::new("Deleting"));
    let now = match deleted {
        Ok(()) => "the box is deleted again".to_owned(),
        // The key file stays, because it can delete the box.
        Err(error) => {
            let kept = match file.keep(token) {
                Ok(path) => format!("the key created here is in {}", path.display()),
                Err(failure) => failure.message,
            };
            format!(
                "the box {token} could not be deleted ({error}): do not give its link to senders; {kept}"
            )
        }
    };
    Failure::failed(terminal_text::escaped(&format!(
        "{} has replaced the key that was created here, and could read messages to this box; {now}",
        server.host()
    )))
}

/// The flag that a parameter comes from.
fn flag_of(parameter: &str) -> &str {
    match parameter {
        "releasedate" => "--release",
        "lockdate" => "--lock",
        "notifyemail" => "--notify",
        "passphrase" => "the passphrase",
        other => other,
    }
}
