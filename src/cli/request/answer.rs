//! `sealdrop answer`

use serde::Serialize;

use crate::{
    cli::{
        Context, Failure,
        connection::ServerFlags,
        flags::command,
        operator::administration::write_json,
        progress::CommandProgress,
        secret::{
            content::{ContentArguments, gather},
            shown_link::{LinkShape, show_link},
            terms::not_in_password_link,
        },
        terminal_text,
    },
    client::{
        Dialect, ServerClient, answers,
        handover::{HandedContents, hand_over},
        link::{fingerprint_in, request_place},
        requests::{self, Asked},
        secrets::SealedFields,
    },
    crypto::{AnswerKey, SystemRandom},
};

command! {
    /// Answer a secret request. If the requester has a key for answers, only they can open it, and there is
    /// nothing else to do. Otherwise the link of the secret goes to standard output, unless the server mails it.
    #[argh(
        subcommand,
        name = "answer",
        help_triggers("-h", "--help"),
        usage = "LINK [FILE…] [-t TEXT] [<flags>]",
        example = "echo hush | {command_name} https://drop.example.org/req/5e976e6e-d205-4f58-8df9-5ac0048bc702\n\
                   {command_name} https://drop.example.org/req/5e976e6e-d205-4f58-8df9-5ac0048bc702 key.pdf"
    )]
    pub(crate) struct RequestAnswerCommand:
        json,
        server_url("the server's address (the link's)"),
        dialect,
        transport
    {
        /// the link of the request
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

        /// print the link without its key, and the key on a separate line, to send them separately
        #[argh(switch)]
        split: bool,

        /// draw the link as a QR code on standard error
        #[argh(switch)]
        qr: bool,
    }
}

#[derive(Serialize)]
struct Mailed<'a> {
    id: &'a str,
    mailed_to: &'a str,
}

#[derive(Serialize)]
struct SentSealed<'a> {
    id: &'a str,
    sealed: bool,
}

impl RequestAnswerCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = ServerFlags {
            server: self.server,
            key_file: None,
            dialect: self.dialect,
            header: self.header,
            cacert: self.cacert,
        };
        let settings = connection.settings(context)?;
        if settings.dialect() == Dialect::PasswordLink {
            return Err(not_in_password_link("answers to requests"));
        }
        let place = request_place(&self.link)?;
        // The answer is encrypted for the id as the server writes it.
        let id = place.id.to_lowercase();
        let server = settings.server_of(&place, context)?;
        let progress = CommandProgress::new("Sending");
        let asked = requests::look(&server, &place.id, &progress)?;
        if let Some(message) = &asked.message {
            writeln!(context.err, "Request: {}", terminal_text::escaped(message))?;
        }
        if asked.secret.password {
            writeln!(context.err, "The requester has set a password for it, and knows it.")?;
        }
        let key = answer_key(&server, &asked, &self.link, context)?;
        let content = gather(
            ContentArguments { text: self.text, files: &self.files, name: self.name.as_deref() },
            context,
        )?;
        let contents = HandedContents { text: &content.text, files: content.files, reply: None };
        let mut handed =
            hand_over(&server, contents, &SystemRandom, &progress, |fields, public| {
                // The server mails the whole link, so it gets the public half as well.
                let mailed = asked.send_to_email.is_some().then(|| public.expose_secret());
                let seal = |key| answers::seal_half(key, &id, public, &SystemRandom);
                let sealed = key.as_ref().map(seal).transpose();
                let sealed = sealed.map_err(|error| server.misunderstood(error.to_string()))?;
                let fields = SealedFields {
                    password_part_public: mailed,
                    sealed_part: sealed.as_deref(),
                    ..*fields
                };
                requests::answer(&server, &place.id, &fields, &progress)
            })?;
        progress.end();
        handed.created.max_views = Some(asked.secret.max_views);
        match &asked.send_to_email {
            Some(to) if self.json => {
                Ok(write_json(context.out, &Mailed { id: &handed.created.id, mailed_to: to })?)
            }
            Some(to) => {
                let to = terminal_text::line(to);
                Ok(writeln!(context.err, "Sent. The server mails the link to {to}.")?)
            }
            None if key.is_some() && self.json => {
                let sent = SentSealed { id: &handed.created.id, sealed: true };
                Ok(write_json(context.out, &sent)?)
            }
            None if key.is_some() => Ok(writeln!(
                context.err,
                "Sent. Only the person who asked can open it, from their status link."
            )?),
            None => {
                let shape = LinkShape { split: self.split, qr: self.qr, json: self.json };
                show_link(server.root(), &handed, None, &shape, context)
            }
        }
    }
}

/// The key for the answer. `None` if the requester has none, or if it is not the one that the link of the request
/// names: then who answers sends the link, in a way that they trust.
fn answer_key(
    server: &ServerClient,
    asked: &Asked,
    link: &str,
    context: &mut Context<'_>,
) -> Result<Option<AnswerKey>, Failure> {
    let Some(key) = &asked.answer_key else { return Ok(None) };
    let key = AnswerKey::parse(key).map_err(|error| server.misunderstood(error.to_string()))?;
    match fingerprint_in(link) {
        Some(print) if print != key.fingerprint() => {
            writeln!(
                context.err,
                "The server names another key than the link of the request. The answer is not encrypted for \
                 that key: send its link to the person who asked, and tell them about this."
            )?;
            Ok(None)
        }
        _ => Ok(Some(key)),
    }
}
