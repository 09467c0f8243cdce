//! The files of large payloads: written under a name that nobody knows yet, and kept by the commit of the
//! record that names them. Deletion is in the reverse order. A crash can therefore leave a file without a
//! record, but never a record without its file.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::space::Space;
use crate::crypto::{Random, random_array};

/// The random name of a payload file.
pub(super) type FileName = [u8; 16];

/// Payload files. Functions block on a disk or a network.
pub(super) trait Bodies: Send + Sync {
    /// Creates an empty file. A sweep leaves it alone until [`Bodies::release`].
    fn create(&self, name: FileName) -> io::Result<Box<dyn BodyWriter>>;

    /// Opens a file to continue it after `bytes`. What follows them, which a crash can leave, is cut off. Where
    /// several processes share the files, a writer that was opened earlier cannot write or sync any more: its
    /// process may be slow, and not dead.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::UnexpectedEof`] if it is shorter.
    fn reopen(&self, name: FileName, bytes: u64) -> io::Result<Box<dyn BodyWriter>>;

    /// Gives new files their final names. Durable when it returns.
    fn keep(&self, names: &[FileName]) -> io::Result<()>;

    /// Ends the hold of a new file, and deletes it unless it was kept.
    fn release(&self, name: FileName, is_kept: bool);

    /// Opens a file. It can be read to the end, even if it is deleted meanwhile.
    fn open(&self, name: FileName) -> io::Result<Box<dyn BodyReader>>;

    /// Opens a file that was not kept yet.
    fn open_new(&self, name: FileName) -> io::Result<Box<dyn BodyReader>>;

    /// The length of a file.
    fn bytes(&self, name: FileName) -> io::Result<u64>;

    /// Deletes a file, if it exists.
    fn delete(&self, name: FileName) -> io::Result<()>;

    /// The names of all files, also of those that no record names. Files that are created or deleted
    /// meanwhile may be missing.
    fn names(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<FileName>>>>;

    /// An empty file without a name, for data that must wait. It is gone when it is closed.
    fn temporary(&self) -> io::Result<File>;

    /// Begins a sweep: finds the files that are there now and that nobody holds. A scan for the records of
    /// these files after this call finds all of them, because a file is held until the commit of its record
    /// is complete.
    fn list(&self) -> io::Result<Box<dyn SettledFiles + '_>>;

    /// The space of the disk.
    fn space(&self) -> io::Result<Space>;
}

/// A file that is being written.
pub(super) trait BodyWriter: Write + Send + Sync {
    /// Makes the written bytes durable. More may follow.
    fn sync(&self) -> io::Result<()>;

    /// Makes the complete file durable.
    fn finish(&self) -> io::Result<()>;
}

/// A file that is being read.
pub(super) trait BodyReader: Read + Seek + Send + Sync {
    /// Another reader of the same file. Both share one position.
    fn try_clone(&self) -> io::Result<Box<dyn BodyReader>>;
}

/// The files that a sweep has found.
pub(super) trait SettledFiles {
    /// Whether there is none.
    fn is_empty(&self) -> bool;

    /// Deletes those that no record names. Returns their number.
    fn sweep(&self, named: &BTreeSet<FileName>) -> io::Result<u64>;
}

/// A new file. If no commit keeps it, it is deleted when it is dropped.
pub(super) struct StagedFile {
    pub(super) name: FileName,
    pub(super) bytes: u64,
    bodies: Arc<dyn Bodies>,
    is_kept: AtomicBool,
}

impl StagedFile {
    pub(super) fn create(
        bodies: &Arc<dyn Bodies>,
        random: &dyn Random,
    ) -> io::Result<(Box<dyn BodyWriter>, Self)> {
        let name: FileName = random_array(random);
        let writer = bodies.create(name)?;
        let bodies = Arc::clone(bodies);
        Ok((writer, Self { name, bytes: 0, bodies, is_kept: AtomicBool::new(false) }))
    }

    /// Whether a record names the file, or may name it.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }

    /// Keeps the file, because a commit has named it or may have named it.
    pub(super) fn keep(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        self.bodies.release(self.name, self.is_kept());
    }
}

/// A payload file that a change has found. Its bytes are ciphertext.
pub struct FoundFile {
    /// Empty until the change has succeeded: a change itself opens no files.
    reader: Arc<OnceLock<Box<dyn BodyReader>>>,
    bytes: u64,
}

/// A file to be opened after the change that has found it.
pub(super) struct FileToOpen {
    pub(super) name: FileName,
    reader: Arc<OnceLock<Box<dyn BodyReader>>>,
}

impl FileToOpen {
    pub(super) fn new(name: FileName, bytes: u64) -> (Self, FoundFile) {
        let reader = Arc::default();
        (Self { name, reader: Arc::clone(&reader) }, FoundFile { reader, bytes })
    }

    pub(super) fn set(self, reader: Box<dyn BodyReader>) {
        // Set once, because the file is taken by value.
        let _ = self.reader.set(reader);
    }
}

impl FoundFile {
    /// Its length in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Another reader of the same file. Both share one position.
    ///
    /// # Errors
    ///
    /// An I/O error of the system.
    pub fn try_clone(&self) -> io::Result<Self> {
        let reader = self.reader.get().ok_or_else(not_open)?.try_clone()?;
        Ok(Self { reader: Arc::new(OnceLock::from(reader)), bytes: self.bytes })
    }

    fn open(&mut self) -> io::Result<&mut Box<dyn BodyReader>> {
        Arc::get_mut(&mut self.reader).and_then(OnceLock::get_mut).ok_or_else(not_open)
    }
}

/// For a caller that reads a file within the change that has found it.
fn not_open() -> io::Error {
    io::Error::other("a payload file is opened after the change that has found it")
}

impl Read for FoundFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.open()?.read(buffer)
    }
}

impl Seek for FoundFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.open()?.seek(position)
    }
}
