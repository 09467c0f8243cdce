//! What handlers need to queue mails: whether there can be any, and letters with what is sealed of them.

use hyper::header::{ACCEPT_LANGUAGE, HeaderMap};

use super::{ApiError, App};
use crate::{
    domain::{
        notify::{
            language::Language,
            mailbox::Mailbox,
            outbox::{NewMail, Sealed},
        },
        numbers::AccountNumber,
    },
    http::json_fields::{Field, Fields},
    store::StoreError,
};

/// The field of a mail address.
pub(super) const fn mailbox_field(name: &'static str, meaning: &'static str) -> Field {
    Field::text(name, meaning).with_max_chars(Mailbox::MAX_CHARS).with_format("email")
}

/// Reads a [`mailbox_field`]. A server that sends no mail refuses every address.
///
/// # Errors
///
/// [`ApiError::Field`].
pub(super) fn mailbox(
    app: &App,
    fields: &Fields<'_>,
    field: &Field,
) -> Result<Option<Mailbox>, ApiError> {
    let Some(given) = fields.string(field)? else { return Ok(None) };
    app.need_mail(field.name)?;
    Mailbox::new(given).map(Some).map_err(|error| ApiError::field(field.name, error))
}

impl App {
    /// Whether mails can be sent: the operator has named a server.
    #[must_use]
    pub fn mail_ready(&self) -> bool {
        self.deliveries.mailer().is_some()
    }

    /// Refuses what asks for a mail in `field` where none can be sent.
    ///
    /// # Errors
    ///
    /// [`ApiError::Field`].
    pub fn need_mail(&self, field: &'static str) -> Result<(), ApiError> {
        if self.mail_ready() {
            return Ok(());
        }
        Err(ApiError::field(field, "needs mail, which this server has not set up"))
    }

    /// A mail with the whole link of a secret, to be queued by the change that makes the secret. The half
    /// of the password in it is sealed at once, and burned once the mail is out. Blocks where it is large.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub fn mail_link(
        &self,
        account: Option<AccountNumber>,
        to: Mailbox,
        language: Option<Language>,
        password_part_public: String,
    ) -> Result<NewMail, StoreError> {
        let plaintext = Sealed { password_part_public }.to_payload();
        let payload = self.store.seal(&*self.random, Sealed::CONTEXT, plaintext)?;
        Ok(NewMail { account, to, language, payload: Some(payload) })
    }
}

/// The language that whoever asks likes best, of those that mails are in.
pub(super) fn preferred_language(headers: &HeaderMap) -> Option<Language> {
    Language::preferred(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?)
}
