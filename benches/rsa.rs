//! The cost of a box: generating its key, opening it with the passphrase, sealing and opening the key of a
//! message. OpenSSL does the same in the same run, and the output ends with the ratio of the two: the speed
//! of a shared machine changes, but not the ratio.

use std::{
    collections::BTreeMap,
    fs,
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion};
use sealdrop::crypto::{
    BoxKey, MessageKey, RsaBits, SecretText, SystemRandom, box_key::ITERATIONS,
};

const SIZES: [RsaBits; 3] = [RsaBits::Bits2048, RsaBits::Bits3072, RsaBits::Bits4096];
const PASSPHRASE: &str = "correct horse battery staple";

/// How often a key is generated for the table: its time is random, so a few are not enough.
const KEYS: u32 = 20;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let keys = SIZES.map(|bits| (bits, BoxKey::generate(bits, &SystemRandom)));
    of_messages(&mut criterion, &keys);
    of_keys(&mut criterion, &keys);
    criterion.final_summary();
    // `--test` only checks that it runs.
    if std::env::args().any(|argument| argument == "--bench")
        && !std::env::args().any(|argument| argument == "--test")
    {
        compare(&keys);
    }
}

fn of_messages(criterion: &mut Criterion, keys: &[(RsaBits, BoxKey)]) {
    let mut group = criterion.benchmark_group("oaep");
    let message_key = MessageKey::new(&SystemRandom);
    for (bits, key) in keys {
        let public = key.public();
        let sealed = public.seal_message_key(&message_key, &SystemRandom);
        group.bench_function(BenchmarkId::new("seal", bits.bits()), |bencher| {
            bencher.iter(|| public.seal_message_key(black_box(&message_key), &SystemRandom));
        });
        group.bench_function(BenchmarkId::new("open", bits.bits()), |bencher| {
            bencher.iter(|| key.open_message_key(black_box(&sealed), &SystemRandom));
        });
    }
    group.finish();
}

fn of_keys(criterion: &mut Criterion, keys: &[(RsaBits, BoxKey)]) {
    let mut group = criterion.benchmark_group("key");
    group.sample_size(10);
    let passphrase = SecretText::new(PASSPHRASE.to_owned());
    for (bits, key) in keys {
        let pem = key.to_encrypted_pem(&passphrase, ITERATIONS, &SystemRandom);
        group.bench_function(BenchmarkId::new("open with passphrase", bits.bits()), |bencher| {
            bencher.iter(|| BoxKey::from_encrypted_pem(black_box(&pem), &passphrase));
        });
        group.bench_function(BenchmarkId::new("generate", bits.bits()), |bencher| {
            bencher.iter(|| BoxKey::generate(*bits, &SystemRandom));
        });
    }
    group.finish();
}

/// Milliseconds by operation, such as `generate 2048`.
type Milliseconds = BTreeMap<String, f64>;

#[expect(clippy::print_stdout, reason = "a bench prints its results")]
fn compare(keys: &[(RsaBits, BoxKey)]) {
    let directory = tempfile::tempdir().expect("a fresh directory");
    let Some(theirs) = of_openssl(directory.path(), keys) else {
        println!("\nno comparison: openssl is missing, or fails");
        return;
    };
    println!("\n| | sealdrop, ms | OpenSSL, ms | ratio |\n|---|---:|---:|---:|");
    for (what, ours) in ours(keys) {
        if let Some(theirs) = theirs.get(&what) {
            println!("| {what} | {ours:.3} | {theirs:.3} | {:.1} |", ours / theirs);
        }
    }
}

fn ours(keys: &[(RsaBits, BoxKey)]) -> Milliseconds {
    let mut times = Milliseconds::new();
    let passphrase = SecretText::new(PASSPHRASE.to_owned());
    let message_key = MessageKey::new(&SystemRandom);
    for (bits, key) in keys {
        let public = key.public();
        let sealed = public.seal_message_key(&message_key, &SystemRandom);
        let pem = key.to_encrypted_pem(&passphrase, ITERATIONS, &SystemRandom);
        let bits_number = bits.bits();
        let mut add = |what: &str, time| times.insert(format!("{what} {bits_number}"), time);
        add("seal", mean(1000, || public.seal_message_key(&message_key, &SystemRandom)));
        add("open", mean(100, || key.open_message_key(&sealed, &SystemRandom)));
        add("passphrase", mean(5, || BoxKey::from_encrypted_pem(&pem, &passphrase)));
        add("generate", mean(KEYS, || BoxKey::generate(*bits, &SystemRandom)));
    }
    times
}

fn of_openssl(directory: &Path, keys: &[(RsaBits, BoxKey)]) -> Option<Milliseconds> {
    let mut times = Milliseconds::new();
    // Lines such as `+F2:2:2048:3634.4:65233.3`: bits, private and public operations a second; of elapsed
    // time, like our figures, not of processor time.
    let arguments = ["speed", "-elapsed", "-mr", "-seconds", "1", "rsa2048", "rsa3072", "rsa4096"];
    for line in openssl(&arguments)?.lines().filter(|line| line.starts_with("+F2:")) {
        let mut fields = line.split(':').skip(2);
        let bits = fields.next()?;
        for what in ["open", "seal"] {
            let each_second: f64 = fields.next()?.parse().ok()?;
            times.insert(format!("{what} {bits}"), 1000.0 / each_second);
        }
    }
    // The start of the program is not part of the operation.
    let start = mean(20, || openssl(&["version"]));
    let passphrase = SecretText::new(PASSPHRASE.to_owned());
    for (bits, key) in keys {
        let file = directory.join("key.pem");
        fs::write(&file, key.to_encrypted_pem(&passphrase, ITERATIONS, &SystemRandom)).ok()?;
        let (file, bits) = (file.to_str()?, bits.bits().to_string());
        let passin = format!("pass:{PASSPHRASE}");
        let open = ["pkey", "-in", file, "-passin", &passin, "-noout"];
        openssl(&open)?;
        times.insert(format!("passphrase {bits}"), mean(5, || openssl(&open)) - start);
        let generate = ["genrsa", &bits];
        openssl(&generate)?;
        times.insert(format!("generate {bits}"), mean(KEYS, || openssl(&generate)) - start);
    }
    Some(times)
}

fn openssl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("openssl").args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Milliseconds that one call takes.
fn mean<T>(times: u32, mut call: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        black_box(call());
    }
    start.elapsed().as_secs_f64() * 1000.0 / f64::from(times)
}
