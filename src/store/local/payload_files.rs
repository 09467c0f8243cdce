//! Sealed payloads too large for sled, each a file of its own.
//!
//! Written and synced under a temporary name by whoever brings one, then renamed by the writer just
//! before the record that names it. Deleting goes the other way. So a file without a record can be
//! left over by a crash, and a record without its file can not.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::crypto::{Random, random_array};

/// The random name of a payload file; on disk in hexadecimal.
pub(in crate::store) type FileName = [u8; 16];

const TEMPORARY: &str = "tmp";

pub(in crate::store) struct PayloadFiles {
    dir: PathBuf,
    /// For the sync after renames.
    handle: File,
    held: Arc<Held>,
}

/// The files that somebody writes or is about to name in a record: no sweep may take them.
#[derive(Default)]
struct Held(Mutex<BTreeSet<FileName>>);

/// A file under its temporary name. Dropped without [`PayloadFiles::keep`], it is deleted; dropped
/// after the commit that names it, it only stops being held.
pub(in crate::store) struct StagedFile {
    pub(in crate::store) name: FileName,
    pub(in crate::store) bytes: u64,
    path: PathBuf,
    held: Arc<Held>,
}

impl Held {
    fn names(&self) -> std::sync::MutexGuard<'_, BTreeSet<FileName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // Fails for a kept file, which is gone from this name; a left-over falls to the sweep.
        let _ = fs::remove_file(&self.path);
        self.held.names().remove(&self.name);
    }
}

impl StagedFile {
    pub(in crate::store) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

impl PayloadFiles {
    pub(in crate::store) fn open(dir: PathBuf) -> io::Result<Self> {
        let handle = File::open(&dir)?;
        Ok(Self { dir, handle, held: Arc::default() })
    }

    /// Makes an empty file under a temporary name. It must be synced before it is kept.
    pub(in crate::store) fn create(&self, random: &dyn Random) -> io::Result<(File, StagedFile)> {
        let name: FileName = random_array(random);
        let path = self.path(name).with_extension(TEMPORARY);
        self.held.names().insert(name);
        let staged = StagedFile { name, bytes: 0, path, held: Arc::clone(&self.held) };
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged.path)?;
        Ok((file, staged))
    }

    /// Gives a staged file its name. Durable after [`PayloadFiles::sync`].
    pub(in crate::store) fn keep(&self, staged: &StagedFile) -> io::Result<()> {
        fs::rename(&staged.path, self.path(staged.name))
    }

    /// Makes renames and deletions durable.
    pub(in crate::store) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    pub(in crate::store) fn read(&self, name: FileName) -> io::Result<File> {
        File::open(self.path(name))
    }

    /// Opens a file to be written on.
    pub(in crate::store) fn append(&self, name: FileName) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.path(name))
    }

    pub(in crate::store) fn bytes(&self, name: FileName) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    pub(in crate::store) fn delete(&self, name: FileName) -> io::Result<()> {
        remove_if_there(&self.path(name))
    }

    /// The files, temporary ones too, that nobody holds.
    ///
    /// Whoever looks for the records that name them after this call finds them all: a file is held
    /// until the commit that names it is done.
    pub(in crate::store) fn list(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            found.push(entry?.path());
        }
        let held = self.held.names();
        let held: BTreeSet<PathBuf> = held
            .iter()
            .map(|name| self.path(*name))
            .flat_map(|path| [path.with_extension(TEMPORARY), path])
            .collect();
        found.retain(|path| !held.contains(path));
        Ok(found)
    }

    /// Deletes those of `files` that are not `named` by a record. Returns how many.
    pub(in crate::store) fn sweep(
        &self,
        files: &[PathBuf],
        named: &BTreeSet<FileName>,
    ) -> io::Result<u64> {
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
