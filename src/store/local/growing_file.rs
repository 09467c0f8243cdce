//! A payload file that is written in several goes: what was counted by a record stays, whatever ends the
//! one who writes.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::Arc,
};

use super::payload_files::{FileName, StagedFile};
use crate::{
    crypto::Random,
    store::{Store, StoreError, payload::Body, record::BodyRef},
};

/// As in [`crate::store::NewFile`].
const LOOK_EVERY_BYTES: u64 = 256 << 10;

/// Whether a file may grow on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// More may come.
    Unfinished,
    /// This is all of it.
    Finished,
}

impl Growth {
    pub(in crate::store) fn body(self, head: &[u8], name: FileName, bytes: u64) -> BodyRef<'_> {
        match self {
            Self::Unfinished => BodyRef::Growing { head, name, bytes },
            Self::Finished => BodyRef::Beside { head, name, bytes },
        }
    }
}

/// A file to go on with.
#[derive(Clone, Copy)]
pub struct Unfinished {
    pub(in crate::store) name: FileName,
    pub(in crate::store) bytes: u64,
}

/// A file of ciphertext that grows. One that no record names yet leaves nothing when it is dropped; one
/// that a record names keeps what the record counts.
pub struct GrowingFile {
    file: File,
    bytes: u64,
    until_look: u64,
    store: Store,
    /// While no record names it, and until it is dropped.
    staged: Option<Arc<StagedFile>>,
}

impl GrowingFile {
    pub(in crate::store) fn create(store: Store, random: &dyn Random) -> Result<Self, StoreError> {
        let (file, staged) = store.shared.files.create(random)?;
        Ok(Self { file, bytes: 0, until_look: 0, store, staged: Some(Arc::new(staged)) })
    }

    pub(in crate::store) fn reopen(
        store: Store,
        unfinished: Unfinished,
    ) -> Result<Self, StoreError> {
        let Unfinished { name, bytes } = unfinished;
        let mut file = store.shared.files.append(name)?;
        if file.metadata()?.len() < bytes {
            return Err(StoreError::Damaged("a payload file is shorter than it was"));
        }
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        Ok(Self { file, bytes, until_look: 0, store, staged: None })
    }

    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Brings what was written to the disk, so that a record may count it. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError::PayloadFile`]; then what was written since the last time must not be counted.
    pub fn sync(&self) -> Result<(), StoreError> {
        Ok(self.file.sync_data()?)
    }

    /// `None` for one that a record names.
    pub(in crate::store) fn body(&self, head: Vec<u8>, growth: Growth) -> Option<Body> {
        let file = Arc::clone(self.staged.as_ref()?);
        Some(Body::Growing { head, file, bytes: self.bytes, growth })
    }
}

/// Errors of kind [`io::ErrorKind::StorageFull`] come before the disk is full, see [`crate::store::NewFile`].
impl Write for GrowingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.until_look == 0 {
            if !self.store.space()?.allows_creation() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.until_look = LOOK_EVERY_BYTES;
        }
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.until_look = self.until_look.saturating_sub(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
