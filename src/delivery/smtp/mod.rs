//! Mails: their texts, their format, and the server that accepts them.
//!
//! The outbox ([`crate::domain::notify::outbox`]) keeps waiting mails and their status; [`crate::delivery`]
//! decides when they are sent.

pub(crate) mod first_byte;
pub(crate) mod letters;
pub(crate) mod login;
pub(crate) mod message;
pub(crate) mod server;
pub(crate) mod text;
pub(crate) mod wire;

pub use self::{
    letters::{BadTemplate, Facts, Letters, MailKind, Rendered},
    login::Proof,
    message::{Mail, Unwritable},
    server::{SendError, SmtpServer},
    text::{one_line, quoted},
};
use crate::{
    clock::UnixSeconds,
    config::{MailSettings, PublicUrl, Settings},
    domain::notify::{language::Language, mailbox::Mailbox},
    secret_file::read_secret,
};

/// Writes mails and sends them.
pub struct Mailer {
    letters: Letters,
    from: lettre::message::Mailbox,
    site: String,
    language: Language,
    /// The server.
    pub server: SmtpServer,
}

/// A setting that cannot be used, which is only found by reading files.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct BadMail {
    /// The name of the setting in the configuration file.
    pub setting: &'static str,
    /// The problem; contains no secret.
    pub problem: String,
}

impl Mailer {
    /// Reads the files that the settings name: the password, the texts, the certificate authorities. `None`
    /// if mail is not set up. Blocks.
    ///
    /// # Errors
    ///
    /// [`BadMail`], if a file cannot be read or used.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>, BadMail> {
        let MailSettings { smtp, password_file, token_file, from, templates, language } =
            &settings.mail;
        let letters = Letters::load(templates.as_deref())
            .map_err(|problem| BadMail { setting: "mail_templates", problem })?;
        let password = password_file
            .as_deref()
            .map(read_secret)
            .transpose()
            .map_err(|problem| BadMail { setting: "smtp_password_file", problem })?;
        let proof = password.map(Proof::Password);
        let proof = proof.or_else(|| token_file.clone().map(Proof::TokenFile));
        // The check of the settings ensures that the two others are set with the server.
        let (Some(smtp), Some(from), Some(site)) = (smtp, from, &settings.public_url) else {
            return Ok(None);
        };
        let server = SmtpServer::new(smtp, proof, &hello_name(site))
            .map_err(|problem| BadMail { setting: "smtp_url", problem })?;
        let site = site.as_str().to_owned();
        Ok(Some(Self { letters, from: from.clone(), site, language: *language, server }))
    }

    /// Reads the token that the settings name. Another program replaces its file, and may not have written
    /// it yet, so [`Mailer::from_settings`] does not read it. Blocks.
    ///
    /// # Errors
    ///
    /// [`BadMail`], if the file cannot be read or does not contain a token.
    pub fn check_token(settings: &Settings) -> Result<(), BadMail> {
        let Some(path) = &settings.mail.token_file else { return Ok(()) };
        let read = login::token_in(path);
        read.map(drop).map_err(|problem| BadMail { setting: "smtp_token_file", problem })
    }

    /// The public URL of this daemon.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// Writes a mail. Its Message-ID is made of `name`, so it is the same in each attempt.
    ///
    /// # Errors
    ///
    /// [`Unwritable`], if the address or the text cannot be used.
    pub fn write(
        &self,
        kind: MailKind,
        language: Option<Language>,
        facts: &Facts,
        to: &Mailbox,
        name: &str,
        now: UnixSeconds,
    ) -> Result<Mail, Unwritable> {
        let text = self.letters.render(kind, language.unwrap_or(self.language), facts)?;
        message::build(&self.from, to, &text, facts.unsubscribe.as_deref(), name, now)
    }

    /// Sends a mail as a test. Returns the server's reply.
    ///
    /// # Errors
    ///
    /// The step that failed, and why.
    pub async fn test(&self, to: &Mailbox, name: &str, now: UnixSeconds) -> Result<String, String> {
        let facts = Facts::new(&self.site, now);
        let mail = self
            .write(MailKind::Test, None, &facts, to, name, now)
            .map_err(|error| error.to_string())?;
        self.server.send_alone(&mail).await.map_err(|error| error.to_string())
    }
}

/// The name that the daemon sends to mail servers (EHLO): the host in its links.
fn hello_name(site: &PublicUrl) -> String {
    let authority = site.origin().split("://").nth(1).unwrap_or_default();
    let end = authority.rfind(':').filter(|_| !authority.ends_with(']')).unwrap_or(authority.len());
    let host = authority.get(..end).unwrap_or(authority);
    match host.strip_prefix('[') {
        Some(rest) => format!("[IPv6:{rest}"),
        None if host.parse::<std::net::Ipv4Addr>().is_ok() => format!("[{host}]"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_called_as_our_links_are() {
        let cases = [
            ("https://secrets.example.org/x", "secrets.example.org"),
            ("http://localhost:8080", "localhost"),
            ("http://192.0.2.1:80", "[192.0.2.1]"),
            ("https://[2001:db8::1]", "[IPv6:2001:db8::1]"),
            ("https://[2001:db8::1]:8443/a", "[IPv6:2001:db8::1]"),
        ];
        for (url, name) in cases {
            assert_eq!(hello_name(&PublicUrl::parse(url).unwrap()), name);
        }
    }
}
