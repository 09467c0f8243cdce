//! Accounts: they own API keys, secrets and secret requests, within an allowance.

pub mod api_key;
pub mod display_name;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::api_key::{ApiKey, KeyKind};
use super::schema;
use crate::{
    clock::UnixSeconds,
    domain::numbers::AccountNumber,
    store::{Record, Store, StoreError, Transaction},
};

/// The name of an account: 1 to 60 letters, digits, `.`, `_`, `-`, `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName(String);

impl AccountName {
    /// The longest name. The name is part of a key, which has 64 bytes.
    const MAX_CHARS: usize = 60;

    /// Parses a name.
    ///
    /// # Errors
    ///
    /// [`AccountError::BadName`] for an empty or long name, or other characters.
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
    /// The name, in the form of [`AccountName`].
    pub name: String,
    /// The number of secrets that may be created in a calendar month (UTC).
    pub allowance: u64,
    /// The time of creation.
    pub created_at: UnixSeconds,
    /// The number of secrets in the list, including used-up and expired ones.
    pub secrets_total: u64,
    /// The month that `usage` refers to; see [`UnixSeconds::month`].
    month: u32,
    /// The number of secrets created in that month.
    usage: u64,
    next_sequence: u64,
    /// Whether the account is being deleted: its keys are deleted and its secrets are being burned.
    pub(super) deleting: bool,
    /// The number of secret requests in the list, including ended ones.
    pub requests_total: u64,
    next_request: u64,
}

impl Record for Account {
    const VERSION: u8 = 2;
}

/// The numbers of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Metadata {
    /// The number of secrets in the list, including used-up and expired ones.
    #[schemars(example = 3)]
    pub secrets_total: u64,
    /// The number of secrets created in this calendar month (UTC).
    #[schemars(example = 12)]
    pub secrets_usage: u64,
    /// The number of secrets allowed in a calendar month.
    #[schemars(example = 1_000_000)]
    pub secrets_allowance: u64,
}

/// The numbers of the account, including those about secret requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RequestMetadata {
    /// The figures that all answers contain.
    #[serde(flatten)]
    pub secrets: Metadata,
    /// The number of secret requests in the list.
    #[schemars(example = 1)]
    pub secret_requests_total: u64,
    /// The number of secret requests allowed in the list.
    #[schemars(example = 10_000)]
    pub secret_requests_allowance: u64,
}

/// The reason why an operation on an account failed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The text is not a valid [`AccountName`].
    #[error("an account name has 1 to 60 letters, digits, or any of . _ - @")]
    BadName,
    /// Another account has this name.
    #[error("there is an account {0} already")]
    Exists(String),
    /// The account does not exist.
    #[error("there is no account {0}")]
    Unknown(String),
    /// The account was deleted in the meantime.
    #[error("the account is deleted")]
    Gone,
    /// No API key has this id, or the id is a prefix of several.
    #[error("there is no API key {0}: see the ids in the list of API keys")]
    UnknownKey(String),
    /// All [`AccountNumber`]s are in use.
    #[error("all account numbers are in use")]
    TooMany,
    /// The store failed.
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

    /// The account's figures at `now`, with `allowance` as the limit of secret requests in the list.
    #[must_use]
    pub fn request_metadata(&self, now: UnixSeconds, allowance: u64) -> RequestMetadata {
        RequestMetadata {
            secrets: self.metadata(now),
            secret_requests_total: self.requests_total,
            secret_requests_allowance: allowance,
        }
    }

    /// Counts a new secret request and returns its sequence number; `None` if the `allowance` is exceeded.
    fn count_request(&mut self, allowance: u64) -> Option<u64> {
        if self.requests_total >= allowance {
            return None;
        }
        self.requests_total += 1;
        let sequence = self.next_request;
        self.next_request += 1;
        Some(sequence)
    }

    /// Counts a new secret at `now` and returns its sequence number; `None` if the allowance is exceeded.
    fn count_creation(&mut self, now: UnixSeconds) -> Option<u64> {
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
    /// Subtracts a creation again, if it was in the month that is counted now.
    pub(super) fn uncount_creation(&mut self, created_at: UnixSeconds) {
        if self.month == created_at.month() {
            self.usage = self.usage.saturating_sub(1);
        }
    }
}

/// Read in place of a missing account; see [`super::alike`].
pub(super) fn stand_in() -> Account {
    Account::new("stand-in", 1000, UnixSeconds(0))
}

/// An account whose record was `found`, unless it is missing or being deleted. [`AccountNumber::NOBODY`] has no
/// limits and needs no record; earlier versions wrote one.
pub(super) fn live(number: AccountNumber, found: Option<Account>) -> Option<Account> {
    let nobody = || Account::new("", u64::MAX, UnixSeconds(0));
    let found = found.or_else(|| (number == AccountNumber::NOBODY).then(nobody));
    found.filter(|account| !account.deleting)
}

/// Counts a new secret of a live account at `now`, and returns its sequence number; `None` if the allowance is
/// exceeded.
pub(super) fn count_secret(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
    account: &mut Account,
    now: UnixSeconds,
) -> Result<Option<u64>, StoreError> {
    if number == AccountNumber::NOBODY {
        return transaction.number(&schema::nobodys_secrets(), account.next_sequence).map(Some);
    }
    let sequence = account.count_creation(now);
    transaction.put(&schema::account(number), account)?;
    Ok(sequence)
}

/// Counts a new secret request of a live account, and returns its sequence number; `None` if the list is longer
/// than `allowance`.
pub(super) fn count_request(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
    account: &mut Account,
    allowance: u64,
) -> Result<Option<u64>, StoreError> {
    if number == AccountNumber::NOBODY {
        return transaction.number(&schema::nobodys_requests(), account.next_request).map(Some);
    }
    let sequence = account.count_request(allowance);
    transaction.put(&schema::account(number), account)?;
    Ok(sequence)
}

/// Changes the counters of an account, if it exists. Those of [`AccountNumber::NOBODY`] are not counted,
/// because its changes would all meet there.
pub(super) fn recount(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
    change: impl FnOnce(&mut Account),
) -> Result<(), StoreError> {
    let key = schema::account(number);
    if number != AccountNumber::NOBODY
        && let Some(mut account) = transaction.get::<Account>(&key)?
    {
        change(&mut account);
        transaction.put(&key, &account)?;
    }
    Ok(())
}

/// Creates an account with the hashes of a private and a public key.
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
            None => AccountNumber::FIRST,
        };
        let next = AccountNumber::new(number.0 + 1).ok_or(AccountError::TooMany)?;
        let account = Account::new(name.as_str(), allowance, now);
        transaction.put(&next_key, &next)?;
        transaction.put(&name_key, &number)?;
        transaction.put(&schema::account(number), &account)?;
        for (hash, kind) in &key_hashes {
            let key = ApiKey::new(number, *kind, None, now);
            transaction.put(&schema::api_key(hash), &key)?;
        }
        Ok(number)
    }
}

/// The number of the account with this name.
pub fn find_account(store: &Store, name: &str) -> Result<AccountNumber, AccountError> {
    let name = AccountName::new(name)?;
    store
        .get::<AccountNumber>(&schema::account_name(name.as_str()))?
        .ok_or_else(|| AccountError::Unknown(name.as_str().to_owned()))
}

/// An account, unless it is being deleted.
///
/// # Errors
///
/// [`AccountError::Gone`] if the account is missing or being deleted.
pub fn read_live(store: &Store, number: AccountNumber) -> Result<Account, AccountError> {
    let found = store.get::<Account>(&schema::account(number))?;
    found.filter(|account| !account.deleting).ok_or(AccountError::Gone)
}

/// Makes a change fail if the account is being deleted.
pub(in crate::domain) fn check_live(
    transaction: &Transaction<'_, '_>,
    number: AccountNumber,
) -> Result<(), AccountError> {
    let found = transaction.get::<Account>(&schema::account(number))?;
    found.filter(|account| !account.deleting).map(|_| ()).ok_or(AccountError::Gone)
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
