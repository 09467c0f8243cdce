//! The operations on attachments, and their expected results.

use std::num::NonZeroU8;

use super::*;
use crate::{
    domain::secret::attachment::{
        self, AttachmentError, AttachmentLimits, NewAttachments, draft,
        fetch::{fetched, find},
        turn::UploadRight,
        upload::{AttachmentUpload, Incoming, ReceivedCount, UploadTarget, begin},
    },
    store::StoreError,
};

/// The size of each attachment: one full chunk and a part of a second one.
const BYTES: u64 = 70_000;
const TOKEN_HASH: [u8; 32] = [9; 32];
const LIMITS: AttachmentLimits = AttachmentLimits {
    max_bytes: None,
    max_count: attachment::MOST_ATTACHMENTS,
    max_account_bytes: None,
    max_storage_bytes: None,
};

pub(super) fn new(count: u8) -> Option<NewAttachments> {
    let items = (0..count).map(|_| None).collect();
    (count > 0).then_some(NewAttachments { items, token_hash: TOKEN_HASH, limits: LIMITS })
}

pub(super) fn keys_of_drafts(_: AccountNumber) -> Key {
    Key::new(b'D')
}

/// The bytes `from..to` of an attachment.
fn content(n: u8, from: u64, to: u64) -> Vec<u8> {
    (from..to).map(|at| u8::try_from((at * 7 + u64::from(n)) % 251).unwrap()).collect()
}

impl World {
    /// The number of creations that count; ended drafts do not.
    pub(super) fn usage(&self) -> u64 {
        let counts = |secret: &&Expected| secret.listed || secret.draft_until.is_none();
        self.secrets.iter().filter(counts).count() as u64
    }

    /// The number of keys and files of the attachments.
    pub(super) fn expected_attachments(&self) -> (usize, usize) {
        let there = self.secrets.iter().filter(|secret| secret.listed && secret.gone_at.is_none());
        let (mut keys, mut files) = (0, 0);
        for received in there.flat_map(|secret| &secret.received).filter(|bytes| **bytes > 0) {
            let tail = match *received {
                BYTES => 0,
                bytes if bytes >= 65_559 => bytes - 65_559,
                bytes => bytes,
            };
            let is_long = tail + 16 > MAX_INLINE_BYTES as u64;
            keys += 1 + usize::from(tail > 0);
            files += 1 + usize::from(is_long);
        }
        (keys, files)
    }

    /// Sends the next bytes of the first incomplete attachment.
    pub(super) fn upload(&mut self, index: usize, bytes: u64) {
        // Prefers a draft, so that many drafts are published.
        let drafts = |at: &usize| self.secrets[*at].draft_until.is_some();
        let drafts: Vec<usize> = (0..self.secrets.len()).filter(drafts).collect();
        let index = drafts.get(index % drafts.len().max(1)).copied().unwrap_or(index);
        let (now, expected) = (self.now, &self.secrets[index]);
        let next = expected.received.iter().position(|received| *received < BYTES);
        let Some(next) = next else { return };
        let n = NonZeroU8::new(u8::try_from(next + 1).unwrap()).unwrap();
        let from = expected.received[next];
        let to = from.saturating_add(bytes).min(BYTES);
        let is_draft = expected.listed && expected.draft_until.is_some_and(|until| now < until);
        let target = UploadTarget { id: expected.id, n, token_hash: TOKEN_HASH };
        let part = Incoming::Part { from, total: BYTES };
        let home = self.store();
        let right = UploadRight::new(&home, &*self.random(), (target.id.number, n), self.now());
        let begin = begin(target, part, right.uploader(), LIMITS, self.now());
        let begun = self.store().change(begin).wait();
        if !is_draft {
            assert!(matches!(begun, Err(AttachmentError::NotFound)));
            return;
        }
        let begun = begun.map_err(|error| error.to_string()).unwrap();
        let mut upload =
            AttachmentUpload::open(&self.store(), &*self.random(), target, right, begun).unwrap();
        upload.write(&content(n.get(), from, to), self.now()).unwrap();
        if to == from {
            // It gives back its right, in a change for which it does not wait.
            drop(upload);
            home.change(|_| Ok::<_, StoreError>(())).wait().unwrap();
            return;
        }
        let stored = upload
            .store(ReceivedCount::All, &*self.random(), LIMITS, self.now(), KEEP_LOG)
            .unwrap();
        assert_eq!((stored.received, stored.is_complete), (to, to == BYTES));
        let expected = &mut self.secrets[index];
        expected.received[next] = to;
        let is_published = expected.received.iter().all(|received| *received == BYTES);
        assert_eq!(stored.published.is_some(), is_published);
        expected.draft_until = (!is_published).then_some(now + HOUR);
        if is_published && expected.hours > 0 {
            expected.expires_at = Some(now + expected.hours * HOUR);
        }
    }

    pub(super) fn fetch(&mut self, index: usize, holder: u8, n: u8) {
        let (now, id) = (self.now, self.secrets[index].id);
        let number = NonZeroU8::new(n).unwrap();
        let found = self.store().change(find(id, number, token(holder), self.now())).wait();
        let expected = &mut self.secrets[index];
        let has_payload = expected.has_payload(now) && usize::from(n) <= expected.received.len();
        let lease = expected.lease(holder).filter(|(_, end)| has_payload && now < *end).copied();
        assert_eq!(found.is_ok(), lease.is_some());
        let Ok(found) = found else { return };
        let mut reader = found.open(1000..BYTES).unwrap();
        let mut read = Vec::new();
        let mut room = Vec::new();
        while let Some((bytes, place)) = reader.next_piece(room).unwrap() {
            read.extend_from_slice(&bytes[place]);
            room = bytes;
        }
        assert!(read == content(n, 1000, BYTES));
        expected.fetched.insert((holder, n));
        let by_holder = expected.fetched.iter().filter(|(other, _)| *other == holder).count();
        let has_all = by_holder == expected.received.len();
        if let Some((_, end)) = expected.lease(holder).filter(|_| has_all) {
            *end = (*end).min(now + LEASE_SECONDS);
        }
        let noted = fetched(id, number, token(holder), self.now());
        self.store().change(noted).wait().map_err(|error: StoreError| error.to_string()).unwrap();
    }

    pub(super) fn drop_draft(&mut self, index: usize) {
        let (now, id) = (self.now, self.secrets[index].id);
        let outcome = self.store().change(draft::drop_draft(id, TOKEN_HASH, self.now())).wait();
        let expected = &mut self.secrets[index];
        let is_draft = expected.listed && expected.draft_until.is_some_and(|until| now < until);
        assert_eq!(outcome.is_ok(), is_draft);
        if is_draft {
            expected.listed = false;
        }
    }
}
