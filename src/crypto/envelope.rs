//! The content of a box: a message's text, or a file. It is compressed with gzip, then sealed with
//! AES-256-GCM in chunks:
//!
//! ```text
//! envelope = STREAM(message key, gzip(plaintext))
//! ```
//!
//! The two layers are [`gzip`](super::gzip) and [`stream`](super::stream), whose comments name their
//! specifications. An envelope of one chunk is AES-GCM with the nonce `prefix ‖ 00000000 ‖ 01`, which takes
//! a few lines in any language. This module does not wrap the message key.
//!
//! # Security
//!
//! The length of an envelope shows how well its content compresses. This matters only where text of an
//! attacker and a secret are compressed together, repeatedly, as in a web page (CRIME, 2012); here each
//! sender seals a text of their own, once.

use std::{
    io::{self, Read, Write},
    mem,
};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    gzip::{BadGzip, GunzipReader, GzipWriter, TooLong},
    message_key::MessageKey,
    random::Random,
    seal::Damaged,
    secret_bytes::SecretBytes,
    stream::{StreamOpener, StreamSealer},
};

/// Seals the plaintext written to it, and writes the envelope to `W` as it is made.
///
/// Takes about 600 KiB, whatever the length. If it is dropped without [`finish`](Self::finish), the
/// envelope does not open.
pub struct EnvelopeWriter<W> {
    gzip: GzipWriter<StreamSealer<W>>,
    sha256: Sha256,
    bytes: u64,
}

/// Length and digest of the plaintext of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenEnvelope {
    /// The length of the plaintext.
    pub bytes: u64,
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
}

impl<W: Write> EnvelopeWriter<W> {
    /// Starts the only envelope that `key` seals, see [`StreamSealer::new`].
    ///
    /// # Errors
    ///
    /// Those of `inner`.
    pub fn new(inner: W, key: &MessageKey, random: &dyn Random) -> io::Result<Self> {
        let gzip = GzipWriter::new(StreamSealer::new(inner, key, random)?)?;
        Ok(Self { gzip, sha256: Sha256::new(), bytes: 0 })
    }

    /// Writes the remainder, and returns `inner`, not flushed.
    ///
    /// # Errors
    ///
    /// Those of `inner`.
    pub fn finish(self) -> io::Result<(W, WrittenEnvelope)> {
        let inner = self.gzip.finish()?.finish()?;
        Ok((inner, WrittenEnvelope { bytes: self.bytes, sha256: self.sha256.finalize().into() }))
    }
}

impl<W: Write> Write for EnvelopeWriter<W> {
    /// # Errors
    ///
    /// Those of `inner`; after one, every write and [`finish`](EnvelopeWriter::finish) fail.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.gzip.write(bytes)?;
        self.sha256.update(bytes.get(..taken).unwrap_or_default());
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.gzip.flush()
    }
}

/// Opens an envelope read from `R`: reading gives the plaintext.
///
/// Every byte returned is authentic. Only the end (a read of 0 bytes) shows that the plaintext is complete.
///
/// Takes about 150 KiB, whatever the size of the plaintext.
pub struct EnvelopeReader<R> {
    gunzip: GunzipReader<StreamOpener<R>>,
}

impl<R: Read> EnvelopeReader<R> {
    /// Reads the start of the envelope. Reading returns at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As for reading.
    pub fn new(inner: R, key: &MessageKey, limit: Option<u64>) -> io::Result<Self> {
        Ok(Self { gunzip: GunzipReader::new(StreamOpener::new(inner, key)?, limit) })
    }
}

impl<R: Read> Read for EnvelopeReader<R> {
    /// # Errors
    ///
    /// Those of `R`, and those that [`EnvelopeError::of`] distinguishes. After an error every read fails.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.gunzip.read(bytes)
    }
}

/// Why an envelope does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Sealed with another key, or changed, missing or added bytes, or not an envelope.
    #[error("the envelope does not open with its key")]
    Damaged,
    /// More plaintext than the caller allows.
    #[error("the content of the envelope is longer than allowed")]
    TooLong,
}

impl EnvelopeError {
    /// The meaning of an error of an [`EnvelopeReader`] for the envelope; `None` if the error came from the
    /// input.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        let cause = error.get_ref()?;
        if cause.is::<TooLong>() {
            Some(Self::TooLong)
        } else if cause.is::<Damaged>() || cause.is::<BadGzip>() {
            Some(Self::Damaged)
        } else {
            None
        }
    }
}

/// Seals a short plaintext, in memory; `key` must not seal anything else.
#[must_use]
pub fn seal(key: &MessageKey, plaintext: &[u8], random: &dyn Random) -> Vec<u8> {
    let seal = || {
        let mut writer = EnvelopeWriter::new(Vec::new(), key, random)?;
        writer.write_all(plaintext)?;
        writer.finish()
    };
    let (sealed, _) = seal().expect("a vector takes all, and memory holds less than 2^32 chunks");
    sealed
}

/// Opens a short envelope, in memory, if it contains at most `limit` bytes.
///
/// # Errors
///
/// [`EnvelopeError`]; any plaintext read before it is wiped.
pub fn open(key: &MessageKey, sealed: &[u8], limit: u64) -> Result<SecretBytes, EnvelopeError> {
    let open = || {
        let mut reader = EnvelopeReader::new(sealed, key, Some(limit))?;
        // Not `read_to_end`: a vector that grows leaves copies of the plaintext in memory.
        let mut plain = Zeroizing::new(vec![0; FIRST_ROOM]);
        let mut filled = 0;
        loop {
            if filled == plain.len() {
                let mut larger = Zeroizing::new(vec![0; 2 * filled]);
                for (larger, byte) in larger.iter_mut().zip(plain.iter()) {
                    *larger = *byte;
                }
                plain = larger;
            }
            match reader.read(plain.get_mut(filled..).unwrap_or_default())? {
                0 => break,
                read => filled += read,
            }
        }
        plain.truncate(filled);
        Ok(SecretBytes::new(mem::take(&mut *plain)))
    };
    // Reading from a slice does not fail, so the error concerns the envelope.
    open().map_err(|error: io::Error| EnvelopeError::of(&error).unwrap_or(EnvelopeError::Damaged))
}

/// Enough for most messages.
const FIRST_ROOM: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::{SeededRandom, sha256};

    fn key() -> MessageKey {
        MessageKey::from_bytes(std::array::from_fn(|place| u8::try_from(place).unwrap()))
    }

    fn random(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        SeededRandom::new(7).fill(&mut bytes);
        bytes
    }

    fn opened(sealed: &[u8], limit: u64) -> Result<Vec<u8>, EnvelopeError> {
        open(&key(), sealed, limit).map(|plain| plain.expose_secret().to_vec())
    }

    /// Made with `gzip.compress(…, mtime=0)` of Python and `AESGCM` of its package `cryptography` 48:
    /// key `00 01 … 1f`, prefix `a0 … a6`.
    #[test]
    fn an_envelope_that_python_made_opens() {
        let hex = "a0a1a2a3a4a5a668ea411eb806e0c001662b127323ff7930387648eed1393788ba2b790350fd6195\
            7b870d68af94494490c5a659779e8f82a388de25d8dc";
        let sealed: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap())
            .collect();
        assert_eq!(opened(&sealed, 100).unwrap(), "Möt mig vid kajen.".as_bytes());
    }

    #[test]
    fn an_envelope_opens_up_to_its_limit() {
        for length in [0, 1, 4095, 4096, 4097, 65535, 65536, 300_000] {
            for plain in [random(length), vec![b'x'; length]] {
                let sealed = seal(&key(), &plain, &SeededRandom::new(1));
                assert!(opened(&sealed, length as u64) == Ok(plain), "{length}");
                if let Some(less) = (length as u64).checked_sub(1) {
                    assert_eq!(opened(&sealed, less), Err(EnvelopeError::TooLong), "{length}");
                }
            }
        }
    }

    #[test]
    fn what_went_in_is_counted_and_digested() {
        let plain = random(200_000);
        let mut writer = EnvelopeWriter::new(Vec::new(), &key(), &SeededRandom::new(1)).unwrap();
        for piece in plain.chunks(777) {
            writer.write_all(piece).unwrap();
        }
        writer.flush().unwrap();
        let (sealed, written) = writer.finish().unwrap();
        assert_eq!(written, WrittenEnvelope { bytes: 200_000, sha256: sha256(&plain) });
        assert!(sealed == seal(&key(), &plain, &SeededRandom::new(1)));
    }

    #[test]
    fn damage_is_refused() {
        let sealed = seal(&key(), &random(70_000), &SeededRandom::new(1));
        let places = (0..sealed.len()).step_by(1009).chain(sealed.len() - 20..sealed.len());
        for place in places {
            assert_eq!(
                opened(&sealed[..place], 1 << 20),
                Err(EnvelopeError::Damaged),
                "cut {place}"
            );
            let mut bad = sealed.clone();
            bad[place] ^= 4;
            assert_eq!(opened(&bad, 1 << 20), Err(EnvelopeError::Damaged), "changed {place}");
        }
        assert_eq!(opened(&[&sealed[..], b"x"].concat(), 1 << 20), Err(EnvelopeError::Damaged));
        let other = MessageKey::from_bytes([9; 32]);
        assert_eq!(open(&other, &sealed, 1 << 20).err(), Some(EnvelopeError::Damaged));
    }

    #[test]
    fn without_finish_it_does_not_open() {
        for length in [0, 10, 500_000] {
            let mut cut = Vec::new();
            let mut writer = EnvelopeWriter::new(&mut cut, &key(), &SeededRandom::new(1)).unwrap();
            writer.write_all(&random(length)).unwrap();
            drop(writer);
            assert_eq!(opened(&cut, 1 << 20), Err(EnvelopeError::Damaged), "{length}");
        }
    }

    /// The owner of the key can seal any bytes.
    #[test]
    fn what_is_sealed_and_not_gzip_is_refused() {
        let mut gzip = GzipWriter::new(Vec::new()).unwrap();
        gzip.write_all(b"good").unwrap();
        let gzip = gzip.finish().unwrap();
        let cases: [(&[u8], bool); 5] = [
            (&gzip, true),
            (b"", false),
            (b"no gzip", false),
            (&gzip[..gzip.len() - 1], false),
            (&[&gzip[..], b"more"].concat(), false),
        ];
        for (inside, good) in cases {
            let expected = if good { Ok(b"good".to_vec()) } else { Err(EnvelopeError::Damaged) };
            let mut sealer = StreamSealer::new(Vec::new(), &key(), &SeededRandom::new(1)).unwrap();
            sealer.write_all(inside).unwrap();
            assert_eq!(opened(&sealer.finish().unwrap(), 100), expected, "{inside:?}");
        }
    }

    #[test]
    fn an_error_of_the_input_says_nothing_about_the_envelope() {
        let errors = [io::Error::from(io::ErrorKind::InvalidData), io::Error::other("disk")];
        assert!(errors.iter().all(|error| EnvelopeError::of(error).is_none()));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(plain in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let sealed = seal(&key(), &plain, &SeededRandom::new(1));
            prop_assert_eq!(opened(&sealed, 2000), Ok(plain));
        }

        #[test]
        fn nothing_at_random_opens(sealed in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(opened(&sealed, 1000), Err(EnvelopeError::Damaged));
        }
    }
}
