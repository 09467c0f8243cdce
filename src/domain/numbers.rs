//! The numbers and ids of records. This module imports no other module of the domain, so that all of them can
//! use it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::store::Record;

/// The number of an account, below 2^24: three bytes in keys and ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountNumber(pub(super) u32);

impl AccountNumber {
    pub(super) const END: u32 = 1 << 24;
    /// Owns secrets that are created without an account. It has no API key and appears in no list.
    pub const NOBODY: Self = Self(0);

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
    /// The position of the secret among the account's secrets, in the order of creation.
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

/// The number of an item, counted over all items ever queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboxNumber(pub u64);
