//! `sealdrop box send`

use super::settings;
use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        progress::CommandProgress,
        secret::content::{ContentArguments, SentContent, gather},
        terminal_text,
    },
    client::{
        ClientError,
        boxes::{BoxClient, BoxClientError, outgoing::OutgoingMessage},
        link::box_place,
    },
    crypto::SystemRandom,
};

command! {
    /// Send a text, files, or both to a box, encrypted on this machine: only the owner of the box can open
    /// them. The text and each file become separate messages.
    #[argh(
        subcommand,
        name = "send",
        help_triggers("-h", "--help"),
        usage = "LINK [FILE…] [-t TEXT] [--online] [<flags>]",
        example = "{command_name} https://drop.example.org/box/… photo.jpg report.pdf\n\
                   echo hush | {command_name} https://drop.example.org/box/…",
        note = "Without a text and files, the text comes from standard input. Other users of this machine \
                can see the text of -t while the command runs. The command prints the fingerprint of the \
                key: compare it with that of the owner, for example by phone, to be sure that the key was \
                not replaced."
    )]
    pub(super) struct BoxSendCommand:
        box_server(
            "the server's address (the link's)",
            "a file with an API key; not needed for this (SEALDROP_KEY_FILE)"
        )
    {
        /// the link of the box, or its token
        #[argh(positional)]
        link: String,

        /// files to send
        #[argh(positional)]
        files: Vec<String>,

        /// the text, or - for standard input (with files: no text)
        #[argh(option, short = 't', arg_name = "TEXT")]
        text: Option<String>,

        /// the name of the file; standard input is then sent as a file (otherwise only if it is binary or
        /// long)
        #[argh(option, arg_name = "NAME")]
        name: Option<String>,

        /// let the server encrypt: it sees the content
        #[argh(switch)]
        online: bool,
    }
}

impl BoxSendCommand {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let settings = settings(connection, context)?;
        let place = box_place(&self.link)?;
        let server = settings.server_of(&place, context)?;
        let drop_box = BoxClient { server: &server, token: &place.id };
        let progress = CommandProgress::new("Sending");
        let terms = drop_box.terms(&progress)?;
        if terms.is_locked {
            let since = terms.lock_date.as_deref().map(terminal_text::line).unwrap_or_default();
            return Err(Failure::failed(format!("the box has taken no messages since {since}")));
        }
        let public_key = match self.online {
            true => None,
            false => Some(drop_box.public_key(&progress)?),
        };
        let SentContent { text, files } = gather(
            ContentArguments { text: self.text, files: &self.files, name: self.name.as_deref() },
            context,
        )?;
        if let Some(key) = &public_key {
            writeln!(
                context.err,
                "Encrypted for the key with the fingerprint {}",
                key.fingerprint()
            )?;
        }
        let total: u64 = files.iter().map(|file| file.size).sum();
        let mut names: Vec<String> =
            files.iter().map(|file| terminal_text::line(&file.name)).collect();
        let outgoing =
            OutgoingMessage { drop_box, public_key, random: &SystemRandom, watch: &progress };
        let mut sent = Vec::new();
        if !text.is_empty() {
            outgoing.text(&text).map_err(too_long)?;
            sent.push("the text".to_owned());
        }
        let mut done = 0;
        for (mut file, name) in files.into_iter().zip(names.drain(..)) {
            let size = file.size;
            outgoing.file(&mut file, (done, total)).map_err(|error| {
                let failure = Failure::from(error);
                let before = match sent.as_slice() {
                    [] => "nothing was sent before it".to_owned(),
                    sent => format!("sent before it: {}", sent.join(", ")),
                };
                Failure { message: format!("{name}: {}; {before}", failure.message), ..failure }
            })?;
            done += size;
            sent.push(name);
        }
        progress.end();
        Ok(writeln!(context.err, "Sent: {}", sent.join(", "))?)
    }
}

/// Adds a remedy to the error for a text that is too long.
fn too_long(error: BoxClientError) -> Failure {
    match error {
        BoxClientError::Other(ClientError::Rejected { status: 413, message, .. }) => {
            Failure::failed(terminal_text::escaped(&format!(
                "the text is too long ({message}): send it as a file"
            )))
        }
        other => other.into(),
    }
}
