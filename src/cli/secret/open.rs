//! `sealdrop open`

use std::{io::Read, path::Path};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    content::only_text,
    saved::{check_room, destination},
    terms::not_in_password_link,
    viewing::Viewing,
};
use crate::{
    cli::{
        Context, Exit, Failure,
        context::STANDARD_INPUT,
        flags::{command, server_connection},
        interrupt,
        operator::administration::write_json,
        progress::CommandProgress,
        prompt, terminal_text,
    },
    client::{
        Dialect,
        link::{SecretLink, is_cut, public_half},
        secrets::ViewedSecret,
    },
    crypto::{
        SecretText,
        contents::{Contents, unpack},
        halves::{self, CannotOpen},
    },
};

/// The default directory for files.
const HERE: &str = ".";
/// The longest text that may contain the link.
const MAX_LINK_BYTES: u64 = 64 << 10;

command! {
    /// Open a link: the text goes to standard output, files go to a directory and never replace existing
    /// ones. This spends a view. The server burns the secret when the lease of its last view has ended: after
    /// a minute, or later with large files.
    #[argh(
        subcommand,
        name = "open",
        help_triggers("-h", "--help"),
        usage = "LINK [-o DIR|-] [--yes] [--password-file FILE] [--reply TEXT] [<flags>]",
        example = "{command_name} 'https://drop.example.org/…/#…'\n\
                   {command_name} - --yes -o incoming <link.txt\n\
                   {command_name} 'https://drop.example.org/…/#…' -o - >photo.jpg",
        note = "Quote the link, because ? and # have a meaning in shells. Other users of this machine can \
                see it while the command runs; with - it is read from standard input. If you received the \
                key separately, give the link without it, and the command asks for the key."
    )]
    pub(crate) struct OpenCommand:
        json("print one line of JSON: text, message, and the paths of the files"),
        link_server(
            "a file with an API key, for password.link (SEALDROP_KEY_FILE, or the key itself in SEALDROP_KEY)"
        )
    {
        /// the link; - to read it from standard input
        #[argh(positional)]
        link: String,

        /// the directory for files (the current one); with - files go to standard output, and the text to
        /// standard error
        #[argh(option, short = 'o', default = "HERE.to_owned()", arg_name = "DIR|-")]
        output: String,

        /// do not ask before spending a view
        #[argh(switch, short = 'y')]
        yes: bool,

        /// a file with the password, if the secret has one (default: ask at the terminal)
        #[argh(option, arg_name = "FILE")]
        password_file: Option<String>,

        /// open the link although its key is shorter than keys of sealdrop
        #[argh(switch)]
        short_key: bool,

        /// repeat a view that was interrupted: the token from its message. A token that the server does not
        /// know spends another view
        #[argh(option, arg_name = "TOKEN")]
        lease: Option<String>,

        /// answer the secret with this text, or - for standard input, if the sender allows it: only the sender
        /// can open the answer
        #[argh(option, arg_name = "TEXT")]
        reply: Option<String>,

        /// burn the secret on the server as soon as everything is received, also for other viewers
        #[argh(switch)]
        burn: bool,
    }
}

#[derive(Serialize)]
struct OpenedSecretLine<'a> {
    text: &'a str,
    message: Option<&'a str>,
    files: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl OpenCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let settings = connection.settings(context)?;
        if settings.dialect() == Dialect::PasswordLink {
            self.refuse_what_is_not_there()?;
        }
        self.check_output(context)?;
        let text = match self.link.as_str() {
            STANDARD_INPUT => {
                let mut text = Zeroizing::new(String::new());
                context.input.take(MAX_LINK_BYTES).read_to_string(&mut text)?;
                text
            }
            link => Zeroizing::new(link.to_owned()),
        };
        let reply =
            self.reply.as_deref().map(|reply| self.text_of_reply(reply, context)).transpose()?;
        let SecretLink { place, half } = SecretLink::parse(&text)?;
        let half = half.map_or_else(key, Ok)?;
        // Other services make keys of other lengths.
        if settings.dialect() == Dialect::Sealdrop && is_cut(&half) && !self.short_key {
            return Err(Failure {
                exit: Exit::Damaged,
                message: "the key in the link is incomplete: it is shorter than keys of sealdrop. No view \
                          was spent. Give the whole link, or --short-key if it is complete"
                    .into(),
            });
        }
        let server = settings.server_of(&place, context)?;
        let progress = CommandProgress::new("Fetching");
        let mut viewing = Viewing::new(&server, &place.id, self.lease.as_deref(), &progress);
        if self.lease.is_none() {
            let dir = (self.output != "-").then(|| Path::new(&self.output));
            viewing.ask((self.yes, self.password_file.as_deref()), dir, context)?;
        } else if !self.yes {
            let question = "A token that the server does not know spends another view. Continue?";
            prompt::confirm(question, context)?;
        }
        let _held = interrupt::hold()?;
        let view = viewing.view(context)?;
        let received = self.receive(&viewing, &view, half, context);
        progress.end();
        let print = received.map_err(|failure| viewing.lost(failure, view.lease.as_ref()))?;
        match reply {
            Some(text) => viewing.reply(&view, print.as_deref(), &text, context)?,
            None => viewing.offer_reply(&view, print.as_deref(), context)?,
        }
        if self.burn {
            viewing.burn()?;
        }
        Ok(())
    }

    /// Rejects flags that need a lease or a password.
    fn refuse_what_is_not_there(&self) -> Result<(), Failure> {
        if self.lease.is_some() {
            return Err(not_in_password_link("leases"));
        }
        if self.burn {
            return Err(not_in_password_link("burning by viewers"));
        }
        if self.reply.is_some() {
            return Err(not_in_password_link("--reply"));
        }
        if self.password_file.is_some() {
            return Err(not_in_password_link("passwords for opening secrets"));
        }
        Ok(())
    }

    /// The text of the reply, before a view is spent.
    fn text_of_reply(
        &self,
        reply: &str,
        context: &mut Context<'_>,
    ) -> Result<Zeroizing<String>, Failure> {
        if reply == STANDARD_INPUT && self.link == STANDARD_INPUT {
            return Err(Failure::usage(
                "standard input is either the link or the reply: give only one -",
            ));
        }
        only_text(reply, "--reply", context)
    }

    /// Checks `--output` before a view is spent.
    fn check_output(&self, context: &Context<'_>) -> Result<(), Failure> {
        match destination(&self.output, self.json)? {
            // Without -o the secret may have no files.
            Some(_) if self.output == HERE => Ok(()),
            Some(dir) => check_room(dir, 0),
            None if context.out_is_terminal => Err(Failure::usage(
                "-o -: files are not written to a terminal; use a pipe or >FILE",
            )),
            None => Ok(()),
        }
    }

    /// Decrypts the view and writes its content. Returns the fingerprint of the key for a reply.
    fn receive(
        &self,
        viewing: &Viewing<'_>,
        view: &ViewedSecret,
        half: SecretText,
        context: &mut Context<'_>,
    ) -> Result<Option<String>, Failure> {
        let contents = opened(view, half)?;
        let message = view.message.as_deref();
        if let Some(message) = message.filter(|_| !self.json && !viewing.has_told_message) {
            writeln!(context.err, "Message: {}", terminal_text::escaped(message))?;
        }
        let text = contents.text.expose_secret();
        if self.output == "-" && !contents.files.is_empty() {
            if !text.is_empty() {
                writeln!(context.err, "{}", terminal_text::escaped(text))?;
            }
            viewing.write(&contents.files, context)?;
            return Ok(contents.reply);
        }
        // The text comes first, because saving the files may fail.
        if !self.json {
            prompt::write_text(text, context)?;
        }
        let (files, saved) = viewing.save(&contents.files, Path::new(&self.output), context);
        if self.json {
            let error = saved.as_ref().err().map(|failure| failure.message.as_str());
            write_json(context.out, &OpenedSecretLine { text, message, files: &files, error })?;
            context.out.flush()?;
        }
        saved.map(|()| contents.reply)
    }
}

/// Asks for the key that is missing in the link.
fn key() -> Result<SecretText, Failure> {
    let damaged = |message: &str| Failure { exit: Exit::Damaged, message: message.into() };
    let typed = prompt::hidden("Key (the part of the link after #): ")?;
    let typed = typed.ok_or_else(|| {
        damaged(
            "the link has no key: the part after # is missing. Quote the link, or append #KEY to it",
        )
    })?;
    public_half(typed.expose_secret())
        .ok_or_else(|| damaged("this is not a key; no view was spent"))
}

fn opened(view: &ViewedSecret, mut half: SecretText) -> Result<Contents, Failure> {
    loop {
        let error = match halves::open(&view.ciphertext, &view.password_part_private, &half) {
            Ok(plain) => {
                return unpack(plain).map_err(|_| Failure {
                    exit: Exit::Damaged,
                    message: "the decrypted content is not a text".into(),
                });
            }
            Err(error) => error,
        };
        let damaged = Failure {
            exit: Exit::Damaged,
            message: format!("the secret cannot be decrypted: {error}; is the link complete?"),
        };
        if error != CannotOpen::OtherKey {
            return Err(damaged);
        }
        // The ciphertext is here, so another key spends no view.
        let typed = prompt::hidden("The key in the link does not fit. Enter another key: ")?;
        half = typed.and_then(|typed| public_half(typed.expose_secret())).ok_or(damaged)?;
    }
}
