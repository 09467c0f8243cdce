//! `sealdrop send`

use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::content::{Named, gather};
use crate::{
    cli::{
        Context, Failure,
        connection::Connection,
        operator::administration::{write_json, write_made},
        progress::Progress,
        prompt, qr,
    },
    client::{
        Dialect,
        handover::{Handed, hand_over},
        link::{SecretLink, StatusLink},
        secrets::{self, Terms},
    },
    crypto::{SecretText, SystemRandom},
};

/// Hand over a text, files, or both: encrypted here, and gone once it was viewed. The link is all that goes
/// to standard output.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "send",
    help_triggers("-h", "--help"),
    usage = "[FILE…] [-t TEXT] [--expires TIME] [--views N] [--password] [<flags>]",
    example = "echo hush | {command_name}\n\
               {command_name} --expires 3d --views 2 --message 'for the printer' <password.txt\n\
               {command_name} key.pdf film.mp4 -t 'as you asked' --password --qr",
    note = "Without a text and without files the text comes from standard input. A text behind -t is seen \
            by everybody on this machine for as long as the command runs."
)]
pub(crate) struct Send {
    /// files to go with it
    #[argh(positional)]
    files: Vec<String>,

    /// the text; - for standard input (files are sent without one)
    #[argh(option, short = 't', arg_name = "TEXT")]
    text: Option<String>,

    /// what the file is called; standard input goes as a file then (else if it is no text, or a long one)
    #[argh(option, arg_name = "NAME")]
    name: Option<String>,

    /// how long it lives, in whole hours: 12h, 3d, 1week (the server's default)
    #[argh(option, arg_name = "TIME")]
    expires: Option<String>,

    /// how often it can be viewed (1)
    #[argh(option, arg_name = "N")]
    views: Option<u64>,

    /// ask for a password that viewers must know, too
    #[argh(switch)]
    password: bool,

    /// a file with that password
    #[argh(option, arg_name = "FILE")]
    password_file: Option<String>,

    /// words that are shown with it; the server can read them
    #[argh(option, arg_name = "TEXT")]
    message: Option<String>,

    /// words for the list of the account; the server can read them
    #[argh(option, arg_name = "TEXT")]
    description: Option<String>,

    /// let viewers' machines work a second first: that keeps scanners out
    #[argh(switch)]
    captcha: bool,

    /// print the link without its key, and the key on a line of its own, to be sent by two ways
    #[argh(switch)]
    split: bool,

    /// draw the link as a QR code on standard error
    #[argh(switch)]
    qr: bool,

    /// print one line of JSON
    #[argh(switch)]
    json: bool,

    /// the server's address (SEALDROP_SERVER)
    #[argh(option, arg_name = "URL")]
    server: Option<String>,

    /// a file with an API key (SEALDROP_KEY_FILE, or the key itself in SEALDROP_KEY)
    #[argh(option, arg_name = "FILE")]
    key_file: Option<String>,

    /// what the server speaks: sealdrop or password.link (SEALDROP_DIALECT, sealdrop)
    #[argh(option, arg_name = "sealdrop|password.link")]
    dialect: Option<String>,

    /// a header for what stands before the server, such as a login; also several times. @FILE for those in a file
    /// (SEALDROP_HEADER)
    #[argh(option, arg_name = "NAME:VALUE")]
    header: Vec<String>,

    /// a file with the certificates to trust, in place of the system's (SEALDROP_CACERT)
    #[argh(option, arg_name = "FILE")]
    cacert: Option<String>,
}

impl Send {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = Connection {
            server: self.server,
            key_file: self.key_file,
            dialect: self.dialect,
            header: self.header,
            cacert: self.cacert,
        };
        let settings = connection.settings(context)?;
        let expiration =
            self.expires.as_deref().map(|text| hours("--expires", text)).transpose()?;
        let dialect = settings.dialect();
        let server = match dialect {
            Dialect::Sealdrop => settings.server(context)?,
            Dialect::PasswordLink => {
                if !self.files.is_empty() {
                    return Err(not_there("files"));
                }
                settings.account(context)?
            }
        };
        let content = gather(
            Named { text: self.text, files: &self.files, name: self.name.as_deref() },
            context,
        )?;
        if dialect == Dialect::PasswordLink && !content.files.is_empty() {
            return Err(not_there("files, and standard input is no short text"));
        }
        let password = asked(self.password, self.password_file.as_deref(), dialect)?;
        let has_password = password.is_some();
        let terms = Terms {
            expiration,
            max_views: self.views,
            password,
            message: self.message,
            description: self.description,
            captcha: self.captcha,
        };
        let progress = Progress::new("Sending");
        let handed = hand_over(
            &server,
            &content.text,
            content.files,
            &SystemRandom,
            &progress,
            |fields, _| secrets::create(&server, fields, &terms, &progress),
        )?;
        progress.end();
        let shape = Shape { split: self.split, qr: self.qr, json: self.json };
        let status = (server.dialect() == Dialect::Sealdrop).then(|| {
            let token = handed.created.manage_token.as_ref();
            StatusLink::text(server.root(), &handed.created.id, token)
        });
        show(server.root(), &handed, status.as_ref(), &shape, context)?;
        if has_password && !self.json {
            writeln!(context.err, "Tell the password by another way than the link.")?;
        }
        Ok(())
    }
}

/// How a link is shown.
pub(crate) struct Shape {
    pub(crate) split: bool,
    pub(crate) qr: bool,
    pub(crate) json: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    link: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    expires_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_link: Option<&'a str>,
}

/// Prints the link of what was handed over, and to standard error what else is good to know.
pub(crate) fn show(
    root: &Url,
    handed: &Handed,
    status: Option<&SecretText>,
    shape: &Shape,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let Handed { created, public } = handed;
    let whole = SecretLink::text(root, &created.id, public);
    let half = Zeroizing::new(format!("{root}{}/", created.id));
    let (link, key) = match shape.split {
        true => (half.as_str(), Some(public.expose_secret())),
        false => (whole.expose_secret(), None),
    };
    let status_link = status.map(SecretText::expose_secret);
    let expires_at = created.expires_at.as_deref();
    let shown = Shown { id: &created.id, link, key, expires_at, status_link };
    write_made(context, |out| {
        if shape.json {
            return write_json(out, &shown);
        }
        writeln!(out, "{link}")?;
        key.map_or(Ok(()), |key| writeln!(out, "{key}"))
    })?;
    if shape.qr {
        qr::draw(link, context.err)?;
    }
    if shape.json {
        return Ok(());
    }
    if let Some(expires_at) = &created.expires_at {
        let times = match created.max_views {
            Some(1) | None => "once".to_owned(),
            Some(views) => format!("{views} times"),
        };
        writeln!(context.err, "Can be viewed {times}, until {}.", prompt::line(expires_at))?;
    }
    if let Some(status) = status {
        writeln!(context.err, "See what becomes of it, or burn it: {}", status.expose_secret())?;
    }
    Ok(())
}

/// Whole hours of a time such as `3d`, which stands behind `flag`.
pub(crate) fn hours(flag: &str, text: &str) -> Result<u64, Failure> {
    const HOUR: u64 = 3600;
    let wrong = |why: String| Failure::usage(format!("{flag} {text}: {why}"));
    let time = humantime::parse_duration(text)
        .map_err(|error| wrong(format!("{error}; give a time such as 12h or 3d")))?;
    if time.is_zero() || time != Duration::from_secs(time.as_secs() / HOUR * HOUR) {
        return Err(wrong("give whole hours, such as 1h, 12h or 3d".into()));
    }
    Ok(time.as_secs() / HOUR)
}

/// The password that the flags ask for: as it is hashed, or as it was typed for servers of password.link, which
/// compare exactly.
pub(crate) fn asked(
    ask: bool,
    file: Option<&str>,
    dialect: Dialect,
) -> Result<Option<SecretText>, Failure> {
    let password = match (ask, file) {
        (_, Some(path)) => prompt::password_in(path, "--password-file")?,
        (true, None) => prompt::new_password("Password", "--password-file")?,
        (false, None) => return Ok(None),
    };
    let typed = prompt::not_blank(&password, file)?;
    Ok(Some(match dialect {
        Dialect::PasswordLink => password,
        Dialect::Sealdrop => SecretText::new(typed.plain().expose_secret().to_owned()),
    }))
}

/// What the published API of password.link does not have.
pub(crate) fn not_there(what: &str) -> Failure {
    Failure::usage(format!("the published API of password.link knows no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_password_link_get_a_password_as_it_was_typed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "cre\u{301}me").unwrap();
        let sent = |dialect| asked(false, file.path().to_str(), dialect).unwrap().unwrap();
        assert_eq!(sent(Dialect::Sealdrop).expose_secret(), "cr\u{e9}me");
        assert_eq!(sent(Dialect::PasswordLink).expose_secret(), "cre\u{301}me");
    }

    #[test]
    fn times_are_whole_hours() {
        for (text, count) in [("1h", 1), ("3d", 72), ("1week", 168), ("1d 12h", 36), ("120m", 2)] {
            assert_eq!(hours("--expires", text).unwrap(), count, "{text}");
        }
        for text in ["", "3", "90m", "0h", "-1h", "soon", "1h 1s"] {
            let failure = hours("--expires", text).unwrap_err();
            assert!(failure.message.starts_with(&format!("--expires {text}: ")), "{text}");
        }
    }
}
