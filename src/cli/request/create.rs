//! `sealdrop request create`

use serde::Serialize;

use crate::{
    cli::{
        Context, Failure,
        flags::{command, server_connection},
        operator::administration::{write_json, write_made},
        progress::CommandProgress,
        qr,
        secret::terms::{expiry, not_in_password_link, password, whole_hours},
    },
    client::{
        Dialect,
        link::StatusLink,
        requests::{self, NewRequestFields},
    },
    crypto::{AnswerKey, AnswerPrivateKey, SecretText, SystemRandom},
};

command! {
    /// Create a secret request. Only its link goes to standard output; the status link, if there is one, goes to
    /// standard error.
    #[argh(
        subcommand,
        name = "create",
        help_triggers("-h", "--help"),
        usage = "[--message TEXT] [--expires TIME] [--limit N] [<flags>]",
        example = "{command_name} --message 'the password of the router, please' --expires 2d\n\
                   {command_name} --sealed --json\n\
                   {command_name} --limit 20 --send-to me@example.org --secret-views 3"
    )]
    pub(crate) struct RequestCreateCommand: json, server {
        /// a message to the person who answers
        #[argh(option, arg_name = "TEXT")]
        message: Option<String>,

        /// a description for the list of the account
        #[argh(option, arg_name = "TEXT")]
        description: Option<String>,

        /// time until it expires, in whole hours (12h, 3d, 1week), or a moment (2026-12-24T18:00:00Z); the
        /// server has a default
        #[argh(option, arg_name = "TIME")]
        expires: Option<String>,

        /// how many times it can be answered (1)
        #[argh(option, arg_name = "N")]
        limit: Option<u64>,

        /// mail the link of the request to this address
        #[argh(option, arg_name = "ADDRESS")]
        mail_to: Option<String>,

        /// mail the link of each secret to this address; the server has the link until the mail is sent
        #[argh(option, arg_name = "ADDRESS")]
        send_to: Option<String>,

        /// encrypt the answers for a key in the status link, so that nothing else opens them, and who answers has
        /// no link to send back; always so without an API key
        #[argh(switch)]
        sealed: bool,

        /// the message of the secrets
        #[argh(option, arg_name = "TEXT")]
        secret_message: Option<String>,

        /// the description of the secrets in the list of the account
        #[argh(option, arg_name = "TEXT")]
        secret_description: Option<String>,

        /// time until each secret expires, in whole hours (the server's default)
        #[argh(option, arg_name = "TIME")]
        secret_expires: Option<String>,

        /// how many times each secret can be viewed (1)
        #[argh(option, arg_name = "N")]
        secret_views: Option<u64>,

        /// ask for a password that viewers of the secrets must enter
        #[argh(switch)]
        password: bool,

        /// a file with this password
        #[argh(option, arg_name = "FILE")]
        password_file: Option<String>,

        /// draw the link as a QR code on standard error
        #[argh(switch)]
        qr: bool,
    }
}

#[derive(Serialize)]
struct CreatedRequestLine<'a> {
    id: &'a str,
    link: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_link: Option<&'a str>,
}

impl RequestCreateCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = self.connection();
        let settings = connection.settings(context)?;
        let dialect = settings.dialect();
        if self.sealed && dialect == Dialect::PasswordLink {
            return Err(not_in_password_link("--sealed"));
        }
        if self.sealed && self.send_to.is_some() {
            return Err(Failure::usage(
                "--sealed and --send-to exclude each other: the server mails the links of the answers, so it \
                 needs them",
            ));
        }
        let server = settings.creator(context)?;
        // Without an account, nobody else could open the answers; with one, a script may not keep the status link.
        let is_sealed = dialect == Dialect::Sealdrop && (self.sealed || !server.has_key());
        let key = is_sealed.then(|| AnswerPrivateKey::generate(&SystemRandom));
        let public = key.as_ref().map(AnswerPrivateKey::public);
        let expires = expiry("--expires", self.expires.as_deref(), dialect)?;
        let lifetime =
            |flag, text: Option<&str>| text.map(|text| whole_hours(flag, text)).transpose();
        let new = NewRequestFields {
            message: self.message,
            description: self.description,
            expiration: expires.hours,
            expires_at: expires.moment,
            limit: self.limit,
            send_request_to_email: self.mail_to,
            send_to_email: self.send_to,
            secret_message: self.secret_message,
            secret_description: self.secret_description,
            secret_expiration: lifetime("--secret-expires", self.secret_expires.as_deref())?,
            secret_max_views: self.secret_views,
            secret_password: password(self.password, self.password_file.as_deref(), dialect)?,
            answer_key: public.as_ref().map(AnswerKey::to_text),
        };
        let made = requests::create(&server, &new, &CommandProgress::new("Asking"))?;
        let (id, token) = (&made.id, made.manage_token.as_ref());
        let print = public.map_or(String::new(), |key| format!("#{}", key.fingerprint()));
        let link = format!("{}req/{id}{print}", server.root());
        let status = (token.is_some() || key.is_some())
            .then(|| StatusLink::text_of_request(server.root(), id, token, key.as_ref()));
        let status = status.as_ref().map(SecretText::expose_secret);
        write_made(context, |out| match self.json {
            true => write_json(out, &CreatedRequestLine { id, link: &link, status_link: status }),
            false => writeln!(out, "{link}"),
        })?;
        if self.qr {
            qr::draw(&link, context.err)?;
        }
        match status {
            Some(status) if !self.json => {
                Ok(writeln!(context.err, "Status link, which opens the answers: {status}")?)
            }
            _ => Ok(()),
        }
    }
}
