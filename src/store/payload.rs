//! Sealed payloads as the domain sees them: made before a change, opened after one.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
};

use super::{
    StoreError,
    local::{growing_file::Growth, payload_files::StagedFile},
};
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
    Beside {
        head: Vec<u8>,
        file: Arc<StagedFile>,
    },
    /// A file that is synced so far and may grow on.
    Growing {
        head: Vec<u8>,
        file: Arc<StagedFile>,
        bytes: u64,
        growth: Growth,
    },
}

/// A payload that a change has found, to be opened once the change is durable.
///
/// It can be opened even where that same change has burned it: by then its key is gone from the disk,
/// and the name of its file goes a moment later.
pub struct FoundPayload {
    pub(super) key: SlotKey,
    pub(super) body: FoundBody,
}

pub(super) enum FoundBody {
    Inline(Vec<u8>),
    File(FoundFile),
    Beside { head: Vec<u8>, file: BesideFile },
}

/// The file beside the head of a payload.
pub enum BesideFile {
    /// To be read.
    Open(FoundFile),
    /// Found by [`super::Transaction::payload_head`].
    Closed {
        /// Its length.
        bytes: u64,
    },
}

/// A payload file as it lies on disk, open. Its bytes are ciphertext.
pub struct FoundFile {
    file: File,
    bytes: u64,
}

impl FoundPayload {
    /// The payload itself, to be attached to another record by the change that has found it here. That
    /// change must burn it here: a slot key has one place.
    ///
    /// `None` for one with a file, which has its place already.
    #[must_use]
    pub fn into_payload(self) -> Option<Payload> {
        match self.body {
            FoundBody::Inline(sealed) => {
                Some(Payload { key: self.key, body: Body::Inline(sealed) })
            }
            FoundBody::File(_) | FoundBody::Beside { .. } => None,
        }
    }

    /// Whether opening reads a file or works on more than a few KiB, so belongs on a blocking thread.
    #[must_use]
    pub fn is_large(&self) -> bool {
        matches!(self.body, FoundBody::File(_))
    }

    /// Decrypts the payload, which was sealed with this `context`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where key, context and bytes do not belong together,
    /// [`StoreError::PayloadFile`] where its file can not be read.
    pub fn open(self, context: &[u8]) -> Result<SecretBytes, StoreError> {
        self.open_beside(context).map(|(opened, _)| opened)
    }

    /// As [`FoundPayload::open`], with the file that a payload made by [`super::Store::seal_beside`]
    /// has beside its head.
    ///
    /// # Errors
    ///
    /// Those of [`FoundPayload::open`].
    pub fn open_beside(
        self,
        context: &[u8],
    ) -> Result<(SecretBytes, Option<BesideFile>), StoreError> {
        let (sealed, beside) = match self.body {
            FoundBody::Inline(sealed) => (sealed, None),
            FoundBody::File(file) => {
                let mut sealed = Vec::with_capacity(usize::try_from(file.bytes).unwrap_or(0));
                file.file.take(file.bytes).read_to_end(&mut sealed)?;
                (sealed, None)
            }
            FoundBody::Beside { head, file } => (head, Some(file)),
        };
        let opened = crypto::seal::open(&self.key, context, sealed)
            .map_err(|_| StoreError::Damaged("a payload can not be opened"))?;
        Ok((opened, beside))
    }
}

impl FoundFile {
    pub(super) fn new(file: File, bytes: u64) -> Self {
        Self { file, bytes }
    }

    /// Its length.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Another reader of the same file, which shares its position.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, bytes: self.bytes })
    }
}

impl Read for FoundFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for FoundFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
