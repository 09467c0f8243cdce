//! Reading the files that a backup leaves out from the earlier backups that have them.

use std::{collections::BTreeMap, io::Read};

use super::{
    BackupError, BackupFrame, BackupHeader, BackupReader, EarlierBackup, LeftOutFile,
    earlier::HashedFile,
};
use crate::store::bodies::FileName;

/// The reason why earlier backups do not have the files that a later one leaves out.
#[derive(Debug, thiserror::Error)]
pub enum LeftOutError {
    /// It cannot be read.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// It was not given.
    #[error("it leaves out files of {}, which is needed too: give it with --base FILE", shown(.0))]
    NoBase(EarlierBackup),
    /// Another one was given.
    #[error("it is another backup: needed is {}", shown(.0))]
    OtherBase(EarlierBackup),
    /// The file with the name of one that is left out has another content.
    #[error("a file in it is not the one that the later backup leaves out")]
    OtherContent,
    /// All were read, and files are still missing.
    #[error("{0} files that are left out are in none of the earlier backups")]
    NotFound(usize),
}

fn shown(backup: &EarlierBackup) -> String {
    let file = backup.file.as_deref().map_or_else(String::new, |file| format!(" ({file})"));
    format!("the backup of {}{file}", backup.created_at)
}

/// The files that a backup leaves out, until they are found in earlier ones: about 100 bytes for each.
pub struct LeftOutFiles {
    files: BTreeMap<FileName, LeftOutFile>,
    /// The next backup to read.
    base: Option<EarlierBackup>,
}

impl LeftOutFiles {
    /// For the backup with this header.
    #[must_use]
    pub fn of(header: &BackupHeader) -> Self {
        Self { files: BTreeMap::new(), base: header.since.clone() }
    }

    /// Takes the next frame of this backup.
    pub fn note(&mut self, frame: &BackupFrame<'_>) {
        if let BackupFrame::LeftOut(file) = frame {
            self.files.insert(file.name, *file);
        }
    }

    /// The backup to read next; `None` if no file is missing, or no other backup is known.
    #[must_use]
    pub fn base(&self) -> Option<&EarlierBackup> {
        self.base.as_ref().filter(|_| !self.files.is_empty())
    }

    /// Reads the backup that [`LeftOutFiles::base`] names to its end. `take` gets the frames of the files that
    /// were missing; only after the last one are they known to be right.
    ///
    /// # Errors
    ///
    /// [`LeftOutError`], or that of `take`.
    pub fn find_in<R: Read, E: From<LeftOutError>>(
        &mut self,
        base: &mut BackupReader<R>,
        mut take: impl FnMut(BackupFrame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(needed) = self.base.take_if(|needed| needed.id != base.header().id) {
            return Err(LeftOutError::OtherBase(needed).into());
        }
        let is_part = self.base.as_ref().is_some_and(|base| base.is_part);
        let next = base.header().since.clone();
        let mut found: Option<HashedFile> = None;
        loop {
            let frame = match base.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                // Where it ends within a chunk, decryption fails. If that is damage instead, a file is missing.
                Err(BackupError::CutOff | BackupError::Damaged(_)) if is_part => {
                    // The file at its end is incomplete.
                    found = None;
                    break;
                }
                Err(error) => return Err(LeftOutError::from(error).into()),
            };
            match &frame {
                BackupFrame::File(name) => {
                    self.end_file(found.take())?;
                    if self.files.contains_key(name) {
                        found = Some(HashedFile::new(*name));
                        take(frame)?;
                    }
                }
                BackupFrame::Data(bytes) => {
                    if let Some(file) = &mut found {
                        file.update(bytes);
                        take(frame)?;
                    }
                }
                // It is in an earlier one.
                BackupFrame::LeftOut(_) => found = None,
                BackupFrame::Records(_) | BackupFrame::Cut(_) | BackupFrame::Keys(_) => {}
            }
        }
        self.end_file(found)?;
        self.base = next;
        Ok(())
    }

    fn end_file(&mut self, found: Option<HashedFile>) -> Result<(), LeftOutError> {
        let Some(found) = found else { return Ok(()) };
        let (name, content) = (found.name, found.finish());
        match self.files.remove(&name) {
            Some(file) if (file.bytes, file.digest) != (content.bytes, content.digest) => {
                Err(LeftOutError::OtherContent)
            }
            _ => Ok(()),
        }
    }

    /// Checks that no file is missing.
    ///
    /// # Errors
    ///
    /// [`LeftOutError::NoBase`] and [`LeftOutError::NotFound`].
    pub fn check(&self) -> Result<(), LeftOutError> {
        match (self.base(), self.files.len()) {
            (_, 0) => Ok(()),
            (Some(base), _) => Err(LeftOutError::NoBase(base.clone())),
            (None, missing) => Err(LeftOutError::NotFound(missing)),
        }
    }
}
