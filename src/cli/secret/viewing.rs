//! Views a secret: its requirements, the view, its files, and the lease after an interruption.

use std::{io::Write, path::Path};

use super::saved::{check_room, copy, save};
use crate::{
    cli::{Context, Exit, Failure, progress::CommandProgress, prompt, terminal_text},
    client::{
        ClientError, Dialect, ServerClient, Watch, answers, captcha, download,
        error::RequestReach,
        secrets::{self, SecretLook, ViewFields, ViewLease, ViewedSecret},
    },
    crypto::{
        AnswerKey, SecretText, SystemRandom,
        contents::{FilePlace, PackedFile},
        stream::sealed_len,
    },
};

/// A viewer of one secret.
pub(crate) struct Viewing<'a> {
    server: &'a ServerClient,
    id: &'a str,
    viewer: ViewFields,
    asks_for_password: bool,
    /// Whether the sender's message was printed before the view.
    pub(crate) has_told_message: bool,
    progress: &'a CommandProgress,
}

impl<'a> Viewing<'a> {
    /// With the lease of an earlier view, or a new one.
    pub(crate) fn new(
        server: &'a ServerClient,
        id: &'a str,
        lease: Option<&str>,
        progress: &'a CommandProgress,
    ) -> Self {
        let lease = lease.map(|lease| SecretText::new(lease.to_owned()));
        let lease = lease.unwrap_or_else(|| secrets::new_lease(&SystemRandom));
        let viewer = ViewFields { password: None, captcha: None, lease };
        Self { server, id, viewer, asks_for_password: false, has_told_message: false, progress }
    }

    /// Collects what the secret requires, and asks before a view is spent. The files must fit in `dir`.
    pub(crate) fn ask(
        &mut self,
        (yes, password_file): (bool, Option<&str>),
        dir: Option<&Path>,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        if self.server.dialect() == Dialect::PasswordLink {
            if !self.server.has_key() {
                return Err(Failure::usage(
                    "password.link requires an API key for viewing: give --key-file FILE",
                ));
            }
            return match yes {
                true => Ok(()),
                false => prompt::confirm("Opening it spends a view. Continue?", context),
            };
        }
        let look = secrets::look(self.server, self.id, self.progress)?;
        if let Some(dir) = dir.filter(|_| !look.attachments.is_empty()) {
            check_room(dir, look.attachments.iter().map(|file| file.size).sum())?;
        }
        if !yes {
            if let Some(sender) = &look.sender {
                writeln!(context.err, "From: {}", terminal_text::line(sender))?;
            }
            if let Some(message) = &look.message {
                writeln!(context.err, "Message: {}", terminal_text::escaped(message))?;
                self.has_told_message = true;
            }
            prompt::confirm(&question(&look), context)?;
        }
        if look.password {
            self.asks_for_password = password_file.is_none();
            let password = match password_file {
                Some(path) => prompt::password_in(path, "--password-file")?,
                None => prompt::password("Password", "--password-file")?,
            };
            // The password is sent as it was typed: the server may have hashed this form.
            prompt::not_blank(&password, password_file)?;
            self.viewer.password = Some(password);
        }
        if look.captcha {
            writeln!(context.err, "The secret requires a proof of work. Working …")?;
            self.viewer.captcha = Some(captcha::solve(self.server, self.progress)?);
        }
        Ok(())
    }

    /// Spends a view.
    pub(crate) fn view(&mut self, context: &mut Context<'_>) -> Result<ViewedSecret, Failure> {
        loop {
            match secrets::view(self.server, self.id, &self.viewer, self.progress) {
                Err(ClientError::Refused { field: Some(field), .. })
                    if self.asks_for_password && field == "password" =>
                {
                    writeln!(context.err, "The password is wrong. No view was spent.")?;
                    let password = prompt::password("Password", "--password-file")?;
                    self.viewer.password = Some(password);
                    if self.viewer.captcha.is_some() {
                        self.viewer.captcha = Some(captcha::solve(self.server, self.progress)?);
                    }
                }
                // The view may be spent although nothing was received.
                Err(
                    error @ (ClientError::Unreachable { reach: RequestReach::Sent, .. }
                    | ClientError::Misunderstood { .. }
                    | ClientError::Failed { .. }),
                ) => return Err(self.lost(error.into(), None)),
                Err(error @ ClientError::InFront { status, .. }) if status.is_server_error() => {
                    return Err(self.lost(error.into(), None));
                }
                seen => return Ok(seen?),
            }
        }
    }

    /// The failure after a view was spent. Until the lease ends, the view can be repeated.
    pub(crate) fn lost(&self, failure: Failure, lease: Option<&ViewLease>) -> Failure {
        // A secret that is gone has no lease.
        if self.server.dialect() == Dialect::PasswordLink || failure.exit == Exit::Gone {
            return failure;
        }
        let time = match lease {
            Some(lease) => format!("{} seconds", lease.seconds_left),
            None => "a minute".to_owned(),
        };
        if failure.exit == Exit::ClosedPipe {
            // Not an error, but the lease is the only way to get the rest.
            let message = format!(
                "The output was closed early. The view can be repeated for {time}: add --lease {}",
                self.viewer.lease.expose_secret()
            );
            return Failure { message, ..failure };
        }
        let message = format!(
            "{}\nThe view is spent. It can be repeated for {time} after that: add --lease {}",
            failure.message,
            self.viewer.lease.expose_secret()
        );
        Failure { message, ..failure }
    }

    /// Saves the files, prints and returns their paths. A damaged file does not stop the others.
    pub(crate) fn save(
        &self,
        files: &[PackedFile],
        dir: &Path,
        context: &mut Context<'_>,
    ) -> (Vec<String>, Result<(), Failure>) {
        let mut paths = Vec::with_capacity(files.len());
        let mut damaged = None;
        let (total, mut done) = (sealed_total(files), 0);
        for file in files {
            let moved = |now| self.progress.moved(done + now, total);
            let saved = save(dir, &file.name, |out| self.copy(file, &moved, out));
            done += sealed_size(file);
            match saved {
                Ok(path) => {
                    let path = path.display().to_string();
                    if let Err(error) =
                        writeln!(context.err, "Saved {}", terminal_text::line(&path))
                    {
                        return (paths, Err(error.into()));
                    }
                    paths.push(path);
                }
                // The others may be intact.
                Err(Failure { exit: exit @ (Exit::Damaged | Exit::Gone), message }) => {
                    let message = format!("{}: {message}", terminal_text::line(&file.name));
                    damaged = Some(Failure { exit, message });
                }
                Err(other) => return (paths, Err(other)),
            }
        }
        (paths, damaged.map_or(Ok(()), Err))
    }

    /// Writes the files to standard output, one after the other.
    pub(crate) fn write(
        &self,
        files: &[PackedFile],
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let (total, mut done) = (sealed_total(files), 0);
        for file in files {
            let moved = |now| self.progress.moved(done + now, total);
            self.copy(file, &moved, context.out)?;
            done += sealed_size(file);
        }
        Ok(context.out.flush()?)
    }

    fn copy(
        &self,
        file: &PackedFile,
        moved: &dyn Fn(u64),
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        match &file.place {
            FilePlace::Here(bytes) => copy(&mut bytes.expose_secret(), out, download::cause),
            FilePlace::Attached { n, key } => {
                let (server, lease) = (self.server, &self.viewer.lease);
                let place = (self.id, *n);
                let mut opener =
                    download::open(server, place, lease, key, file.size, moved, self.progress)?;
                copy(&mut opener, out, download::cause)
            }
        }
    }

    /// Sends a reply. `print` is the fingerprint of the key in the encrypted content.
    pub(crate) fn reply(
        &self,
        view: &ViewedSecret,
        print: Option<&str>,
        text: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let (Some(key), Some(print)) = (&view.reply_key, print) else {
            return Err(Failure::failed(
                "the reply was not sent: the sender allows none, or there is one already",
            ));
        };
        let key = AnswerKey::parse(key);
        let Some(key) = key.ok().filter(|key| key.fingerprint() == print) else {
            return Err(Failure {
                exit: Exit::Damaged,
                message:
                    "the reply was not sent: the server names another key for it than the sender"
                        .into(),
            });
        };
        let sent = (&key, text);
        answers::reply(
            self.server,
            self.id,
            &self.viewer.lease,
            sent,
            &SystemRandom,
            self.progress,
        )?;
        self.progress.end();
        Ok(writeln!(context.err, "Your reply was sent. Only the sender can open it.")?)
    }

    /// Tells a person at a terminal that a reply is allowed.
    pub(crate) fn offer_reply(
        &self,
        view: &ViewedSecret,
        print: Option<&str>,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        if !context.interactive || view.reply_key.is_none() || print.is_none() {
            return Ok(());
        }
        let Some(lease) = &view.lease else { return Ok(()) };
        Ok(writeln!(
            context.err,
            "The sender allows one reply. Within {} seconds: the same command with --lease {} --reply TEXT",
            lease.seconds_left,
            self.viewer.lease.expose_secret()
        )?)
    }

    /// Burns the secret after everything is received.
    pub(crate) fn burn(&self) -> Result<(), Failure> {
        match secrets::burn(self.server, self.id, &self.viewer.lease, self.progress) {
            Ok(()) | Err(ClientError::Gone) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn question(look: &SecretLook) -> String {
    let times = match look.views_left {
        1 => "It can be viewed once".to_owned(),
        views => format!("It can be viewed {views} times"),
    };
    let until = look.expires_at.as_deref().map(|at| format!(", until {}", terminal_text::line(at)));
    let files = match look.attachments.len() {
        0 => String::new(),
        1 => " It has a file.".to_owned(),
        files => format!(" It has {files} files."),
    };
    format!("{times}{}.{files} Opening it spends a view. Continue?", until.unwrap_or_default())
}

fn sealed_size(file: &PackedFile) -> u64 {
    match file.place {
        FilePlace::Here(_) => 0,
        FilePlace::Attached { .. } => sealed_len(file.size),
    }
}

fn sealed_total(files: &[PackedFile]) -> u64 {
    files.iter().map(sealed_size).fold(0, u64::saturating_add)
}
