//! `sealdrop open`

use std::{io::Read, path::Path};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
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

/// Where files go unless something else is said.
const HERE: &str = ".";
/// The longest text that a link is looked for in.
const MAX_LINK_BYTES: u64 = 64 << 10;

command! {
    /// Open a link: the text goes to standard output, files go to a directory, never over one that is there.
    /// This spends a view. After the last one the server wipes it, when nobody can be fetching it any more: a
    /// minute later, or with large files somewhat more.
    #[argh(
        subcommand,
        name = "open",
        help_triggers("-h", "--help"),
        usage = "LINK [-o DIR|-] [--yes] [--password-file FILE] [<flags>]",
        example = "{command_name} 'https://drop.example.org/…/#…'\n\
                   {command_name} - --yes -o incoming <link.txt\n\
                   {command_name} 'https://drop.example.org/…/#…' -o - >photo.jpg",
        note = "Quote the link: shells have meanings of their own for ? and #. Others on this machine can see it for as long as the \
                command runs; with - it is read from standard input. Where the key comes by another way, \
                give the link without it, and the key is asked for."
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

        /// the directory for files (here); with - they go to standard output, and the text to standard error
        #[argh(option, short = 'o', default = "HERE.to_owned()", arg_name = "DIR|-")]
        output: String,

        /// do not ask before a view is spent
        #[argh(switch, short = 'y')]
        yes: bool,

        /// a file with the password, if there is one (asked for at the terminal)
        #[argh(option, arg_name = "FILE")]
        password_file: Option<String>,

        /// open it although the key in the link is shorter than those that are made here
        #[argh(switch)]
        short_key: bool,

        /// have a view again that was spent, and broke off: what the message then told. A token that the server does
        /// not know spends another view
        #[argh(option, arg_name = "TOKEN")]
        lease: Option<String>,

        /// have the server wipe it as soon as all has come, also for others who are viewing it just now
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
        let SecretLink { place, half } = SecretLink::parse(&text)?;
        let half = half.map_or_else(key, Ok)?;
        // Other services make keys of other lengths.
        if settings.dialect() == Dialect::Sealdrop && is_cut(&half) && !self.short_key {
            return Err(Failure {
                exit: Exit::Damaged,
                message: "the key in the link is cut: it is shorter than those that are made here; nothing was \
                          opened and nothing spent. Give the whole link, or --short-key if it is whole"
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
            let question = "A token that the server does not know spends another view. Go on?";
            prompt::confirm(question, context)?;
        }
        let _held = interrupt::hold()?;
        let view = viewing.view(context)?;
        let received = self.receive(&viewing, &view, half, context);
        progress.end();
        received.map_err(|failure| viewing.lost(failure, view.lease.as_ref()))?;
        if self.burn {
            viewing.burn()?;
        }
        Ok(())
    }

    /// What needs a lease, or a password.
    fn refuse_what_is_not_there(&self) -> Result<(), Failure> {
        if self.lease.is_some() {
            return Err(not_in_password_link("leases"));
        }
        if self.burn {
            return Err(not_in_password_link("burning by viewers"));
        }
        if self.password_file.is_some() {
            return Err(not_in_password_link("passwords of secrets that are opened"));
        }
        Ok(())
    }

    /// Before anything is spent.
    fn check_output(&self, context: &Context<'_>) -> Result<(), Failure> {
        match destination(&self.output, self.json)? {
            // Without -o the secret may have no files.
            Some(_) if self.output == HERE => Ok(()),
            Some(dir) => check_room(dir, 0),
            None if context.out_is_terminal => {
                Err(Failure::usage("-o -: files do not go to a terminal; give a pipe or >FILE"))
            }
            None => Ok(()),
        }
    }

    /// Opens what came, and brings it to where it is wanted.
    fn receive(
        &self,
        viewing: &Viewing<'_>,
        view: &ViewedSecret,
        half: SecretText,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let contents = opened(view, half)?;
        let message = view.message.as_deref();
        if let Some(message) = message.filter(|_| !self.json) {
            writeln!(context.err, "Message: {}", terminal_text::escaped(message))?;
        }
        let text = contents.text.expose_secret();
        if self.output == "-" && !contents.files.is_empty() {
            if !text.is_empty() {
                writeln!(context.err, "{}", terminal_text::escaped(text))?;
            }
            return viewing.write(&contents.files, context);
        }
        // The text in any case: whatever becomes of the files, it is here.
        if !self.json {
            prompt::write_text(text, context)?;
        }
        let (files, saved) = viewing.save(&contents.files, Path::new(&self.output), context);
        if self.json {
            let error = saved.as_ref().err().map(|failure| failure.message.as_str());
            write_json(context.out, &OpenedSecretLine { text, message, files: &files, error })?;
            context.out.flush()?;
        }
        saved
    }
}

/// The key that the link has not got.
fn key() -> Result<SecretText, Failure> {
    let damaged = |message: &str| Failure { exit: Exit::Damaged, message: message.into() };
    let typed = prompt::hidden("Key (the part of the link behind #): ")?;
    let typed = typed.ok_or_else(|| {
        damaged(
            "the link has no key: the part behind # is missing. Quote the link, or put #KEY behind it",
        )
    })?;
    public_half(typed.expose_secret()).ok_or_else(|| damaged("that is no key; nothing was spent"))
}

fn opened(view: &ViewedSecret, mut half: SecretText) -> Result<Contents, Failure> {
    loop {
        let error = match halves::open(&view.ciphertext, &view.password_part_private, &half) {
            Ok(plain) => {
                return unpack(plain).map_err(|_| Failure {
                    exit: Exit::Damaged,
                    message: "it opens, but there is no text in it".into(),
                });
            }
            Err(error) => error,
        };
        let damaged = Failure {
            exit: Exit::Damaged,
            message: format!("it does not open: {error}; is the link whole, to its end?"),
        };
        if error != CannotOpen::OtherKey {
            return Err(damaged);
        }
        // The ciphertext is still here, so a better key costs nothing.
        let typed = prompt::hidden("The key of the link does not fit. Another one: ")?;
        half = typed.and_then(|typed| public_half(typed.expose_secret())).ok_or(damaged)?;
    }
}
