//! Numbers and ids of records. They import nothing of the domain, so every other module may use them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::store::Record;

/// The number of an account, below 2^24: three bytes in keys and ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountNumber(pub(super) u32);

impl AccountNumber {
    pub(super) const END: u32 = 1 << 24;
    /// Owns what is made without an account. Nobody has a key for it, and no list shows it.
    pub const NOBODY: Self = Self(0);

    /// `None` from 2^24 on.
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

/// Where a secret's record lies: its account, and its number there, below 2^40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretNumber {
    /// Whose it is.
    pub account: AccountNumber,
    /// Counts the account's secrets.
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

/// What a link names: where the record lies, and the random bits that prove one was given the link.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretId {
    /// Where the record lies.
    pub number: SecretNumber,
    /// 120 random bits.
    pub random: [u8; 15],
}

/// Without the random bits, which open the link.
impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretId").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Where a request's record lies: its account, and its number there, below 2^40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestNumber {
    /// Whose it is.
    pub account: AccountNumber,
    /// Counts the account's requests.
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

/// Counts all boxes.
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

/// What a token names: where the box lies, and the random bits that prove one was given the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BoxId {
    /// Where the record lies.
    pub number: BoxNumber,
    /// 120 random bits.
    pub random: [u8; 15],
}

/// Without the random bits, which are the token.
impl fmt::Debug for BoxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxId").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Counts the messages of a box from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId(pub u32);

impl MessageId {
    /// The first one.
    pub const FIRST: Self = Self(1);
}

/// Where a webhook's record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WebhookNumber {
    /// Whose it is.
    pub account: AccountNumber,
    /// Counts all webhooks that there ever were, so that nothing that waits for one that is removed is
    /// sent to another.
    pub sequence: u32,
}

impl WebhookNumber {
    /// What it is called by the operator: `w17`.
    #[must_use]
    pub fn id(self) -> String {
        format!("w{}", self.sequence)
    }
}

/// Counts everything that was ever queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboxNumber(pub u64);
