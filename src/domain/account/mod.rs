//! Accounts: they own API keys, secrets and secret requests, within an allowance.

pub mod api_key;
mod counts;
pub mod display_name;
mod fields;
#[cfg(test)]
mod model_tests;
mod share;
#[cfg(test)]
mod share_tests;

use serde::{Deserialize, Serialize};

pub use self::counts::{AccountCounts, Metadata, RequestMetadata};
pub(super) use self::counts::{
    count_request, count_secret, forget_counts, recount, uncount_secret,
};
use self::{
    api_key::{ApiKey, KeyKind},
    fields::AccountFields,
};
use super::schema;
use crate::{
    clock::UnixSeconds,
    domain::numbers::AccountNumber,
    store::{Record, RecordFields, Store, StoreError, Transaction},
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

/// An account. Its counts are apart, in [`AccountCounts`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "AccountFields", into = "AccountFields")]
pub struct Account {
    /// The name, in the form of [`AccountName`].
    pub name: String,
    /// The number of secrets that may be created in a calendar month (UTC).
    pub allowance: u64,
    /// The time of creation.
    pub created_at: UnixSeconds,
    /// Whether the account is being deleted: its keys are deleted and its secrets are being burned.
    pub(super) deleting: bool,
    /// The counts while they were in this record. They are read until the account has a record of counts.
    earlier_counts: AccountCounts,
    /// Whether this version has written the record.
    is_current: bool,
}

impl Record for Account {
    const VERSION: u8 = 3;

    fn from_older(version: u8, fields: RecordFields<'_>) -> Option<Result<Self, StoreError>> {
        let older = |fields: AccountFields| Self { is_current: false, ..fields.into() };
        (version == 2).then(|| fields.read::<AccountFields>().map(older))
    }
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
    /// The API key of the request was revoked in the meantime.
    #[error("the API key is not known any more")]
    Revoked,
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
            deleting: false,
            earlier_counts: AccountCounts::default(),
            is_current: true,
        }
    }
}

/// Read in place of a missing account; see [`super::alike`].
pub(super) fn stand_in() -> Account {
    Account::new("stand-in", 1000, UnixSeconds(0))
}

/// An account whose record was `found`, unless it is missing or being deleted. [`AccountNumber::NOBODY`] has no
/// limits, and no record before its first change.
pub(super) fn live(number: AccountNumber, found: Option<Account>) -> Option<Account> {
    let nobody = || Account { is_current: false, ..Account::new("", u64::MAX, UnixSeconds(0)) };
    let found = found.or_else(|| (number == AccountNumber::NOBODY).then(nobody));
    found.filter(|account| !account.deleting)
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
}
