//! Accounts: who owns API keys, secrets and secret requests, and how many of them they may make.

pub mod api_key;

use serde::{Deserialize, Serialize};

use self::api_key::{ApiKey, KeyKind};
use super::schema;
use crate::domain::numbers::AccountNumber;
use crate::{
    clock::UnixSeconds,
    store::{Record, StoreError, Transaction},
};

/// The name of an account: 1 to 60 letters, digits, `.`, `_`, `-`, `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName(String);

impl AccountName {
    /// The most characters; the name is part of a key, which has 64 bytes.
    const MAX_CHARS: usize = 60;

    /// Parses a name.
    ///
    /// # Errors
    ///
    /// [`AccountError::BadName`].
    pub fn new(name: &str) -> Result<Self, AccountError> {
        let fits = (1..=Self::MAX_CHARS).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c));
        if fits { Ok(Self(name.to_owned())) } else { Err(AccountError::BadName) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An account with its counters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// See [`AccountName`].
    pub name: String,
    /// Secrets that may be created in a calendar month (UTC).
    pub allowance: u64,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// Secrets in the list now, used-up and expired ones included.
    pub secrets_total: u64,
    /// The month that `usage` counts, see [`UnixSeconds::month`].
    month: u32,
    /// Secrets created in that month.
    usage: u64,
    next_sequence: u64,
    /// Its keys are gone and its secrets are being burned.
    pub(super) deleting: bool,
    /// Secret requests in the list now, ended ones included.
    pub requests_total: u64,
    next_request: u64,
}

impl Record for Account {
    const VERSION: u8 = 2;
}

/// What every answer of the Secrets API says about the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// Secrets in the list now.
    pub secrets_total: u64,
    /// Secrets created this calendar month (UTC).
    pub secrets_usage: u64,
    /// How many of them are allowed.
    pub secrets_allowance: u64,
}

/// What the answers about secret requests say about the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RequestMetadata {
    /// What all answers say.
    #[serde(flatten)]
    pub secrets: Metadata,
    /// Secret requests in the list now.
    pub secret_requests_total: u64,
    /// How many of them are allowed there.
    pub secret_requests_allowance: u64,
}

/// Why something about an account can not be done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Not an [`AccountName`].
    #[error("an account name has 1 to 60 letters, digits, or any of . _ - @")]
    BadName,
    /// The name is taken.
    #[error("there is an account {0} already")]
    Exists(String),
    /// No such account.
    #[error("there is no account {0}")]
    Unknown(String),
    /// It was deleted a moment ago.
    #[error("the account is deleted")]
    Gone,
    /// No API key with this id, or several that begin with it.
    #[error("there is no API key {0}: see the ids in the list of API keys")]
    UnknownKey(String),
    /// All [`AccountNumber`]s have been given out.
    #[error("there is no number left for another account")]
    TooMany,
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Account {
    fn new(name: &str, allowance: u64, now: UnixSeconds) -> Self {
        Self {
            name: name.to_owned(),
            allowance,
            created_at: now,
            secrets_total: 0,
            month: 0,
            usage: 0,
            next_sequence: 0,
            deleting: false,
            requests_total: 0,
            next_request: 0,
        }
    }

    /// The account's figures at `now`.
    #[must_use]
    pub fn metadata(&self, now: UnixSeconds) -> Metadata {
        Metadata {
            secrets_total: self.secrets_total,
            secrets_usage: if self.month == now.month() { self.usage } else { 0 },
            secrets_allowance: self.allowance,
        }
    }

    /// The account's figures at `now`, where `allowance` secret requests may be in the list.
    #[must_use]
    pub fn request_metadata(&self, now: UnixSeconds, allowance: u64) -> RequestMetadata {
        RequestMetadata {
            secrets: self.metadata(now),
            secret_requests_total: self.requests_total,
            secret_requests_allowance: allowance,
        }
    }

    /// Counts a new secret request and gives it its sequence number; `None` over the `allowance`.
    pub(super) fn count_request(&mut self, allowance: u64) -> Option<u64> {
        if self.requests_total >= allowance {
            return None;
        }
        self.requests_total += 1;
        let sequence = self.next_request;
        self.next_request += 1;
        Some(sequence)
    }

    /// Counts a new secret at `now` and gives it its sequence number; `None` over the allowance.
    pub(super) fn count_creation(&mut self, now: UnixSeconds) -> Option<u64> {
        let used = self.metadata(now).secrets_usage;
        if used >= self.allowance {
            return None;
        }
        self.month = now.month();
        self.usage = used + 1;
        self.secrets_total += 1;
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        Some(sequence)
    }
}

impl Account {
    /// Takes a creation back, if the month is still that of it.
    pub(super) fn uncount_creation(&mut self, created_at: UnixSeconds) {
        if self.month == created_at.month() {
            self.usage = self.usage.saturating_sub(1);
        }
    }
}

/// See [`super::alike`].
pub(super) fn stand_in() -> Account {
    Account::new("stand-in", 1000, UnixSeconds(0))
}

/// Makes sure that there is [`AccountNumber::NOBODY`].
pub(super) fn ensure_nobody(
    transaction: &mut Transaction<'_, '_>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let key = schema::account(AccountNumber::NOBODY);
    match transaction.get::<Account>(&key)? {
        Some(_) => Ok(()),
        None => transaction.put(&key, &Account::new("", u64::MAX, now)),
    }
}

/// Creates an account with a private and a public key, given as hashes.
pub fn create(
    name: AccountName,
    allowance: u64,
    key_hashes: [([u8; 32], KeyKind); 2],
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<AccountNumber, AccountError> + Send + 'static {
    move |transaction| {
        let name_key = schema::account_name(name.as_str());
        if transaction.get::<AccountNumber>(&name_key)?.is_some() {
            return Err(AccountError::Exists(name.as_str().to_owned()));
        }
        let next_key = schema::next_account();
        let number = match transaction.get::<AccountNumber>(&next_key)? {
            Some(number) => number,
            // 0 is [`AccountNumber::NOBODY`].
            None => AccountNumber(1),
        };
        let next = AccountNumber::new(number.0 + 1).ok_or(AccountError::TooMany)?;
        let account = Account::new(name.as_str(), allowance, now);
        transaction.put(&next_key, &next)?;
        transaction.put(&name_key, &number)?;
        transaction.put(&schema::account(number), &account)?;
        for (hash, kind) in &key_hashes {
            let key = ApiKey { account: number, kind: *kind, created_at: now };
            transaction.put(&schema::api_key(hash), &key)?;
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "default", "ops@example.org", "a.b_c-9", &"x".repeat(60)] {
            assert!(AccountName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "å", "a/b", "a\n", &"x".repeat(61)] {
            assert!(AccountName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn usage_is_counted_by_the_month() {
        let mut account = Account {
            name: "a".into(),
            allowance: 2,
            created_at: UnixSeconds(0),
            secrets_total: 0,
            month: 0,
            usage: 0,
            next_sequence: 0,
            deleting: false,
            requests_total: 0,
            next_request: 0,
        };
        let (november, december) = (UnixSeconds(1_796_083_199), UnixSeconds(1_796_083_200));
        // (now) -> (sequence, usage afterwards)
        let steps = [
            (november, Some(0), 1),
            (november, Some(1), 2),
            (november, None, 2),
            (december, Some(2), 1),
        ];
        for (now, sequence, usage) in steps {
            assert_eq!(account.count_creation(now), sequence);
            assert_eq!(account.metadata(now).secrets_usage, usage);
        }
        assert_eq!(account.metadata(november).secrets_usage, 0);
        assert_eq!(account.secrets_total, 3);
    }
}
