//! What the holder of a private key does with the keys of the account. The operator's functions are in
//! [`crate::domain::operator`].

use std::sync::PoisonError;

use super::{ApiKey, ApiKeys, KeyKind, NewApiKey, StoredApiKey, generate, of_account, set_name};
use crate::{
    clock::UnixSeconds,
    crypto::Random,
    domain::{
        account::{AccountError, check_live, display_name::DisplayName},
        numbers::AccountNumber,
        schema,
    },
    store::{Store, StoreError, Transaction},
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
        random: &dyn Random,
        now: UnixSeconds,
    ) -> Result<NewApiKey, ApiKeyError> {
        let _alone = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        if of_account(store, account)?.len() >= MAX_KEYS {
            return Err(ApiKeyError::TooMany);
        }
        let (key, hash) = generate(kind, random);
        let stored = StoredApiKey { hash, key: ApiKey::new(account, kind, name, now) };
        let new = stored.clone();
        store
            .change(move |transaction| {
                transaction.check_room()?;
                check_live(transaction, account)?;
                Ok::<_, ApiKeyError>(transaction.put(&new.record_key(), &new.key)?)
            })
            .wait()?;
        self.reload(store)?;
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
    ) -> Result<StoredApiKey, ApiKeyError> {
        let (found, _) = find(store, account, id)?;
        set_name(store, found.hash, name)?.ok_or(ApiKeyError::Unknown)
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
        store.change(revoke(found, others, by)).wait()?;
        self.reload(store)?;
        Ok(())
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
        if transaction.get::<ApiKey>(&schema::api_key(&by.key))?.is_none() {
            return Err(ApiKeyError::Account(AccountError::Gone));
        }
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
