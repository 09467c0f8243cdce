//! Why something was not done with a request.

use crate::{
    domain::{notify::outbox::OutboxError, secret::SecretError},
    store::StoreError,
};

/// Why a change of a request was not made.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Never was, expired, used up, deleted, or another account's: nobody is told which.
    #[error("there is no such secret request")]
    NotFound,
    /// The account has as many requests in its list as it may.
    #[error("the list of secret requests is full: {0} are allowed")]
    OverAllowance(u64),
    /// Who asked has no secrets left this month. How many they may have is not the answerer's to know.
    #[error("who asked can take no more secrets this month")]
    ReceiverOverAllowance,
    /// There is no room for so many bytes of attachments.
    #[error("the room for attachments is used up")]
    OverQuota,
    /// The mail that belongs to it can not be sent now.
    #[error("too many mails: try again in {retry_after_seconds} seconds")]
    TooManyMails {
        /// Until there may be another one.
        retry_after_seconds: u64,
    },
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OutboxError> for RequestError {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::TooMany { retry_after_seconds } => {
                Self::TooManyMails { retry_after_seconds }
            }
            OutboxError::Store(error) => Self::Store(error),
        }
    }
}

impl From<SecretError> for RequestError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::OverAllowance(_) => Self::ReceiverOverAllowance,
            SecretError::OverQuota => Self::OverQuota,
            SecretError::Store(error) => Self::Store(error),
            // Passwords and proofs of work are asked of viewers only.
            SecretError::NotFound
            | SecretError::PasswordNeeded(_)
            | SecretError::CaptchaNeeded(_)
            | SecretError::Locked => Self::NotFound,
        }
    }
}
