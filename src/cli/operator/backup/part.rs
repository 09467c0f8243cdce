//! The parts that interrupted backups leave with `--resume`. A file of age cannot be continued, because its key
//! is gone; so the next attempt is a backup since the part.
//!
//! | file | what it is |
//! |---|---|
//! | `FILE.part` | a backup that is being written, without a complete file so far |
//! | `FILE.part1`, … with `FILE.part1.index` | an interrupted one, or one that is being written |
//! | `FILE.part1` alone | a part of a backup that is complete: `FILE` needs it |

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::index;
use crate::{
    cli::{Exit, Failure},
    store::backup::{BackupHeader, BackupIndex, EarlierBackup, IndexedFiles},
};

/// The index of a part is written anew after so many bytes.
const STEP_BYTES: u64 = 16 << 20;

/// Where the parts of a file are.
pub(super) struct PartsOfFile {
    /// `FILE.part`
    unnumbered: PathBuf,
    /// The number of the next part.
    next: u32,
}

impl PartsOfFile {
    /// The parts of `file`, and the index of all that they have, and `since` has.
    pub(super) fn find(
        file: &Path,
        since: Option<BackupIndex>,
    ) -> Result<(Self, Option<BackupIndex>), Failure> {
        let mut unnumbered = file.as_os_str().to_owned();
        unnumbered.push(".part");
        let mut parts = Self { unnumbered: unnumbered.into(), next: 1 };
        let mut earlier = since;
        while parts.numbered("").try_exists()? {
            let index = parts.numbered(".index");
            if index.try_exists()? {
                locked(&File::open(parts.numbered(""))?, &parts.numbered(""))?;
                let part = index::read(&index.display().to_string())?;
                earlier = Some(match earlier {
                    Some(earlier) => part.with(earlier),
                    None => part,
                });
            }
            parts.next += 1;
        }
        Ok((parts, earlier))
    }

    /// The next part, or a file of it.
    fn numbered(&self, suffix: &str) -> PathBuf {
        let mut path = self.unnumbered.as_os_str().to_owned();
        path.push(format!("{}{suffix}", self.next));
        path.into()
    }

    /// Writes a backup with `write`, which says how far it is. What is complete stays as a part if that fails.
    pub(super) fn save(
        mut self,
        file: &Path,
        header: &BackupHeader,
        write: impl FnOnce(
            &mut dyn Write,
            &mut dyn FnMut(u64, &IndexedFiles<'_>) -> Result<(), Failure>,
        ) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let wrong = |error: io::Error| {
            Failure::failed(format!("{} cannot be written: {error}", file.display()))
        };
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut out = options.open(&self.unnumbered).map_err(wrong)?;
        locked(&out, &self.unnumbered)?;
        let made = out.set_len(0).and_then(|()| out.set_permissions(Permissions::from_mode(0o600)));
        made.map_err(wrong)?;
        let numbered = self.numbered("");
        let name = numbered.file_name().map(|name| name.to_string_lossy().into_owned());
        let (id, created_at) = (header.id.clone(), header.created_at);
        let mut written = WrittenPart {
            out: out.try_clone().map_err(wrong)?,
            backup: EarlierBackup { id, created_at, file: name, is_part: true },
            due: STEP_BYTES,
            complete: 0,
            is_numbered: false,
        };
        let saved =
            write(&mut out, &mut |done, indexed| written.note(&self, done, indexed).map_err(wrong));
        let at = if written.is_numbered { &numbered } else { &self.unnumbered };
        if let Err(failure) = saved {
            if !written.is_numbered {
                // It has nothing that is complete.
                let _ = fs::remove_file(at);
                return Err(failure);
            }
            let message = format!(
                "{}; the same command continues with what is in {}",
                failure.message,
                at.display()
            );
            return Err(Failure { message, ..failure });
        }
        let named = out
            .sync_all()
            .and_then(|()| Ok(renameat_with(CWD, at, CWD, file, RenameFlags::NOREPLACE)?));
        named.map_err(wrong)?;
        while self.next > 0 {
            let index = self.numbered(".index");
            if index.try_exists()? {
                fs::remove_file(index)?;
            }
            self.next -= 1;
        }
        Ok(file.to_path_buf())
    }
}

/// A part that is being written.
struct WrittenPart {
    out: File,
    backup: EarlierBackup,
    /// The number of bytes at which the next index is due.
    due: u64,
    /// The files that were complete when the last one was due.
    complete: usize,
    is_numbered: bool,
}

impl WrittenPart {
    fn note(
        &mut self,
        parts: &PartsOfFile,
        done: u64,
        indexed: &IndexedFiles<'_>,
    ) -> io::Result<()> {
        if done < self.due {
            return Ok(());
        }
        self.due = done + STEP_BYTES;
        // What was complete one step ago has left all buffers.
        if self.complete > 0 {
            self.out.sync_data()?;
            let index = indexed.first(self.complete, self.backup.clone());
            index::write(parts.numbered(".index"), &index)?;
            if !self.is_numbered {
                fs::rename(&parts.unnumbered, parts.numbered(""))?;
                self.is_numbered = true;
            }
        }
        self.complete = indexed.complete();
        Ok(())
    }
}

/// Locks a part until it is closed.
fn locked(file: &File, path: &Path) -> Result<(), Failure> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Failure {
            exit: Exit::Failed,
            message: format!("{}: another command is writing it", path.display()),
        }),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
