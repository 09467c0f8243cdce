//! Secrets: created once, viewed a limited number of times, then burned.
//!
//! The functions here return changes for the store's writer. Each change runs alone and is durable before its
//! result is returned. Parsing, password hashes and HTTP are handled by the callers.

pub mod attachment;
pub mod change;
pub mod ciphertext;
pub mod event;
pub(crate) mod gaps;
pub mod lease;
pub mod list;
pub mod manage;
#[cfg(test)]
mod model_tests;
mod older;
pub mod reply;
pub mod sealed_answer;
pub mod sealed_here;
pub mod self_destruct;
pub mod viewing;

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use self::{
    attachment::{AttachmentError, NewAttachments, draft},
    event::EventCounts,
};
use super::{
    account::{self, Account, AccountCounts, Metadata},
    alike::{self, StandIn},
    lifetime::Lifetime,
    limits::captcha::CaptchaError,
    numbers::{AccountNumber, SecretId, SecretNumber},
    schema::{self, Due, TextField},
    sealed_part::StoredAnswerKey,
    text::Text,
};
use crate::{
    clock::UnixSeconds,
    crypto::{PasswordHash, bytes_equal},
    store::{Payload, Record, RecordFields, StoreError, Transaction},
};

/// A secret's record. Its sealed payload is attached to it in the store until the payload is burned.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secret {
    pub(super) random: [u8; 15],
    /// The time of creation.
    pub created_at: UnixSeconds,
    /// The lifetime in hours; 0 for a secret that never expires.
    pub expiration_hours: u64,
    /// The time from which the secret cannot be viewed; `None` for a secret that never expires.
    pub expires_at: Option<UnixSeconds>,
    /// The number of views that are allowed.
    pub max_views: NonZeroU8,
    /// The number of views that are spent.
    pub view_times: u8,
    /// Whether the page shows a button that must be clicked before the view.
    pub view_button: bool,
    /// Whether the page requires a proof of work before the view.
    pub captcha: bool,
    /// Whether a password was set. Keeps its value when the hash is deleted.
    pub has_password: bool,
    pub(super) password: Option<PasswordHash>,
    /// The number of wrong passwords; the secret is locked at [`MAX_WRONG_PASSWORDS`].
    pub wrong_passwords: u8,
    pub(super) has_description: bool,
    pub(super) has_message: bool,
    /// The time at which the secret became a tombstone.
    pub(super) gone_at: Option<UnixSeconds>,
    /// The number of entries in the event log.
    pub(super) events: EventCounts,
    /// The number of leases that were given.
    pub(super) leases: u8,
    /// The latest end of the leases that were not given back.
    pub(super) leased_until: Option<UnixSeconds>,
    /// The number of attachments, including burned ones.
    pub attachments: u8,
    /// The size of all attachments together, in bytes.
    pub(super) attachment_bytes: u64,
    /// Whether the secret is an unpublished draft, which cannot be viewed.
    pub is_draft: bool,
    /// When viewers see the message.
    pub message_shown: MessageShown,
    /// Whether the owner of the account is the sender; not so for the answer to a secret request.
    pub is_from_owner: bool,
}

/// When viewers see the sender's message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageShown {
    /// With the secret, after a view was spent.
    #[default]
    With,
    /// Before the view, to each client with the link, and with the secret.
    Before,
}

/// The number of wrong passwords, from all clients together, that locks a secret.
pub const MAX_WRONG_PASSWORDS: u8 = 100;

impl Record for Secret {
    const VERSION: u8 = 4;
    const SEALS_OTHERS: bool = true;

    fn from_older(version: u8, fields: RecordFields<'_>) -> Option<Result<Self, StoreError>> {
        (version == 3).then(|| fields.read::<older::SecretV3>().map(Self::from))
    }
}

/// A new secret, already validated.
pub struct NewSecret {
    /// The 120 random bits of its id. The payload is sealed with them as the context.
    pub random: [u8; 15],
    /// The sealed ciphertext and private half.
    pub payload: Payload,
    /// The description, visible to the owner only.
    pub description: Option<Text>,
    /// The message, visible to the owner and the viewer.
    pub message: Option<Text>,
    /// When viewers see the message.
    pub message_shown: MessageShown,
    /// Whether the owner of the account is the sender; not so for the answer to a secret request.
    pub is_from_owner: bool,
    /// The lifetime.
    pub lifetime: Lifetime,
    /// Whether the page shows a button that must be clicked before the view.
    pub view_button: bool,
    /// Whether the page requires a proof of work before the view.
    pub captcha: bool,
    /// The hash of the password that viewers need.
    pub password: Option<PasswordHash>,
    /// The number of views that are allowed.
    pub max_views: NonZeroU8,
    /// The attachments.
    pub attachments: Option<NewAttachments>,
    /// The key for a reply of a viewer, if the sender allows one.
    pub reply_key: Option<StoredAnswerKey>,
}

/// The reason why a change of a secret was refused.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Unknown, expired, used up, or in another account. The answer does not tell which.
    #[error("there is no such secret")]
    NotFound,
    /// The account has used its allowance of secrets for this month.
    #[error("the allowance of {0} secrets this month is used up")]
    OverAllowance(u64),
    /// A password is needed. Contains the hash to check the password against.
    #[error("a password is needed")]
    PasswordNeeded(Box<PasswordHash>),
    /// A proof of work is needed, and possibly a password as well.
    #[error("a proof of work is needed")]
    CaptchaNeeded(Option<Box<PasswordHash>>),
    /// The proof of work is refused.
    #[error(transparent)]
    Captcha(CaptchaError),
    /// The secret is locked after too many wrong passwords.
    #[error("locked after too many wrong passwords")]
    Locked,
    /// The storage for attachments is full.
    #[error("the storage for attachments is full")]
    OverQuota,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CaptchaError> for SecretError {
    fn from(error: CaptchaError) -> Self {
        match error {
            CaptchaError::Store(error) => Self::Store(error),
            CaptchaError::Bad(_) | CaptchaError::Used => Self::Captcha(error),
        }
    }
}

impl From<AttachmentError> for SecretError {
    fn from(error: AttachmentError) -> Self {
        match error {
            AttachmentError::OverQuota => Self::OverQuota,
            AttachmentError::Store(error) => Self::Store(error),
            _ => Self::NotFound,
        }
    }
}

impl Secret {
    /// Whether the secret has expired at `now`. The time of expiry itself counts as expired.
    #[must_use]
    pub fn is_expired(&self, now: UnixSeconds) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// Whether wrong passwords have locked the secret.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.wrong_passwords >= MAX_WRONG_PASSWORDS
    }

    /// Whether a viewer with the link could spend a view at `now`.
    pub(super) fn is_live(&self, now: UnixSeconds) -> bool {
        self.has_payload(now) && !self.is_used_up()
    }

    /// Whether the payload can be shown at `now`, if only to holders of a lease.
    pub(super) fn has_payload(&self, now: UnixSeconds) -> bool {
        self.gone_at.is_none() && !self.is_expired(now) && !self.is_draft
    }

    /// Whether all views are spent.
    pub(super) fn is_used_up(&self) -> bool {
        self.view_times >= self.max_views.get()
    }

    /// The latest end of the leases that are live at `now`.
    pub(super) fn live_lease(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        self.leased_until.filter(|end| lease::is_live(*end, now))
    }

    /// The time of expiry of a lifetime that begins at `start`; `None` if it never expires.
    pub(super) fn lifetime_ends(&self, start: UnixSeconds) -> Option<UnixSeconds> {
        Lifetime::of_record(self.expiration_hours).ends_at(start)
    }

    fn text_fields(&self) -> [(TextField, bool); 2] {
        [(TextField::Description, self.has_description), (TextField::Message, self.has_message)]
    }
}

/// Creates a secret in `account`. Returns its number, its record, and the account's figures.
pub fn create(
    account: AccountNumber,
    new: NewSecret,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(SecretNumber, Secret, Metadata), SecretError>
+ Send
+ 'static {
    move |transaction| insert(transaction, account, &new, now)
}

/// A secret that is over, read in place of an unknown one; see [`super::alike`].
pub(super) fn stand_in() -> Secret {
    Secret {
        random: [0; 15],
        created_at: UnixSeconds(1_800_000_000),
        expiration_hours: 168,
        expires_at: Some(UnixSeconds(1_800_604_800)),
        max_views: NonZeroU8::MIN,
        view_times: 1,
        view_button: false,
        captcha: false,
        has_password: false,
        password: None,
        wrong_passwords: 0,
        has_description: false,
        has_message: false,
        gone_at: Some(UnixSeconds(1_800_000_000)),
        events: EventCounts::default(),
        leases: 0,
        leased_until: None,
        attachments: 0,
        attachment_bytes: 0,
        is_draft: false,
        message_shown: MessageShown::With,
        is_from_owner: false,
    }
}

/// Does the work of [`create`] inside another change.
pub(super) fn insert(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    new: &NewSecret,
    now: UnixSeconds,
) -> Result<(SecretNumber, Secret, Metadata), SecretError> {
    transaction.check_room()?;
    let owner = live_account(transaction, account)?;
    let (sequence, counts) = account::count_secret(transaction, account, &owner, now)?
        .ok_or(SecretError::OverAllowance(owner.allowance))?;
    let number = SecretNumber { account, sequence };
    let mut secret = Secret {
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
        events: EventCounts::default(),
        leases: 0,
        leased_until: None,
        attachments: 0,
        attachment_bytes: 0,
        is_draft: false,
        message_shown: new.message_shown,
        is_from_owner: new.is_from_owner,
    };
    if let Some(key) = &new.reply_key {
        reply::allow(transaction, number, key)?;
    }
    if let Some(attachments) = &new.attachments {
        let begun = (attachments, new.lifetime);
        draft::begin(transaction, number, &mut secret, begun, now)?;
    }
    transaction.put_sealed(&schema::secret(number), &secret, &new.payload)?;
    let texts = [(TextField::Description, &new.description), (TextField::Message, &new.message)];
    for (field, text) in texts {
        if let Some(text) = text {
            transaction.put(&schema::text(number, field), text)?;
        }
    }
    if let Some(end) = secret.expires_at {
        transaction.put(&schema::due(end, number), &Due)?;
    }
    Ok((number, secret, counts.metadata(&owner, now)))
}

/// Burns a secret and removes it from the list, whatever its state.
pub fn delete(
    account: AccountNumber,
    id: SecretId,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Metadata, SecretError> + Send + 'static {
    move |transaction| {
        let secret = owned_secret(transaction, account, id)?;
        remove_or_drop(transaction, id.number, &secret)?;
        metadata(transaction, account, now)
    }
}

impl Secret {
    /// Turns the record into a tombstone. The caller burns the payload.
    pub(super) fn end(&mut self, now: UnixSeconds) {
        self.password = None;
        self.gone_at = Some(now);
    }

    /// Ends a secret and makes sure that the expiry index has an entry for its tombstone.
    pub(super) fn bury(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<(), StoreError> {
        self.end(now);
        match self.expires_at {
            Some(_) => Ok(()),
            None => transaction.put(&schema::due(now.plus(keep_log_seconds), number), &Due),
        }
    }

    /// Burns the payload and the attachments. The caller ends the record and writes it.
    pub(super) fn burn(
        &self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
    ) -> Result<(), StoreError> {
        transaction.burn(&schema::secret(number))?;
        attachment::remove_all(transaction, number, self)
    }

    /// The next time at which the secret must be checked: the end of the last lease if no view is left, else
    /// the expiry.
    pub(super) fn next_end(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        match self.live_lease(now) {
            Some(end) if self.is_used_up() => Some(end),
            _ => self.expires_at,
        }
    }

    /// The time at which the tombstone is deleted. A tombstone stays at least as long as the secret would
    /// have lived.
    pub(super) fn tombstone_ends(&self, keep_log_seconds: u64) -> Option<UnixSeconds> {
        let kept = self.gone_at?.plus(keep_log_seconds);
        Some(self.expires_at.map_or(kept, |end| end.max(kept)))
    }

    /// The id in links, for the record at `number`.
    #[must_use]
    pub fn id(&self, number: SecretNumber) -> SecretId {
        SecretId { number, random: self.random }
    }
}

/// Deletes a secret. If it is a draft, its use of the allowance is given back.
pub(super) fn remove_or_drop(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<(), StoreError> {
    match secret.is_draft {
        true => draft::end(transaction, number, secret),
        false => remove(transaction, number, secret),
    }
}

/// Deletes all records and files of a secret.
pub(super) fn remove(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<(), StoreError> {
    transaction.delete(&schema::secret(number))?;
    if secret.attachments > 0 {
        attachment::remove_all(transaction, number, secret)?;
        transaction.delete(&schema::draft(number))?;
    }
    for (field, there) in secret.text_fields() {
        if there {
            transaction.delete(&schema::text(number, field))?;
        }
    }
    for index in 0..secret.view_times {
        transaction.delete(&schema::view(number, index))?;
    }
    for index in 0..secret.events.total() {
        transaction.delete(&schema::event(number, index))?;
    }
    if secret.leases > 0 {
        for key in transaction.keys(&schema::leases(number), usize::from(secret.leases))? {
            transaction.delete(&key)?;
        }
    }
    if number.account == AccountNumber::NOBODY {
        transaction.delete(&schema::manage(number))?;
    }
    reply::remove_with(transaction, number)?;
    for end in [secret.expires_at, secret.leased_until].into_iter().flatten() {
        transaction.delete(&schema::due(end, number))?;
    }
    gaps::count(transaction, number)?;
    account::uncount_secret(transaction, number.account)
}

pub(super) fn live_account(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
) -> Result<Account, SecretError> {
    let found = transaction.get::<Account>(&schema::account(account))?;
    account::live(account, found).ok_or(SecretError::NotFound)
}

/// The figures of a live account, for an answer.
fn metadata(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
    now: UnixSeconds,
) -> Result<Metadata, SecretError> {
    let owner = live_account(transaction, account)?;
    Ok(AccountCounts::glance(transaction, account, &owner)?.metadata(&owner, now))
}

pub(super) fn owned_secret(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
    id: SecretId,
) -> Result<Secret, SecretError> {
    let key = schema::secret(id.number);
    let found = alike::read(|key| transaction.get::<Secret>(key), &key, StandIn::Secret)?;
    found
        .filter(|secret| id.number.account == account && bytes_equal(&secret.random, &id.random))
        .ok_or(SecretError::NotFound)
}

/// The secret with this id, whatever its state.
pub(super) fn linked_secret(
    transaction: &Transaction<'_, '_>,
    id: SecretId,
) -> Result<Secret, SecretError> {
    let secret = owned_secret(transaction, id.number.account, id);
    // An account that is being deleted shows no secrets.
    let key = schema::account(id.number.account);
    let found = alike::read(|key| transaction.get::<Account>(key), &key, StandIn::Account)?;
    let is_live = account::live(id.number.account, found).is_some();
    secret.and_then(|secret| if is_live { Ok(secret) } else { Err(SecretError::NotFound) })
}

pub(super) fn live_secret(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
    id: SecretId,
    now: UnixSeconds,
) -> Result<Secret, SecretError> {
    let secret = owned_secret(transaction, account, id)?;
    if secret.is_live(now) { Ok(secret) } else { Err(SecretError::NotFound) }
}
