//! Sealed payloads as the domain sees them: made before a change, opened after one.

use std::{fs::File, io::Read, sync::Arc};

use super::{StoreError, payload_files::StagedFile};
use crate::crypto::{self, SecretBytes, SlotKey};

/// The longest sealed payload that lies in its record, in bytes; longer ones are files.
///
/// Leaves the rest of [`super::MAX_VALUE_BYTES`] to the record's own fields.
pub const MAX_INLINE_BYTES: usize = 3584;

/// A payload sealed under a key of its own, ready to be attached to a record by
/// [`super::Transaction::put_sealed`]. Dropped without that, it leaves nothing on disk.
pub struct Payload {
    pub(super) key: SlotKey,
    pub(super) body: Body,
}

pub(super) enum Body {
    Inline(Vec<u8>),
    File(Arc<StagedFile>),
}

/// A payload that a change has found, to be opened once the change is durable.
///
/// It can be opened even where that same change has burned it: by then neither its key nor a name of
/// its file is left on disk.
pub struct FoundPayload {
    pub(super) key: SlotKey,
    pub(super) body: FoundBody,
}

pub(super) enum FoundBody {
    Inline(Vec<u8>),
    File { file: File, bytes: u64 },
}

impl FoundPayload {
    /// Whether opening reads a file or works on more than a few KiB, so belongs on a blocking thread.
    #[must_use]
    pub fn is_large(&self) -> bool {
        matches!(self.body, FoundBody::File { .. })
    }

    /// Decrypts the payload, which was sealed with this `context`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where key, context and bytes do not belong together,
    /// [`StoreError::PayloadFile`] where its file can not be read.
    pub fn open(self, context: &[u8]) -> Result<SecretBytes, StoreError> {
        let sealed = match self.body {
            FoundBody::Inline(sealed) => sealed,
            FoundBody::File { file, bytes } => {
                let mut sealed = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
                file.take(bytes).read_to_end(&mut sealed)?;
                sealed
            }
        };
        crypto::seal::open(&self.key, context, sealed)
            .map_err(|_| StoreError::Damaged("a payload can not be opened"))
    }
}
