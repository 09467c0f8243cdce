//! Secrets without an account. The sender gets a manage token, which shows the log, and changes and burns the
//! secret.

use serde::{Deserialize, Serialize};

use super::{
    NewSecret, Secret, SecretError,
    change::{self, SecretChange, SecretChangeError},
    list::{self, SecretListEntry},
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, SecretText, bytes_equal, hex, random_array, sha256},
    domain::{
        alike::{self, StandIn},
        numbers::{AccountNumber, SecretId, SecretNumber},
        schema, secret,
    },
    store::{Record, Store, Transaction},
};

/// The stored form of the token: its SHA-256. A plain hash is enough for 256 random bits.
#[derive(Serialize, Deserialize)]
pub(crate) struct Manage([u8; 32]);

impl Record for Manage {
    const VERSION: u8 = 1;
}

impl Manage {
    pub(in crate::domain) fn new(token_hash: [u8; 32]) -> Self {
        Self(token_hash)
    }

    /// Whether this is the hash of the token. Compares in constant time.
    pub(in crate::domain) fn fits(&self, token_hash: &[u8; 32]) -> bool {
        bytes_equal(&self.0, token_hash)
    }
}

/// Read in place of a missing record; see [`crate::domain::alike`].
pub(crate) fn stand_in() -> Manage {
    Manage([0; 32])
}

/// Creates a token of 64 hexadecimal digits, and its hash.
#[must_use]
pub fn generate(random: &dyn Random) -> (SecretText, [u8; 32]) {
    let token = hex(&random_array::<32>(random));
    let hash = sha256(token.as_bytes());
    (SecretText::new(token), hash)
}

/// Creates a secret that belongs to [`AccountNumber::NOBODY`]. `hash` is the hash of its manage token.
pub fn create(
    new: NewSecret,
    hash: [u8; 32],
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(SecretNumber, Secret), SecretError> + Send + 'static
{
    move |transaction| {
        let (number, secret, _) = secret::insert(transaction, AccountNumber::NOBODY, &new, now)?;
        transaction.put(&schema::manage(number), &Manage(hash))?;
        Ok((number, secret))
    }
}

/// The metadata and log of a secret, without its payload. Reads the disk, so it must run on a blocking
/// thread.
///
/// # Errors
///
/// [`SecretError::NotFound`] for an unknown secret or a wrong token.
pub fn status(
    store: &Store,
    id: SecretId,
    token_hash: [u8; 32],
) -> Result<SecretListEntry, SecretError> {
    let kept = alike::read(|key| store.get(key), &schema::manage(id.number), StandIn::Manage)?;
    let secret = alike::read(|key| store.get(key), &schema::secret(id.number), StandIn::Secret)?;
    let secret = checked(id, secret, kept, token_hash)?;
    let found = list::details(store, vec![(id.number, secret)])?;
    found.into_iter().next().ok_or(SecretError::NotFound)
}

/// Changes a secret. Returns its entry in the list.
///
/// `Ok(None)` means [`SecretError::NotFound`], in a change that still writes something.
pub fn change(
    id: SecretId,
    token_hash: [u8; 32],
    change: SecretChange,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<SecretListEntry>, SecretChangeError>
+ Send
+ 'static {
    move |transaction| {
        let secret = managed(transaction, id, token_hash)?;
        change::apply(transaction, id.number, secret, &change, now, keep_log_seconds)
    }
}

/// Burns a secret and deletes all its records, whatever its state.
pub fn delete(
    id: SecretId,
    token_hash: [u8; 32],
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), SecretError> + Send + 'static {
    move |transaction| {
        let secret = managed(transaction, id, token_hash)?;
        Ok(secret::remove_or_drop(transaction, id.number, &secret)?)
    }
}

/// The secret with this id and manage token.
fn managed(
    transaction: &Transaction<'_, '_>,
    id: SecretId,
    token_hash: [u8; 32],
) -> Result<Secret, SecretError> {
    let (kept, secret) = (schema::manage(id.number), schema::secret(id.number));
    let kept = alike::read(|key| transaction.get(key), &kept, StandIn::Manage)?;
    let secret = alike::read(|key| transaction.get(key), &secret, StandIn::Secret)?;
    checked(id, secret, kept, token_hash)
}

fn checked(
    id: SecretId,
    secret: Option<Secret>,
    kept: Option<Manage>,
    token_hash: [u8; 32],
) -> Result<Secret, SecretError> {
    let is_right = kept.is_some_and(|kept| kept.fits(&token_hash));
    secret.filter(|secret| is_right && secret.id(id.number) == id).ok_or(SecretError::NotFound)
}
