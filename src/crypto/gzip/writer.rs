//! Compression.

use std::{
    io::{self, Write},
    mem,
};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use zeroize::Zeroizing;

/// The longest stored block of deflate, in bytes (RFC 1951, 3.2.4: a length of 16 bits).
const STORED_BYTES: usize = 65535;

/// The bytes that are judged together: two stored blocks. Small enough to detect a photo in a tar, large
/// enough that the 40 µs of a probe are less than the 60 µs of checksum and copy of a stored block.
const BLOCK_BYTES: usize = 2 * STORED_BYTES;

/// A probe is this many pieces of this many bytes, evenly spread over the block.
const PIECES: usize = 8;
const PIECE_BYTES: usize = 512;
const PROBE_BYTES: usize = PIECES * PIECE_BYTES;

/// Measured with zlib-rs 0.6 on text, source code and JSON: level 3 is 1.6 to 2 times as fast as level 6
/// and its output is 4 to 9 % larger; level 2 is a fifth faster than 3 and its output is 5 to 10 % larger.
/// Level 1 uses fixed Huffman codes only: base64 does not shrink at all, and random bytes grow by 5 %.
const LEVEL: u32 = 3;

/// A block is deflated if it shrinks by a sixteenth. A JPEG, which shrinks by a hundredth or two, is
/// stored: deflate would take twenty times as long for it.
const WORTH: usize = 16;

const OUTPUT_BYTES: usize = 16 << 10;

/// Magic, deflate, no flags, no time, no extra flags, an unknown operating system: nothing about the
/// sender or the file (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses the bytes written to it, and writes them to `W` as one gzip member.
///
/// It decides for each 128 KiB whether compression is worth its time: incompressible data (photos,
/// archives, ciphertext) is stored, at some GB/s instead of some 60 MB/s, and grows by less than 0.01 %.
///
/// Takes about 500 KiB, whatever the length. Its own buffers are wiped on drop; the window of the deflate
/// compressor is `flate2`'s and is not.
pub struct GzipWriter<W> {
    inner: W,
    deflate: Compress,
    /// Bytes that do not fill a block yet.
    block: Zeroizing<Vec<u8>>,
    output: Zeroizing<Box<[u8]>>,
    mode: Mode,
    crc: Crc,
    /// Modulo 2^32, as in the trailer.
    length: u32,
}

enum Mode {
    /// The output is at a byte boundary; the compressor has nothing pending.
    Stored,
    /// In the middle of the compressor's output, which may have bits pending.
    Deflated,
    /// A write failed: the output has a hole.
    Failed,
}

impl<W: Write> GzipWriter<W> {
    /// Writes the gzip header to `inner`.
    ///
    /// # Errors
    ///
    /// Those of `inner`.
    pub fn new(mut inner: W) -> io::Result<Self> {
        inner.write_all(&HEADER)?;
        Ok(Self {
            inner,
            deflate: Compress::new(Compression::new(LEVEL), false),
            block: Zeroizing::new(Vec::new()),
            output: Zeroizing::new(vec![0; OUTPUT_BYTES].into_boxed_slice()),
            mode: Mode::Stored,
            crc: Crc::new(),
            length: 0,
        })
    }

    /// Writes the remainder and the trailer, and returns `inner`, not flushed.
    ///
    /// # Errors
    ///
    /// Those of `inner`.
    pub fn finish(mut self) -> io::Result<W> {
        let rest = mem::take(&mut self.block);
        if !rest.is_empty() {
            self.write_block(&rest)?;
        }
        match self.mode {
            Mode::Stored => self.inner.write_all(&stored_header(0, true))?,
            Mode::Deflated => self.deflate(b"", FlushCompress::Finish)?,
            Mode::Failed => return Err(failed()),
        }
        self.inner.write_all(&self.crc.sum().to_le_bytes())?;
        self.inner.write_all(&self.length.to_le_bytes())?;
        Ok(self.inner)
    }

    fn write_block(&mut self, block: &[u8]) -> io::Result<()> {
        self.crc.update(block);
        // At most BLOCK_BYTES, so the cast is exact.
        #[expect(clippy::cast_possible_truncation, reason = "the length of one block")]
        let bytes = block.len() as u32;
        self.length = self.length.wrapping_add(bytes);
        self.mode = match mem::replace(&mut self.mode, Mode::Failed) {
            Mode::Stored if !self.shrinks(block)? => {
                for stored in block.chunks(STORED_BYTES) {
                    self.inner.write_all(&stored_header(stored.len(), false))?;
                    self.inner.write_all(stored)?;
                }
                Mode::Stored
            }
            Mode::Stored => {
                // Stored bytes are not in the compressor's window, so it must not refer to earlier ones.
                self.deflate.reset();
                self.write_deflated(block)?
            }
            Mode::Deflated => self.write_deflated(block)?,
            Mode::Failed => return Err(failed()),
        };
        Ok(())
    }

    /// The compressed size of a block is known too late for the block, but in time for the next one. Some
    /// of the output may still be pending, so a first block seems smaller than it is, and is followed by
    /// another probe.
    fn write_deflated(&mut self, block: &[u8]) -> io::Result<Mode> {
        let before = self.deflate.total_out();
        self.deflate(block, FlushCompress::None)?;
        let written = self.deflate.total_out() - before;
        if is_worth(block.len(), written) {
            return Ok(Mode::Deflated);
        }
        // Ends at a byte boundary, where stored blocks may follow.
        self.deflate(b"", FlushCompress::Sync)?;
        Ok(Mode::Stored)
    }

    /// Whether a sample of the block shrinks. The compressor must be idle.
    fn shrinks(&mut self, block: &[u8]) -> io::Result<bool> {
        // A block as short as a sample is probed as a whole.
        if block.len() <= PROBE_BYTES {
            return Ok(true);
        }
        self.deflate.reset();
        for piece in block.chunks(block.len().div_ceil(PIECES)) {
            let piece = piece.get(..PIECE_BYTES).unwrap_or(piece);
            self.deflate.compress(piece, &mut self.output, FlushCompress::None)?;
        }
        // OUTPUT_BYTES hold any sample's output at once.
        self.deflate.compress(b"", &mut self.output, FlushCompress::Finish)?;
        Ok(is_worth(PROBE_BYTES, self.deflate.total_out()))
    }

    /// Compresses all of `input`, and writes the output to `inner`.
    fn deflate(&mut self, mut input: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            let (taken, given) = (self.deflate.total_in(), self.deflate.total_out());
            let status = self.deflate.compress(input, &mut self.output, flush)?;
            let taken = count(self.deflate.total_in() - taken);
            let given = count(self.deflate.total_out() - given);
            self.inner.write_all(self.output.get(..given).unwrap_or_default())?;
            input = input.get(taken..).unwrap_or_default();
            // If room is left in the output, the compressor had nothing more to give.
            if status == Status::StreamEnd || (input.is_empty() && given < self.output.len()) {
                return Ok(());
            }
        }
    }
}

impl<W: Write> Write for GzipWriter<W> {
    /// # Errors
    ///
    /// Those of `inner`; after one, every write and [`finish`](GzipWriter::finish) fail.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            // Takes whole blocks without a copy.
            if let Some(block) = bytes.get(..BLOCK_BYTES) {
                self.write_block(block)?;
                return Ok(block.len());
            }
            // Reserves all at once: a vector that grows leaves copies of the plaintext in memory. Does
            // nothing if the room is already reserved.
            self.block.reserve_exact(BLOCK_BYTES);
        }
        let taken = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.block.len() == BLOCK_BYTES {
            let mut block = mem::take(&mut self.block);
            self.write_block(&block)?;
            block.clear();
            self.block = block;
        }
        Ok(taken)
    }

    /// Flushes whole blocks only: a short one would shrink less.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn is_worth(bytes: usize, compressed: u64) -> bool {
    compressed < (bytes - bytes / WORTH) as u64
}

/// RFC 1951, 3.2.4, at a byte boundary: one bit for the last block, two bits of zeros for a stored one,
/// then the length and its complement.
fn stored_header(length: usize, last: bool) -> [u8; 5] {
    #[expect(clippy::cast_possible_truncation, reason = "a stored block has at most 65535 bytes")]
    let length = length as u16;
    let ([a, b], [c, d]) = (length.to_le_bytes(), (!length).to_le_bytes());
    [u8::from(last), a, b, c, d]
}

/// The progress of a counter within one call, which is at most the length of a slice.
fn count(step: u64) -> usize {
    usize::try_from(step).expect("a call takes and gives no more than its slices hold")
}

fn failed() -> io::Error {
    io::Error::other("a gzip stream cannot continue after a failed write")
}
