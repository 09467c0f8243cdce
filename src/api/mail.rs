//! Queues mails for handlers: checks that mail is configured, and seals the half of a password in a mail.

use hyper::header::{ACCEPT_LANGUAGE, HeaderMap};

use super::{ApiError, App};
use crate::{
    domain::{
        notify::{
            language::Language,
            mailbox::Mailbox,
            outbox::{NewMail, SealedLinkHalf},
        },
        numbers::AccountNumber,
    },
    http::json_fields::{Field, JsonFields},
    store::StoreError,
};

/// The definition of a field with a mail address.
pub(super) const fn mailbox_field(name: &'static str, meaning: &'static str) -> Field {
    Field::text(name, meaning).with_max_chars(Mailbox::MAX_CHARS).with_format("email")
}

/// Reads a [`mailbox_field`]. If no mail server is configured, every address is rejected.
///
/// # Errors
///
/// [`ApiError::Field`] for an invalid address, or if no mail server is configured.
pub(super) fn mailbox(
    app: &App,
    fields: &JsonFields<'_>,
    field: &Field,
) -> Result<Option<Mailbox>, ApiError> {
    let Some(given) = fields.string(field)? else { return Ok(None) };
    app.need_mail(field.name)?;
    Mailbox::new(given).map(Some).map_err(|error| ApiError::field(field.name, error))
}

impl App {
    /// Whether a mail server is configured.
    #[must_use]
    pub fn mail_ready(&self) -> bool {
        self.deliveries.mailer().is_some()
    }

    /// Rejects a mail requested in `field` if no mail server is configured.
    ///
    /// # Errors
    ///
    /// [`ApiError::Field`] if no mail server is configured.
    pub fn need_mail(&self, field: &'static str) -> Result<(), ApiError> {
        if self.mail_ready() {
            return Ok(());
        }
        Err(ApiError::field(field, "needs mail, which is not set up on this server"))
    }

    /// A mail with the complete link of a secret, to be queued by the change that creates the secret. The
    /// half of the password in the link is sealed at once, and burned after delivery. Blocks if the mail is
    /// large.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the payload cannot be sealed or written.
    pub fn mail_link(
        &self,
        account: Option<AccountNumber>,
        to: Mailbox,
        language: Option<Language>,
        password_part_public: String,
    ) -> Result<NewMail, StoreError> {
        let plaintext = SealedLinkHalf { password_part_public }.to_payload();
        let payload = self.store.seal(&*self.random, SealedLinkHalf::CONTEXT, plaintext)?;
        Ok(NewMail { account, to, language, payload: Some(payload) })
    }
}

/// The language for mails that the client prefers (`Accept-Language`), among the available ones.
pub(super) fn preferred_language(headers: &HeaderMap) -> Option<Language> {
    Language::preferred(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?)
}
