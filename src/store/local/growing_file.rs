//! A payload file that is written in several steps. The bytes that a record counts survive a crash of the
//! client or the daemon.

use std::{
    io::{self, Seek, SeekFrom, Write},
    sync::Arc,
};

use super::{
    payload_files::{FileName, PayloadFiles, StagedFile},
    space::SpaceCheckedFile,
};
use crate::{
    crypto::Random,
    store::{StoreError, payload::PayloadBody, record::BodyRef},
};

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
    file: SpaceCheckedFile,
    bytes: u64,
    /// Present until a record names the file.
    staged: Option<Arc<StagedFile>>,
}

impl GrowingFile {
    pub(in crate::store) fn create(
        files: &Arc<PayloadFiles>,
        random: &dyn Random,
    ) -> Result<Self, StoreError> {
        let (file, staged) = SpaceCheckedFile::create(files, random)?;
        Ok(Self { file, bytes: 0, staged: Some(Arc::new(staged)) })
    }

    pub(in crate::store) fn reopen(
        files: &Arc<PayloadFiles>,
        unfinished: Unfinished,
    ) -> Result<Self, StoreError> {
        let Unfinished { name, bytes } = unfinished;
        let mut file = files.append(name)?;
        if file.metadata()?.len() < bytes {
            return Err(StoreError::Damaged("a payload file is shorter than it was"));
        }
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        let file = SpaceCheckedFile::new(file, Arc::clone(files));
        Ok(Self { file, bytes, staged: None })
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
        Ok(self.file.file().sync_data()?)
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
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
