//! gzip alone: the writer that stores incompressible data, compared with `flate2` at fixed levels and with
//! `gzip` as a process.

mod beside;

use std::{
    hint::black_box,
    io::{self, Write},
};

use criterion::{BenchmarkId, Throughput};
use flate2::{Compression, write::GzEncoder};
use sealdrop::crypto::{GunzipReader, GzipWriter};

const BYTES: usize = 8 << 20;

fn main() {
    let data = [
        ("text", beside::text(BYTES)),
        ("JSON", beside::json(BYTES)),
        ("JPEG", beside::random(BYTES)),
    ];
    let mut criterion = beside::criterion();
    let mut group = criterion.benchmark_group("gzip");
    group.throughput(Throughput::Bytes(BYTES as u64));
    for (name, data) in &data {
        for level in [1, 3, 6] {
            group.bench_function(BenchmarkId::new(format!("level {level}"), name), |bencher| {
                bencher.iter(|| fixed(level, black_box(data), io::sink()));
            });
        }
        group.bench_function(BenchmarkId::new("adaptive", name), |bencher| {
            bencher.iter(|| adaptive(black_box(data), io::sink()));
        });
        let made = adaptive(data, Vec::new());
        group.bench_function(BenchmarkId::new("gunzip", name), |bencher| {
            bencher.iter(|| beside::drain(GunzipReader::new(black_box(&made[..]), None)));
        });
    }
    group.finish();
    criterion.final_summary();
    if beside::compares() {
        for (name, data) in &data {
            compare(name, data);
        }
    }
}

fn fixed<W: Write>(level: u32, data: &[u8], output: W) -> W {
    let mut writer = GzEncoder::new(output, Compression::new(level));
    writer.write_all(data).expect("memory takes all");
    writer.finish().expect("memory takes all")
}

fn adaptive<W: Write>(data: &[u8], output: W) -> W {
    let mut writer = GzipWriter::new(output).expect("memory takes all");
    writer.write_all(data).expect("memory takes all");
    writer.finish().expect("memory takes all")
}

fn compare(name: &str, data: &[u8]) {
    let size = |bytes: usize| format!("{:.1} %", 100.0 * bytes as f64 / data.len() as f64);
    let made = adaptive(data, Vec::new());
    let ours = beside::speed(data.len(), || {
        adaptive(data, io::sink());
    });
    let (usual, fast) =
        (beside::gzip_process(&["-c"], data), beside::gzip_process(&["-1", "-c"], data));
    let named = |option: &str, figure: Option<(f64, usize)>| match figure {
        Some((_, bytes)) => format!("gzip{option} ({})", size(bytes)),
        None => format!("gzip{option}"),
    };
    let speed = |figure: Option<(f64, usize)>| figure.map(|(speed, _)| speed);
    beside::row(
        &format!("{name} ({})", size(made.len())),
        ours,
        &[(&named("", usual), speed(usual)), (&named(" -1", fast), speed(fast))],
    );
    for level in [1, 3, 6] {
        let bytes = fixed(level, data, Vec::new()).len();
        let figure = beside::speed(data.len(), || {
            fixed(level, data, io::sink());
        });
        beside::row(&format!("{name}, flate2 level {level} ({})", size(bytes)), figure, &[]);
    }
    let opened = beside::speed(data.len(), || beside::drain(GunzipReader::new(&made[..], None)));
    let process = beside::gzip_process(&["-d", "-c"], &made);
    beside::row(&format!("{name}, gunzip"), opened, &[("gzip -d", speed(process))]);
}
