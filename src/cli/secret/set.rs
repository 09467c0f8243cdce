//! `sealdrop set`

use std::io::Read;

use zeroize::Zeroizing;

use super::{
    content::only_text,
    status::Sender,
    terms::{expiry, not_in_password_link},
};
use crate::{
    cli::{
        Context, Exit, Failure,
        flags::{command, server_connection},
        operator::administration::write_json,
        progress::CommandProgress,
        terminal_text,
    },
    client::{
        ClientError, Dialect,
        link::{SecretLink, is_cut},
        listed::{self, ListedSecret},
        secrets::{self, SecretChangeTerms},
    },
    crypto::{
        SecretText, SystemRandom,
        contents::pack_for_reply,
        halves::{self, HalfSealed},
    },
};

/// The longest text that may contain the link.
const MAX_LINK_BYTES: u64 = 64 << 10;

command! {
    /// Change a secret until it is viewed for the first time: its lifetime, its number of views, or its text
    /// under the same link.
    #[argh(
        subcommand,
        name = "set",
        help_triggers("-h", "--help"),
        usage = "LINK_OR_ID [--expires TIME] [--views N] [-t TEXT] [--link LINK] [<flags>]",
        example = "{command_name} 'https://drop.example.org/status/…#…' --expires 3d --views 2\n\
                   {command_name} 'https://drop.example.org/…/#…' -t - --key-file key <new.txt\n\
                   {command_name} 'https://drop.example.org/status/…#…' -t - --link \"$(cat link)\" <new.txt",
        note = "A new text replaces the old one and all files. It is encrypted on this machine for the \
                existing link, so the complete link is needed: as the first argument together with the \
                account's API key, or as --link beside the status link. Other users of this machine can see \
                arguments while the command runs."
    )]
    pub(crate) struct SetCommand: json("print one line of JSON: the secret as in the list"), server {
        /// the status link from `sealdrop send`, or the secret's link or id
        #[argh(positional)]
        secret: String,

        /// time from now until it expires, in whole hours (12h, 3d, 1week), or a moment (2026-12-24T18:00:00Z)
        #[argh(option, arg_name = "TIME")]
        expires: Option<String>,

        /// how many times it can be viewed
        #[argh(option, arg_name = "N")]
        views: Option<u64>,

        /// the new text, or - for standard input
        #[argh(option, short = 't', arg_name = "TEXT")]
        text: Option<String>,

        /// the secret's complete link, for a new text; - to read it from standard input
        #[argh(option, arg_name = "LINK")]
        link: Option<String>,

        /// use the link although its key is shorter than keys of sealdrop
        #[argh(switch)]
        short_key: bool,
    }
}

impl SetCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        if self.expires.is_none() && self.views.is_none() && self.text.is_none() {
            return Err(Failure::usage(
                "there is nothing to change: give --expires TIME, --views N or -t TEXT",
            ));
        }
        let expires = expiry("--expires", self.expires.as_deref(), Dialect::Sealdrop)?;
        let sender = Sender::new(connection, &self.secret, context)?;
        let Sender { server, id, manage_token, answer_key } = &sender;
        if server.dialect() == Dialect::PasswordLink {
            return Err(not_in_password_link("changes of secrets"));
        }
        let sealed = match &self.text {
            Some(text) => {
                let half = self.half(id, context)?;
                // Without the fingerprint, viewers of the new text could not reply.
                let print = answer_key.as_ref().map(|key| key.public().fingerprint());
                Some(sealed(text, print.as_deref(), &half, context)?)
            }
            None if self.link.is_some() => {
                return Err(Failure::usage("--link is for a new text: give -t TEXT as well"));
            }
            None => None,
        };
        let terms = SecretChangeTerms {
            expiration: expires.hours,
            expires_at: expires.moment.as_deref(),
            max_views: self.views,
            ciphertext: sealed.as_ref().map(|sealed| sealed.ciphertext.as_str()),
            password_part_private: sealed.as_ref().map(|sealed| sealed.private.expose_secret()),
        };
        let progress = CommandProgress::new("Changing");
        let told = secrets::change(server, id, manage_token.as_ref(), &terms, &progress).map_err(
            |error| match error {
                // It was viewed, or its files are not complete.
                ClientError::Rejected { status: 409, message, .. } => Failure {
                    exit: Exit::Gone,
                    message: format!("the server refuses: {}", terminal_text::escaped(&message)),
                },
                other => other.into(),
            },
        )?;
        progress.end();
        if self.json {
            return Ok(write_json(context.out, &told)?);
        }
        let changed: ListedSecret = listed::entry(server, told)?;
        let times = match changed.max_views {
            1 => "once".to_owned(),
            views => format!("{views} times"),
        };
        let until = changed.expires_at.map_or_else(String::new, |end| format!(", until {end}"));
        let id = terminal_text::line(id);
        let until = terminal_text::line(&until);
        Ok(writeln!(context.err, "Changed {id}. It can be viewed {times}{until}.")?)
    }

    /// The public half of the link, for which a new text is encrypted.
    fn half(&self, id: &str, context: &mut Context<'_>) -> Result<SecretText, Failure> {
        let named = match self.link.as_deref() {
            Some("-") if self.text.as_deref() == Some("-") => {
                return Err(Failure::usage(
                    "standard input is either the text or the link: give only one -",
                ));
            }
            Some("-") => {
                let mut text = Zeroizing::new(String::new());
                context.input.take(MAX_LINK_BYTES).read_to_string(&mut text)?;
                text
            }
            Some(link) => Zeroizing::new(link.to_owned()),
            None => Zeroizing::new(self.secret.clone()),
        };
        let missing = || {
            Failure::usage(
                "a new text needs the complete link, with the key behind the #: give it as --link LINK",
            )
        };
        // A status link is not a secret's link: its token is no key.
        let link = match SecretLink::parse(&named) {
            Err(_) if self.link.is_none() => return Err(missing()),
            parsed => parsed?,
        };
        if link.place.id != id {
            return Err(Failure::usage("--link is the link of another secret"));
        }
        let half = link.half.ok_or_else(missing)?;
        match is_cut(&half) && !self.short_key {
            true => Err(Failure {
                exit: Exit::Damaged,
                message: "the key in the link is incomplete: it is shorter than keys of sealdrop. Nothing \
                          was changed. Give the whole link, or --short-key if it is complete"
                    .into(),
            }),
            false => Ok(half),
        }
    }
}

/// Encrypts a new text for the link with this public half.
fn sealed(
    text: &str,
    reply: Option<&str>,
    half: &SecretText,
    context: &mut Context<'_>,
) -> Result<HalfSealed, Failure> {
    let text = only_text(text, "-t", context)?;
    Ok(halves::seal_for(half, &pack_for_reply(&text, &[], reply), &SystemRandom))
}
