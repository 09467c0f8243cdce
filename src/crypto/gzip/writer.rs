//! The side that compresses.

use std::{
    io::{self, Write},
    mem,
};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use zeroize::Zeroizing;

/// The longest stored block of deflate, in bytes (RFC 1951, 3.2.4: a length of 16 bits).
const STORED_BYTES: usize = 65535;

/// How much is judged at a time: two stored blocks. Small enough to find the photo in a tar, large
/// enough that the 40 µs of a probe are less than the 60 µs of checksum and copy of what is stored.
const BLOCK_BYTES: usize = 2 * STORED_BYTES;

/// A probe is this many pieces of this many bytes, evenly spread over the block.
const PIECES: usize = 8;
const PIECE_BYTES: usize = 512;
const PROBE_BYTES: usize = PIECES * PIECE_BYTES;

/// Measured with zlib-rs 0.6 on text, source code and JSON: level 3 is 1.6 to 2 times as fast as level 6
/// and makes 4 to 9 % more of it; level 2 is a fifth faster than 3 and makes 5 to 10 % more. Level 1
/// knows fixed Huffman codes only: base64 does not shrink at all, and random bytes grow by 5 %.
const LEVEL: u32 = 3;

/// Worth deflating is what shrinks by a sixteenth. A JPEG, which shrinks by a hundredth or two, is
/// not: deflate would take twenty times as long for it.
const WORTH: usize = 16;

const OUTPUT_BYTES: usize = 16 << 10;

/// Magic, deflate, no flags, no time, no extra flags, an unknown operating system: nothing about the
/// sender or the file (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written to it, and writes that on to `W` as one gzip member.
///
/// Every 128 KiB it looks whether compression is worth its time: what does not shrink (photos,
/// archives, ciphertext) is stored, at some GB/s instead of some 60 MB/s, and grows by less than
/// 0.01 %. So a long input is squeezed where it can be, and copied where not.
///
/// Takes about 500 KiB, whatever the length. Its own buffers are wiped on drop; the window of the
/// deflate compressor is `flate2`'s and is not.
pub struct GzipWriter<W> {
    inner: W,
    deflate: Compress,
    /// What was written and does not fill a block yet.
    block: Zeroizing<Vec<u8>>,
    output: Zeroizing<Box<[u8]>>,
    mode: Mode,
    crc: Crc,
    /// Modulo 2^32, as the trailer wants it.
    length: u32,
}

enum Mode {
    /// The output stands at a byte boundary; the compressor has nothing pending.
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

    /// Writes what is left and the trailer, and gives `inner` back, not flushed.
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
        // At most BLOCK_BYTES, so nothing is lost.
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
                // What was stored is not in the compressor's window; it must not refer to anything.
                self.deflate.reset();
                self.write_deflated(block)?
            }
            Mode::Deflated => self.write_deflated(block)?,
            Mode::Failed => return Err(failed()),
        };
        Ok(())
    }

    /// What the block shrank to is known too late for the block, but in time for the next one. Some
    /// of it may still be pending, so a first block seems smaller than it is, and costs a second look.
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
        // The whole of what is as short as a sample costs no more than the sample.
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

    /// Runs all of `input` through the compressor, and on to `inner` what comes out.
    fn deflate(&mut self, mut input: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            let (taken, given) = (self.deflate.total_in(), self.deflate.total_out());
            let status = self.deflate.compress(input, &mut self.output, flush)?;
            let taken = count(self.deflate.total_in() - taken);
            let given = count(self.deflate.total_out() - given);
            self.inner.write_all(self.output.get(..given).unwrap_or_default())?;
            input = input.get(taken..).unwrap_or_default();
            // With room to spare, the compressor had nothing more to give.
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
            // Without a copy, if it can be.
            if let Some(block) = bytes.get(..BLOCK_BYTES) {
                self.write_block(block)?;
                return Ok(block.len());
            }
            // All at once: a vector that grows leaves plaintext behind. Does nothing when it has it.
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

/// The step of a counter within one call, which is no longer than a slice.
fn count(step: u64) -> usize {
    usize::try_from(step).expect("a call takes and gives no more than its slices hold")
}

fn failed() -> io::Error {
    io::Error::other("a gzip stream does not go on after a failed write")
}
