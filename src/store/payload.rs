//! Sealed payloads: created before a change, opened after one.

use std::{io::Read as _, sync::Arc};

use super::{
    Key, StoreError,
    bodies::{FoundFile, StagedFile},
    growing_file::Growth,
    payload_keys::SlotLease,
};
use crate::crypto::{self, SecretBytes, SlotKey};

/// The longest sealed payload inside its record, in bytes. Longer payloads are stored in files.
///
/// The rest of [`super::MAX_VALUE_BYTES`] is for the record's own fields.
pub const MAX_INLINE_BYTES: usize = 3584;

/// A payload sealed under a key of its own, to be attached to a record by [`super::Transaction::put_sealed`].
/// Its file is deleted if it is dropped before that.
pub struct Payload {
    pub(super) key: SlotKey,
    pub(super) slot: PayloadSlot,
    pub(super) body: PayloadBody,
}

/// The slot for the key of a payload.
pub(super) enum PayloadSlot {
    Reserved(Arc<SlotLease>),
    /// Taken over, with the payload, from the record at this key.
    Moved {
        slot: u32,
        from: Key,
    },
}

impl PayloadSlot {
    pub(super) fn number(&self) -> u32 {
        match self {
            Self::Reserved(lease) => lease.slot,
            Self::Moved { slot, .. } => *slot,
        }
    }
}

pub(super) enum PayloadBody {
    Inline(Vec<u8>),
    File(Arc<StagedFile>),
    Beside {
        head: Vec<u8>,
        file: Arc<StagedFile>,
    },
    /// A file that is synced so far and may grow later.
    Growing {
        head: Vec<u8>,
        file: Arc<StagedFile>,
        bytes: u64,
        growth: Growth,
    },
}

/// A payload that a change has found, to be opened once the change is durable.
///
/// It can be opened even if the same change has burned it. In that case its key is already wiped from the
/// disk, and its file is deleted a moment later.
pub struct FoundPayload {
    pub(super) key: SlotKey,
    pub(super) slot: u32,
    /// The key of its record.
    pub(super) record: Key,
    pub(super) body: FoundBody,
}

pub(super) enum FoundBody {
    Inline(Vec<u8>),
    File(FoundFile),
    Beside { head: Vec<u8>, file: BesideFile },
}

/// The file beside the head of a payload.
pub enum BesideFile {
    /// An open file.
    Open(FoundFile),
    /// A file that [`super::Transaction::payload_head`] has found and not opened.
    Closed {
        /// Its length in bytes.
        bytes: u64,
    },
}

impl FoundPayload {
    /// The payload itself, for moving it to another record: [`super::Transaction::put_sealed`] takes it from
    /// this one.
    ///
    /// `None` for a payload with a file, which cannot be moved.
    #[must_use]
    pub fn into_payload(self) -> Option<Payload> {
        match self.body {
            FoundBody::Inline(sealed) => {
                let slot = PayloadSlot::Moved { slot: self.slot, from: self.record };
                Some(Payload { key: self.key, slot, body: PayloadBody::Inline(sealed) })
            }
            FoundBody::File(_) | FoundBody::Beside { .. } => None,
        }
    }

    /// Whether opening reads a file or processes more than a few KiB, so that it must run on a blocking
    /// thread.
    #[must_use]
    pub fn is_large(&self) -> bool {
        matches!(self.body, FoundBody::File(_))
    }

    /// Decrypts the payload, which was sealed with this `context`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if key, context and bytes do not match, [`StoreError::PayloadFile`] if its
    /// file cannot be read.
    pub fn open(self, context: &[u8]) -> Result<SecretBytes, StoreError> {
        self.open_beside(context).map(|(opened, _)| opened)
    }

    /// Decrypts the head as [`FoundPayload::open`] does, and returns the file beside it, which
    /// [`super::Store::seal_beside`] has attached.
    ///
    /// # Errors
    ///
    /// The errors of [`FoundPayload::open`].
    pub fn open_beside(
        self,
        context: &[u8],
    ) -> Result<(SecretBytes, Option<BesideFile>), StoreError> {
        let (sealed, beside) = match self.body {
            FoundBody::Inline(sealed) => (sealed, None),
            FoundBody::File(file) => {
                let bytes = FoundFile::bytes(&file);
                let mut sealed = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
                file.take(bytes).read_to_end(&mut sealed)?;
                (sealed, None)
            }
            FoundBody::Beside { head, file } => (head, Some(file)),
        };
        let opened = crypto::seal::open(&self.key, context, sealed)
            .map_err(|_| StoreError::Damaged("a payload cannot be opened"))?;
        Ok((opened, beside))
    }
}
