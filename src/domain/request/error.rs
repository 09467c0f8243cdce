//! The errors of operations on requests.

use crate::{
    domain::{notify::outbox::OutboxError, secret::SecretError},
    store::StoreError,
};

/// The reason why a change of a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Unknown, expired, used up, deleted, or in another account. The answer does not tell which.
    #[error("there is no such secret request")]
    NotFound,
    /// The account's list of requests is full.
    #[error("the list of secret requests is full: {0} are allowed")]
    OverAllowance(u64),
    /// The requester's allowance for this month is used up. The sender is not told how large it is.
    #[error("the requester's allowance of secrets this month is used up")]
    ReceiverOverAllowance,
    /// The storage for attachments is full.
    #[error("the storage for attachments is full")]
    OverQuota,
    /// The mail for the request cannot be queued now.
    #[error("too many mails: try again in {retry_after_seconds} seconds")]
    TooManyMails {
        /// The time until the next mail is allowed.
        retry_after_seconds: u64,
    },
    /// The store failed.
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
            // Only viewers are asked for passwords and proofs of work.
            SecretError::NotFound
            | SecretError::PasswordNeeded(_)
            | SecretError::CaptchaNeeded(_)
            | SecretError::Captcha(_)
            | SecretError::Locked => Self::NotFound,
        }
    }
}
