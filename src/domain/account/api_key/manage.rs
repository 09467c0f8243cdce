//! What the holder of a private key does with the keys of the account. The operator's functions are in
//! [`crate::domain::operator`].

use serde::{Deserialize, Serialize};

use super::{
    ApiKey, ApiKeys, AskedBy, KeyKind, NewApiKey, StoredApiKey, generate, of_account, set_name,
};
use crate::{
    clock::UnixSeconds,
    crypto::Random,
    domain::{
        account::{AccountError, check_live, display_name::DisplayName},
        numbers::AccountNumber,
        schema,
    },
    store::{Record, Store, StoreError, Transaction},
};

/// The largest number of keys that an account can have when it creates another one. All keys are in memory.
pub const MAX_KEYS: usize = 100;

/// The reason why a change of an account's keys was refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// The account has no key with this id.
    #[error("there is no such API key")]
    Unknown,
    /// The account already has [`MAX_KEYS`] keys.
    #[error("an account has {} API keys at most: revoke one first", MAX_KEYS)]
    TooMany,
    /// It is the only private key of the account.
    #[error("this is the only private key of the account")]
    LastPrivate,
    /// It is the key of the request.
    #[error("this is the key of the request")]
    Own,
    /// An error of the account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who revokes a key.
#[derive(Clone, Copy, Debug)]
pub struct RevokedBy {
    /// The hash of the key that is used for it.
    pub key: [u8; 32],
    /// Whether this key itself may be revoked.
    pub may_be_itself: bool,
}

impl ApiKeys {
    /// Creates a key for an account that has fewer than [`MAX_KEYS`]. Blocks.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::TooMany`] and those of the account and the store.
    pub fn create(
        &self,
        store: &Store,
        account: AccountNumber,
        (kind, name): (KeyKind, Option<DisplayName>),
        by: AskedBy,
        random: &dyn Random,
        now: UnixSeconds,
    ) -> Result<NewApiKey, ApiKeyError> {
        let (key, hash) = generate(kind, random);
        let stored = StoredApiKey { hash, key: ApiKey::new(account, kind, name, now) };
        loop {
            // Read before the keys, so that a key that is missing in the count changes it.
            let counted = store.get(&schema::created_keys(account))?;
            if of_account(store, account)?.len() >= MAX_KEYS {
                return Err(ApiKeyError::TooMany);
            }
            if store.change(put(stored.clone(), counted, by)).wait()? {
                break;
            }
        }
        self.learn(store, &stored);
        Ok(NewApiKey { key, stored })
    }

    /// The account's key with this id. Blocks.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unknown`] for a key of another account, too, and [`StoreError`].
    pub fn of_id(
        &self,
        store: &Store,
        account: AccountNumber,
        id: &str,
    ) -> Result<StoredApiKey, ApiKeyError> {
        find(store, account, id).map(|(found, _)| found)
    }

    /// Sets or removes the name of an account's key. Blocks.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unknown`] for a key of another account, too, and [`StoreError`].
    pub fn rename(
        &self,
        store: &Store,
        account: AccountNumber,
        id: &str,
        name: Option<DisplayName>,
        by: AskedBy,
    ) -> Result<StoredApiKey, ApiKeyError> {
        let (found, _) = find(store, account, id)?;
        set_name(store, found.hash, name, by)?.ok_or(ApiKeyError::Unknown)
    }

    /// Revokes a key of an account: it is refused as soon as this returns. Blocks.
    ///
    /// An account always keeps a private key, because only those can create another one.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unknown`] for a key of another account, too, [`ApiKeyError::LastPrivate`],
    /// [`ApiKeyError::Own`] and [`StoreError`].
    pub fn revoke(
        &self,
        store: &Store,
        account: AccountNumber,
        id: &str,
        by: RevokedBy,
    ) -> Result<(), ApiKeyError> {
        let (found, others) = find(store, account, id)?;
        let hash = found.hash;
        store.change(revoke(found, others, by)).wait()?;
        self.forget(&hash);
        Ok(())
    }
}

/// The number of keys that an account has created, also those that are revoked.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct CreatedKeys(u64);

impl Record for CreatedKeys {
    const VERSION: u8 = 1;
}

/// Stores a new key, unless its account has created another one since `counted` was read; returns whether it
/// did.
fn put(
    new: StoredApiKey,
    counted: Option<CreatedKeys>,
    by: AskedBy,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, ApiKeyError> + Send + 'static {
    move |transaction| {
        transaction.check_room()?;
        by.check(transaction)?;
        check_live(transaction, new.key.account)?;
        let at = schema::created_keys(new.key.account);
        if transaction.get::<CreatedKeys>(&at)? != counted {
            return Ok(false);
        }
        let CreatedKeys(before) = counted.unwrap_or_default();
        transaction.put(&at, &CreatedKeys(before.saturating_add(1)))?;
        transaction.put(&new.record_key(), &new.key)?;
        Ok(true)
    }
}

/// Revokes `revoked` if one of the other private keys of its account is still stored. Keys that were created
/// since `others` were read do not count, which can only refuse too much.
fn revoke(
    revoked: StoredApiKey,
    others: Vec<StoredApiKey>,
    by: RevokedBy,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), ApiKeyError> + Send + 'static {
    move |transaction| {
        let is_stored = |stored: &StoredApiKey| {
            transaction.get::<ApiKey>(&stored.record_key()).map(|found| found.is_some())
        };
        // Of two revocations at once, only the first finds the key that revokes.
        if !is_stored(&revoked)? {
            return Err(ApiKeyError::Unknown);
        }
        if revoked.key.kind == KeyKind::Private {
            let mut is_kept = false;
            for other in others.iter().filter(|other| other.key.kind == KeyKind::Private) {
                is_kept = is_kept || is_stored(other)?;
            }
            if !is_kept {
                return Err(ApiKeyError::LastPrivate);
            }
        }
        if revoked.hash == by.key && !by.may_be_itself {
            return Err(ApiKeyError::Own);
        }
        AskedBy::Key(by.key).check(transaction)?;
        Ok(transaction.delete(&revoked.record_key())?)
    }
}

/// The account's key with this id, and its other keys.
fn find(
    store: &Store,
    account: AccountNumber,
    id: &str,
) -> Result<(StoredApiKey, Vec<StoredApiKey>), ApiKeyError> {
    let mut keys = of_account(store, account)?;
    let place = keys.iter().position(|stored| stored.id() == id).ok_or(ApiKeyError::Unknown)?;
    Ok((keys.swap_remove(place), keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SeededRandom,
        domain::operator::create_account,
        store::faulty::{MemoryDisk, Sharing},
    };

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    #[test]
    fn two_processes_together_create_no_key_too_many() {
        let disk = MemoryDisk::new(Sharing::Shared, 1);
        let [one, other] = [(), ()].map(|()| Store::in_memory(&disk).unwrap());
        create_account(&one, "alice", 10, &SeededRandom::new(0), NOW).unwrap();
        let create = |store: &Store, seed: usize| {
            let (keys, random) = (ApiKeys::load(store).unwrap(), SeededRandom::new(seed as u64));
            let new = (KeyKind::Public, None);
            keys.create(store, AccountNumber::FIRST, new, AskedBy::Operator, &random, NOW).map(drop)
        };
        let count = |store: &Store| of_account(store, AccountNumber::FIRST).unwrap().len();
        // The account begins with two keys. The other process creates one while the first one commits, so that
        // the first one counts again.
        for seed in 3..MAX_KEYS - 1 {
            if seed == 50 {
                let rival = other.clone();
                disk.before_next_commit(move || create(&rival, 1000).unwrap());
            }
            create(&one, seed).unwrap();
        }
        assert_eq!(count(&one), MAX_KEYS - 1);
        let rival = other.clone();
        disk.before_next_commit(move || create(&rival, 2000).unwrap());
        assert!(matches!(create(&one, 2001), Err(ApiKeyError::TooMany)));
        assert_eq!(count(&other), MAX_KEYS);
    }
}
