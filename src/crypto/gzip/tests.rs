use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder, read::MultiGzDecoder};
use proptest::prelude::*;

use super::*;
use crate::crypto::{Random, SeededRandom};

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SeededRandom::new(length as u64).fill(&mut bytes);
    bytes
}

fn text(length: usize) -> Vec<u8> {
    let words = ["secret", "link", "the", "of", "view", "a", "never", "opens", "\n", "again"];
    random(length)
        .into_iter()
        .flat_map(|byte| words[usize::from(byte) % words.len()].bytes().chain([b' ']))
        .take(length)
        .collect()
}

/// Photos and text alternately, with the given lengths.
fn mixed(lengths: &[usize]) -> Vec<u8> {
    let part = |(number, length)| if number % 2 == 0 { text(length) } else { random(length) };
    lengths.iter().copied().enumerate().flat_map(part).collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut writer = GzipWriter::new(Vec::new()).unwrap();
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

fn gunzip(data: &[u8], limit: Option<u64>) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    GunzipReader::new(data, limit).read_to_end(&mut out)?;
    Ok(out)
}

/// By an independent reader.
fn gunzip_by_flate2(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    MultiGzDecoder::new(data).read_to_end(&mut out).unwrap();
    out
}

fn is_bad(result: &io::Result<Vec<u8>>) -> bool {
    result.as_ref().is_err_and(|error| {
        error.kind() == io::ErrorKind::InvalidData
            && error.get_ref().is_some_and(|cause| cause.is::<BadGzip>())
    })
}

fn is_too_long(result: &io::Result<Vec<u8>>) -> bool {
    result.as_ref().is_err_and(|error| error.get_ref().is_some_and(|cause| cause.is::<TooLong>()))
}

#[test]
fn what_is_written_is_read_by_flate2_and_by_us() {
    let block = 2 * 65535;
    let edges =
        [0, 1, 100, 4096, 4097, 65535, 65536, block - 1, block, block + 1, 2 * block, 500_001];
    for length in edges {
        for data in [text(length), random(length), vec![0; length]] {
            let made = gzip(&data);
            assert!(gunzip_by_flate2(&made) == data, "{length}");
            assert!(gunzip(&made, None).unwrap() == data, "{length}");
            assert!(gunzip(&made, Some(length as u64)).unwrap() == data, "{length}, just allowed");
            assert!(
                length == 0 || is_too_long(&gunzip(&made, Some(length as u64 - 1))),
                "{length}"
            );
        }
    }
}

#[test]
fn the_header_says_nothing() {
    assert_eq!(gzip(b"x")[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

#[test]
fn random_data_hardly_grows_and_text_shrinks() {
    for length in [1000, 5000, 100_000, 3_000_000] {
        let grown = gzip(&random(length)).len() - length;
        assert!(grown <= 23 + 5 + length / 1000, "{grown} bytes more than {length}");
    }
    assert!(gzip(&text(1_000_000)).len() < 400_000);
    assert!(gzip(&[b' '; 1_000_000]).len() < 5000);
}

#[test]
fn photos_are_stored_and_text_is_squeezed_in_one_stream() {
    let data = mixed(&[600_000, 900_000, 700_000, 400_000, 100_000, 1_000_000]);
    let made = gzip(&data);
    assert!(gunzip_by_flate2(&made) == data);
    // 1.4 MB of text shrinks to about a third, 2.3 MB of photos not at all.
    assert!(made.len() < 3_000_000, "{}", made.len());
    // A stored block contains its bytes unchanged: the middle of each photo is found again.
    for middle in [1_000_000, 2_400_000, 3_500_000] {
        let photo = &data[middle..middle + 64];
        assert!(made.windows(64).any(|window| window == photo), "{middle}");
    }
}

/// `text` after `random` must not refer to earlier data of the compressor.
#[test]
fn repeats_across_a_switch_are_right() {
    let (phrase, noise) = (text(200_000), random(300_000));
    let parts = [&phrase, &noise, &phrase, &noise, &noise, &phrase];
    let data: Vec<u8> = parts.into_iter().flatten().copied().collect();
    let made = gzip(&data);
    assert!(gunzip_by_flate2(&made) == data && gunzip(&made, None).unwrap() == data);
}

#[test]
fn every_header_and_several_members_are_read() {
    let plain = |name: &str| format!("of {name}").into_bytes();
    let named = |name: &str| {
        let builder = GzBuilder::new().filename(name).comment("c").extra(vec![7; 300]).mtime(1);
        let mut writer = builder.write(Vec::new(), Compression::fast());
        writer.write_all(&plain(name)).unwrap();
        writer.finish().unwrap()
    };
    let made = [named("a"), gzip(b""), named("b"), gzip(&text(100_000))].concat();
    let expected = [plain("a"), plain("b"), text(100_000)].concat();
    assert!(gunzip(&made, None).unwrap() == expected);
    assert!(is_too_long(&gunzip(&made, Some(100_007))), "the limit counts all members");
    assert!(gunzip(&made, Some(100_008)).unwrap() == expected);

    // The low half of the header's own CRC-32 follows it (RFC 1952, 2.3.1).
    let with_crc = |crc: [u8; 2]| {
        let mut made = gzip(b"x");
        made[3] = 2;
        made.splice(10..10, crc);
        made
    };
    let crc = {
        let mut crc = flate2::Crc::new();
        crc.update(&[0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 255]);
        crc.sum().to_le_bytes()
    };
    assert_eq!(gunzip(&with_crc([crc[0], crc[1]]), None).unwrap(), b"x");
    assert!(is_bad(&gunzip(&with_crc([crc[0], crc[1] ^ 1]), None)));
}

/// The bits of `made` that readers ignore and no checksum covers, as (place, bit): the flag FTEXT, the
/// time, the extra flags and the system of the header (RFC 1952, 2.3.1), and the bits that fill up a byte:
/// five before a stored block's length (RFC 1951, 3.2.4), and the highest ones of the last byte of a
/// deflated block. `stored` is the number of stored blocks; if there are any, all blocks are stored.
fn meaningless(made: &[u8], stored: usize) -> Vec<(usize, u8)> {
    let header = (4..10).flat_map(|place| (0..8).map(move |bit| (place, bit)));
    let mut bits: Vec<_> = std::iter::once((3, 0)).chain(header).collect();
    let mut place = 10;
    for _ in 0..stored {
        bits.extend((3..8).map(|bit| (place, bit)));
        place += 5 + usize::from(u16::from_le_bytes([made[place + 1], made[place + 2]]));
    }
    if stored > 0 {
        assert_eq!(place + 8, made.len(), "stored blocks up to the trailer");
        return bits;
    }
    let last = made.len() - 9;
    let fills = |bit: &u8| gunzip(&flipped(made, last, *bit), None).is_ok();
    bits.extend((1..8).rev().take_while(fills).map(|bit| (last, bit)));
    bits
}

#[test]
fn a_cut_or_something_behind_is_refused() {
    for data in [text(300), random(9000), text(20_000)] {
        let good = gzip(&data);
        for cut in 0..good.len() {
            assert!(is_bad(&gunzip(&good[..cut], None)), "cut at {cut}");
        }
        for tail in [&b"\0"[..], b"\x1f", b"garbage that is long enough", &good[..10]] {
            assert!(is_bad(&gunzip(&[&good, tail].concat(), None)), "{tail:?}");
        }
    }
    assert!(is_bad(&gunzip(b"", None)) && is_bad(&gunzip(b"hello", None)));
}

fn flipped(made: &[u8], place: usize, bit: u8) -> Vec<u8> {
    let mut bad = made.to_vec();
    bad[place] ^= 1 << bit;
    bad
}

/// Shrinks, but contains no repetition: another distance of a match could give the same bytes.
fn letters(length: usize) -> Vec<u8> {
    random(length).into_iter().map(|byte| b'0' + byte % 64).collect()
}

/// Every single bit, except those inside stored data, of which one in 50 bytes is enough.
#[test]
fn a_changed_bit_is_refused_unless_it_means_nothing() {
    for (data, stored) in [(vec![], 1), (letters(700), 0), (random(150_000), 4)] {
        let good = gzip(&data);
        let meaningless = meaningless(&good, stored);
        let step = if stored > 1 { 50 } else { 1 };
        let edges = meaningless.iter().flat_map(|(place, _)| *place..place + 5);
        let places = (0..18).chain(edges).chain((18..good.len()).step_by(step));
        let places = places.chain(good.len() - 13..good.len());
        for (place, bit) in places.flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let result = gunzip(&flipped(&good, place, bit), None);
            if meaningless.contains(&(place, bit)) {
                assert!(result.is_ok_and(|out| out == data), "bit {bit} of byte {place}");
            } else {
                assert!(is_bad(&result), "bit {bit} of byte {place} of {}", good.len());
            }
        }
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let mut writer = GzipWriter::new(Vec::new()).unwrap();
    for _ in 0..100 {
        writer.write_all(&vec![0; 1_000_000]).unwrap();
    }
    let bomb = writer.finish().unwrap();
    assert!(bomb.len() < 1_000_000);
    let mut reader = GunzipReader::new(&bomb[..], Some(1_000_000));
    // Only this piece is read at a time: the output is bounded by the caller's memory.
    let (mut piece, mut total) = ([0; 4096], 0);
    let error = loop {
        match reader.read(&mut piece) {
            Ok(0) => panic!("the bomb ends"),
            Ok(read) => total += read,
            Err(error) => break error,
        }
    };
    assert_eq!((total, error.kind()), (1_000_000, io::ErrorKind::FileTooLarge));
    assert!(error.get_ref().unwrap().is::<TooLong>());
    assert!(is_too_long(&reader.read(&mut piece).map(|_| Vec::new())), "still");
}

#[test]
fn an_error_of_the_input_is_passed_on() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let made = gzip(&random(100_000));
    let mut reader = GunzipReader::new(made[..5000].chain(Broken), None);
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert!(reader.read(&mut [0]).is_err());
}

#[test]
fn nothing_is_written_after_a_failed_write() {
    struct Full(bool);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Only the large write fails.
            if bytes.len() > 1000 && !self.0 {
                self.0 = true;
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = GzipWriter::new(Full(false)).unwrap();
    assert!(writer.write_all(&random(400_000)).is_err());
    assert!(writer.write_all(&random(400_000)).is_err());
    assert!(writer.finish().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn any_mixture_in_any_pieces_comes_back(
        lengths in proptest::collection::vec(0..300_000_usize, 0..6),
        writes in proptest::collection::vec(1..200_000_usize, 1..6),
        reads in proptest::collection::vec(1..100_000_usize, 1..6),
    ) {
        let data = mixed(&lengths);
        let mut writer = GzipWriter::new(Vec::new()).unwrap();
        let (mut rest, mut sizes) = (&data[..], writes.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            writer.write_all(now).unwrap();
            rest = later;
        }
        let made = writer.finish().unwrap();
        prop_assert!(made == gzip(&data), "the result does not depend on how writes are split");
        prop_assert!(gunzip_by_flate2(&made) == data);

        let mut reader = GunzipReader::new(&made[..], Some(data.len() as u64));
        let (mut out, mut sizes) = (Vec::new(), reads.iter().cycle());
        loop {
            let mut piece = vec![0; *sizes.next().unwrap()];
            let read = reader.read(&mut piece).unwrap();
            if read == 0 { break }
            out.extend_from_slice(&piece[..read]);
        }
        prop_assert!(out == data);
    }

    #[test]
    fn what_flate2_writes_is_read(
        lengths in proptest::collection::vec(0..100_000_usize, 0..4),
        level in 0..10_u32,
    ) {
        let data = mixed(&lengths);
        let mut writer = GzBuilder::new().write(Vec::new(), Compression::new(level));
        writer.write_all(&data).unwrap();
        prop_assert!(gunzip(&writer.finish().unwrap(), None).unwrap() == data);
    }

    #[test]
    fn nothing_at_random_breaks_the_reader(mut data in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = gunzip(&data, Some(10_000));
        data.splice(0..0, [0x1f, 0x8b, 8]);
        let _ = gunzip(&data, Some(10_000));
    }
}
