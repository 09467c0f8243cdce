//! Download of attachments by viewers with a lease.

use std::{num::NonZeroU8, ops::Range};

use super::{Attachment, open_head};
use crate::{
    clock::UnixSeconds,
    crypto::ChunkReader,
    domain::{
        numbers::{LeaseToken, SecretId},
        schema::{self, Due},
        secret::{
            self, Secret, SecretError,
            lease::{self, LEASE_SECONDS, Lease},
        },
    },
    store::{BesideFile, FoundFile, FoundPayload, Store, StoreError, Transaction},
};

/// An attachment that a viewer may fetch.
pub struct FetchableAttachment {
    id: SecretId,
    n: NonZeroU8,
    payload: FoundPayload,
    /// The size of the attachment, as sealed by its sender.
    pub bytes: u64,
    /// The end of the lease.
    pub lease_ends: UnixSeconds,
}

impl FetchableAttachment {
    /// Opens a part of the attachment for reading. Blocks.
    pub fn open(self, part: Range<u64>) -> Result<ChunkReader<FoundFile>, StoreError> {
        let bytes = self.bytes;
        let (key, file) = open_head(self.payload, &self.id, self.n)?;
        let Some(BesideFile::Open(file)) = file else {
            return Err(StoreError::Damaged("an attachment has no file"));
        };
        Ok(ChunkReader::new(file, &key, bytes, part)?)
    }
}

/// Finds an attachment for a viewer with a live lease.
pub fn find(
    id: SecretId,
    n: NonZeroU8,
    token: LeaseToken,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<FetchableAttachment, SecretError> + Send + 'static
{
    move |transaction| {
        let secret = secret::linked_secret(transaction, id)?;
        let lease = transaction.get::<Lease>(&schema::lease(id.number, token))?;
        let lease = lease.filter(|lease| lease.is_live(now) && secret.has_payload(now));
        let lease = lease.ok_or(SecretError::NotFound)?;
        let key = schema::attachment(id.number, n);
        let attachment = transaction.get::<Attachment>(&key)?.ok_or(SecretError::NotFound)?;
        let payload = transaction.payload(&key)?.ok_or(SecretError::NotFound)?;
        let bytes = attachment.received;
        Ok(FetchableAttachment { id, n, payload, bytes, lease_ends: lease.ends_at })
    }
}

/// Records that an attachment was fetched completely. Once all attachments were, the lease ends after
/// [`LEASE_SECONDS`] more, so that the viewer can still fetch an end again that got lost.
pub fn fetched(
    id: SecretId,
    n: NonZeroU8,
    token: LeaseToken,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), StoreError> + Send + 'static {
    move |transaction| {
        let number = id.number;
        let secret = match secret::linked_secret(transaction, id) {
            Ok(secret) => secret,
            Err(SecretError::Store(error)) => return Err(error),
            Err(_) => return Ok(()),
        };
        let lease_key = schema::lease(number, token);
        let lease = transaction.get::<Lease>(&lease_key)?;
        let Some(mut lease) = lease.filter(|lease| lease.is_live(now)) else { return Ok(()) };
        lease.fetched |= 1_u64.checked_shl(u32::from(n.get()) - 1).unwrap_or(0);
        let has_all = lease.fetched.count_ones() >= u32::from(secret.attachments);
        let soon = now.plus(LEASE_SECONDS);
        if !has_all || lease.ends_at <= soon {
            return transaction.put(&lease_key, &lease);
        }
        lease.ends_at = soon;
        transaction.put(&lease_key, &lease)?;
        shorten(transaction, id, secret, now)
    }
}

/// Moves the end of the secret to the end of its last lease, after a lease was shortened.
fn shorten(
    transaction: &mut Transaction<'_, '_>,
    id: SecretId,
    mut secret: Secret,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let number = id.number;
    let last = lease::last_end(transaction, number, now)?;
    if secret.leased_until == last {
        return Ok(());
    }
    if let Some(end) = secret.leased_until.filter(|end| Some(*end) != secret.expires_at) {
        transaction.delete(&schema::due(end, number))?;
    }
    secret.leased_until = last;
    if let Some(end) = last.filter(|_| secret.is_used_up()) {
        transaction.put(&schema::due(end, number), &Due)?;
    }
    transaction.put(&schema::secret(number), &secret)
}

/// Whether a viewer has burned a secret whose attachment is being sent under a lease. The end of the lease or
/// of the secret's lifetime does not count; a response that has started may finish.
pub fn is_burned(
    store: &Store,
    id: SecretId,
    token: LeaseToken,
    lease_ends: UnixSeconds,
) -> Result<bool, StoreError> {
    let Some(secret) = store.get::<Secret>(&schema::secret(id.number))? else { return Ok(true) };
    let lease = store.get::<Lease>(&schema::lease(id.number, token))?;
    let Some(lease) = lease.filter(|lease| !lease.is_burned) else { return Ok(true) };
    let end = lease.ends_at.min(lease_ends);
    Ok(secret.gone_at.is_some_and(|gone| gone < end))
}
