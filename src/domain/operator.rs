//! The operator's commands: create, list and delete accounts and API keys.
//!
//! Each function blocks until its changes are durable.

use super::{
    account::{
        self, Account, AccountCounts, AccountError, AccountName,
        api_key::{self, ApiKey, AskedBy, KeyKind, NewApiKey, StoredApiKey},
        display_name::DisplayName,
    },
    notify::{outbox, webhook},
    numbers::AccountNumber,
    request::{self, Request},
    schema,
    secret::{self, Secret, gaps},
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, SecretText},
    domain::account::find_account,
    store::{Key, Scan, Store, Transaction},
};

/// The number of secrets of a deleted account that one change burns. Small, so that other changes wait only
/// briefly.
const BATCH: usize = 64;
/// The same for requests. A request that was used a thousand times consists of a thousand records.
const REQUEST_BATCH: usize = 4;

/// The keys of a new account, which are stored nowhere else.
pub struct NewAccount {
    /// The private key, with all rights in the account.
    pub private_key: SecretText,
    /// The public key, which can only view.
    pub public_key: SecretText,
}

/// An account that does not exist yet, with its generated keys.
pub struct AccountDraft {
    name: AccountName,
    hashes: [([u8; 32], KeyKind); 2],
}

/// An API key, as shown to the operator.
pub struct ListedApiKey {
    /// The name of its account.
    pub account: String,
    /// The key without its secret.
    pub stored: StoredApiKey,
}

/// The longest part of an id that an error repeats, in characters: the operator may have passed the key itself.
const MAX_ID_CHARS: usize = 12;

/// Creates an account with its two keys.
pub fn create_account(
    store: &Store,
    name: &str,
    allowance: u64,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<NewAccount, AccountError> {
    let (keys, draft) = draft_account(name, random)?;
    draft.store(store, allowance, now)?;
    Ok(keys)
}

/// Generates the keys of a new account. The account does not exist until [`AccountDraft::store`].
///
/// # Errors
///
/// [`AccountError::BadName`] for an invalid name.
pub fn draft_account(
    name: &str,
    random: &dyn Random,
) -> Result<(NewAccount, AccountDraft), AccountError> {
    let name = AccountName::new(name)?;
    let (private_key, private_hash) = api_key::generate(KeyKind::Private, random);
    let (public_key, public_hash) = api_key::generate(KeyKind::Public, random);
    let hashes = [(private_hash, KeyKind::Private), (public_hash, KeyKind::Public)];
    Ok((NewAccount { private_key, public_key }, AccountDraft { name, hashes }))
}

impl AccountDraft {
    /// Creates the account.
    pub fn store(
        self,
        store: &Store,
        allowance: u64,
        now: UnixSeconds,
    ) -> Result<(), AccountError> {
        store.change(account::create(self.name, allowance, self.hashes, now)).wait()?;
        Ok(())
    }

    /// Creates the account if none has ever been created in this store, by any process. Returns whether it did.
    ///
    /// # Errors
    ///
    /// [`AccountError::Store`].
    pub fn store_first(
        self,
        store: &Store,
        allowance: u64,
        now: UnixSeconds,
    ) -> Result<bool, AccountError> {
        let create = account::create(self.name, allowance, self.hashes, now);
        store
            .change(move |transaction| {
                match transaction.get::<AccountNumber>(&schema::next_account())? {
                    Some(_) => Ok(false),
                    None => create(transaction).map(|_| true),
                }
            })
            .wait()
    }
}

/// Whether an account has ever been created in this store.
pub fn has_had_accounts(store: &Store) -> Result<bool, AccountError> {
    Ok(store.get::<AccountNumber>(&schema::next_account())?.is_some())
}

/// All accounts in the order of their creation, each with its counts and the number of its keys.
pub fn accounts(store: &Store) -> Result<Vec<(Account, AccountCounts, u64)>, AccountError> {
    let api_keys = api_key::all(store)?;
    let mut accounts = Vec::new();
    for item in store.range::<Account>(&schema::accounts()) {
        let (key, account) = item?;
        let number = schema::account_number(&key).filter(|it| *it != AccountNumber::NOBODY);
        if let (Some(number), false) = (number, account.deleting) {
            let own = api_keys.iter().filter(|own| own.key.account == number);
            let counts = AccountCounts::read(store, number, &account)?;
            accounts.push((account, counts, own.count() as u64));
        }
    }
    Ok(accounts)
}

/// Deletes an account: first its name and its keys, which ends all access immediately, then its requests and
/// secrets in batches. Returns the number of secrets that could still be viewed at `now`.
pub fn delete_account(store: &Store, name: &str, now: UnixSeconds) -> Result<u64, AccountError> {
    let name = AccountName::new(name)?;
    let number = store
        .change(move |transaction| {
            let (number, mut account) = live_account(transaction, &name)?;
            account.deleting = true;
            transaction.put(&schema::account(number), &account)?;
            transaction.delete(&schema::account_name(name.as_str()))?;
            for key in transaction.keys(&schema::api_keys(), usize::MAX)? {
                let api_key = transaction.get::<ApiKey>(&key)?;
                if api_key.is_some_and(|api_key| api_key.account == number) {
                    transaction.delete(&key)?;
                }
            }
            Ok::<_, AccountError>(number)
        })
        .wait()?;
    burn_account(store, number, now)
}

/// Continues deletions that a crash interrupted.
pub fn finish_deletions(store: &Store, now: UnixSeconds) -> Result<(), AccountError> {
    for item in store.range::<Account>(&schema::accounts()) {
        let (key, account) = item?;
        if let (true, Some(number)) = (account.deleting, schema::account_number(&key)) {
            burn_account(store, number, now)?;
        }
    }
    Ok(())
}

/// Creates an API key.
pub fn create_key(
    store: &Store,
    account: &str,
    (kind, key_name): (KeyKind, Option<DisplayName>),
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<NewApiKey, AccountError> {
    let name = AccountName::new(account)?;
    let (key, hash) = api_key::generate(kind, random);
    let stored = store
        .change(move |transaction| {
            let (account, _) = live_account(transaction, &name)?;
            let key = ApiKey::new(account, kind, key_name.clone(), now);
            transaction.put(&schema::api_key(&hash), &key)?;
            Ok::<_, AccountError>(StoredApiKey { hash, key })
        })
        .wait()?;
    Ok(NewApiKey { key, stored })
}

/// The API keys of one account, or of all.
pub fn list_keys(store: &Store, account: Option<&str>) -> Result<Vec<ListedApiKey>, AccountError> {
    let only = account.map(|name| find_account(store, name)).transpose()?;
    let mut listed = Vec::new();
    for stored in api_key::all(store)? {
        if only.is_none_or(|number| number == stored.key.account) {
            let account = account_of(store, &stored)?;
            listed.push(ListedApiKey { account, stored });
        }
    }
    let order = |listed: &ListedApiKey| (listed.account.clone(), listed.stored.key.created_at);
    listed.sort_by_key(order);
    Ok(listed)
}

/// Sets or removes the name of the API key with this id.
pub fn rename_key(
    store: &Store,
    id: &str,
    name: Option<DisplayName>,
) -> Result<ListedApiKey, AccountError> {
    let found = find_key(store, id)?;
    let renamed = api_key::set_name(store, found.hash, name, AskedBy::Operator)?;
    let stored = renamed.ok_or_else(|| unknown_key(id))?;
    Ok(ListedApiKey { account: account_of(store, &stored)?, stored })
}

/// Revokes the API key with this id. Returns its account's name.
pub fn revoke_key(store: &Store, id: &str) -> Result<String, AccountError> {
    let revoked = find_key(store, id)?;
    let account = account_of(store, &revoked)?;
    let key = schema::api_key(&revoked.hash);
    store.change(move |transaction| Ok::<_, AccountError>(transaction.delete(&key)?)).wait()?;
    Ok(account)
}

fn find_key(store: &Store, id: &str) -> Result<StoredApiKey, AccountError> {
    let found = api_key::all(store)?.into_iter().find(|stored| stored.id() == id);
    found.ok_or_else(|| unknown_key(id))
}

fn unknown_key(id: &str) -> AccountError {
    AccountError::UnknownKey(id.chars().take(MAX_ID_CHARS).collect())
}

/// The name of a key's account.
fn account_of(store: &Store, stored: &StoredApiKey) -> Result<String, AccountError> {
    let account = store.get::<Account>(&schema::account(stored.key.account))?;
    Ok(account.map(|account| account.name).unwrap_or_default())
}

fn burn_account(
    store: &Store,
    number: AccountNumber,
    now: UnixSeconds,
) -> Result<u64, AccountError> {
    // Before the secrets, so that their deletion sends no notifications.
    store
        .change(move |transaction| {
            webhook::remove_all(transaction, number)?;
            transaction.delete(&schema::display_name(number))?;
            transaction.delete(&schema::created_keys(number))?;
            Ok::<_, AccountError>(transaction.delete(&schema::notify(number))?)
        })
        .wait()?;
    outbox::forget_account(store, number)?;
    remove_requests(store, number)?;
    let mut live = 0;
    loop {
        let batch = store.scan_keys(&Scan::of(&schema::secrets(number)).limit(BATCH))?;
        if batch.is_empty() {
            gaps::forget_account(store, number)?;
            store
                .change(move |transaction| {
                    account::forget_counts(transaction, number)?;
                    Ok::<_, AccountError>(transaction.delete(&schema::account(number))?)
                })
                .wait()?;
            return Ok(live);
        }
        live += store
            .change(move |transaction| {
                let mut live = 0;
                for key in &batch {
                    live += u64::from(burn_one(transaction, key, now)?);
                }
                Ok::<_, AccountError>(live)
            })
            .wait()?;
    }
}

fn remove_requests(store: &Store, account: AccountNumber) -> Result<(), AccountError> {
    loop {
        let batch = store.scan_keys(&Scan::of(&schema::requests(account)).limit(REQUEST_BATCH))?;
        if batch.is_empty() {
            return Ok(());
        }
        store
            .change(move |transaction| {
                for key in &batch {
                    match (schema::request_number(key), transaction.get::<Request>(key)?) {
                        (Some(number), Some(request)) => {
                            request::remove(transaction, number, &request)?;
                        }
                        // Its key may be gone: see `unreadable`.
                        (Some(number), None) => request::remove_unreadable(transaction, number)?,
                        (None, _) => transaction.delete(key)?,
                    }
                }
                Ok::<_, AccountError>(())
            })
            .wait()?;
    }
}

/// Deletes one secret. Returns whether it could still be viewed.
fn burn_one(
    transaction: &mut Transaction<'_, '_>,
    key: &Key,
    now: UnixSeconds,
) -> Result<bool, AccountError> {
    let (Some(number), Some(secret)) =
        (schema::secret_number(key), transaction.get::<Secret>(key)?)
    else {
        return Ok(false);
    };
    secret::remove(transaction, number, &secret)?;
    Ok(secret.is_live(now))
}

pub(super) fn live_account(
    transaction: &Transaction<'_, '_>,
    name: &AccountName,
) -> Result<(AccountNumber, Account), AccountError> {
    let unknown = || AccountError::Unknown(name.as_str().to_owned());
    let key = schema::account_name(name.as_str());
    let number = transaction.get::<AccountNumber>(&key)?.ok_or_else(unknown)?;
    let account = transaction.get::<Account>(&schema::account(number))?.ok_or_else(unknown)?;
    Ok((number, account))
}
