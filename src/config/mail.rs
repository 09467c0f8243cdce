//! The mail server and the sender of mails.

use std::fmt;

use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::{BadSetting, MailSettings, Settings, sources::Sources};
use crate::domain::notify::language::Language;

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpUrl {
    /// The name or address.
    pub host: SmtpHost,
    /// The port.
    pub port: u16,
    /// The protection of the connection.
    pub tls: SmtpTls,
    /// The user name; `None` for no login.
    pub user: Option<String>,
}

/// A host for a connection: an IPv6 address has no brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpHost(String);

/// The protection of a connection to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS (RFC 3207); without it no mail is sent.
    Required,
    /// STARTTLS if the server offers it. An attacker on the path can remove the offer.
    Opportunistic,
    /// No encryption.
    Off,
}

impl SmtpHost {
    /// The name or address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SmtpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SmtpUrl {
    /// Parses `text`. The error names the problem without the text, which may contain a password.
    ///
    /// # Errors
    ///
    /// Anything but `smtp` or `smtps`, a host, perhaps a user and a port, and one of the queries
    /// `tls=opportunistic` and `tls=none`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
        let implicit = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err("its scheme is neither smtp nor smtps".to_owned()),
        };
        if url.password().is_some() {
            return Err("it contains a password; put it in a file: smtp_password_file".to_owned());
        }
        let host = match url.host() {
            Some(Host::Domain(name)) if is_name(name) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Domain(_)) | None => {
                return Err("its host is missing or not valid".to_owned());
            }
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("it has a path or a fragment".to_owned());
        }
        let tls = match (implicit, url.query()) {
            (true, None) => SmtpTls::Implicit,
            (false, None) => SmtpTls::Required,
            (false, Some("tls=opportunistic")) => SmtpTls::Opportunistic,
            (false, Some("tls=none")) => SmtpTls::Off,
            (true, Some(_)) => {
                return Err("smtps cannot have a query, because it always uses TLS".to_owned());
            }
            (false, Some(_)) => {
                return Err("its query is neither tls=opportunistic nor tls=none".to_owned());
            }
        };
        let user = percent_decode_str(url.username()).decode_utf8();
        let user = user.map_err(|_| "its user is not UTF-8".to_owned())?;
        if user.contains(char::is_control) {
            return Err("its user has a control character".to_owned());
        }
        let port = match url.port() {
            Some(0) => return Err("its port is 0".to_owned()),
            Some(port) => port,
            None if implicit => 465,
            None => 587,
        };
        let user = Some(user.into_owned()).filter(|user| !user.is_empty());
        Ok(Self { host: SmtpHost(host), port, tls, user })
    }
}

/// Letters, digits, `.`, `-`, `_`: a name that can be used in messages and in TLS.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

/// `name@example.org`, or `Some Name <name@example.org>`.
pub(super) fn sender(text: &str) -> Result<Mailbox, String> {
    if text.contains(char::is_control) {
        return Err("it has a control character".to_owned());
    }
    let mailbox: Mailbox = text.parse().map_err(|_| format!("{text:?} is not a single mailbox"))?;
    // The domain also becomes part of each Message-ID.
    if !is_name(mailbox.email.domain()) {
        return Err(format!("{text:?} has a domain that is not an ASCII name"));
    }
    Ok(mailbox)
}

pub(super) fn language(text: &str) -> Result<Language, String> {
    let found = Language::all().find(|language| language.tag() == text);
    found.ok_or_else(|| format!("{text:?} is not an allowed value"))
}

/// Checks that the settings are consistent.
pub(super) fn check(settings: &Settings, sources: &Sources) -> Result<(), BadSetting> {
    let MailSettings { smtp, password_file, token_file, from, .. } = &settings.mail;
    let bad = |key: &str, problem: String| Err(sources.bad(key, problem));
    let Some(smtp) = smtp else {
        let given = [(password_file, "smtp_password_file"), (token_file, "smtp_token_file")];
        return match given.iter().find(|(file, _)| file.is_some()) {
            Some((_, key)) => bad(key, "it is for smtp_url, which is missing".to_owned()),
            None => Ok(()),
        };
    };
    let needed =
        format!("it is missing, but smtp_url is set (from {})", sources.origin("smtp_url"));
    if from.is_none() {
        return bad("mail_from", needed);
    }
    if settings.public_url.is_none() {
        return bad("public_url", needed + ": mails contain links");
    }
    match (&smtp.user, password_file, token_file) {
        (_, Some(_), Some(_)) => bad(
            "smtp_token_file",
            "smtp_password_file is set as well, but only one of them is allowed".to_owned(),
        ),
        (Some(_), None, None) => bad(
            "smtp_password_file",
            "it and smtp_token_file are missing, but smtp_url has a user".to_owned(),
        ),
        (None, Some(_), None) => {
            bad("smtp_password_file", "smtp_url has no user for this password".to_owned())
        }
        (None, None, Some(_)) => {
            bad("smtp_token_file", "smtp_url has no user for this token".to_owned())
        }
        _ => Ok(()),
    }
}
