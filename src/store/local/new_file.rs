//! A new payload file: written in pieces, while the disk has enough free space.

use std::{
    fs::File,
    io::{self, Write},
};

use super::payload_files::StagedFile;
use crate::{
    crypto::Random,
    store::{Store, StoreError},
};

/// The number of bytes between two checks of the free space, which take a microsecond each. Each of several
/// concurrent files may exceed the reserve by this size.
const LOOK_EVERY_BYTES: u64 = 256 << 10;

/// A file of ciphertext that is being written under a temporary name. It is deleted when it is dropped.
pub struct NewFile {
    file: File,
    staged: StagedFile,
    most: u64,
    /// The number of bytes until the next check of the free space.
    until_look: u64,
    store: Store,
}

impl NewFile {
    pub(in crate::store) fn create(store: Store, random: &dyn Random) -> Result<Self, StoreError> {
        let (file, staged) = store.shared.files.create(random)?;
        Ok(Self { file, staged, most: u64::MAX, until_look: 0, store })
    }

    /// Limits the file to this number of bytes; `None` for no limit.
    #[must_use]
    pub fn limited_to(self, bytes: Option<u64>) -> Self {
        Self { most: bytes.unwrap_or(u64::MAX), ..self }
    }

    /// The number of bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.staged.bytes
    }

    /// Syncs the file. Blocks.
    pub(in crate::store) fn sync(self) -> Result<StagedFile, StoreError> {
        self.file.sync_all()?;
        Ok(self.staged)
    }
}

/// Writing fails with [`io::ErrorKind::StorageFull`] before the disk is full, because a reserve is kept for
/// views and deletions. [`io::ErrorKind::QuotaExceeded`] means that the limit of [`NewFile::limited_to`] is
/// reached.
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
