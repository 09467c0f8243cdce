//! API keys: shown once when they are created, stored as hashes.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixSeconds,
    crypto::{Random, SecretText, hex, random_array, sha256},
    domain::{numbers::AccountNumber, schema},
    store::{Record, Store, StoreError},
};

/// The rights of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The account that the key belongs to.
    pub account: AccountNumber,
    /// The rights of the key.
    pub kind: KeyKind,
    /// The time of creation.
    pub created_at: UnixSeconds,
}

impl Record for ApiKey {
    const VERSION: u8 = 1;
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
pub fn key_id(hash: &[u8]) -> String {
    hex(hash.get(..KEY_ID_BYTES).unwrap_or(hash))
}

pub(crate) const KEY_ID_BYTES: usize = 6;

/// All API keys, in memory, so that a request is authenticated without a disk read.
///
/// There are few keys, about a hundred bytes each. Code that changes them in the store calls
/// [`ApiKeys::reload`].
pub struct ApiKeys(RwLock<HashMap<[u8; 32], ApiKey>>);

impl ApiKeys {
    /// Reads the keys from the store.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let keys = Self(RwLock::default());
        keys.reload(store)?;
        Ok(keys)
    }

    /// Reads the keys from the store again.
    pub fn reload(&self, store: &Store) -> Result<(), StoreError> {
        // Locked before the read, so that of two concurrent reloads the later one also reads later.
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut loaded = HashMap::new();
        for item in store.range::<ApiKey>(&schema::api_keys()) {
            let (key, api_key) = item?;
            if let Some(hash) = key.as_bytes().last_chunk::<32>() {
                loaded.insert(*hash, api_key);
            }
        }
        *known = loaded;
        Ok(())
    }

    /// The record of a key. The lookup uses the hash of the key, so its duration reveals nothing about
    /// similar keys.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<ApiKey> {
        let hash = sha256(key);
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&hash).copied()
    }
}
