//! Attachments of secrets: files that their sender has sealed, stored beside the secret and burned with
//! it.
//!
//! A secret with attachments begins as a [`draft`], which nobody views. Its sender hands the attachments
//! in by [`upload`], in parts if need be; with the last one the secret is published. A viewer gets them
//! by [`fetch`], as long as the lease lives. On disk each is sealed once more, under a key that lies in a
//! slot of its own, so that burning the secret burns them at once.

pub mod draft;
pub mod fetch;
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

/// The most attachments that a secret may have, whatever the operator allows.
pub const MOST_ATTACHMENTS: u8 = 64;

/// What the operator allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest one, as it is sealed by its sender, in bytes; `None` for no limit.
    pub max_bytes: Option<u64>,
    /// How many a secret may have, [`MOST_ATTACHMENTS`] at most.
    pub max_count: u8,
    /// What those of one account may take together, in bytes; `None` for no limit. What is made without
    /// an account is of one account here.
    pub max_account_bytes: Option<u64>,
    /// What all of them may take together, in bytes; `None` for no limit.
    pub max_storage_bytes: Option<u64>,
}

/// One attachment, as far as it has come in. What has come is in a file beside its payload, but for the
/// tail.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Attachment {
    /// How many bytes have come in, and stay.
    pub received: u64,
    /// How many there are, where that is known.
    pub total: Option<u64>,
    /// Nothing is missing.
    pub is_complete: bool,
    /// How many bytes at the end are less than a chunk, and so in a record of their own.
    tail: u32,
}

/// The end of an [`Attachment`] that is not complete, sealed.
#[derive(Serialize, Deserialize)]
struct Tail;

/// How many bytes of attachments there are.
#[derive(Default, Serialize, Deserialize)]
struct Stored(u64);

impl Record for Attachment {
    const VERSION: u8 = 1;
}
impl Record for Tail {
    const VERSION: u8 = 1;
}
impl Record for Stored {
    const VERSION: u8 = 1;
}

/// Why something was not done with an attachment, or with a draft.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// Never was, has ended, is of somebody else, or the token is wrong: nobody is told which.
    #[error("there is no such draft")]
    NotFound,
    /// A part begins elsewhere than where the stored bytes end, or there is nothing to add.
    #[error("the stored bytes end at {received}")]
    Elsewhere {
        /// Where they end.
        received: u64,
        /// Nothing is missing.
        is_complete: bool,
    },
    /// A part tells another length of the whole than the one before.
    #[error("the attachment has another length than it had before")]
    OtherTotal,
    /// Not all attachments are there.
    #[error("not all attachments are complete")]
    Incomplete,
    /// It is published already.
    #[error("the secret is published already")]
    Published,
    /// There is no room for so many bytes more.
    #[error("the room for attachments is used up")]
    OverQuota,
    /// The mail with the finished link can not be sent now.
    #[error("too many mails: try again in {retry_after_seconds} seconds")]
    TooManyMails {
        /// Until there may be another one.
        retry_after_seconds: u64,
    },
    /// See [`StoreError`].
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

/// What a secret that is being made is to have.
pub struct NewAttachments {
    /// Those that are here already; `None` for those that come later. Empty for none at all.
    pub items: Vec<Option<SealedAttachment>>,
    /// SHA-256 of the token that the sender uploads with.
    pub token_hash: [u8; 32],
    /// What the operator allows.
    pub limits: Limits,
}

impl NewAttachments {
    /// Whether something is still to come.
    #[must_use]
    pub fn is_draft(&self) -> bool {
        self.items.iter().any(Option::is_none)
    }
}

/// A whole attachment on disk that no secret has yet. Dropped, it leaves nothing.
pub struct SealedAttachment {
    payload: Payload,
    bytes: u64,
}

impl SealedAttachment {
    /// Writes a whole attachment, number `n` of the secret with these `random` bits. Blocks.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
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

/// Seals the head of an attachment's payload: the key of its file.
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

/// Opens such a head.
fn open_head(
    payload: FoundPayload,
    id: &SecretId,
    n: NonZeroU8,
) -> Result<(MessageKey, Option<crate::store::BesideFile>), StoreError> {
    let (head, file) = payload.open_beside(&context(&id.random, n))?;
    let key = head.expose_secret().try_into().map(MessageKey::from_bytes);
    Ok((key.map_err(|_| StoreError::Damaged("an attachment's key is no key"))?, file))
}

/// What a payload of an attachment, and that of its tail, is sealed with.
fn context(secret: &[u8; 15], n: NonZeroU8) -> [u8; 16] {
    let mut context = [n.get(); 16];
    context[..15].copy_from_slice(secret);
    context
}

/// The numbers of a secret's attachments.
pub(super) fn numbers(secret: &Secret) -> impl Iterator<Item = NonZeroU8> + use<> {
    (1..=secret.attachments).filter_map(NonZeroU8::new)
}

/// The sizes of a secret's attachments, as they are sealed by their sender.
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

/// Whether the keys of all of a secret's attachments are there. They are not where a crash came while the
/// secret was being burned.
pub(super) fn all_there(
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
    numbers(secret).try_for_each(|n| remove(transaction, number, n))
}

/// Burns one attachment, if it is there.
fn remove(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    n: NonZeroU8,
) -> Result<(), StoreError> {
    let key = schema::attachment(number, n);
    let Some(attachment) = transaction.get::<Attachment>(&key)? else { return Ok(()) };
    transaction.delete(&key)?;
    if attachment.tail > 0 {
        transaction.delete(&schema::attachment_tail(number, n))?;
    }
    count_out(transaction, number.account, attachment.received)
}

/// One attachment as far as it is there, if it is. A crash may have burned what its change did not come
/// to take off the record: that is taken off now, and the uploader sends it again.
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

/// Counts `bytes` out again.
fn count_out(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    bytes: u64,
) -> Result<(), StoreError> {
    for key in counters(account) {
        let Stored(stored) = transaction.get::<Stored>(&key)?.unwrap_or_default();
        match stored.saturating_sub(bytes) {
            0 => transaction.delete(&key)?,
            left => transaction.put(&key, &Stored(left))?,
        }
    }
    Ok(())
}

/// Counts `bytes` more in.
fn count_in(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    bytes: u64,
    limits: Limits,
) -> Result<(), AttachmentError> {
    check_room(transaction, account, bytes, limits)?;
    for key in counters(account) {
        let Stored(stored) = transaction.get::<Stored>(&key)?.unwrap_or_default();
        if bytes > 0 {
            transaction.put(&key, &Stored(stored.saturating_add(bytes)))?;
        }
    }
    Ok(())
}

/// Whether there is room for `bytes` more.
fn check_room(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
    bytes: u64,
    limits: Limits,
) -> Result<(), AttachmentError> {
    let most = [limits.max_account_bytes, limits.max_storage_bytes];
    for (key, most) in counters(account).iter().zip(most) {
        let Stored(stored) = transaction.get::<Stored>(key)?.unwrap_or_default();
        if most.is_some_and(|most| stored.saturating_add(bytes) > most) {
            return Err(AttachmentError::OverQuota);
        }
    }
    Ok(())
}

/// Where the bytes of an account are counted, and those of all.
fn counters(account: AccountNumber) -> [crate::store::Key; 2] {
    [schema::stored_by(account), schema::stored_by_all()]
}

/// How many bytes of attachments are stored, all together.
///
/// # Errors
///
/// See [`StoreError`].
pub fn stored_bytes(store: &Store) -> Result<u64, StoreError> {
    Ok(store.get::<Stored>(&schema::stored_by_all())?.unwrap_or_default().0)
}
