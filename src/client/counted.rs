//! Uploads of files.

use std::io::{self, Read};

use super::server::Watch;

/// A reader of a file that reports progress and checks that the file is complete. It keeps errors of the
/// file apart from errors of the connection.
pub(super) struct Counted<'a, R> {
    pub(super) inner: R,
    /// The bytes that have not been read yet.
    pub(super) left: u64,
    /// The bytes sent before, and the total.
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) watch: &'a dyn Watch,
    pub(super) failed: Option<io::Error>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(bytes) {
            Ok(0) if self.left > 0 && !bytes.is_empty() => {
                Err(io::Error::other("it was changed while it was read"))
            }
            read => read,
        };
        match read {
            Ok(read) => {
                self.left = self.left.saturating_sub(read as u64);
                self.done += read as u64;
                self.watch.moved(self.done, self.total);
                Ok(read)
            }
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}
