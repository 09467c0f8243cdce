//! Secrets: created once, viewed as often as promised, then gone.
//!
//! The functions here make changes for the store's writer, so each is alone while it runs and durable
//! when it is answered. What happens around them (parsing, passwords, HTTP) is elsewhere.

use std::{fmt, num::NonZeroU8};

use serde::{Deserialize, Serialize};

use super::{
    account::{Account, AccountNumber, Metadata},
    keys::{self, TextField},
    lifetime::Lifetime,
    text::Text,
    view::View,
};
use crate::{
    clock::UnixSeconds,
    crypto::{PasswordHash, bytes_equal},
    store::{FoundPayload, Payload, Record, StoreError, Transaction},
};

/// Where a secret's record lies: its account, and its number there, below 2^40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretNumber {
    /// Whose it is.
    pub account: AccountNumber,
    /// Counts the account's secrets.
    pub sequence: u64,
}

/// What a link names: where the record lies, and the random bits that prove one was given the link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretId {
    /// Where the record lies.
    pub number: SecretNumber,
    /// 120 random bits.
    pub random: [u8; 15],
}

/// A secret's record. Its payload, sealed, is attached to it in the store until it is burned.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secret {
    random: [u8; 15],
    /// When it was made.
    pub created_at: UnixSeconds,
    /// The lifetime in hours, 0 for ever.
    pub expiration_hours: u64,
    /// From this moment on nobody views it; `None` for never.
    pub expires_at: Option<UnixSeconds>,
    /// How many views were promised.
    pub max_views: NonZeroU8,
    /// How many of them are spent.
    pub view_times: u8,
    /// The page asks for a click first.
    pub view_button: bool,
    /// The page asks for a proof of work first.
    pub captcha: bool,
    /// Whether a password was set. Stays when the hash goes.
    pub has_password: bool,
    password: Option<PasswordHash>,
    /// See [`MAX_WRONG_PASSWORDS`].
    pub wrong_passwords: u8,
    has_description: bool,
    has_message: bool,
    /// Since when it is a tombstone.
    gone_at: Option<UnixSeconds>,
}

/// So many wrong passwords, from anywhere, lock a secret.
pub const MAX_WRONG_PASSWORDS: u8 = 100;

/// Says in the expiry index that the sweeper is to look at a secret.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Due;

impl Record for Secret {
    const VERSION: u8 = 1;
}
impl Record for Due {
    const VERSION: u8 = 1;
}

/// Everything about a secret to be made, checked.
pub struct NewSecret {
    /// 120 random bits of its id, with which its payload was sealed.
    pub random: [u8; 15],
    /// The sealed ciphertext and private half.
    pub payload: Payload,
    /// Seen by the owner only.
    pub description: Option<Text>,
    /// Seen by the viewer, too.
    pub message: Option<Text>,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// See [`Secret::view_button`].
    pub view_button: bool,
    /// See [`Secret::captcha`].
    pub captcha: bool,
    /// What the viewer must know.
    pub password: Option<PasswordHash>,
    /// How many views are promised.
    pub max_views: NonZeroU8,
}

/// What a viewer gets, once the view is durable.
pub struct Viewed {
    /// Opens with the id's random bits as its context.
    pub payload: FoundPayload,
    /// The sender's message.
    pub message: Option<String>,
    /// Of the secret's account.
    pub metadata: Metadata,
}

/// Why a change of a secret was not made.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Never was, expired, used up, or another account's: nobody is told which.
    #[error("there is no such secret")]
    NotFound,
    /// The account has made as many secrets this month as it may.
    #[error("the allowance of {0} secrets this month is used up")]
    OverAllowance(u64),
    /// A password is needed, and this is what it must match.
    #[error("a password is needed")]
    PasswordNeeded(Box<PasswordHash>),
    /// Too many wrong passwords.
    #[error("locked after too many wrong passwords")]
    Locked,
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Without the random bits, which open the link.
impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretId").field("number", &self.number).finish_non_exhaustive()
    }
}

impl SecretNumber {
    const MAX_SEQUENCE: u64 = (1 << 40) - 1;

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

impl Secret {
    /// Whether its lifetime is over at `now`. The end itself is too late.
    #[must_use]
    pub fn is_expired(&self, now: UnixSeconds) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// Whether wrong passwords have locked it.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.wrong_passwords >= MAX_WRONG_PASSWORDS
    }

    /// Whether somebody who has the link could view it at `now`.
    pub(super) fn is_live(&self, now: UnixSeconds) -> bool {
        self.gone_at.is_none() && !self.is_expired(now) && self.view_times < self.max_views.get()
    }

    fn text_fields(&self) -> [(TextField, bool); 2] {
        [(TextField::Description, self.has_description), (TextField::Message, self.has_message)]
    }
}

/// Creates a secret in `account`. Answers its number, its record, and the account's figures.
pub fn create(
    account: AccountNumber,
    new: NewSecret,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(SecretNumber, Secret, Metadata), SecretError>
+ Send
+ 'static {
    move |transaction| {
        let mut owner = live_account(transaction, account)?;
        let sequence =
            owner.count_creation(now).ok_or(SecretError::OverAllowance(owner.allowance))?;
        let number = SecretNumber { account, sequence };
        let secret = Secret {
            random: new.random,
            created_at: now,
            expiration_hours: new.lifetime.hours(),
            expires_at: new.lifetime.ends_at(now),
            max_views: new.max_views,
            view_times: 0,
            view_button: new.view_button,
            captcha: new.captcha,
            has_password: new.password.is_some(),
            password: new.password.clone(),
            wrong_passwords: 0,
            has_description: new.description.is_some(),
            has_message: new.message.is_some(),
            gone_at: None,
        };
        transaction.put_sealed(&keys::secret(number), &secret, &new.payload)?;
        let texts =
            [(TextField::Description, &new.description), (TextField::Message, &new.message)];
        for (field, text) in texts {
            if let Some(text) = text {
                transaction.put(&keys::text(number, field), text)?;
            }
        }
        if let Some(end) = secret.expires_at {
            transaction.put(&keys::due(end, number), &Due)?;
        }
        transaction.put(&keys::account(account), &owner)?;
        Ok((number, secret, owner.metadata(now)))
    }
}

/// Spends a view for somebody with a key of `account`. `proof` is the hash that the viewer's password
/// has been checked against. The last view burns the payload; `keep_log_seconds` later its tombstone
/// goes, where the secret would have lived for ever.
///
/// `Ok(None)` is [`SecretError::NotFound`] with something to write down.
pub fn view(
    account: AccountNumber,
    id: SecretId,
    view: View,
    proof: Option<Box<PasswordHash>>,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<Viewed>, SecretError> + Send + 'static {
    move |transaction| {
        let now = view.at;
        let key = keys::secret(id.number);
        let mut secret = live_secret(transaction, account, id, now)?;
        if let Some(needed) = &secret.password {
            // A proof opens a locked secret, too: it was charged before the lock, perhaps as the last
            // try or beside others, and is about to be taken off again.
            if proof.as_deref() != Some(needed) {
                return Err(match secret.is_locked() {
                    true => SecretError::Locked,
                    false => SecretError::PasswordNeeded(Box::new(needed.clone())),
                });
            }
            secret.wrong_passwords = secret.wrong_passwords.saturating_sub(1);
        }
        let Some(payload) = transaction.payload(&key)? else {
            // A crash came between wiping the key and the record: the view that did it counts.
            secret.bury(transaction, id.number, now, keep_log_seconds)?;
            transaction.put(&key, &secret)?;
            return Ok(None);
        };
        transaction.put(&keys::view(id.number, secret.view_times), &view)?;
        secret.view_times += 1;
        if secret.view_times == secret.max_views.get() {
            transaction.burn(&key)?;
            secret.bury(transaction, id.number, now, keep_log_seconds)?;
        }
        transaction.put(&key, &secret)?;
        let message = match secret.has_message {
            true => transaction.get::<Text>(&keys::text(id.number, TextField::Message))?,
            false => None,
        };
        let metadata = live_account(transaction, account)?.metadata(now);
        Ok(Some(Viewed { payload, message: message.map(Text::into_string), metadata }))
    }
}

/// Counts a wrong password before it is checked, so that trying many at once gains nothing. A right
/// one is taken off again by [`view`].
pub fn charge_password(
    account: AccountNumber,
    id: SecretId,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), SecretError> + Send + 'static {
    move |transaction| {
        let mut secret = live_secret(transaction, account, id, now)?;
        if secret.is_locked() {
            return Err(SecretError::Locked);
        }
        secret.wrong_passwords += 1;
        Ok(transaction.put(&keys::secret(id.number), &secret)?)
    }
}

/// Burns a secret and takes it out of the list, whatever its state.
pub fn delete(
    account: AccountNumber,
    id: SecretId,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Metadata, SecretError> + Send + 'static {
    move |transaction| {
        let secret = owned_secret(transaction, account, id)?;
        remove(transaction, id.number, &secret)?;
        Ok(live_account(transaction, account)?.metadata(now))
    }
}

impl Secret {
    /// Turns the record into a tombstone. The payload is burned by whoever calls.
    pub(super) fn end(&mut self, now: UnixSeconds) {
        self.password = None;
        self.gone_at = Some(now);
    }

    /// Ends a secret that may have no other entry in the expiry index to end its tombstone.
    fn bury(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<(), StoreError> {
        self.end(now);
        match self.expires_at {
            Some(_) => Ok(()),
            None => transaction.put(&keys::due(now.plus(keep_log_seconds), number), &Due),
        }
    }

    pub(super) fn gone_at(&self) -> Option<UnixSeconds> {
        self.gone_at
    }

    /// The id in links, for a record found at `number`.
    #[must_use]
    pub fn id(&self, number: SecretNumber) -> SecretId {
        SecretId { number, random: self.random }
    }
}

/// Deletes everything that belongs to a secret.
pub(super) fn remove(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<(), StoreError> {
    transaction.delete(&keys::secret(number))?;
    for (field, there) in secret.text_fields() {
        if there {
            transaction.delete(&keys::text(number, field))?;
        }
    }
    for index in 0..secret.view_times {
        transaction.delete(&keys::view(number, index))?;
    }
    if let Some(end) = secret.expires_at {
        transaction.delete(&keys::due(end, number))?;
    }
    let account_key = keys::account(number.account);
    if let Some(mut account) = transaction.get::<Account>(&account_key)? {
        account.secrets_total = account.secrets_total.saturating_sub(1);
        transaction.put(&account_key, &account)?;
    }
    Ok(())
}

fn live_account(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
) -> Result<Account, SecretError> {
    let found = transaction.get::<Account>(&keys::account(account))?;
    found.filter(|account| !account.deleting).ok_or(SecretError::NotFound)
}

fn owned_secret(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
    id: SecretId,
) -> Result<Secret, SecretError> {
    let found = transaction.get::<Secret>(&keys::secret(id.number))?;
    found
        .filter(|secret| id.number.account == account && bytes_equal(&secret.random, &id.random))
        .ok_or(SecretError::NotFound)
}

fn live_secret(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
    id: SecretId,
    now: UnixSeconds,
) -> Result<Secret, SecretError> {
    let secret = owned_secret(transaction, account, id)?;
    if secret.is_live(now) { Ok(secret) } else { Err(SecretError::NotFound) }
}
