//! The outbox: mails and calls of webhooks, queued by the very change that causes them, and gone once
//! they are delivered or given up.
//!
//! Each is sent at least once: it leaves the outbox when the other end has taken it, so a crash between
//! the two sends it again, under the same name. Who sends is elsewhere.

pub(crate) mod limits;
pub(crate) mod queue;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::limits::Share;
use self::limits::reserve;
pub(crate) use self::queue::{forget_account, put};
pub use self::{
    limits::{MAX_PER_ACCOUNT, MAX_PER_ADDRESS, sweep as sweep_limits},
    queue::{
        delivered, due, failed, find, list, overdue, put_mail, remove, retry,
        sweep as sweep_given_up,
    },
};
use super::{Subscriber, language::Language, mailbox::Mailbox, webhook::Event};
use crate::{
    clock::UnixSeconds,
    crypto::SecretBytes,
    domain::{
        numbers::{AccountNumber, BoxNumber, SecretId, WebhookNumber},
        request::RequestId,
        secret::view::View,
    },
    store::{Payload, Record, StoreError},
};

/// What waits to be sent. A letter with a link has it sealed, attached to the record in the store.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outgoing {
    /// On whose behalf; `None` for what no account asked for.
    pub account: Option<AccountNumber>,
    /// Since when it waits.
    pub queued_at: UnixSeconds,
    /// When it is tried next; for one that was given up, when it leaves the list.
    pub next_at: UnixSeconds,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed, for the operator.
    pub last_error: Option<String>,
    /// Whether nobody tries it any more. What was sealed is burned by then.
    pub is_given_up: bool,
    /// What it is.
    pub content: Content,
}

/// Something that goes out.
#[derive(Clone, Serialize, Deserialize)]
pub enum Content {
    /// A mail.
    Mail {
        /// To whom.
        to: Mailbox,
        /// In which language; `None` for the daemon's own.
        language: Option<Language>,
        /// What it says.
        letter: Letter,
    },
    /// A call of an account's webhook.
    Webhook {
        /// Which.
        webhook: WebhookNumber,
        /// What it tells.
        event: Event,
    },
}

/// What a mail says.
#[derive(Clone, Serialize, Deserialize)]
pub enum Letter {
    /// Somebody asks for a secret: the link of a secret request.
    Request {
        /// Which.
        request: RequestId,
    },
    /// A secret made through a request: its whole link, half of it in [`Sealed`].
    Secret {
        /// Which.
        secret: SecretId,
    },
    /// A message of the Key Service that opens once: its whole link, half of it in [`Sealed`].
    SelfDestruct {
        /// Which.
        secret: SecretId,
    },
    /// Your secret was viewed.
    Viewed {
        /// Which.
        secret: SecretId,
        /// When and from where.
        view: View,
    },
    /// Somebody tried the link of a secret that is gone.
    TriedAfter {
        /// Which.
        secret: SecretId,
        /// When and from where.
        view: View,
    },
    /// A message came into your box.
    BoxMessage {
        /// Which.
        drop_box: BoxNumber,
        /// When.
        at: UnixSeconds,
    },
}

/// What of a letter is sealed: whoever has the id and this opens the secret.
#[derive(Serialize, Deserialize)]
pub struct Sealed {
    /// The public half of the secret's password, as it stands in the link.
    pub password_part_public: String,
}

/// Which queue something waits in. Each is served by itself, so that a mail server that is down holds
/// up no webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Mails.
    Mail = 0,
    /// Calls of webhooks.
    Webhook = 1,
    /// What was given up, and waits to leave the list.
    GivenUp = 2,
}

/// A mail to be queued.
pub struct NewMail {
    /// On whose behalf.
    pub account: Option<AccountNumber>,
    /// To whom.
    pub to: Mailbox,
    /// See [`Content::Mail`].
    pub language: Option<Language>,
    /// [`Sealed`], where the letter has it: sealed with [`Sealed::CONTEXT`].
    pub payload: Option<Payload>,
}

/// What becomes of something that could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go better later.
    Retry,
    /// It was not tried, and is not to be before this moment.
    Wait(UnixSeconds),
    /// It never will.
    GiveUp,
}

/// Why something was not queued.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// As many mails as there may be have gone to this address, or out of this account.
    #[error("too many mails: try again in {retry_after_seconds} seconds")]
    TooMany {
        /// Until there may be another one.
        retry_after_seconds: u64,
    },
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Record for Outgoing {
    const VERSION: u8 = 1;
}

impl Letter {
    /// Whether it is nothing without its [`Sealed`].
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        matches!(self, Self::Secret { .. } | Self::SelfDestruct { .. })
    }

    /// Which shares of the limits it counts in.
    fn shares(&self, account: Option<AccountNumber>) -> &'static [Share] {
        match self {
            Self::SelfDestruct { .. } if account.is_none() => &[Share::Unasked, Share::Destructing],
            Self::TriedAfter { .. } | Self::BoxMessage { .. } => {
                &[Share::Unasked, Share::Strangers, Share::StrangersOfAccount]
            }
            Self::Viewed { .. } => &[Share::Unasked],
            Self::Request { .. } | Self::Secret { .. } | Self::SelfDestruct { .. } => &[],
        }
    }

    /// How much later than at once is good enough where the limits are reached.
    fn patience_seconds(&self) -> u64 {
        match self {
            Self::Viewed { .. } => 3600,
            _ => 0,
        }
    }

    /// Whose notification it is.
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

impl Sealed {
    /// What a payload of this kind is sealed with.
    pub const CONTEXT: &'static [u8] = b"letter";

    /// The plaintext of the payload.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings become JSON")
    }

    /// The reverse; `None` for what is not of its form.
    #[must_use]
    pub fn from_payload(payload: &SecretBytes) -> Option<Self> {
        serde_json::from_slice(payload.expose_secret()).ok()
    }
}

/// Without the link.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").finish_non_exhaustive()
    }
}

impl Content {
    /// The queue that it waits in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Mail { .. } => Lane::Mail,
            Self::Webhook { .. } => Lane::Webhook,
        }
    }
}

impl Outgoing {
    /// Whether it waits for longer than anything is tried.
    fn is_too_old(&self, now: UnixSeconds) -> bool {
        now >= self.queued_at.plus(queue::MAX_AGE_SECONDS)
    }

    fn lane(&self) -> Lane {
        if self.is_given_up { Lane::GivenUp } else { self.content.lane() }
    }
}
