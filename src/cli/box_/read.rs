//! `sealdrop box read`

use std::{io::Write, path::Path};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    measured::{self, Measured},
    owner::BoxOwner,
    settings,
};
use crate::{
    cli::{
        Context, Exit, Failure,
        flags::{command, server_connection},
        interrupt,
        operator::administration::write_json,
        progress::CommandProgress,
        prompt,
        secret::saved::{check_room, copy, destination, save},
        terminal_text,
    },
    client::{
        boxes::{
            BoxClient, BoxClientError, BoxTerms,
            incoming::{self, IncomingContent, IncomingMessage, IncomingMessages, StoredFile},
        },
        link::box_place,
    },
    crypto::{BoxKey, SystemRandom, hex, sha256},
};

/// A few kilobytes can decompress to gigabytes of zeros, so larger files need a flag.
const MAX_FILE_GIB: u64 = 4;

command! {
    /// Read a box, oldest first: texts go to standard output, files go to a directory and never replace
    /// existing ones. Messages are opened on this machine, with the key from `box create`.
    #[argh(
        subcommand,
        name = "read",
        help_triggers("-h", "--help"),
        usage = "LINK [-o DIR|-] [--since N] [--private-key FILE] [--online] [<flags>]",
        example = "{command_name} https://drop.example.org/box/… -o incoming\n\
                   {command_name} https://drop.example.org/box/… --since 17 --json --passphrase-file phrase",
        note = "If a message cannot be opened, the command reports it, reads the rest, and exits with 65. In \
                a box that deletes messages after reading, the command asks first at a terminal; if a \
                message cannot be opened, it saves it as message-N.sealed and stops."
    )]
    pub(super) struct BoxReadCommand:
        json("print one line of JSON for each message: id, created, text or path, size, sha256, or error"),
        box_server(
            "the server's address (the link's)",
            "a file with an API key; not needed for this (SEALDROP_KEY_FILE)"
        )
    {
        /// the link of the box, or its token
        #[argh(positional)]
        link: String,

        /// the directory for files (the current one); with - files go to standard output, and texts to
        /// standard error
        #[argh(option, short = 'o', default = "\".\".to_owned()", arg_name = "DIR|-")]
        output: String,

        /// read only messages with greater numbers
        #[argh(option, default = "0", arg_name = "N")]
        since: u64,

        /// do not ask before reading deletes messages
        #[argh(switch, short = 'y')]
        yes: bool,

        /// the file with the private key (where `box create` puts it)
        #[argh(option, arg_name = "FILE")]
        private_key: Option<String>,

        /// a file with the passphrase (default: ask at the terminal)
        #[argh(option, arg_name = "FILE")]
        passphrase_file: Option<String>,

        /// let the server open the box, with the passphrase of its key
        #[argh(switch)]
        online: bool,

        /// the largest file to open, in GiB (4)
        #[argh(option, default = "MAX_FILE_GIB", arg_name = "GIB")]
        max_file: u64,
    }
}

#[derive(Serialize)]
struct MessageLine<'a> {
    id: u64,
    created: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl BoxReadCommand {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let settings = settings(connection, context)?;
        destination(&self.output, self.json)?;
        let place = box_place(&self.link)?;
        let server = settings.server_of(&place, context)?;
        let drop_box = BoxClient { server: &server, token: &place.id };
        let progress = CommandProgress::new("Fetching");
        let terms = drop_box.terms(&progress)?;
        if let Some(question) = question(&terms).filter(|_| !self.yes) {
            prompt::confirm(question, context)?;
        }
        let owner = BoxOwner {
            online: self.online,
            private_key: self.private_key.as_deref(),
            passphrase_file: self.passphrase_file.as_deref(),
        };
        let (access, key) = owner.access((&place.id, &terms), context)?;
        if let Some(key) = &key {
            warn_of_other_key(&drop_box, key, &progress, context)?;
        }
        let opened = (access, key);
        let _held = interrupt::hold()?;
        let mut incoming =
            IncomingMessages::new(drop_box, &terms, opened, self.since, &SystemRandom, &progress);
        // Listing deletes messages, so nothing is listed after a message that failed.
        let deletes = terms.delete_messages || terms.delete_box;
        let (mut count, mut failed, mut stopped) = (0, 0, Ok(()));
        loop {
            let message = match incoming.next_message() {
                Err(BoxClientError::Wrong) if count == 0 => match owner.access_again(context)? {
                    Some(access) => {
                        incoming.set_access(access);
                        continue;
                    }
                    None => return Err(BoxClientError::Wrong.into()),
                },
                next => next?,
            };
            let Some(message) = message else { break };
            count += 1;
            let shown = self.show(&mut incoming, &message, &progress, context);
            let Err(mut failure) = shown else { continue };
            if deletes && failure.exit == Exit::ClosedPipe {
                failure.message = "the output was closed early".into();
            }
            if deletes {
                incoming.stop();
                self.keep(&message, &failure.message, context)?;
                stopped = Err(stop(&message, failure));
                continue;
            }
            // A damaged message does not affect the next one; a full disk does.
            if failure.exit != Exit::Damaged {
                return Err(failure);
            }
            failed += 1;
            self.show_failure(&message, &failure.message, None, context)?;
        }
        stopped?;
        match (count, failed) {
            (0, _) if self.since > 0 => Ok(writeln!(context.err, "The box has no new messages.")?),
            (0, _) => Ok(writeln!(context.err, "The box is empty.")?),
            (_, 0) => Ok(()),
            (count, failed) => Err(Failure {
                exit: Exit::Damaged,
                message: format!("{failed} of {count} messages could not be opened"),
            }),
        }
    }

    fn show(
        &self,
        incoming: &mut IncomingMessages<'_>,
        message: &IncomingMessage,
        progress: &CommandProgress,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        match incoming.content(message)? {
            IncomingContent::Text(text) => self.show_text(message, text.expose_secret(), context),
            IncomingContent::File(file) if self.output == "-" => {
                self.introduce(message, &file.name, context)?;
                self.copy(incoming, (message, &file), context.out)?;
                progress.end();
                Ok(context.out.flush()?)
            }
            IncomingContent::File(file) => {
                let mut copied = (0, String::new());
                let path = save(Path::new(&self.output), &file.name, |out| {
                    copied = self.copy(incoming, (message, &file), out)?;
                    Ok(())
                });
                progress.end();
                let path = path?.display().to_string();
                let (size, sha256) = copied;
                if !self.json {
                    self.introduce(message, &file.name, context)?;
                    return Ok(writeln!(context.err, "Saved {}", terminal_text::line(&path))?);
                }
                self.write_json(
                    &MessageLine {
                        path: Some(&path),
                        size,
                        sha256: Some(&sha256),
                        ..shown(message)
                    },
                    context,
                )
            }
        }
    }

    fn show_text(
        &self,
        message: &IncomingMessage,
        text: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        if self.json {
            let sha256 = hex(&sha256(text.as_bytes()));
            let size = text.len() as u64;
            let shown =
                MessageLine { text: Some(text), size, sha256: Some(&sha256), ..shown(message) };
            return self.write_json(&shown, context);
        }
        self.introduce(message, "", context)?;
        if self.output == "-" {
            let shown = Zeroizing::new(terminal_text::escaped(text));
            return Ok(writeln!(context.err, "{}", shown.trim_end_matches('\n'))?);
        }
        prompt::write_text(text, context)?;
        // Each text ends with a line break.
        if !context.out_is_terminal && !text.ends_with('\n') {
            writeln!(context.out)?;
            context.out.flush()?;
        }
        Ok(())
    }

    fn show_failure(
        &self,
        message: &IncomingMessage,
        why: &str,
        path: Option<&str>,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        if self.json {
            return self
                .write_json(&MessageLine { path, error: Some(why), ..shown(message) }, context);
        }
        let IncomingMessage { id, created, .. } = message;
        writeln!(context.err, "Message {id}, {}: {why}", terminal_text::line(created))?;
        match path {
            Some(path) => Ok(writeln!(context.err, "Saved {}", terminal_text::line(path))?),
            None => Ok(()),
        }
    }

    /// Reports that a message failed, and saves its ciphertext, because the box may have deleted it.
    fn keep(
        &self,
        message: &IncomingMessage,
        why: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let Some(sealed) = message.sealed_text() else {
            return self.show_failure(message, why, None, context);
        };
        let name = format!("message-{}.sealed", message.id);
        let saved = match self.output.as_str() {
            "-" => None,
            dir => save(Path::new(dir), &name, |out| {
                copy(&mut sealed.as_bytes(), out, incoming::cause)
            })
            .ok(),
        };
        let path = saved.map(|path| path.display().to_string());
        self.show_failure(message, why, path.as_deref(), context)?;
        match path {
            Some(_) => Ok(()),
            None => Ok(writeln!(context.err, "{}", terminal_text::escaped(&sealed))?),
        }
    }

    fn introduce(
        &self,
        message: &IncomingMessage,
        name: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let created = terminal_text::line(&message.created);
        let name = if name.is_empty() {
            String::new()
        } else {
            format!(": {}", terminal_text::line(name))
        };
        Ok(writeln!(context.err, "Message {}, {created}{name}", message.id)?)
    }

    fn write_json(
        &self,
        shown: &MessageLine<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        write_json(context.out, shown)?;
        Ok(context.out.flush()?)
    }

    /// Copies a whole file. Returns the number of bytes and their SHA-256.
    fn copy(
        &self,
        incoming: &mut IncomingMessages<'_>,
        (message, file): (&IncomingMessage, &StoredFile),
        out: &mut dyn Write,
    ) -> Result<(u64, String), Failure> {
        let limit = self.max_file.saturating_mul(1 << 30);
        // Before the download, because the box may delete the file then.
        if message.size > limit {
            return Err(measured::too_large(limit).into());
        }
        if self.output != "-" {
            check_room(Path::new(&self.output), message.size)?;
        }
        let mut input = Measured::new(incoming.file(message, file)?, limit);
        copy(&mut input, out, incoming::cause)?;
        Ok((input.size(), hex(&input.sha256())))
    }
}

fn shown(message: &IncomingMessage) -> MessageLine<'_> {
    MessageLine {
        id: message.id,
        created: &message.created,
        text: None,
        path: None,
        size: message.size,
        sha256: None,
        error: None,
    }
}

/// The failure of reading a box that deletes messages, at a message that failed. Later messages are still
/// there.
fn stop(message: &IncomingMessage, failure: Failure) -> Failure {
    let id = message.id;
    let what = match failure.exit {
        Exit::Damaged => "it could not be opened",
        _ => &failure.message,
    };
    // A file is deleted when it is fetched, not when it is listed.
    let again = match message.is_file() {
        true => format!("; --since {} retries it, if it is still there", id.saturating_sub(1)),
        false => String::new(),
    };
    let message = format!(
        "message {id}: {what}; later messages were not read: continue with --since {id}{again}"
    );
    Failure { message, ..failure }
}

/// The question before reading a box that deletes.
fn question(terms: &BoxTerms) -> Option<&'static str> {
    if terms.delete_box {
        Some("The box is deleted after all messages are read. Read now?")
    } else if terms.delete_messages {
        Some("Messages are deleted when they are read. Read now?")
    } else {
        None
    }
}

/// Warns if the server gives senders another key: its owner could read new messages.
fn warn_of_other_key(
    drop_box: &BoxClient<'_>,
    key: &BoxKey,
    progress: &CommandProgress,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    match drop_box.public_key(progress) {
        Ok(theirs) if theirs != key.public() => Ok(writeln!(
            context.err,
            "warning: the server gives senders another key for this box than yours: the owner of that key \
             can read new messages"
        )?),
        // The list reports a missing box.
        _ => Ok(()),
    }
}
