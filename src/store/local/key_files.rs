//! The files that hold keys. They are overwritten in place, so that what they held before is gone; one of them
//! is replaced as a whole now and then.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{Advice, fadvise};

/// A file that is read and overwritten in place.
pub(in crate::store) trait InPlaceFile: Send + Sync {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes bytes, which may be behind the end of the file. A sector of 512 bytes has all of them or none.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    fn set_len(&self, bytes: u64) -> io::Result<()>;

    fn bytes(&self) -> io::Result<u64>;

    /// Makes everything that was written durable.
    fn sync(&self) -> io::Result<()>;

    /// Forgets what memory holds of the file, so that the next read asks the disk.
    fn forget(&self) -> io::Result<()>;
}

/// The directory of such files.
pub(in crate::store) trait KeyFiles: Send + Sync {
    /// Creates an empty file, in place of one that a crash has left.
    fn create(&self, name: &str) -> io::Result<Box<dyn InPlaceFile>>;

    fn open(&self, name: &str) -> io::Result<Box<dyn InPlaceFile>>;

    /// Gives a synced file another name, in place of the file that has it. Durable when it returns.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
}

/// Files in a directory.
pub(in crate::store) struct KeyDirectory(PathBuf);

impl KeyDirectory {
    pub(in crate::store) fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }
}

impl KeyFiles for KeyDirectory {
    fn create(&self, name: &str) -> io::Result<Box<dyn InPlaceFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        Ok(Box::new(options.open(self.0.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn InPlaceFile>> {
        Ok(Box::new(open_in_place(&self.0.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))?;
        File::open(&self.0)?.sync_all()
    }
}

/// Opens a file that is there.
pub(in crate::store) fn open_in_place(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

impl InPlaceFile for File {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        Self::set_len(self, bytes)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn forget(&self) -> io::Result<()> {
        Ok(fadvise(self, 0, None, Advice::DontNeed)?)
    }
}
