//! A payload file on its way to disk: written piece by piece, while there is room.

use std::{
    fs::File,
    io::{self, Write},
};

use super::payload_files::StagedFile;
use crate::{
    crypto::Random,
    store::{Store, StoreError},
};

/// How many bytes are written between two looks at the free space, which take a microsecond each:
/// many files that are written at once may go beyond the reserve by so much each.
const LOOK_EVERY_BYTES: u64 = 256 << 10;

/// A file of ciphertext that is being written, under a temporary name. Dropped, it leaves nothing.
pub struct NewFile {
    file: File,
    staged: StagedFile,
    most: u64,
    /// So many bytes are left until the next look at the free space.
    until_look: u64,
    store: Store,
}

impl NewFile {
    pub(in crate::store) fn create(store: Store, random: &dyn Random) -> Result<Self, StoreError> {
        let (file, staged) = store.shared.files.create(random)?;
        Ok(Self { file, staged, most: u64::MAX, until_look: 0, store })
    }

    /// The same file, which takes so many bytes at most; `None` for no limit.
    #[must_use]
    pub fn limited_to(self, bytes: Option<u64>) -> Self {
        Self { most: bytes.unwrap_or(u64::MAX), ..self }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.staged.bytes
    }

    /// Brings it to the disk. Blocks.
    pub(in crate::store) fn sync(self) -> Result<StagedFile, StoreError> {
        self.file.sync_all()?;
        Ok(self.staged)
    }
}

/// Errors of kind [`io::ErrorKind::StorageFull`] come before the disk is full: the reserve is left to
/// views and deletions. [`io::ErrorKind::QuotaExceeded`] is that of [`NewFile::limited_to`].
impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.until_look == 0 {
            if !self.store.space()?.allows_creation() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.until_look = LOOK_EVERY_BYTES;
        }
        if self.staged.bytes.saturating_add(bytes.len() as u64) > self.most {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let written = self.file.write(bytes)?;
        self.staged.bytes += written as u64;
        self.until_look = self.until_look.saturating_sub(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
