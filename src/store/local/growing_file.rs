//! A payload file that is written in several steps. The bytes that a record counts survive a crash of the
//! client or the daemon.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::Arc,
};

use super::payload_files::{FileName, StagedFile};
use crate::{
    crypto::Random,
    store::{Store, StoreError, payload::PayloadBody, record::BodyRef},
};

/// The interval of checks of the free space, as in [`crate::store::NewFile`].
const LOOK_EVERY_BYTES: u64 = 256 << 10;

/// Whether a file may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// The file may grow.
    Unfinished,
    /// The file is complete.
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

/// An incomplete file that can be continued.
#[derive(Clone, Copy)]
pub struct Unfinished {
    pub(in crate::store) name: FileName,
    pub(in crate::store) bytes: u64,
}

/// A growing file of ciphertext. If no record names it yet, it is deleted when it is dropped; otherwise it
/// keeps the bytes that the record counts.
pub struct GrowingFile {
    file: File,
    bytes: u64,
    until_look: u64,
    store: Store,
    /// Present until a record names the file.
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

    /// The number of bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Syncs the written bytes, so that a record may count them. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError::PayloadFile`]. The bytes written since the last sync must not be counted then.
    pub fn sync(&self) -> Result<(), StoreError> {
        Ok(self.file.sync_data()?)
    }

    /// The body for a new record. `None` if a record already names the file.
    pub(in crate::store) fn body(&self, head: Vec<u8>, growth: Growth) -> Option<PayloadBody> {
        let file = Arc::clone(self.staged.as_ref()?);
        Some(PayloadBody::Growing { head, file, bytes: self.bytes, growth })
    }
}

/// Writing fails with [`io::ErrorKind::StorageFull`] before the disk is full, see [`crate::store::NewFile`].
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
