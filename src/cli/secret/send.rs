//! `sealdrop send`

use super::{
    content::{ContentArguments, gather},
    shown_link::{LinkShape, show_link},
    terms::{expiry, not_in_password_link, password},
};
use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        progress::CommandProgress,
    },
    client::{
        Dialect,
        handover::{HandedContents, hand_over},
        link::StatusLink,
        secrets::{self, SecretTerms},
    },
    crypto::{AnswerKey, AnswerPrivateKey, SystemRandom},
};

command! {
    /// Send a text, files, or both as a secret, encrypted on this machine. Only the link goes to standard
    /// output.
    #[argh(
        subcommand,
        name = "send",
        help_triggers("-h", "--help"),
        usage = "[FILE…] [-t TEXT] [--expires TIME] [--views N] [--password] [<flags>]",
        example = "echo hush | {command_name}\n\
                   {command_name} --expires 3d --views 2 --message 'for the printer' <password.txt\n\
                   {command_name} key.pdf film.mp4 -t 'as you asked' --password --qr",
        note = "Without a text and files, the text comes from standard input. Other users of this machine \
                can see the text of -t while the command runs."
    )]
    pub(crate) struct SendCommand: json, server {
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

        /// time until it expires, in whole hours (12h, 3d, 1week), or a moment (2026-12-24T18:00:00Z); the
        /// server has a default
        #[argh(option, arg_name = "TIME")]
        expires: Option<String>,

        /// how many times it can be viewed (1)
        #[argh(option, arg_name = "N")]
        views: Option<u64>,

        /// ask for a password that viewers must enter
        #[argh(switch)]
        password: bool,

        /// a file with this password
        #[argh(option, arg_name = "FILE")]
        password_file: Option<String>,

        /// a message to the recipient; the server can read it
        #[argh(option, arg_name = "TEXT")]
        message: Option<String>,

        /// when the recipient sees the message: with the secret (the default), or before the view as well
        #[argh(option, arg_name = "before|with")]
        message_shown: Option<String>,

        /// a description for the list of the account; the server can read it
        #[argh(option, arg_name = "TEXT")]
        description: Option<String>,

        /// require a proof of work from viewers, about a second: this stops link scanners
        #[argh(switch)]
        captcha: bool,

        /// let the recipient answer once, with a text that only you can open: `sealdrop status` shows its link
        #[argh(switch)]
        allow_reply: bool,

        /// print the link without its key, and the key on a separate line, to send them separately
        #[argh(switch)]
        split: bool,

        /// draw the link as a QR code on standard error
        #[argh(switch)]
        qr: bool,
    }
}

impl SendCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let settings = connection.settings(context)?;
        let dialect = settings.dialect();
        let expires = expiry("--expires", self.expires.as_deref(), dialect)?;
        if dialect == Dialect::PasswordLink {
            if !self.files.is_empty() {
                return Err(not_in_password_link("files"));
            }
            if self.message_shown.is_some() {
                return Err(not_in_password_link("--message-shown"));
            }
            if self.allow_reply {
                return Err(not_in_password_link("--allow-reply"));
            }
        }
        let server = settings.creator(context)?;
        let reply = self.allow_reply.then(|| AnswerPrivateKey::generate(&SystemRandom));
        let reply_key = reply.as_ref().map(AnswerPrivateKey::public);
        let content = gather(
            ContentArguments { text: self.text, files: &self.files, name: self.name.as_deref() },
            context,
        )?;
        if dialect == Dialect::PasswordLink && !content.files.is_empty() {
            return Err(not_in_password_link("files, and standard input is not a short text"));
        }
        let password = password(self.password, self.password_file.as_deref(), dialect)?;
        let has_password = password.is_some();
        let terms = SecretTerms {
            expiration: expires.hours,
            expires_at: expires.moment,
            max_views: self.views,
            password,
            message: self.message,
            message_shown: self.message_shown,
            description: self.description,
            captcha: self.captcha,
            reply_key: reply_key.as_ref().map(AnswerKey::to_text),
        };
        let progress = CommandProgress::new("Sending");
        let print = reply_key.map(|key| key.fingerprint());
        let contents =
            HandedContents { text: &content.text, files: content.files, reply: print.as_deref() };
        let handed = hand_over(&server, contents, &SystemRandom, &progress, |fields, _| {
            secrets::create(&server, fields, &terms, &progress)
        })?;
        progress.end();
        let shape = LinkShape { split: self.split, qr: self.qr, json: self.json };
        let status = (server.dialect() == Dialect::Sealdrop).then(|| {
            let token = handed.created.manage_token.as_ref();
            StatusLink::text(server.root(), &handed.created.id, token, reply.as_ref())
        });
        show_link(server.root(), &handed, status.as_ref(), &shape, context)?;
        if has_password && !self.json {
            writeln!(context.err, "Send the password in a different way than the link.")?;
        }
        Ok(())
    }
}
