//! gzip (RFC 1952): the inner layer of an [`envelope`](super::envelope). Here because an envelope's
//! plaintext is gzip, whatever the data; the deflate itself (RFC 1951) is the crate `flate2`'s.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::io;

pub use self::{reader::GunzipReader, writer::GzipWriter};

/// What does not read as gzip: damaged, cut short, followed by something else, or never gzip at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a whole and undamaged gzip stream")]
pub struct BadGzip;

/// More would come out than the reader was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is more inside than is allowed")]
pub struct TooLong;

fn bad_gzip() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, BadGzip)
}
