use std::io::{self, Cursor, Read, Write};

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, aead::Aead};
use proptest::prelude::*;

use super::*;
use crate::crypto::{MessageKey, Random, SeededRandom, sha256};

/// The boundaries of chunks, and the lengths next to them.
const LENGTHS: [usize; 8] = [0, 1, 65535, 65536, 65537, 131_072, 131_073, 200_000];

fn key() -> MessageKey {
    MessageKey::from_bytes(std::array::from_fn(|place| u8::try_from(place).unwrap()))
}

/// Plaintext that differs in every chunk.
fn plaintext(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from((place * 7 + place / 256) % 251).unwrap()).collect()
}

fn sealed(plaintext: &[u8]) -> Vec<u8> {
    let mut sealer = StreamSealer::new(Vec::new(), &key(), &SeededRandom::new(1)).unwrap();
    sealer.write_all(plaintext).unwrap();
    sealer.finish().unwrap()
}

fn opened(sealed: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    StreamOpener::new(sealed, &key())?.read_to_end(&mut plain)?;
    Ok(plain)
}

fn is_damaged(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
        && error.get_ref().is_some_and(|cause| cause.is::<Damaged>())
}

fn assert_damaged(sealed: &[u8], what: &str) {
    assert!(opened(sealed).is_err_and(|error| is_damaged(&error)), "{what}");
}

struct Fixed;
impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&[0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6]);
    }
}

/// Made with `AESGCM` of Python's package `cryptography` 48 (OpenSSL), chunk by chunk as the module's
/// comment describes: key `00 01 … 1f`, prefix `a0 … a6`; the long ones as the SHA-256 of the result.
#[test]
fn another_implementation_makes_the_same_bytes() {
    let seal = |plaintext: &[u8]| {
        let mut sealer = StreamSealer::new(Vec::new(), &key(), &Fixed).unwrap();
        sealer.write_all(plaintext).unwrap();
        sealer.finish().unwrap()
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&seal(b"")), "a0a1a2a3a4a5a64d34eaed9250e09e52907c89588102a2");
    assert_eq!(hex(&seal(b"hello")), "a0a1a2a3a4a5a61f042572d7405ee04455070c03b225cdd79ebb9da0");
    for (length, digest) in [
        (3 * 65536 + 100, "2fb8c461f61e1e28ba943ffd715fe2ad98ce6249232e356264a62aee7d207f64"),
        (2 * 65536, "cca457bb7430c38c5a4523b7ef3d5288365f5e0d6908664f196d9b95221f90ee"),
    ] {
        assert_eq!(hex(&sha256(&seal(&plaintext(length)))), digest, "{length}");
    }
}

#[test]
fn what_is_sealed_opens_at_every_boundary() {
    for length in LENGTHS {
        let (plain, sealed) = (plaintext(length), sealed(&plaintext(length)));
        assert_eq!(sealed.len() as u64, sealed_len(length as u64), "{length}");
        assert_eq!(plain_len(sealed.len() as u64), Some(length as u64), "{length}");
        assert!(opened(&sealed).unwrap() == plain, "{length}");
    }
}

#[test]
fn every_length_has_one_sealed_length_and_no_other_has_a_plain_one() {
    let mut plain = 0;
    for sealed in 0..sealed_len(3 * CHUNK_BYTES as u64) + 100 {
        if sealed_len(plain) == sealed {
            assert_eq!(plain_len(sealed), Some(plain));
            plain += 1;
        } else {
            assert_eq!(plain_len(sealed), None, "{sealed}");
        }
    }
    let most = MAX_CHUNKS * CHUNK_BYTES as u64;
    assert_eq!(plain_len(sealed_len(most)), Some(most));
    assert_eq!(plain_len(sealed_len(most + 1)), None);
    assert_eq!((sealed_len(u64::MAX), plain_len(u64::MAX)), (u64::MAX, None));
}

#[test]
fn a_changed_byte_is_refused_wherever_it_is() {
    let good = sealed(&plaintext(65540));
    let short = sealed(b"hello");
    for place in 0..short.len() {
        let mut bad = short.clone();
        bad[place] ^= 1;
        assert_damaged(&bad, &format!("byte {place} of the short one"));
    }
    for place in (0..good.len()).step_by(997).chain(good.len() - 40..good.len()) {
        let mut bad = good.clone();
        bad[place] ^= 0x80;
        assert_damaged(&bad, &format!("byte {place}"));
    }
}

#[test]
fn a_cut_is_refused_wherever_it_is() {
    for length in [5, 65536, 131_073] {
        let good = sealed(&plaintext(length));
        let edges = (0..40).chain(PREFIX_BYTES + SEALED_CHUNK_BYTES - 20..).take(200);
        let ends = good.len().saturating_sub(60)..good.len();
        for cut in edges.chain((0..good.len()).step_by(1009)).chain(ends) {
            if cut < good.len() {
                assert_damaged(&good[..cut], &format!("{length} cut at {cut}"));
            }
        }
    }
}

#[test]
fn an_added_moved_missing_or_doubled_chunk_is_refused() {
    let good = sealed(&plaintext(3 * CHUNK_BYTES + 9));
    let prefix = &good[..PREFIX_BYTES];
    let chunks: Vec<&[u8]> = good[PREFIX_BYTES..].chunks(SEALED_CHUNK_BYTES).collect();
    assert_eq!(chunks.len(), 4);
    let cases: [&[usize]; 8] = [
        &[1, 0, 2, 3],
        &[0, 2, 1, 3],
        &[0, 1, 3],
        &[1, 2, 3],
        &[0, 0, 1, 2, 3],
        &[0, 1, 2],
        &[3],
        &[],
    ];
    for order in cases {
        let parts = order.iter().flat_map(|number| chunks[*number]);
        let bad: Vec<u8> = prefix.iter().chain(parts).copied().collect();
        assert_damaged(&bad, &format!("{order:?}"));
    }
    for length in LENGTHS {
        for added in [1, 16, 17, SEALED_CHUNK_BYTES] {
            let mut bad = sealed(&plaintext(length));
            bad.resize(bad.len() + added, 0);
            assert_damaged(&bad, &format!("{length} and {added} more"));
        }
    }
}

#[test]
fn without_finish_nothing_opens_to_its_end() {
    for length in LENGTHS {
        let mut cut = Vec::new();
        let mut sealer = StreamSealer::new(&mut cut, &key(), &SeededRandom::new(1)).unwrap();
        sealer.write_all(&plaintext(length)).unwrap();
        drop(sealer);
        assert_damaged(&cut, &length.to_string());
    }
}

#[test]
fn whole_chunks_before_the_damage_come_out_and_nothing_after() {
    let plain = plaintext(3 * CHUNK_BYTES);
    let mut bad = sealed(&plain);
    bad[PREFIX_BYTES + SEALED_CHUNK_BYTES + 5] ^= 1;
    let mut opener = StreamOpener::new(&bad[..], &key()).unwrap();
    let mut out = Vec::new();
    assert!(opener.read_to_end(&mut out).is_err_and(|error| is_damaged(&error)));
    assert!(out == plain[..CHUNK_BYTES]);
    assert!(opener.read_to_end(&mut out).is_err_and(|error| is_damaged(&error)), "still");
    assert_eq!(out.len(), CHUNK_BYTES);
}

/// Made by hand: a full chunk not marked as last, then an empty last one. Authentic, but not the canonical
/// division.
#[test]
fn an_empty_chunk_after_others_is_refused() {
    let cipher = Aes256Gcm::new(key().expose_secret().into());
    let mut made = vec![0; PREFIX_BYTES];
    for (number, last, plain) in [(0, 0, plaintext(CHUNK_BYTES)), (1, 1, Vec::new())] {
        let nonce = Nonce::from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number, last]);
        made.extend(cipher.encrypt(&nonce, &plain[..]).unwrap());
    }
    assert_damaged(&made, "an empty last chunk");
}

#[test]
fn the_last_number_seals_and_opens_and_there_is_none_after_it() {
    let seal_from = |position, length| {
        let mut sealer = StreamSealer::new(Vec::new(), &key(), &SeededRandom::new(1)).unwrap();
        sealer.skip_to(position);
        sealer.write_all(&plaintext(length))?;
        sealer.finish()
    };
    let good = seal_from(u32::MAX - 1, 2 * CHUNK_BYTES).unwrap();
    let mut opener = StreamOpener::new(&good[..], &key()).unwrap();
    opener.skip_to(u32::MAX - 1);
    let mut plain = Vec::new();
    opener.read_to_end(&mut plain).unwrap();
    assert!(plain == plaintext(2 * CHUNK_BYTES));
    assert!(seal_from(u32::MAX - 1, 2 * CHUNK_BYTES + 1).is_err());
}

/// Takes `room` bytes, then fails once, then takes everything.
struct Failing {
    room: usize,
    taken: Vec<u8>,
}
impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            self.room = usize::MAX;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        self.taken.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_is_sealed_after_a_failed_write() {
    let mut output = Failing { room: 1000, taken: Vec::new() };
    let mut sealer = StreamSealer::new(&mut output, &key(), &SeededRandom::new(1)).unwrap();
    let error = sealer.write_all(&plaintext(3 * CHUNK_BYTES)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(sealer.write(b"more").is_err());
    assert!(sealer.finish().is_err());
    assert_eq!(output.taken.len(), 1000);
}

#[test]
fn reading_starts_anywhere() {
    for length in LENGTHS {
        let (plain, sealed) = (plaintext(length), sealed(&plaintext(length)));
        // Bytes before the stream are not part of it.
        let mut file = Cursor::new([b"other", &sealed[..]].concat());
        file.set_position(5);
        let mut opener = StreamOpener::new(file, &key()).unwrap();
        for offset in LENGTHS.into_iter().chain([length, 70_000, 3, length / 2]) {
            let seek = opener.seek_to(offset as u64);
            if offset > length {
                assert_eq!(seek.unwrap_err().kind(), io::ErrorKind::InvalidInput);
                continue;
            }
            assert_eq!(seek.unwrap(), length as u64);
            let mut some = Vec::new();
            opener.by_ref().take(10).read_to_end(&mut some).unwrap();
            assert!(some == plain[offset..length.min(offset + 10)], "{length} {offset}");
            if offset % 2 == 0 {
                opener.read_to_end(&mut some).unwrap();
                assert!(some == plain[offset..], "{length} {offset}");
            }
        }
    }
}

#[test]
fn a_refused_seek_moves_nothing() {
    let plain = plaintext(2 * CHUNK_BYTES);
    let mut opener = StreamOpener::new(Cursor::new(sealed(&plain)), &key()).unwrap();
    let mut start = vec![0; 70_000];
    opener.read_exact(&mut start).unwrap();
    assert!(opener.seek_to(plain.len() as u64 + 1).is_err());
    opener.read_to_end(&mut start).unwrap();
    assert!(start == plain);
}

#[test]
fn a_seek_reads_nothing_before_its_chunk_and_refuses_a_cut() {
    let mut bad = sealed(&plaintext(3 * CHUNK_BYTES));
    bad[PREFIX_BYTES] ^= 1;
    let mut opener = StreamOpener::new(Cursor::new(&bad), &key()).unwrap();
    opener.seek_to(CHUNK_BYTES as u64 + 1).unwrap();
    let mut plain = Vec::new();
    opener.read_to_end(&mut plain).unwrap();
    assert!(plain == plaintext(3 * CHUNK_BYTES)[CHUNK_BYTES + 1..]);

    bad.truncate(PREFIX_BYTES + 2 * SEALED_CHUNK_BYTES);
    let mut opener = StreamOpener::new(Cursor::new(&bad), &key()).unwrap();
    assert!(opener.seek_to(2 * CHUNK_BYTES as u64).is_err_and(|error| is_damaged(&error)));
    bad.truncate(PREFIX_BYTES + SEALED_CHUNK_BYTES + 3);
    let mut opener = StreamOpener::new(Cursor::new(&bad), &key()).unwrap();
    assert!(opener.seek_to(0).is_err_and(|error| is_damaged(&error)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_split_of_writes_and_reads_gives_the_same(
        length in 0..200_000_usize,
        writes in proptest::collection::vec(1..90_000_usize, 1..8),
        reads in proptest::collection::vec(1..90_000_usize, 1..8),
        offset in 0..200_000_usize,
    ) {
        let plain = plaintext(length);
        let mut sealer = StreamSealer::new(Vec::new(), &key(), &SeededRandom::new(1)).unwrap();
        let (mut rest, mut sizes) = (&plain[..], writes.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            sealer.write_all(now).unwrap();
            sealer.flush().unwrap();
            rest = later;
        }
        let made = sealer.finish().unwrap();
        prop_assert!(made == sealed(&plain));

        let offset = offset.min(length);
        let mut opener = StreamOpener::new(Cursor::new(made), &key()).unwrap();
        opener.seek_to(offset as u64).unwrap();
        let (mut out, mut sizes) = (Vec::new(), reads.iter().cycle());
        loop {
            let mut piece = vec![0; *sizes.next().unwrap()];
            let read = opener.read(&mut piece).unwrap();
            if read == 0 { break }
            out.extend_from_slice(&piece[..read]);
        }
        prop_assert!(out == plain[offset..]);
    }
}
