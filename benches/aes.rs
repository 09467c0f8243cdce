//! AES-256-GCM in chunks, alone: compared with the crate `aes-gcm` over one buffer that stays in the cache,
//! and with OpenSSL.

mod beside;

use std::{
    hint::black_box,
    io::{self, Write},
};

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce};
use criterion::{BenchmarkId, Throughput};
use sealdrop::crypto::{MessageKey, StreamOpener, StreamSealer, SystemRandom};

const SIZES: [(&str, usize); 3] = [("1 KiB", 1 << 10), ("64 KiB", 64 << 10), ("16 MiB", 16 << 20)];

fn main() {
    let mut criterion = beside::criterion();
    let key = MessageKey::new(&SystemRandom);
    let mut group = criterion.benchmark_group("aes");
    for (name, bytes) in SIZES {
        let plain = beside::random(bytes);
        let sealed = seal(&key, &plain, Vec::new());
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("seal", name), |bencher| {
            bencher.iter(|| seal(&key, black_box(&plain), io::sink()));
        });
        group.bench_function(BenchmarkId::new("open", name), |bencher| {
            bencher.iter(|| open(&key, black_box(&sealed)));
        });
    }
    group.finish();
    criterion.final_summary();
    if beside::compares() {
        compare(&key);
    }
}

fn seal<W: Write>(key: &MessageKey, plain: &[u8], output: W) -> W {
    let mut sealer = StreamSealer::new(output, key, &SystemRandom).expect("memory takes all");
    sealer.write_all(plain).expect("memory takes all");
    sealer.finish().expect("memory takes all")
}

fn open(key: &MessageKey, sealed: &[u8]) {
    beside::drain(StreamOpener::new(sealed, key).expect("we sealed it"));
}

fn compare(key: &MessageKey) {
    let cipher = Aes256Gcm::new(key.expose_secret().into());
    let nonce = Nonce::from([7; 12]);
    let mut buffer = beside::random(64 << 10);
    let raw_seal = beside::speed(buffer.len() * 64, || {
        for _ in 0..64 {
            let tag = cipher.encrypt_inout_detached(&nonce, b"", buffer.as_mut_slice().into());
            black_box(tag.expect("64 KiB are allowed"));
        }
    });
    // The same with data outside the cache, like the other rows: the reference for the pipeline.
    let mut cold = beside::random(16 << 20);
    let raw_cold = beside::speed(cold.len(), || {
        for chunk in cold.chunks_exact_mut(64 << 10) {
            let tag = cipher.encrypt_inout_detached(&nonce, b"", chunk.into());
            black_box(tag.expect("64 KiB are allowed"));
        }
    });
    drop(cold);
    let plain = beside::random(16 << 20);
    let sealed = seal(key, &plain, Vec::new());
    let seal = beside::speed(plain.len(), || {
        seal(key, &plain, io::sink());
    });
    let open = beside::speed(plain.len(), || open(key, &sealed));
    // Opening a buffer in place makes it plaintext, so its raw figure is that of sealing: the same two
    // passes in the other order.
    let raw = ("aes-gcm over 64 KiB", Some(raw_seal));
    let raw_cold = ("over 16 MiB", Some(raw_cold));
    // From a piece that stays in the cache, like one that was just received.
    let piece = beside::random(64 << 10);
    let received = beside::speed(plain.len(), || {
        let mut sealer =
            StreamSealer::new(io::sink(), key, &SystemRandom).expect("a sink takes all");
        for _ in 0..plain.len() / piece.len() {
            sealer.write_all(&piece).expect("a sink takes all");
        }
        sealer.finish().expect("a sink takes all");
    });
    beside::row("seal 16 MiB, 64 KiB at a time", received, &[raw]);
    beside::row("seal 16 MiB", seal, &[raw, raw_cold, ("openssl", beside::openssl_gcm(false))]);
    beside::row("open 16 MiB", open, &[raw, raw_cold, ("openssl", beside::openssl_gcm(true))]);
}
