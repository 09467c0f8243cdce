//! Which upload may continue an attachment, so that no two of different processes do at the same time.

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use super::AttachmentError;
use crate::{
    clock::UnixSeconds,
    crypto::{Random, random_array},
    domain::{numbers::SecretNumber, schema},
    store::{Record, Store, StoreError, Transaction},
};

/// The time after which the lease of an upload that records nothing ends, in seconds.
pub const UPLOAD_LEASE_SECONDS: u64 = 120;
/// A lease of this age is renewed when more bytes arrive. An upload that lives has more after 40 seconds at the
/// latest, so 50 seconds are left for clocks that differ.
const RENEW_AFTER_SECONDS: u64 = 30;

/// The record of the upload that may continue an attachment. Only a store that several processes share has
/// such records.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::domain) struct UploadLease {
    /// [`Uploader`].
    holder: u64,
    /// The time from which the lease has ended.
    until: UnixSeconds,
}

impl Record for UploadLease {
    const VERSION: u8 = 1;
}

/// An upload: a random number, or 0 in the only process of a store, which has no leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploader(u64);

/// What a change does with the lease of its upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaseUse {
    Renew,
    End,
}

impl Uploader {
    /// Whether several processes share the store.
    pub(super) fn is_one_of_several(self) -> bool {
        self.0 != 0
    }

    fn lease_from(self, now: UnixSeconds) -> UploadLease {
        UploadLease { holder: self.0, until: now.plus(UPLOAD_LEASE_SECONDS) }
    }

    /// Takes the lease of an attachment for this upload. Returns whether it was free.
    pub(super) fn take(
        self,
        transaction: &mut Transaction<'_, '_>,
        (number, n): (SecretNumber, NonZeroU8),
        now: UnixSeconds,
    ) -> Result<bool, StoreError> {
        if self.0 == 0 {
            return Ok(true);
        }
        let key = schema::upload_lease(number, n);
        let held = transaction.get::<UploadLease>(&key)?;
        if held.is_some_and(|lease| now < lease.until && lease.holder != self.0) {
            return Ok(false);
        }
        transaction.put(&key, &self.lease_from(now))?;
        Ok(true)
    }

    /// Renews or ends the lease. Returns whether the upload still has it: it may have ended, unless another
    /// upload has taken it.
    pub(super) fn keep(
        self,
        transaction: &mut Transaction<'_, '_>,
        (number, n): (SecretNumber, NonZeroU8),
        lease_use: LeaseUse,
        now: UnixSeconds,
    ) -> Result<bool, StoreError> {
        if self.0 == 0 {
            return Ok(true);
        }
        let key = schema::upload_lease(number, n);
        let held = transaction.get::<UploadLease>(&key)?;
        if held.is_none_or(|lease| lease.holder != self.0) {
            return Ok(false);
        }
        match lease_use {
            LeaseUse::Renew => transaction.put(&key, &self.lease_from(now))?,
            LeaseUse::End => transaction.delete(&key)?,
        }
        Ok(true)
    }
}

/// Deletes the lease of an attachment, of any upload.
pub(super) fn forget(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    n: NonZeroU8,
) -> Result<(), StoreError> {
    let key = schema::upload_lease(number, n);
    match transaction.get::<UploadLease>(&key)? {
        Some(_) => transaction.delete(&key),
        None => Ok(()),
    }
}

/// The right of an upload to continue an attachment, towards other processes. It is given back on drop.
pub struct UploadRight {
    store: Store,
    which: (SecretNumber, NonZeroU8),
    uploader: Uploader,
    renewed_at: UnixSeconds,
    is_over: bool,
}

impl UploadRight {
    /// For [`begin`](super::upload::begin), which takes it.
    pub fn new(
        store: &Store,
        random: &dyn Random,
        which: (SecretNumber, NonZeroU8),
        now: UnixSeconds,
    ) -> Self {
        let uploader = match store.process() {
            0 => Uploader(0),
            _ => Uploader(u64::from_be_bytes(random_array(random)).max(1)),
        };
        Self { store: store.clone(), which, uploader, renewed_at: now, is_over: false }
    }

    /// The upload.
    #[must_use]
    pub fn uploader(&self) -> Uploader {
        self.uploader
    }

    /// Notes that a change has renewed or ended the lease.
    pub(super) fn was_kept(&mut self, lease_use: LeaseUse, now: UnixSeconds) {
        self.renewed_at = now;
        self.is_over = lease_use == LeaseUse::End;
    }

    /// Renews the lease if no change has done so for some time. Blocks, and writes nothing in the only process
    /// of a store.
    ///
    /// # Errors
    ///
    /// [`AttachmentError::UnderWay`] if another upload has taken it, with `received`.
    pub(super) fn renew(&mut self, received: u64, now: UnixSeconds) -> Result<(), AttachmentError> {
        if self.uploader.0 == 0 || now < self.renewed_at.plus(RENEW_AFTER_SECONDS) {
            return Ok(());
        }
        let (which, uploader) = (self.which, self.uploader);
        let renew = self
            .store
            .change(move |transaction| uploader.keep(transaction, which, LeaseUse::Renew, now));
        if !renew.wait()? {
            return Err(AttachmentError::UnderWay { received });
        }
        self.was_kept(LeaseUse::Renew, now);
        Ok(())
    }
}

impl Drop for UploadRight {
    fn drop(&mut self) {
        if self.uploader.0 == 0 || self.is_over {
            return;
        }
        let (which, uploader) = (self.which, self.uploader);
        // If the store fails, the lease ends by itself.
        drop(self.store.change(move |transaction| {
            uploader.keep(transaction, which, LeaseUse::End, UnixSeconds(0))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SeededRandom,
        domain::{
            lifetime::{Lifetime, LifetimeRules},
            numbers::{AccountNumber, LeaseToken, SecretId},
            operator::create_account,
            secret::{
                self, MessageShown, NewSecret,
                attachment::{
                    AttachmentLimits, NewAttachments, draft,
                    fetch::find,
                    upload::{
                        AttachmentUpload, Incoming, ReceivedCount, UploadProgress, UploadTarget,
                        begin,
                    },
                },
                viewing,
            },
            view::View,
        },
        store::faulty::{MemoryDisk, Sharing},
    };

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
    const N: NonZeroU8 = NonZeroU8::MIN;
    const TOKEN_HASH: [u8; 32] = [9; 32];
    /// Three chunks and a part of one.
    const BYTES: u64 = 200_000;
    const LIMITS: AttachmentLimits = AttachmentLimits {
        max_bytes: None,
        max_count: 1,
        max_account_bytes: None,
        max_storage_bytes: None,
    };

    fn content() -> Vec<u8> {
        (0..BYTES).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    /// A draft with one attachment.
    fn with_draft(sharing: Sharing) -> (MemoryDisk, Store, SecretId) {
        let disk = MemoryDisk::new(sharing, 1);
        let (store, random) = (Store::in_memory(&disk).unwrap(), SeededRandom::new(1));
        create_account(&store, "alice", 100, &random, NOW).unwrap();
        let bits: [u8; 15] = random_array(&random);
        let rules = LifetimeRules { min: 1, max: 350, default: 0 };
        let new = NewSecret {
            random: bits,
            payload: store.seal(&random, &bits, b"text".to_vec()).unwrap(),
            description: None,
            message: None,
            message_shown: MessageShown::With,
            is_from_owner: true,
            lifetime: Lifetime::new(None, rules).unwrap(),
            view_button: false,
            captcha: false,
            password: None,
            max_views: NonZeroU8::MIN,
            attachments: Some(NewAttachments {
                items: vec![None],
                token_hash: TOKEN_HASH,
                limits: LIMITS,
            }),
            reply_key: None,
        };
        let create = secret::create(AccountNumber::FIRST, new, NOW);
        let (number, secret, _) = store.change(create).wait().unwrap();
        (disk, store, secret.id(number))
    }

    /// Begins an upload of the rest from `from` on.
    fn continue_at(
        store: &Store,
        (id, from): (SecretId, u64),
        seed: u64,
        now: UnixSeconds,
    ) -> Result<AttachmentUpload, AttachmentError> {
        let random = SeededRandom::new(seed);
        let right = UploadRight::new(store, &random, (id.number, N), now);
        let target = UploadTarget { id, n: N, token_hash: TOKEN_HASH };
        let part = Incoming::Part { from, total: BYTES };
        let begun = store.change(begin(target, part, right.uploader(), LIMITS, now)).wait()?;
        Ok(AttachmentUpload::open(store, &random, target, right, begun)?)
    }

    fn record(
        upload: &mut AttachmentUpload,
        count: ReceivedCount,
        now: UnixSeconds,
    ) -> Result<UploadProgress, AttachmentError> {
        upload.store(count, &SeededRandom::new(7), LIMITS, now, 3600)
    }

    fn leases(store: &Store) -> usize {
        store.keys(&crate::store::Key::new(b'L')).count()
    }

    fn is_refused<T>(outcome: &Result<T, AttachmentError>) -> bool {
        matches!(outcome, Err(AttachmentError::UnderWay { .. }))
    }

    /// The clock of the slow process stands still, so that only the records and the file stop it.
    #[test]
    fn a_process_that_is_slow_changes_nothing_any_more() {
        let (disk, one, id) = with_draft(Sharing::Shared);
        let other = Store::in_memory(&disk).unwrap();
        let mut slow = continue_at(&one, (id, 0), 2, NOW).unwrap();
        slow.write(&content()[..150_000], NOW).unwrap();
        let received = record(&mut slow, ReceivedCount::Chunks, NOW).unwrap().received;
        assert!((100_000..150_000).contains(&received));
        slow.write(&[0; 20_000], NOW).unwrap();

        let end = NOW.plus(UPLOAD_LEASE_SECONDS);
        let rest = (id, received);
        assert!(is_refused(&continue_at(&other, rest, 3, UnixSeconds(end.0 - 1))));
        let mut quick = continue_at(&other, rest, 3, end).unwrap();
        assert!(slow.write(&[0; 140_000], NOW).is_err(), "the file is not its own any more");
        let rest = usize::try_from(received).unwrap();
        quick.write(&content()[rest..190_000], end).unwrap();
        assert!(is_refused(&record(&mut slow, ReceivedCount::Chunks, NOW)));
        drop(slow);
        record(&mut quick, ReceivedCount::Chunks, end).unwrap();
        quick.write(&content()[190_000..], end).unwrap();
        let done = record(&mut quick, ReceivedCount::All, end).unwrap();
        assert!(done.is_complete && done.published.is_some());
        assert_eq!(leases(&one), 0);
        drop(quick);

        let (view, token) = (View::new(end, None, None), LeaseToken([1; 16]));
        let view = viewing::view(AccountNumber::FIRST, id, view, None, token, 3600);
        one.change(view).wait().unwrap().unwrap();
        let found = one.change(find(id, N, token, end)).wait().unwrap();
        let mut reader = found.open(0..BYTES).unwrap();
        let (mut read, mut room) = (Vec::new(), Vec::new());
        while let Some((bytes, place)) = reader.next_piece(room).unwrap() {
            read.extend_from_slice(&bytes[place]);
            room = bytes;
        }
        assert!(read == content());
    }

    /// The other process takes the lease after a change of the first one has read it.
    #[test]
    fn a_lease_that_is_taken_meanwhile_is_noticed() {
        let (disk, one, id) = with_draft(Sharing::Shared);
        let other = Store::in_memory(&disk).unwrap();
        let mut slow = continue_at(&one, (id, 0), 2, NOW).unwrap();
        slow.write(&content()[..100_000], NOW).unwrap();
        let rival = move || {
            let taken = continue_at(&other, (id, 0), 3, NOW.plus(UPLOAD_LEASE_SECONDS));
            std::mem::forget(taken.unwrap());
        };
        disk.before_next_commit(rival);
        assert!(is_refused(&record(&mut slow, ReceivedCount::Chunks, NOW)));
        drop(slow);
        assert!(is_refused(&continue_at(&one, (id, 0), 4, NOW)), "it was not given back");
    }

    #[test]
    fn a_lease_is_renewed_and_given_back() {
        let (disk, one, id) = with_draft(Sharing::Shared);
        let other = Store::in_memory(&disk).unwrap();
        let mut upload = continue_at(&one, (id, 0), 2, NOW).unwrap();
        let mut now = NOW;
        for _ in 0..3 {
            now = now.plus(UPLOAD_LEASE_SECONDS - 1);
            assert!(is_refused(&continue_at(&other, (id, 0), 3, now)));
            upload.write(b"few bytes", now).unwrap();
        }
        drop(upload);
        one.change(|_| Ok::<_, StoreError>(())).wait().unwrap();
        assert_eq!(leases(&one), 0, "the connection has broken");
        let upload = continue_at(&other, (id, 0), 3, now).unwrap();
        let drop_draft = draft::drop_draft(id, TOKEN_HASH, now);
        one.change(drop_draft).wait().unwrap();
        assert_eq!(leases(&one), 0, "the draft was dropped");
        drop(upload);
        other.change(|_| Ok::<_, StoreError>(())).wait().unwrap();
        assert_eq!((leases(&one), disk.keys_and_files()), (0, (0, 0)));
    }

    #[test]
    fn the_only_process_writes_no_lease() {
        let (_, store, id) = with_draft(Sharing::Exclusive);
        let commits = || store.figures().commit_times.values().count;
        let before = commits();
        let mut upload = continue_at(&store, (id, 0), 2, NOW).unwrap();
        upload.write(&content(), NOW.plus(UPLOAD_LEASE_SECONDS)).unwrap();
        assert_eq!((commits(), leases(&store)), (before, 0));
        record(&mut upload, ReceivedCount::All, NOW).unwrap();
        assert_eq!((commits(), leases(&store)), (before + 1, 0));
    }
}
