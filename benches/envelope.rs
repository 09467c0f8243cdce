//! A whole envelope: SHA-256, gzip and AES-256-GCM in sequence, on one core; and each of them alone, to
//! show which one takes longest.

mod beside;

use std::{
    hint::black_box,
    io::{self, Write},
};

use criterion::{BenchmarkId, Throughput};
use sealdrop::crypto::{
    EnvelopeReader, EnvelopeWriter, GzipWriter, MessageKey, StreamSealer, SystemRandom, envelope,
    sha256,
};

const BYTES: usize = 16 << 20;

fn main() {
    let data = [("text", beside::text(BYTES)), ("random", beside::random(BYTES))];
    let key = MessageKey::new(&SystemRandom);
    let mut criterion = beside::criterion();
    let mut group = criterion.benchmark_group("envelope");
    for (name, data) in &data {
        group.throughput(Throughput::Bytes(BYTES as u64));
        let sealed = seal(&key, data, Vec::new());
        group.bench_function(BenchmarkId::new("seal 16 MiB", name), |bencher| {
            bencher.iter(|| seal(&key, black_box(data), io::sink()));
        });
        group.bench_function(BenchmarkId::new("open 16 MiB", name), |bencher| {
            bencher.iter(|| open(&key, black_box(&sealed)));
        });
        let short = &data[..1024];
        let sealed = envelope::seal(&key, short, &SystemRandom);
        group.throughput(Throughput::Bytes(1024));
        group.bench_function(BenchmarkId::new("seal 1 KiB", name), |bencher| {
            bencher.iter(|| envelope::seal(&key, black_box(short), &SystemRandom));
        });
        group.bench_function(BenchmarkId::new("open 1 KiB", name), |bencher| {
            bencher.iter(|| envelope::open(&key, black_box(&sealed), 1024));
        });
    }
    group.finish();
    criterion.final_summary();
    if beside::compares() {
        for (name, data) in &data {
            compare(&key, name, data);
        }
    }
}

fn seal<W: Write>(key: &MessageKey, plain: &[u8], output: W) -> W {
    let mut writer = EnvelopeWriter::new(output, key, &SystemRandom).expect("memory takes all");
    writer.write_all(plain).expect("memory takes all");
    writer.finish().expect("memory takes all").0
}

fn open(key: &MessageKey, sealed: &[u8]) {
    beside::drain(EnvelopeReader::new(sealed, key, None).expect("we sealed it"));
}

fn compare(key: &MessageKey, name: &str, data: &[u8]) {
    let sealed = seal(key, data, Vec::new());
    let sealing = beside::speed(data.len(), || {
        seal(key, data, io::sink());
    });
    let opening = beside::speed(data.len(), || open(key, &sealed));
    let gzip = |data: &[u8]| {
        let mut writer = GzipWriter::new(Vec::new()).expect("memory takes all");
        writer.write_all(data).expect("memory takes all");
        writer.finish().expect("memory takes all")
    };
    let zipped = gzip(data);
    // In sequence over the same bytes: the times add up, and GCM gets the output of gzip.
    let shrunk = zipped.len() as f64 / data.len() as f64;
    let both =
        |gzip: Option<(f64, usize)>, gcm: Option<f64>| Some(1.0 / (1.0 / gzip?.0 + shrunk / gcm?));
    let processes = [
        both(beside::gzip_process(&["-c"], data), beside::openssl_gcm(false)),
        both(beside::gzip_process(&["-d", "-c"], &zipped), beside::openssl_gcm(true)),
    ];
    beside::row(&format!("seal {name}"), sealing, &[("gzip and openssl", processes[0])]);
    beside::row(&format!("open {name}"), opening, &[("gzip -d and openssl", processes[1])]);

    let alone = beside::speed(data.len(), || {
        black_box(sha256(data));
    });
    beside::row(&format!("{name}: SHA-256 alone"), alone, &[]);
    let alone = beside::speed(data.len(), || {
        let mut writer = GzipWriter::new(io::sink()).expect("a sink takes all");
        writer.write_all(data).expect("a sink takes all");
        writer.finish().expect("a sink takes all");
    });
    beside::row(&format!("{name}: gzip alone"), alone, &[]);
    let alone = beside::speed(zipped.len(), || {
        let mut sealer =
            StreamSealer::new(io::sink(), key, &SystemRandom).expect("a sink takes all");
        sealer.write_all(&zipped).expect("a sink takes all");
        sealer.finish().expect("a sink takes all");
    });
    beside::row(&format!("{name}: AES-256-GCM alone, of gzip"), alone, &[]);
}
