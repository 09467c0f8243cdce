//! Payload files in a directory, one file per payload, named by 32 hexadecimal digits.
//!
//! A new file has a temporary name until [`Bodies::keep`] renames it.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::files::{AppendedFile, remove_if_there};
use crate::store::{
    Space,
    bodies::{Bodies, BodyReader, BodyWriter, FileName, SettledFiles},
};

const TEMPORARY: &str = "tmp";

pub(in crate::store) struct PayloadFiles {
    dir: PathBuf,
    /// For the sync after renames.
    handle: File,
    /// The files that are being written or will be named by the next commit. A sweep must not delete them.
    held: Mutex<BTreeSet<FileName>>,
}

impl PayloadFiles {
    pub(in crate::store) fn open(dir: PathBuf) -> io::Result<Self> {
        let handle = File::open(&dir)?;
        Ok(Self { dir, handle, held: Mutex::default() })
    }

    /// Creates a file under its final name, for a backup that is restored.
    pub(in crate::store) fn restore(&self, name: FileName) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(name))
    }

    /// Opens a file that [`PayloadFiles::restore`] has created, and whose content comes now.
    pub(in crate::store) fn fill(&self, name: FileName) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.path(name))
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.dir.join(format!("{:032x}", u128::from_be_bytes(name)))
    }

    fn temporary(&self, name: FileName) -> PathBuf {
        self.path(name).with_extension(TEMPORARY)
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<FileName>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bodies for PayloadFiles {
    fn create(&self, name: FileName) -> io::Result<Box<dyn BodyWriter>> {
        let path = self.temporary(name);
        self.held().insert(name);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        if made.is_err() {
            self.held().remove(&name);
        }
        Ok(Box::new(AppendedFile::new(made?, 0)))
    }

    fn reopen(&self, name: FileName, bytes: u64) -> io::Result<Box<dyn BodyWriter>> {
        let file = OpenOptions::new().write(true).open(self.path(name))?;
        if file.metadata()?.len() < bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.set_len(bytes)?;
        Ok(Box::new(AppendedFile::new(file, bytes)))
    }

    fn keep(&self, names: &[FileName]) -> io::Result<()> {
        for name in names {
            match fs::rename(self.temporary(*name), self.path(*name)) {
                // An earlier attempt at the same commit has renamed it.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && self.path(*name).is_file() => {}
                other => other?,
            }
        }
        self.handle.sync_all()
    }

    fn release(&self, name: FileName, is_kept: bool) {
        if !is_kept {
            // Fails for a file that was renamed before its commit failed. The sweep deletes such files, and
            // those that this call could not delete.
            let _ = fs::remove_file(self.temporary(name));
        }
        self.held().remove(&name);
    }

    fn open(&self, name: FileName) -> io::Result<Box<dyn BodyReader>> {
        Ok(Box::new(File::open(self.path(name))?))
    }

    fn open_new(&self, name: FileName) -> io::Result<Box<dyn BodyReader>> {
        Ok(Box::new(File::open(self.temporary(name))?))
    }

    fn bytes(&self, name: FileName) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    fn delete(&self, name: FileName) -> io::Result<()> {
        remove_if_there(&self.path(name))
    }

    fn names(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<FileName>>>> {
        let named = |entry: io::Result<fs::DirEntry>| match entry {
            // Other names are temporary.
            Ok(entry) => entry.file_name().to_str().and_then(parse_name).map(Ok),
            Err(error) => Some(Err(error)),
        };
        Ok(Box::new(fs::read_dir(&self.dir)?.filter_map(named)))
    }

    fn temporary(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.dir)
    }

    fn list(&self) -> io::Result<Box<dyn SettledFiles + '_>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            found.push(entry?.path());
        }
        let held: BTreeSet<PathBuf> =
            self.held().iter().flat_map(|name| [self.temporary(*name), self.path(*name)]).collect();
        found.retain(|path| !held.contains(path));
        Ok(Box::new(SettledPaths { files: self, paths: found }))
    }

    fn space(&self) -> io::Result<Space> {
        Space::of(&self.dir)
    }
}

/// Files without a hold, including those with temporary names.
struct SettledPaths<'a> {
    files: &'a PayloadFiles,
    paths: Vec<PathBuf>,
}

impl SettledFiles for SettledPaths<'_> {
    fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    fn sweep(&self, named: &BTreeSet<FileName>) -> io::Result<u64> {
        let named: BTreeSet<PathBuf> = named.iter().map(|name| self.files.path(*name)).collect();
        let mut swept = 0;
        for path in self.paths.iter().filter(|path| !named.contains(*path)) {
            remove_if_there(path)?;
            swept += 1;
        }
        Ok(swept)
    }
}

impl BodyReader for File {
    fn try_clone(&self) -> io::Result<Box<dyn BodyReader>> {
        Ok(Box::new(Self::try_clone(self)?))
    }
}

fn parse_name(text: &str) -> Option<FileName> {
    let number = u128::from_str_radix(text, 16).ok();
    number.filter(|_| text.len() == 32).map(u128::to_be_bytes)
}
