//! The index of a backup, in a file of its own: `--index` writes it, `--since` reads it.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::Path,
};

use crate::{
    cli::{Exit, Failure},
    store::backup::{BackupIndex, IndexError},
};

/// The index in this file.
pub(super) fn read(path: &str) -> Result<BackupIndex, Failure> {
    let read = File::open(path).map_err(IndexError::from);
    read.and_then(|file| BackupIndex::read(BufReader::new(file))).map_err(|error| {
        let exit = match error {
            IndexError::NotAnIndex => Exit::Usage,
            IndexError::Damaged => Exit::Damaged,
            IndexError::Read(_) => Exit::Failed,
        };
        Failure { exit, message: format!("--since {path}: {error}") }
    })
}

/// Writes the index of a backup that is complete. An older file is replaced in one step.
pub(super) fn write(path: impl AsRef<Path>, index: &BackupIndex) -> io::Result<()> {
    let path = path.as_ref();
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".sealdrop-").tempfile_in(folder)?;
    file.write_all(&index.to_bytes()?)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}
