//! The cost of a secret: checking its ciphertext, sealing it for the store, opening it again. PBKDF2 is
//! measured separately, to show its share of opening and sealing in SJCL's format.

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use sealdrop::crypto::{
    PasswordHash, SecretText, SlotKey, SystemRandom, seal,
    sjcl::{self, ITERATIONS, MIN_ITERATIONS, SjclMessage},
};

const SIZES: [(&str, usize); 3] = [("1 KiB", 1 << 10), ("100 KiB", 100 << 10), ("1 MiB", 1 << 20)];
const PASSWORD: &[u8] = b"LSECTAlCY5CraXKJyhCMRqkSEwCvphnLsOEu";

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    of_a_message(&mut criterion);
    of_a_payload(&mut criterion);
    of_a_password(&mut criterion);
    criterion.final_summary();
}

/// Throughput counts bytes of plaintext.
fn of_a_message(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sjcl");
    for (name, bytes) in SIZES {
        let plaintext = vec![b'x'; bytes];
        let sealed = |iterations| {
            sjcl::seal(PASSWORD, &plaintext, iterations, &SystemRandom).expect("these are allowed")
        };
        let json = sealed(ITERATIONS);
        let message = SjclMessage::parse(json.as_bytes()).expect("we sealed it");
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("check", name), |bencher| {
            bencher.iter(|| sjcl::check(black_box(json.as_bytes())));
        });
        group.bench_function(BenchmarkId::new("parse", name), |bencher| {
            bencher.iter(|| SjclMessage::parse(black_box(json.as_bytes())));
        });
        group.bench_function(BenchmarkId::new("open", name), |bencher| {
            bencher.iter(|| message.open(black_box(PASSWORD)));
        });
        group.bench_function(BenchmarkId::new("seal", name), |bencher| {
            bencher.iter(|| sealed(ITERATIONS));
        });
        group.bench_function(
            BenchmarkId::new("seal with a tenth of the PBKDF2", name),
            |bencher| {
                bencher.iter(|| sealed(MIN_ITERATIONS));
            },
        );
    }
    group.finish();
}

fn of_a_payload(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("payload");
    let key = SlotKey::new(&SystemRandom);
    for (name, bytes) in SIZES {
        let plaintext = vec![b'x'; bytes];
        let sealed = seal::seal(&key, b"context", plaintext.clone());
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("seal", name), |bencher| {
            bencher.iter_batched(
                || plaintext.clone(),
                |plaintext| seal::seal(&key, b"context", plaintext),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("open", name), |bencher| {
            bencher.iter_batched(
                || sealed.clone(),
                |sealed| seal::open(&key, b"context", sealed),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn of_a_password(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pbkdf2");
    group.sample_size(10);
    let password = SecretText::new("correct horse battery staple".to_owned());
    for iterations in [ITERATIONS, PasswordHash::ITERATIONS] {
        group.bench_function(BenchmarkId::from_parameter(iterations), |bencher| {
            bencher.iter(|| PasswordHash::new(black_box(&password), iterations, &SystemRandom));
        });
    }
    group.finish();
}
