//! Shared by the benches of envelopes: their data, and a table that compares a figure with that of
//! `openssl` or `gzip` for the same work, measured in the same run on the same machine.

// Each bench uses only a part of this module.
#![allow(dead_code)]

use std::{
    fs::File,
    io::{self, Read, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use criterion::Criterion;
use sealdrop::crypto::{Random, SeededRandom};

pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

/// Whether to compare: not with `--test`, which only checks that everything runs.
pub(crate) fn compares() -> bool {
    !std::env::args().any(|argument| argument == "--test")
}

/// Incompressible data, as a JPEG or an archive is.
pub(crate) fn random(bytes: usize) -> Vec<u8> {
    let mut data = vec![0; bytes];
    SeededRandom::new(1).fill(&mut data);
    data
}

/// Random words of the README, the first ones more often: it compresses about as well as prose.
pub(crate) fn text(bytes: usize) -> Vec<u8> {
    let words: Vec<&str> = include_str!("../../README.md").split_whitespace().collect();
    let draws = random(bytes);
    let words = draws.chunks_exact(4).flat_map(|draw| {
        let draw = [0, 1].map(|at| usize::from(draw[2 * at]) << 8 | usize::from(draw[2 * at + 1]));
        let word = words[draw[0] * draw[1] / 65536 * words.len() / 65536];
        word.bytes().chain([if draw[0] % 12 == 0 { b'\n' } else { b' ' }])
    });
    words.take(bytes).collect()
}

/// One object for each line, as in logs and exports.
pub(crate) fn json(bytes: usize) -> Vec<u8> {
    let draws = random(bytes);
    let lines = draws.chunks_exact(8).flat_map(|draw| {
        let number = u64::from_le_bytes(draw.try_into().expect("chunks of 8"));
        let (hour, user) = (number % 24, ["anna", "bo", "cecilia"][(number % 3) as usize]);
        format!(
            "{{\"id\":\"{number:016x}\",\"at\":\"2026-11-22T{hour:02}:00:00Z\",\"user\":\"{user}\",\
             \"views\":{},\"open\":{}}}\n",
            number % 100,
            number % 2 == 0
        )
        .into_bytes()
    });
    lines.take(bytes).collect()
}

/// The best speed of `work` over `bytes` bytes within about a second, in MB/s (10^6 bytes).
pub(crate) fn speed(bytes: usize, mut work: impl FnMut()) -> f64 {
    let (started, mut best) = (Instant::now(), Duration::MAX);
    while started.elapsed() < Duration::from_secs(1) {
        let before = Instant::now();
        work();
        best = best.min(before.elapsed());
    }
    bytes as f64 / 1e6 / best.as_secs_f64()
}

/// AES-256-GCM of OpenSSL over 64 KiB, in MB/s; `None` without `openssl`.
pub(crate) fn openssl_gcm(decrypt: bool) -> Option<f64> {
    let mut arguments =
        vec!["speed", "-mr", "-evp", "aes-256-gcm", "-bytes", "65536", "-seconds", "1"];
    arguments.extend(decrypt.then_some("-decrypt"));
    let output = Command::new("openssl").args(arguments).stderr(Stdio::null()).output().ok()?;
    // +F:25:AES-256-GCM:5399476547.37
    let output = String::from_utf8(output.stdout).ok()?;
    let line = output.lines().find(|line| line.starts_with("+F:"))?;
    Some(line.rsplit(':').next()?.parse::<f64>().ok()? / 1e6)
}

/// `gzip` with the given options over `input`, as a process that reads a file: MB/s of the larger side, and
/// the length of the output. `None` without `gzip`.
pub(crate) fn gzip_process(options: &[&str], input: &[u8]) -> Option<(f64, usize)> {
    let mut file = tempfile::NamedTempFile::new().ok()?;
    file.write_all(input).ok()?;
    let (mut best, mut length) = (Duration::MAX, 0);
    for _ in 0..3 {
        let started = Instant::now();
        let mut child = Command::new("gzip")
            .args(options)
            .stdin(File::open(file.path()).ok()?)
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut output = Vec::new();
        child.stdout.take()?.read_to_end(&mut output).ok()?;
        child.wait().ok()?.success().then_some(())?;
        (best, length) = (best.min(started.elapsed()), output.len());
    }
    Some((input.len().max(length) as f64 / 1e6 / best.as_secs_f64(), length))
}

/// Reads all of `input` in pieces of 64 KiB.
pub(crate) fn drain(mut input: impl Read) {
    let mut piece = vec![0; 64 << 10];
    while input.read(&mut piece).expect("it opens") > 0 {}
}

/// Prints one line: our figure, and for each compared program its name, its figure and the ratio.
pub(crate) fn row(name: &str, ours: f64, beside: &[(&str, Option<f64>)]) {
    let mut line = format!("{name:<34} {ours:>7.0} MB/s");
    for (other, figure) in beside {
        line += &match figure {
            Some(figure) => format!(" | {other} {figure:.0} MB/s, ratio {:.2}", ours / figure),
            None => format!(" | {other} is not there"),
        };
    }
    let _ = writeln!(io::stderr(), "{line}");
}
