//! API keys: shown once when they are created, stored as hashes.

mod keyed;
mod known;
mod manage;
mod older;

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::older::ApiKeyV1;
pub use self::{
    keyed::{AskedBy, KeyedError, with_key},
    known::{ApiKeys, KeyRights},
    manage::{ApiKeyError, MAX_KEYS, RevokedBy},
};
use super::{AccountError, display_name::DisplayName};
use crate::{
    clock::{UnixDay, UnixSeconds},
    crypto::{Random, SecretText, hex, random_array, sha256},
    domain::{numbers::AccountNumber, schema},
    store::{Key, Record, RecordFields, Store, StoreError},
};

/// The rights of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum KeyKind {
    /// All rights in its account.
    Private,
    /// Can only view secrets of its account, so it may be part of a public script.
    Public,
}

impl KeyKind {
    /// The prefix of keys of this kind.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Private => "private_key_",
            Self::Public => "public_key_",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::Public => "public",
        })
    }
}

impl FromStr for KeyKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "private" => Ok(Self::Private),
            "public" => Ok(Self::Public),
            _ => Err("give private or public"),
        }
    }
}

/// The record of a key, found by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The account that the key belongs to.
    pub account: AccountNumber,
    /// The rights of the key.
    pub kind: KeyKind,
    /// The time of creation.
    pub created_at: UnixSeconds,
    /// The name that its account or the operator has given it.
    pub name: Option<DisplayName>,
    /// The last day with a request with the key; `None` if there was none. See [`ApiKeys::write_uses`].
    pub last_used: Option<UnixDay>,
}

impl ApiKey {
    /// A key that was not used yet.
    pub(in crate::domain) fn new(
        account: AccountNumber,
        kind: KeyKind,
        name: Option<DisplayName>,
        now: UnixSeconds,
    ) -> Self {
        Self { account, kind, created_at: now, name, last_used: None }
    }
}

impl Record for ApiKey {
    const VERSION: u8 = 2;

    fn from_older(version: u8, fields: RecordFields<'_>) -> Option<Result<Self, StoreError>> {
        (version == 1).then(|| fields.read::<ApiKeyV1>().map(Self::from))
    }
}

/// A stored key with its hash.
#[derive(Clone, Debug)]
pub struct StoredApiKey {
    /// The hash of the key.
    pub hash: [u8; 32],
    /// The record.
    pub key: ApiKey,
}

/// A new API key, which is stored nowhere else.
pub struct NewApiKey {
    /// The key.
    pub key: SecretText,
    /// Its record.
    pub stored: StoredApiKey,
}

impl StoredApiKey {
    /// The public id; see [`key_id`].
    #[must_use]
    pub fn id(&self) -> String {
        key_id(&self.hash)
    }

    fn record_key(&self) -> Key {
        schema::api_key(&self.hash)
    }
}

/// Creates a key: its prefix and 256 random bits in hexadecimal; and its hash.
#[must_use]
pub fn generate(kind: KeyKind, random: &dyn Random) -> (SecretText, [u8; 32]) {
    let mut text = String::with_capacity(80);
    text.push_str(kind.prefix());
    for byte in random_array::<32>(random) {
        text.push_str(&format!("{byte:02x}"));
    }
    let hash = sha256(text.as_bytes());
    (SecretText::new(text), hash)
}

/// The public id of a key: the first 12 hexadecimal digits of its hash.
#[must_use]
pub fn key_id(hash: &[u8; 32]) -> String {
    hex(&hash[..6])
}

/// The hash of a key that a client has sent.
#[must_use]
pub fn key_hash(key: &[u8]) -> [u8; 32] {
    sha256(key)
}

/// All keys of all accounts. Reads the disk, so it must run on a blocking thread.
pub(in crate::domain) fn all(store: &Store) -> Result<Vec<StoredApiKey>, StoreError> {
    let mut found = Vec::new();
    for item in store.range::<ApiKey>(&schema::api_keys()) {
        let (key, api_key) = item?;
        if let Some(hash) = key.as_bytes().last_chunk::<32>() {
            found.push(StoredApiKey { hash: *hash, key: api_key });
        }
    }
    Ok(found)
}

/// The keys of an account, oldest first. Reads the disk, so it must run on a blocking thread.
///
/// # Errors
///
/// [`StoreError`].
pub fn of_account(store: &Store, account: AccountNumber) -> Result<Vec<StoredApiKey>, StoreError> {
    let mut keys = all(store)?;
    keys.retain(|stored| stored.key.account == account);
    keys.sort_by_key(|stored| (stored.key.created_at, stored.hash));
    Ok(keys)
}

/// Sets or removes the name of a key. Returns the key; `None` if it was revoked. Blocks.
///
/// # Errors
///
/// [`AccountError::Revoked`] and [`AccountError::Store`].
pub(in crate::domain) fn set_name(
    store: &Store,
    hash: [u8; 32],
    name: Option<DisplayName>,
    by: AskedBy,
) -> Result<Option<StoredApiKey>, AccountError> {
    store
        .change(move |transaction| {
            by.check(transaction)?;
            let at = schema::api_key(&hash);
            let Some(mut key) = transaction.get::<ApiKey>(&at)? else { return Ok(None) };
            key.name.clone_from(&name);
            transaction.put(&at, &key)?;
            Ok(Some(StoredApiKey { hash, key }))
        })
        .wait()
}
