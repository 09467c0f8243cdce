//! Files and directories: made durable, overwritten, deleted.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use crate::store::bodies::BodyWriter;

pub(in crate::store) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Syncs every file and directory below `path`, and `path`.
pub(in crate::store) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { sync_tree(&entry.path())? } else { sync(&entry.path())? }
    }
    sync(path)
}

/// Syncs the directory that has the entry `path`, which is the working directory for a name alone.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    sync(path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")))
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    unless_missing(fs::remove_file(path))
}

pub(in crate::store) fn remove_dir_if_there(path: &Path) -> io::Result<()> {
    unless_missing(fs::remove_dir_all(path))
}

fn unless_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Overwrites a whole file with zeros and syncs it. Without that, a deletion leaves its bytes on the disk.
pub(in crate::store) fn overwrite(mut file: &File) -> io::Result<()> {
    file.rewind()?;
    write_zeros(file, file.metadata()?.len())?;
    file.sync_all()
}

pub(super) fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(bytes), &mut file).map(drop)
}

/// A file that is written from a position on, with `pwrite(2)` as the slots and the database: so a test can let
/// writes of files fail, and not those of sockets and pipes.
pub(in crate::store) struct AppendedFile {
    file: File,
    end: u64,
}

impl AppendedFile {
    /// `end` is where the next bytes go.
    pub(in crate::store) fn new(file: File, end: u64) -> Self {
        Self { file, end }
    }
}

impl Write for AppendedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.end)?;
        self.end += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BodyWriter for AppendedFile {
    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn finish(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}
