//! Sealed payloads too large for sled, each a file of its own.
//!
//! Written and synced under a temporary name by whoever brings one, then renamed by the writer just
//! before the record that names it. Deleting goes the other way. So a file without a record can be
//! left over by a crash, and a record without its file can not.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::crypto::{Random, random_array};

/// The random name of a payload file; on disk in hexadecimal.
pub(super) type FileName = [u8; 16];

const TEMPORARY: &str = "tmp";

pub(super) struct PayloadFiles {
    dir: PathBuf,
    /// For the sync after renames.
    handle: File,
}

/// A synced file under its temporary name. Dropped without [`PayloadFiles::keep`], it is deleted.
pub(super) struct StagedFile {
    pub(super) name: FileName,
    pub(super) bytes: u64,
    path: PathBuf,
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // Fails for a kept file, which is gone from this name; a left-over falls to the sweep.
        let _ = fs::remove_file(&self.path);
    }
}

impl StagedFile {
    pub(super) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

impl PayloadFiles {
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        let handle = File::open(&dir)?;
        Ok(Self { dir, handle })
    }

    /// Writes and syncs a payload under a temporary name. Blocks.
    pub(super) fn stage(&self, random: &dyn Random, sealed: &[u8]) -> io::Result<StagedFile> {
        let name: FileName = random_array(random);
        let path = self.path(name).with_extension(TEMPORARY);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let staged = StagedFile { name, bytes: sealed.len() as u64, path };
        file.write_all(sealed)?;
        file.sync_all()?;
        Ok(staged)
    }

    /// Gives a staged file its name. Durable after [`PayloadFiles::sync`].
    pub(super) fn keep(&self, staged: &StagedFile) -> io::Result<()> {
        fs::rename(&staged.path, self.path(staged.name))
    }

    /// Makes renames and deletions durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    pub(super) fn read(&self, name: FileName) -> io::Result<File> {
        File::open(self.path(name))
    }

    pub(super) fn bytes(&self, name: FileName) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    pub(super) fn delete(&self, name: FileName) -> io::Result<()> {
        remove_if_there(&self.path(name))
    }

    /// The files, temporary ones too, that were last written at least `age` ago.
    pub(super) fn list(&self, age: Duration) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // A file that vanishes meanwhile is no left-over; one from the future is not old.
            let Ok(written) = entry.metadata().and_then(|metadata| metadata.modified()) else {
                continue;
            };
            if age.is_zero() || written.elapsed().is_ok_and(|elapsed| elapsed >= age) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Deletes those of `files` that are not `named` by a record. Returns how many.
    pub(super) fn sweep(&self, files: &[PathBuf], named: &BTreeSet<FileName>) -> io::Result<u64> {
        let named: BTreeSet<PathBuf> = named.iter().map(|name| self.path(*name)).collect();
        let mut swept = 0;
        for path in files.iter().filter(|path| !named.contains(*path)) {
            remove_if_there(path)?;
            swept += 1;
        }
        Ok(swept)
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.dir.join(format!("{:032x}", u128::from_be_bytes(name)))
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
