//! A limit for the length of decompressed files, which may be much larger than their ciphertext.

use std::io::{self, Read};

use crate::{client::ClientError, crypto::RunningSha256};

/// A reader that counts and hashes bytes, and fails beyond a limit.
pub(super) struct Measured<R> {
    inner: R,
    /// In bytes.
    limit: u64,
    size: u64,
    sha256: RunningSha256,
}

impl<R> Measured<R> {
    pub(super) fn new(inner: R, limit: u64) -> Self {
        Self { inner, limit, size: 0, sha256: RunningSha256::default() }
    }

    /// The number of bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The hash of all bytes.
    pub(super) fn sha256(self) -> [u8; 32] {
        self.sha256.finish()
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.sha256.update(bytes.get(..read).unwrap_or_default());
        self.size += read as u64;
        match self.size > self.limit {
            true => Err(io::Error::other(too_large(self.limit))),
            false => Ok(read),
        }
    }
}

/// The error for a file with more bytes than `limit`, which is a whole number of GiB.
pub(super) fn too_large(limit: u64) -> ClientError {
    let gib = limit >> 30;
    ClientError::Damaged(format!("it is larger than {gib} GiB; allow more with --max-file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::boxes::incoming::cause,
        crypto::{hex, sha256},
    };

    #[test]
    fn more_than_is_allowed_is_an_error() {
        let mut all = Measured::new(&[7; 1000][..], 1000);
        assert_eq!(io::copy(&mut all, &mut io::sink()).unwrap(), 1000);
        assert_eq!((all.size(), hex(&all.sha256())), (1000, hex(&sha256(&[7; 1000]))));
        let error = io::copy(&mut Measured::new(&[7; 1000][..], 999), &mut io::sink()).unwrap_err();
        assert!(matches!(cause(error), ClientError::Damaged(told) if told.contains("--max-file")));
    }
}
