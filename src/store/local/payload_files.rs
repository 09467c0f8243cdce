//! Files for sealed payloads that are too large for sled, one file per payload.
//!
//! The caller writes and syncs a file under a temporary name. The writer renames it just before the commit of
//! the record that names it. Deletion is in the reverse order. A crash can therefore leave a file without a
//! record, but never a record without its file.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::space::Space;
use crate::crypto::{Random, random_array};

/// The random name of a payload file; hexadecimal on disk.
pub(in crate::store) type FileName = [u8; 16];

const TEMPORARY: &str = "tmp";

pub(in crate::store) struct PayloadFiles {
    dir: PathBuf,
    /// For the sync after renames.
    handle: File,
    held: Arc<HeldFiles>,
}

/// The files that are being written or will be named by the next commit. A sweep must not delete them.
#[derive(Default)]
struct HeldFiles(Mutex<BTreeSet<FileName>>);

/// A file with a temporary name. If it is dropped before [`PayloadFiles::keep`], it is deleted. If it is
/// dropped after the commit of its record, it is only released.
pub(in crate::store) struct StagedFile {
    pub(in crate::store) name: FileName,
    pub(in crate::store) bytes: u64,
    path: PathBuf,
    held: Arc<HeldFiles>,
}

impl HeldFiles {
    fn names(&self) -> std::sync::MutexGuard<'_, BTreeSet<FileName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // Fails for a renamed file, as intended. The sweep deletes a file that this call could not delete.
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

    /// Creates an empty file under a temporary name. It must be synced before it is kept.
    pub(in crate::store) fn create(&self, random: &dyn Random) -> io::Result<(File, StagedFile)> {
        let name: FileName = random_array(random);
        let path = self.path(name).with_extension(TEMPORARY);
        self.held.names().insert(name);
        let staged = StagedFile { name, bytes: 0, path, held: Arc::clone(&self.held) };
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged.path)?;
        Ok((file, staged))
    }

    /// Renames a staged file to its final name. Durable after [`PayloadFiles::sync`].
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

    /// The names of all files, also of those that no record names. Files that are created or deleted meanwhile
    /// may be missing.
    pub(in crate::store) fn names(
        &self,
    ) -> io::Result<impl Iterator<Item = io::Result<FileName>> + use<>> {
        let named = |entry: io::Result<fs::DirEntry>| match entry {
            // Other names are temporary.
            Ok(entry) => entry.file_name().to_str().and_then(parse_name).map(Ok),
            Err(error) => Some(Err(error)),
        };
        Ok(fs::read_dir(&self.dir)?.filter_map(named))
    }

    /// Creates a file under its final name, for a backup that is restored.
    pub(in crate::store) fn restore(&self, name: FileName) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(name))
    }

    /// Opens an existing file for writing.
    pub(in crate::store) fn append(&self, name: FileName) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.path(name))
    }

    pub(in crate::store) fn space(&self) -> io::Result<Space> {
        Space::of(&self.dir)
    }

    pub(in crate::store) fn bytes(&self, name: FileName) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    pub(in crate::store) fn delete(&self, name: FileName) -> io::Result<()> {
        remove_if_exists(&self.path(name))
    }

    /// The files that are not held, including temporary ones.
    ///
    /// A scan for the records of these files after this call finds all of them, because a file is held until
    /// the commit of its record is complete.
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

    /// Deletes those of `files` that no record names. Returns their number.
    pub(in crate::store) fn sweep(
        &self,
        files: &[PathBuf],
        named: &BTreeSet<FileName>,
    ) -> io::Result<u64> {
        let named: BTreeSet<PathBuf> = named.iter().map(|name| self.path(*name)).collect();
        let mut swept = 0;
        for path in files.iter().filter(|path| !named.contains(*path)) {
            remove_if_exists(path)?;
            swept += 1;
        }
        Ok(swept)
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.dir.join(format!("{:032x}", u128::from_be_bytes(name)))
    }
}

fn parse_name(text: &str) -> Option<FileName> {
    let number = u128::from_str_radix(text, 16).ok();
    number.filter(|_| text.len() == 32).map(u128::to_be_bytes)
}

fn remove_if_exists(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
