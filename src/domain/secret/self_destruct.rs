//! Messages that destroy themselves: secrets without an account whose whole link is mailed.

use super::{NewSecret, SecretError};
use crate::{
    clock::UnixSeconds,
    domain::{
        account,
        notify::outbox::{self, Letter, NewMail, OutboxError},
        numbers::AccountNumber,
        secret,
    },
    store::{StoreError, Transaction},
};

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SelfDestructError {
    /// See [`OutboxError`].
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// See [`SecretError`].
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl From<StoreError> for SelfDestructError {
    fn from(error: StoreError) -> Self {
        Self::Outbox(error.into())
    }
}

/// Makes the secret and queues the mail with its link, both or neither.
pub fn create(
    new: NewSecret,
    mail: NewMail,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), SelfDestructError> + Send + 'static {
    move |transaction| {
        account::ensure_nobody(transaction, now)?;
        let (number, secret, _) = secret::insert(transaction, AccountNumber::NOBODY, &new, now)?;
        let letter = Letter::SelfDestruct { secret: secret.id(number) };
        Ok(outbox::put_mail(transaction, &mail, letter, now)?)
    }
}
