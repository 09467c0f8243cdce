//! The numbers and ids of records. This module imports no other module of the domain, so that all of them can
//! use it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{clock::UnixSeconds, crypto::sha256, store::Record};

/// The number of an account, below 2^24: three bytes in keys and ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountNumber(pub(super) u32);

impl AccountNumber {
    pub(super) const END: u32 = 1 << 24;
    /// Owns secrets that are created without an account. It has no API key and appears in no list.
    pub const NOBODY: Self = Self(0);

    /// The first account that was created with a name.
    pub const FIRST: Self = Self(1);

    /// `None` for numbers of 2^24 and more.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        (number < Self::END).then_some(Self(number))
    }

    pub(super) fn to_bytes(self) -> [u8; 3] {
        let [_, bytes @ ..] = self.0.to_be_bytes();
        bytes
    }
}

impl Record for AccountNumber {
    const VERSION: u8 = 1;
}

/// The location of a secret's record: its account, and its number in the account, below 2^40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretNumber {
    /// The account that owns the record.
    pub account: AccountNumber,
    /// The position of the secret among the account's secrets: in the order of creation, within one process.
    pub sequence: u64,
}

impl SecretNumber {
    pub(super) const MAX_SEQUENCE: u64 = (1 << 40) - 1;

    pub(super) fn to_bytes(self) -> [u8; 8] {
        let [_, _, _, sequence @ ..] = self.sequence.to_be_bytes();
        let mut bytes = [0; 8];
        bytes[..3].copy_from_slice(&self.account.to_bytes());
        bytes[3..].copy_from_slice(&sequence);
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        let [a, b, c, ..] = bytes;
        let account = AccountNumber::new(u32::from_be_bytes([0, a, b, c]))?;
        Some(Self { account, sequence: u64::from_be_bytes(bytes) & Self::MAX_SEQUENCE })
    }
}

/// The id in a link: the location of the record, and random bits that only holders of the link know.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretId {
    /// The location of the record.
    pub number: SecretNumber,
    /// 120 random bits.
    pub random: [u8; 15],
}

/// Leaves out the random bits, because they open the link.
impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretId").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The location of a request's record: its account, and its number in the account, below 2^40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestNumber {
    /// The account that owns the record.
    pub account: AccountNumber,
    /// The position of the request among the account's requests, in the order of creation.
    pub sequence: u64,
}

impl RequestNumber {
    pub(super) fn to_bytes(self) -> [u8; 8] {
        let Self { account, sequence } = self;
        SecretNumber { account, sequence }.to_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        let SecretNumber { account, sequence } = SecretNumber::from_bytes(bytes)?;
        Some(Self { account, sequence })
    }
}

impl Record for RequestNumber {
    const VERSION: u8 = 1;
}

/// The number of a box, counted over all boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BoxNumber(pub(super) u64);

impl BoxNumber {
    pub(super) fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

/// The content of a token: the location of the record, and random bits that only holders of the token know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BoxId {
    /// The location of the record.
    pub number: BoxNumber,
    /// 120 random bits.
    pub random: [u8; 15],
}

/// Leaves out the random bits, because they open the box.
impl fmt::Debug for BoxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxId").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The number of a message in its box, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId(pub u32);

impl MessageId {
    /// The first message of a box.
    pub const FIRST: Self = Self(1);
}

/// The location of a webhook's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WebhookNumber {
    /// The account that owns the record.
    pub account: AccountNumber,
    /// A counter over all webhooks ever added, so that a queued call of a removed webhook is never sent to
    /// another one.
    pub sequence: u32,
}

impl WebhookNumber {
    /// The public id: `w17`.
    #[must_use]
    pub fn id(self) -> String {
        format!("w{}", self.sequence)
    }
}

/// The number of an item of the outbox, in the order of age: the Unix time at which it was queued, and six
/// digits of a counter of all items. Numbers below 2^53, so that every JSON parser reads them exactly. Earlier
/// versions stored the counter alone, which sorts before all of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboxNumber(pub u64);

impl OutboxNumber {
    /// More than the items of one second.
    const COUNTED: u64 = 1_000_000;

    /// The number of an item that is queued at `now`. No other item has the same `counter`.
    pub(super) fn new(now: UnixSeconds, counter: u64) -> Self {
        Self(now.0.saturating_mul(Self::COUNTED).saturating_add(counter % Self::COUNTED))
    }
}

/// A token as it is stored: the first half of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub(in crate::domain) [u8; 16]);

impl LeaseToken {
    const LENGTHS: std::ops::RangeInclusive<usize> = 22..=64;

    /// Parses a token that a client has chosen: 22 to 64 letters, digits, `-` and `_`.
    ///
    /// 22 characters hold 128 bits, so a client can choose a token that cannot be guessed.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = Self::LENGTHS.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        fits.then(|| sha256(text.as_bytes()).first_chunk().copied().map(Self)).flatten()
    }
}

/// The key that a sender has chosen for a message: the beginning of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey(pub(in crate::domain) [u8; 16]);

impl IdempotencyKey {
    /// Makes a key from any text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut beginning = [0; 16];
        beginning.copy_from_slice(&sha256(text.as_bytes())[..16]);
        Self(beginning)
    }
}

/// A queue of the outbox. Each is processed separately, so that an unreachable mail server does not delay
/// webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Mails.
    Mail = 0,
    /// Webhook calls.
    Webhook = 1,
    /// Items that were given up, until they are deleted.
    GivenUp = 2,
}

/// A part of the limit of an address or account. Some mails count in several shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailShare {
    /// Unrequested mails: notifications, and self-destructing messages without an account. The rest of the
    /// limit is for mails with links of requests and secrets.
    Unasked = b'n' as isize,
    /// Self-destructing messages, which are sent without an account.
    Destructing = b's' as isize,
    /// Notifications that strangers can cause: late attempts, messages in boxes.
    Strangers = b't' as isize,
    /// The same, per account.
    StrangersOfAccount = b'b' as isize,
}
