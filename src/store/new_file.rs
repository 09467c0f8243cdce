//! A new payload file: written in pieces, while the disk has enough free space.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{
    StoreError,
    bodies::{Bodies, StagedFile},
    space::SpaceCheckedFile,
};
use crate::crypto::Random;

/// A file of ciphertext that is being written and that no record names. It is deleted when it is dropped.
pub struct NewFile {
    file: SpaceCheckedFile,
    staged: StagedFile,
    most: u64,
}

impl NewFile {
    pub(super) fn create(
        bodies: &Arc<dyn Bodies>,
        random: &dyn Random,
    ) -> Result<Self, StoreError> {
        let (file, staged) = SpaceCheckedFile::create(bodies, random)?;
        Ok(Self { file, staged, most: u64::MAX })
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
    pub(super) fn sync(self) -> Result<StagedFile, StoreError> {
        self.file.finish()?;
        Ok(self.staged)
    }
}

/// Writing fails with [`io::ErrorKind::StorageFull`] before the disk is full, because a reserve is kept for
/// views and deletions. [`io::ErrorKind::QuotaExceeded`] means that the limit of [`NewFile::limited_to`] is
/// reached.
impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.staged.bytes.saturating_add(bytes.len() as u64) > self.most {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let written = self.file.write(bytes)?;
        self.staged.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
