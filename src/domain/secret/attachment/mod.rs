//! Attachments of secrets: files that their sender has sealed. They are stored beside the secret and burned
//! with it.
//!
//! A secret with attachments begins as a [`draft`], which cannot be viewed. Its sender uploads the
//! attachments by [`upload`], in parts if necessary; the last complete attachment publishes the secret. A
//! viewer downloads them by [`fetch`] while the lease is live. On disk each attachment is sealed again, under
//! a key in a slot of its own, so that burning the secret burns them immediately.

pub mod draft;
pub mod fetch;
#[cfg(test)]
mod limit_tests;
pub mod turn;
pub mod upload;

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::{
    crypto::{ChunkWriter, MessageKey, Random},
    domain::{
        notify::outbox::OutboxError,
        numbers::{AccountNumber, SecretId, SecretNumber},
        schema,
    },
    store::{FoundPayload, GrowingFile, Growth, Payload, Record, Store, StoreError, Transaction},
};

/// The largest number of attachments of a secret, whatever the operator allows.
pub const MOST_ATTACHMENTS: u8 = 64;

/// The limits that the operator sets.
#[derive(Clone, Copy, Debug)]
pub struct AttachmentLimits {
    /// The largest size of an attachment, as sealed by its sender, in bytes; `None` for no limit.
    pub max_bytes: Option<u64>,
    /// The number of attachments of a secret, at most [`MOST_ATTACHMENTS`].
    pub max_count: u8,
    /// The total size of the attachments of one account, in bytes; `None` for no limit. Secrets without an
    /// account count as one account.
    pub max_account_bytes: Option<u64>,
    /// The total size of all attachments, in bytes; `None` for no limit.
    pub max_storage_bytes: Option<u64>,
}

/// An attachment, possibly incomplete. Its received bytes are in a file beside its payload, except for the
/// tail.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Attachment {
    /// The number of received bytes that are durable.
    pub received: u64,
    /// The size of the whole attachment, if known.
    pub total: Option<u64>,
    /// Whether the attachment is complete.
    pub is_complete: bool,
    /// The number of bytes at the end that do not fill a chunk and are stored in a record of their own.
    tail: u32,
}

/// The end of an incomplete [`Attachment`], sealed.
#[derive(Serialize, Deserialize)]
struct Tail;

/// The total size of attachments, in bytes.
#[derive(Serialize, Deserialize)]
struct StoredBytes(u64);

impl Record for Attachment {
    const VERSION: u8 = 1;
}
impl Record for Tail {
    const VERSION: u8 = 1;
}
impl Record for StoredBytes {
    const VERSION: u8 = 1;
}

/// The reason why an operation on an attachment or a draft failed.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// The draft is unknown, has ended, belongs to another secret, or the token is wrong. The answer does not
    /// tell which.
    #[error("there is no such draft")]
    NotFound,
    /// A part does not begin at the end of the stored bytes, or contains no bytes.
    #[error("the stored bytes end at {received}")]
    Elsewhere {
        /// The end of the stored bytes.
        received: u64,
        /// Whether the attachment is complete.
        is_complete: bool,
    },
    /// Another upload of the attachment is in progress.
    #[error("another upload of the attachment is in progress")]
    UnderWay {
        /// The number of stored bytes.
        received: u64,
    },
    /// A part states another total size than the parts before it.
    #[error("the attachment has another total size than before")]
    OtherTotal,
    /// Some attachments are incomplete.
    #[error("not all attachments are complete")]
    Incomplete,
    /// The secret is already published.
    #[error("the secret is published already")]
    Published,
    /// The storage for attachments is full.
    #[error("the storage for attachments is full")]
    OverQuota,
    /// The mail with the complete link cannot be queued now.
    #[error("too many mails: try again in {retry_after_seconds} seconds")]
    TooManyMails {
        /// The time until the next mail is allowed.
        retry_after_seconds: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OutboxError> for AttachmentError {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::TooMany { retry_after_seconds } => {
                Self::TooManyMails { retry_after_seconds }
            }
            OutboxError::Store(error) => Self::Store(error),
        }
    }
}

/// The attachments of a new secret.
pub struct NewAttachments {
    /// The attachments that are complete; `None` for each that is uploaded later. Empty for a secret without
    /// attachments.
    pub items: Vec<Option<SealedAttachment>>,
    /// SHA-256 of the upload token.
    pub token_hash: [u8; 32],
    /// The limits that the operator sets.
    pub limits: AttachmentLimits,
}

impl NewAttachments {
    /// Whether some attachments are uploaded later.
    #[must_use]
    pub fn is_draft(&self) -> bool {
        self.items.iter().any(Option::is_none)
    }
}

/// A complete attachment on disk that belongs to no secret yet. Its file is deleted when it is dropped.
pub struct SealedAttachment {
    payload: Payload,
    bytes: u64,
}

impl SealedAttachment {
    /// Writes a complete attachment, number `n` of the secret with these `random` bits. Blocks.
    pub fn new(
        store: &Store,
        random: &dyn Random,
        secret: &[u8; 15],
        n: NonZeroU8,
        bytes: &[u8],
    ) -> Result<Self, StoreError> {
        let key = MessageKey::new(random);
        let mut writer = ChunkWriter::new(store.growing_file(random)?, &key, 0, random);
        writer.write(bytes)?;
        writer.finish()?;
        let file = writer.inner();
        file.sync()?;
        let payload = seal(store, random, secret, n, (&key, file, Growth::Finished))?;
        Ok(Self { payload, bytes: bytes.len() as u64 })
    }
}

/// Seals the head of an attachment's payload, which contains the key of its file.
fn seal(
    store: &Store,
    random: &dyn Random,
    secret: &[u8; 15],
    n: NonZeroU8,
    (key, file, growth): (&MessageKey, &GrowingFile, Growth),
) -> Result<Payload, StoreError> {
    let head = key.expose_secret().to_vec();
    store.seal_growing(random, &context(secret, n), head, file, growth)
}

/// Opens a head sealed by [`seal`].
fn open_head(
    payload: FoundPayload,
    id: &SecretId,
    n: NonZeroU8,
) -> Result<(MessageKey, Option<crate::store::BesideFile>), StoreError> {
    let (head, file) = payload.open_beside(&context(&id.random, n))?;
    let key = head.expose_secret().try_into().map(MessageKey::from_bytes);
    Ok((key.map_err(|_| StoreError::Damaged("an attachment's key is no key"))?, file))
}

/// The context for sealing the payload and the tail of an attachment.
fn context(secret: &[u8; 15], n: NonZeroU8) -> [u8; 16] {
    let mut context = [n.get(); 16];
    context[..15].copy_from_slice(secret);
    context
}

/// The numbers of a secret's attachments.
pub(super) fn numbers(secret: &Secret) -> impl Iterator<Item = NonZeroU8> + use<> {
    (1..=secret.attachments).filter_map(NonZeroU8::new)
}

/// The sizes of a secret's attachments, as sealed by their sender.
pub(super) fn sizes(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<Vec<u64>, StoreError> {
    numbers(secret)
        .map(|n| {
            let found = transaction.get::<Attachment>(&schema::attachment(number, n))?;
            Ok(found.map_or(0, |attachment| attachment.received))
        })
        .collect()
}

/// Whether the keys of all attachments of a secret exist. Some are missing if a crash interrupted burning the
/// secret.
pub(super) fn all_intact(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<bool, StoreError> {
    for n in numbers(secret) {
        if transaction.payload_head(&schema::attachment(number, n))?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Burns all attachments of a secret.
pub(super) fn remove_all(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<(), StoreError> {
    let mut bytes = 0_u64;
    for n in numbers(secret) {
        bytes = bytes.saturating_add(delete(transaction, number, n)?);
        // The last upload of a published secret has ended its lease.
        if secret.is_draft {
            turn::forget(transaction, number, n)?;
        }
    }
    count_out(transaction, number.account, bytes)
}

/// Burns one attachment, if it exists.
fn remove(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    n: NonZeroU8,
) -> Result<(), StoreError> {
    let bytes = delete(transaction, number, n)?;
    count_out(transaction, number.account, bytes)
}

/// Deletes the records of one attachment, if it exists. Returns its bytes, which the caller counts out.
fn delete(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    n: NonZeroU8,
) -> Result<u64, StoreError> {
    let key = schema::attachment(number, n);
    let Some(attachment) = transaction.get::<Attachment>(&key)? else { return Ok(0) };
    transaction.delete(&key)?;
    if attachment.tail > 0 {
        transaction.delete(&schema::attachment_tail(number, n))?;
    }
    Ok(attachment.received)
}

/// One attachment, if it exists. A crash may have burned its payload or its tail before the record was
/// changed. The record is corrected here, and the uploader sends the lost bytes again.
fn find_intact(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    n: NonZeroU8,
) -> Result<Option<Attachment>, StoreError> {
    let key = schema::attachment(number, n);
    let Some(mut attachment) = transaction.get::<Attachment>(&key)? else { return Ok(None) };
    if attachment.is_complete {
        return Ok(Some(attachment));
    }
    if transaction.unfinished(&key)?.is_none() {
        remove(transaction, number, n)?;
        return Ok(None);
    }
    let tail = schema::attachment_tail(number, n);
    if attachment.tail > 0 && transaction.payload(&tail)?.is_none() {
        let lost = u64::from(std::mem::take(&mut attachment.tail));
        attachment.received = attachment.received.saturating_sub(lost);
        transaction.delete(&tail)?;
        transaction.put(&key, &attachment)?;
        count_out(transaction, number.account, lost)?;
    }
    Ok(Some(attachment))
}

/// Subtracts `bytes` from the stored size.
fn count_out(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    bytes: u64,
) -> Result<(), StoreError> {
    if bytes == 0 {
        return Ok(());
    }
    let key = schema::stored_by(account);
    match stored_by(transaction, account)?.saturating_sub(bytes) {
        0 => transaction.delete(&key)?,
        left => transaction.put(&key, &StoredBytes(left))?,
    }
    let key = schema::stored_by_all();
    match transaction.get::<StoredBytes>(&key)? {
        Some(StoredBytes(all)) => transaction.put(&key, &StoredBytes(all.saturating_sub(bytes))),
        None => Ok(()),
    }
}

/// Adds `bytes` to the stored size.
///
/// The total of all accounts is kept only while it is limited, because all uploads meet at its record.
fn count_in(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    bytes: u64,
    limits: AttachmentLimits,
) -> Result<(), AttachmentError> {
    check_room(transaction, account, bytes, limits)?;
    if bytes == 0 {
        return Ok(());
    }
    let key = schema::stored_by_all();
    if limits.max_storage_bytes.is_some() {
        let all = stored_by_all(transaction)?.saturating_add(bytes);
        transaction.put(&key, &StoredBytes(all))?;
    } else if transaction.get::<StoredBytes>(&key)?.is_some() {
        transaction.delete(&key)?;
    }
    let own = stored_by(transaction, account)?.saturating_add(bytes);
    Ok(transaction.put(&schema::stored_by(account), &StoredBytes(own))?)
}

/// Checks that `bytes` more fit within the limits.
fn check_room(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
    bytes: u64,
    limits: AttachmentLimits,
) -> Result<(), AttachmentError> {
    let fits = |stored: u64, most: u64| stored.saturating_add(bytes) <= most;
    if let Some(most) = limits.max_account_bytes
        && !fits(stored_by(transaction, account)?, most)
    {
        return Err(AttachmentError::OverQuota);
    }
    match limits.max_storage_bytes {
        Some(most) if !fits(stored_by_all(transaction)?, most) => Err(AttachmentError::OverQuota),
        _ => Ok(()),
    }
}

/// The stored size of an account.
fn stored_by(transaction: &Transaction<'_, '_>, account: AccountNumber) -> Result<u64, StoreError> {
    let stored = transaction.get::<StoredBytes>(&schema::stored_by(account))?;
    Ok(stored.map_or(0, |StoredBytes(bytes)| bytes))
}

/// The stored size of all accounts. Added up if it was not limited before.
fn stored_by_all(transaction: &Transaction<'_, '_>) -> Result<u64, StoreError> {
    if let Some(StoredBytes(all)) = transaction.get(&schema::stored_by_all())? {
        return Ok(all);
    }
    let mut all = 0_u64;
    for key in transaction.keys(&schema::stored_by_accounts(), usize::MAX)? {
        let stored = transaction.get::<StoredBytes>(&key)?;
        all = all.saturating_add(stored.map_or(0, |StoredBytes(bytes)| bytes));
    }
    Ok(all)
}

/// The total size of all stored attachments, in bytes. Adds up what each account stores.
pub fn stored_bytes(store: &Store) -> Result<u64, StoreError> {
    let all = store.range::<StoredBytes>(&schema::stored_by_accounts());
    all.map(|item| item.map(|(_, StoredBytes(bytes))| bytes)).sum()
}
