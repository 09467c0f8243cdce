//! Mails: what they say, how they look, and the server that takes them.
//!
//! What waits to be sent, and what becomes of it, is the outbox's ([`crate::domain::notify::outbox`]); when it
//! is sent, [`crate::delivery`]'s.

pub(crate) mod first_byte;
pub(crate) mod letters;
pub(crate) mod login;
pub(crate) mod message;
pub(crate) mod server;
pub(crate) mod text;
pub(crate) mod wire;

pub use self::{
    letters::{BadTemplate, Facts, Kind, Letters, Rendered},
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

/// Everything that makes mails and sends them.
pub struct Mailer {
    letters: Letters,
    from: lettre::message::Mailbox,
    site: String,
    language: Language,
    /// The server.
    pub server: SmtpServer,
}

/// A setting that can not be used, found out only by looking into files.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct BadMail {
    /// The setting, as it is called in the file.
    pub setting: &'static str,
    /// What is wrong; nothing secret.
    pub problem: String,
}

impl Mailer {
    /// Reads what the settings name: the password, the texts, the certificate authorities. `None` where
    /// mail is not set up. Blocks.
    ///
    /// # Errors
    ///
    /// [`BadMail`].
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
        // That a server has the two others is checked with the settings themselves.
        let (Some(smtp), Some(from), Some(site)) = (smtp, from, &settings.public_url) else {
            return Ok(None);
        };
        let server = SmtpServer::new(smtp, proof, &hello_name(site))
            .map_err(|problem| BadMail { setting: "smtp_url", problem })?;
        let site = site.as_str().to_owned();
        Ok(Some(Self { letters, from: from.clone(), site, language: *language, server }))
    }

    /// Reads the token that the settings name. Another program replaces its file, and may not have written it
    /// yet, so [`Mailer::from_settings`] does not ask for it. Blocks.
    ///
    /// # Errors
    ///
    /// [`BadMail`].
    pub fn check_token(settings: &Settings) -> Result<(), BadMail> {
        let Some(path) = &settings.mail.token_file else { return Ok(()) };
        let read = login::token_in(path);
        read.map(drop).map_err(|problem| BadMail { setting: "smtp_token_file", problem })
    }

    /// Where people reach this daemon.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// Writes a mail. `name` makes its Message-ID, the same each time that it is sent.
    ///
    /// # Errors
    ///
    /// [`Unwritable`].
    pub fn write(
        &self,
        kind: Kind,
        language: Option<Language>,
        facts: &Facts,
        to: &Mailbox,
        name: &str,
        now: UnixSeconds,
    ) -> Result<Mail, Unwritable> {
        let text = self.letters.render(kind, language.unwrap_or(self.language), facts)?;
        message::build(&self.from, to, &text, facts.unsubscribe.as_deref(), name, now)
    }

    /// Sends a mail to see whether mails can be sent. Answers what the server has said.
    ///
    /// # Errors
    ///
    /// The step that failed, and why.
    pub async fn test(&self, to: &Mailbox, name: &str, now: UnixSeconds) -> Result<String, String> {
        let facts = Facts::new(&self.site, now);
        let mail = self
            .write(Kind::Test, None, &facts, to, name, now)
            .map_err(|error| error.to_string())?;
        self.server.send_alone(&mail).await.map_err(|error| error.to_string())
    }
}

/// What the daemon calls itself before mail servers (EHLO): the host in its links.
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
