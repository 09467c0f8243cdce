//! gzip (RFC 1952): the inner layer of an [`envelope`](super::envelope). The plaintext of an envelope is
//! always gzip, whatever the data. This module writes and reads the gzip format; the crate `flate2` does
//! the deflate (RFC 1951).

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::io;

pub use self::{reader::GunzipReader, writer::GzipWriter};

/// The input is not one complete gzip stream: it is damaged, truncated, followed by other data, or not
/// gzip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a complete, undamaged gzip stream")]
pub struct BadGzip;

/// The decompressed data exceeds the limit of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decompressed data is longer than allowed")]
pub struct TooLong;

fn bad_gzip() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, BadGzip)
}
