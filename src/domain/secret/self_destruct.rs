//! Self-destructing messages: secrets without an account whose complete link is sent by mail.

use super::{NewSecret, SecretError};
use crate::{
    clock::UnixSeconds,
    domain::{
        notify::outbox::{self, Letter, NewMail, OutboxError},
        numbers::AccountNumber,
        secret,
    },
    store::{StoreError, Transaction},
};

/// The reason why a message was refused.
#[derive(Debug, thiserror::Error)]
pub enum SelfDestructError {
    /// The mail cannot be queued.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The secret cannot be created.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl From<StoreError> for SelfDestructError {
    fn from(error: StoreError) -> Self {
        Self::Outbox(error.into())
    }
}

/// Creates the secret and queues the mail with its link, in one change.
pub fn create(
    new: NewSecret,
    mail: NewMail,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), SelfDestructError> + Send + 'static {
    move |transaction| {
        let (number, secret, _) = secret::insert(transaction, AccountNumber::NOBODY, &new, now)?;
        let letter = Letter::SelfDestruct { secret: secret.id(number) };
        Ok(outbox::put_mail(transaction, &mail, letter, now)?)
    }
}
