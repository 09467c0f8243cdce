//! Decompression.

use std::{
    io::{self, Read},
    ops::Range,
};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zeroize::Zeroizing;

use super::{TooLong, bad_gzip};

const INPUT_BYTES: usize = 32 << 10;

// RFC 1952, 2.3.1: the flags of a header.
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Decompresses gzip read from `R`: one member, or several in sequence, as RFC 1952 allows.
///
/// The end (a read of 0 bytes) is returned only if every checksum is right and no other data follows; until
/// then, the data read may still prove damaged.
///
/// Takes about 80 KiB, whatever the size of the output. Its own buffer is wiped on drop; the window of the
/// inflate decompressor is `flate2`'s and is not.
pub struct GunzipReader<R> {
    input: Input<R>,
    inflate: Decompress,
    at: At,
    /// How many more bytes may be returned.
    left: Option<u64>,
    /// Checksum and length of the current member; the length is modulo 2^32, as in the trailer.
    crc: Crc,
    length: u32,
}

#[derive(Clone, Copy)]
enum At {
    FirstHeader,
    Data,
    Trailer,
    /// The end of the input, or another header.
    NextHeader,
    End,
    Bad,
    TooLong,
}

impl<R: Read> GunzipReader<R> {
    /// Reads nothing yet. Reading returns at most `limit` bytes.
    #[must_use]
    pub fn new(inner: R, limit: Option<u64>) -> Self {
        Self {
            input: Input::new(inner),
            inflate: Decompress::new(false),
            at: At::FirstHeader,
            left: limit,
            crc: Crc::new(),
            length: 0,
        }
    }

    fn read_some(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.at {
                At::NextHeader if self.input.fill()?.is_empty() => self.at = At::End,
                At::FirstHeader | At::NextHeader => {
                    self.read_header()?;
                    self.inflate.reset(false);
                    self.crc.reset();
                    self.length = 0;
                    self.at = At::Data;
                }
                At::Data => {
                    let read = self.read_data(bytes)?;
                    if read > 0 {
                        return Ok(read);
                    }
                }
                At::Trailer => {
                    let trailer: [u8; 8] = self.input.array()?;
                    let sums = (u64::from(self.length) << 32) | u64::from(self.crc.sum());
                    if trailer != sums.to_le_bytes() {
                        return Err(bad_gzip());
                    }
                    self.at = At::NextHeader;
                }
                At::End => return Ok(0),
                At::Bad => return Err(bad_gzip()),
                At::TooLong => return Err(too_long()),
            }
        }
    }

    /// One call of the decompressor. It may return no bytes although it has made progress.
    fn read_data(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        // Room for one more byte shows whether the data exceeds the limit.
        let mut beyond = [0];
        let allowed =
            self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let room = match bytes.get_mut(..allowed) {
            Some([]) => &mut beyond[..],
            Some(room) => room,
            None => bytes,
        };
        let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
        let input = self.input.fill()?;
        let status =
            self.inflate.decompress(input, room, FlushDecompress::None).map_err(|_| bad_gzip())?;
        let taken = self.inflate.total_in() - taken;
        let given = self.inflate.total_out() - given;
        self.input.consume(taken);
        if status == Status::StreamEnd {
            self.at = At::Trailer;
        } else if taken == 0 && given == 0 {
            // There was room for output, so the decompressor needs more input than exists.
            return Err(bad_gzip());
        }
        match &mut self.left {
            Some(0) if given > 0 => return Err(too_long()),
            Some(left) => *left = left.saturating_sub(given),
            None => {}
        }
        let given = usize::try_from(given).map_err(|_| bad_gzip())?;
        let out = room.get(..given).ok_or_else(bad_gzip)?;
        self.crc.update(out);
        #[expect(clippy::cast_possible_truncation, reason = "the length is modulo 2^32")]
        let step = given as u32;
        self.length = self.length.wrapping_add(step);
        Ok(given)
    }

    /// RFC 1952, 2.3. Name, comment and extra field are skipped, and take no memory.
    fn read_header(&mut self) -> io::Result<()> {
        self.input.crc.reset();
        let [magic, magic2, method, flags, _time @ .., _extra_flags, _system]: [u8; 10] =
            self.input.array()?;
        if (magic, magic2, method) != (0x1f, 0x8b, 8) || flags & RESERVED != 0 {
            return Err(bad_gzip());
        }
        if flags & EXTRA != 0 {
            for _ in 0..u16::from_le_bytes(self.input.array()?) {
                self.input.byte()?;
            }
        }
        for text in [NAME, COMMENT] {
            while flags & text != 0 && self.input.byte()? != 0 {}
        }
        if flags & HEADER_CRC != 0 {
            let [a, b, ..] = self.input.crc.sum().to_le_bytes();
            if self.input.array()? != [a, b] {
                return Err(bad_gzip());
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for GunzipReader<R> {
    /// # Errors
    ///
    /// Those of `R`, [`BadGzip`](super::BadGzip) in an [`io::Error`] of kind
    /// [`InvalidData`](io::ErrorKind::InvalidData), and [`TooLong`] in one of kind
    /// [`FileTooLarge`](io::ErrorKind::FileTooLarge) as soon as the output exceeds the limit. After an
    /// error every read fails.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let read = self.read_some(bytes);
        if let Err(error) = &read {
            let too_long = error.get_ref().is_some_and(|cause| cause.is::<TooLong>());
            self.at = if too_long { At::TooLong } else { At::Bad };
        }
        read
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, TooLong)
}

/// A buffered reader that wipes its buffer, and computes the checksum of bytes that are read one by one.
struct Input<R> {
    inner: R,
    buffer: Zeroizing<Box<[u8]>>,
    unread: Range<usize>,
    crc: Crc,
}

impl<R: Read> Input<R> {
    fn new(inner: R) -> Self {
        let buffer = Zeroizing::new(vec![0; INPUT_BYTES].into_boxed_slice());
        Self { inner, buffer, unread: 0..0, crc: Crc::new() }
    }

    /// The bytes that were read and not consumed; empty only at the end of the input.
    fn fill(&mut self) -> io::Result<&[u8]> {
        while self.unread.is_empty() {
            match self.inner.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(bytes) => self.unread = 0..bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.buffer.get(self.unread.clone()).unwrap_or_default())
    }

    fn consume(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.unread.start = self.unread.end.min(self.unread.start.saturating_add(bytes));
    }

    fn byte(&mut self) -> io::Result<u8> {
        let byte = *self.fill()?.first().ok_or_else(bad_gzip)?;
        self.consume(1);
        self.crc.update(&[byte]);
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }
}
