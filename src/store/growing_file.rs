//! A payload file that is written in several steps. The bytes that a record counts survive a crash of the
//! client or the daemon.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{
    Space, StoreError,
    bodies::{Bodies, FileName, StagedFile},
    payload::PayloadBody,
    record::BodyRef,
    space::SpaceCheckedFile,
};
use crate::crypto::Random;

/// Whether a file may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// The file may grow.
    Unfinished,
    /// The file is complete.
    Finished,
}

impl Growth {
    pub(super) fn body(self, head: &[u8], name: FileName, bytes: u64) -> BodyRef<'_> {
        match self {
            Self::Unfinished => BodyRef::Growing { head, name, bytes },
            Self::Finished => BodyRef::Beside { head, name, bytes },
        }
    }
}

/// An incomplete file that can be continued.
#[derive(Clone, Copy)]
pub struct Unfinished {
    pub(super) name: FileName,
    pub(super) bytes: u64,
}

/// A growing file of ciphertext. If no record names it yet, it is deleted when it is dropped; otherwise it
/// keeps the bytes that the record counts.
pub struct GrowingFile {
    file: SpaceCheckedFile,
    bytes: u64,
    /// Missing if a record named the file when it was opened.
    staged: Option<Arc<StagedFile>>,
}

impl GrowingFile {
    pub(super) fn create(
        bodies: &Arc<dyn Bodies>,
        random: &dyn Random,
    ) -> Result<Self, StoreError> {
        let (file, staged) = SpaceCheckedFile::create(bodies, random)?;
        Ok(Self { file, bytes: 0, staged: Some(Arc::new(staged)) })
    }

    pub(super) fn reopen(
        bodies: &Arc<dyn Bodies>,
        unfinished: Unfinished,
    ) -> Result<Self, StoreError> {
        let Unfinished { name, bytes } = unfinished;
        let file = bodies.reopen(name, bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                StoreError::Damaged("a payload file is shorter than it was")
            }
            _ => error.into(),
        })?;
        Ok(Self {
            file: SpaceCheckedFile::new(file, bodies, Space::allows_creation),
            bytes,
            staged: None,
        })
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
        Ok(self.file.sync()?)
    }

    /// The body for a new record. `None` if a record already names the file.
    pub(super) fn body(&self, head: Vec<u8>, growth: Growth) -> Option<PayloadBody> {
        let file = self.staged.as_ref().filter(|staged| !staged.is_kept()).map(Arc::clone)?;
        Some(PayloadBody::Growing { head, file, bytes: self.bytes, growth })
    }
}

/// Writing fails with [`io::ErrorKind::StorageFull`] before the disk is full, see [`crate::store::NewFile`].
impl Write for GrowingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
