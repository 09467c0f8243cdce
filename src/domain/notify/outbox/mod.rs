//! The outbox: mails and webhook calls. Each is queued in the change that causes it, and is deleted after it
//! is delivered or given up.
//!
//! Each item is sent at least once. It is deleted after the receiver has accepted it, so a crash between the
//! two sends it again, under the same name. Of several processes that share a store, only one attempts an item
//! at a time: see [`claim()`]. The sending is in [`crate::delivery`].

mod address_names;
mod claim;
pub(crate) mod limits;
#[cfg(test)]
mod model_tests;
mod older;
pub(crate) mod queue;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::queue::{forget_account, put};
pub use self::{
    claim::{CLAIM_SECONDS, ClaimedItem, FailureOf, OutboxClaim, claim},
    limits::{MAX_PER_ACCOUNT, MAX_PER_ADDRESS, sweep as sweep_limits},
    queue::{
        OutboxPart, delivered, due, failed, list, overdue, put_mail, queued, remove, retry,
        sweep as sweep_given_up,
    },
};
use self::{limits::reserve, older::OutgoingV1};
use super::{event::WebhookEvent, language::Language, mailbox::Mailbox, subscription::Subscriber};
pub(crate) use crate::domain::numbers::MailShare;
use crate::{
    clock::UnixSeconds,
    crypto::SecretBytes,
    domain::{
        numbers::{AccountNumber, BoxNumber, Lane, SecretId, WebhookNumber},
        request_id::RequestId,
        view::View,
    },
    store::{Key, Payload, Record, RecordFields, StoreError},
};

/// An item of the outbox. If its letter contains a link, a part of the link is sealed and attached to the
/// record in the store.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outgoing {
    /// The account on whose behalf it is sent; `None` for an item without an account.
    pub account: Option<AccountNumber>,
    /// The time at which it was queued.
    pub queued_at: UnixSeconds,
    /// The time of the next attempt; for an item that was given up, the time at which it is deleted.
    pub next_at: UnixSeconds,
    /// The number of attempts.
    pub attempts: u32,
    /// The error of the last attempt, for the operator.
    pub last_error: Option<String>,
    /// Whether it was given up. Its sealed part is burned in the same change.
    pub is_given_up: bool,
    /// The right to attempt it; `None` if no process has it. It may have ended.
    pub(super) claim: Option<OutboxClaim>,
    /// The mail or the call.
    pub content: OutgoingContent,
}

/// The content of an item.
#[derive(Clone, Serialize, Deserialize)]
pub enum OutgoingContent {
    /// A mail.
    Mail {
        /// The recipient.
        to: Mailbox,
        /// The language; `None` for the daemon's default.
        language: Option<Language>,
        /// The text.
        letter: Letter,
    },
    /// A call of an account's webhook.
    Webhook {
        /// The webhook.
        webhook: WebhookNumber,
        /// The event that the call reports.
        event: WebhookEvent,
    },
}

/// The kind of a mail, with the ids and times in its text.
#[derive(Clone, Serialize, Deserialize)]
pub enum Letter {
    /// A person asks for a secret. Contains the link of the secret request.
    Request {
        /// The id of the request.
        request: RequestId,
    },
    /// A secret was created through a request. Contains its complete link, half of it in [`SealedLinkHalf`].
    Secret {
        /// The id of the secret.
        secret: SecretId,
    },
    /// A self-destructing message of the Key Service. Contains its complete link, half of it in
    /// [`SealedLinkHalf`].
    SelfDestruct {
        /// The id of the secret.
        secret: SecretId,
    },
    /// A secret was viewed.
    Viewed {
        /// The id of the secret.
        secret: SecretId,
        /// Time and address of the view.
        view: View,
    },
    /// A late attempt to view a secret.
    TriedAfter {
        /// The id of the secret.
        secret: SecretId,
        /// Time and address of the attempt.
        view: View,
    },
    /// A message was put into a box.
    BoxMessage {
        /// The number of the box.
        drop_box: BoxNumber,
        /// The time of the message.
        at: UnixSeconds,
    },
}

/// The sealed part of a letter. Together with the id it opens the secret.
#[derive(Serialize, Deserialize)]
pub struct SealedLinkHalf {
    /// The public half of the secret's password, as in the link.
    pub password_part_public: String,
}

/// A new mail for the queue.
pub struct NewMail {
    /// The account on whose behalf it is sent.
    pub account: Option<AccountNumber>,
    /// The recipient.
    pub to: Mailbox,
    /// The language; `None` for the daemon's default.
    pub language: Option<Language>,
    /// The [`SealedLinkHalf`] part of the letter, if it has one, sealed with [`SealedLinkHalf::CONTEXT`].
    pub payload: Option<Payload>,
}

/// The consequence of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureVerdict {
    /// Retry after a pause.
    Retry,
    /// Retry at this time. The delivery was not attempted.
    Wait(UnixSeconds),
    /// Give up; a retry cannot succeed.
    GiveUp,
}

/// The reason why an item was not queued.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The limit of mails to this address or on behalf of this account is reached.
    #[error("too many mails: try again in {retry_after_seconds} seconds")]
    TooMany {
        /// The time until the next mail is allowed.
        retry_after_seconds: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Record for Outgoing {
    const VERSION: u8 = 2;

    fn sealed_by(key: &Key) -> Option<Key> {
        Some(key.clone())
    }

    fn from_older(version: u8, fields: RecordFields<'_>) -> Option<Result<Self, StoreError>> {
        (version == 1).then(|| fields.read::<OutgoingV1>().map(Self::from))
    }
}

impl Letter {
    /// Whether the letter needs its [`SealedLinkHalf`] part.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        matches!(self, Self::Secret { .. } | Self::SelfDestruct { .. })
    }

    /// The shares of the limits that the letter counts in.
    fn shares(&self, account: Option<AccountNumber>) -> &'static [MailShare] {
        match self {
            Self::SelfDestruct { .. } if account.is_none() => {
                &[MailShare::Unasked, MailShare::Destructing]
            }
            Self::TriedAfter { .. } | Self::BoxMessage { .. } => {
                &[MailShare::Unasked, MailShare::Strangers, MailShare::StrangersOfAccount]
            }
            Self::Viewed { .. } => &[MailShare::Unasked],
            Self::Request { .. } | Self::Secret { .. } | Self::SelfDestruct { .. } => &[],
        }
    }

    /// The longest delay of the letter that is acceptable if the limits are reached.
    fn patience_seconds(&self) -> u64 {
        match self {
            Self::Viewed { .. } => 3600,
            _ => 0,
        }
    }

    /// The subscriber, if the letter is a notification.
    #[must_use]
    pub fn subscriber(&self) -> Option<Subscriber> {
        match self {
            Self::Request { .. } | Self::Secret { .. } | Self::SelfDestruct { .. } => None,
            Self::Viewed { secret, .. } | Self::TriedAfter { secret, .. } => {
                Some(Subscriber::Account(secret.number.account))
            }
            Self::BoxMessage { drop_box, .. } => Some(Subscriber::Box(*drop_box)),
        }
    }
}

impl SealedLinkHalf {
    /// The context for sealing the payload.
    pub const CONTEXT: &'static [u8] = b"letter";

    /// The plaintext of the payload.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings become JSON")
    }

    /// Decodes a plaintext. Returns `None` for an invalid one.
    #[must_use]
    pub fn from_payload(payload: &SecretBytes) -> Option<Self> {
        serde_json::from_slice(payload.expose_secret()).ok()
    }
}

/// Leaves out the half of the link.
impl fmt::Debug for SealedLinkHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").finish_non_exhaustive()
    }
}

impl OutgoingContent {
    /// The queue of the item.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Mail { .. } => Lane::Mail,
            Self::Webhook { .. } => Lane::Webhook,
        }
    }
}

impl Outgoing {
    /// Whether the item has waited for longer than the longest time of retries.
    fn is_too_old(&self, now: UnixSeconds) -> bool {
        now >= self.queued_at.plus(queue::MAX_AGE_SECONDS)
    }

    fn lane(&self) -> Lane {
        if self.is_given_up { Lane::GivenUp } else { self.content.lane() }
    }
}
