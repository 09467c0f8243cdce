//! The Key Service: the cost of sending a file compared with each of its stages alone, and the memory of
//! long files.

use std::{
    fs::File,
    hint::black_box,
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use sealdrop::crypto::{GzipWriter, MessageKey, StreamSealer, SystemRandom, sha256};

use crate::{
    Plan,
    bare::Bare,
    beside,
    client::Client,
    daemon::{self, Daemon},
    process,
    report::{Report, mebibytes},
};

const FILE_BYTES: usize = 256 << 20;
const LONG_FILE_BYTES: usize = 1 << 30;
/// Each figure is the median of this many rounds.
const ROUNDS: usize = 3;
/// The size of the pieces that stages get.
const PIECE_BYTES: usize = 64 << 10;
/// The required share of the speed of the slowest stage alone.
const LEAST_SHARE: f64 = 0.6;
const MOST_MEMORY_KIB: u64 = 16 << 10;
const UNLIMITED: [&str; 4] = ["--max-upload", "0", "--key-pool", "1"];

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let data = [("text", beside::text as fn(usize) -> Vec<u8>), ("random", beside::random)];
    let wanted = data.iter().filter(|(name, _)| plan.wants(&format!("send {name} 256MiB")));
    let wanted: Vec<_> = wanted.collect();
    if !wanted.is_empty() {
        report.table(&[
            "MB/s               ",
            "sent",
            "SHA-256",
            " gzip",
            "AES-GCM",
            "write, fsync",
            "bare hyper",
            "of the slowest",
        ]);
    }
    for (name, make) in wanted {
        send(plan, name, &make(FILE_BYTES), report)?;
    }
    if plan.wants("memory 1GiB") {
        memory(plan, report)?;
    }
    Ok(())
}

/// Sends a file, alternately with its stages alone, so that other load on the machine affects all equally.
fn send(plan: &Plan, name: &str, data: &[u8], report: &mut Report) -> io::Result<()> {
    let directory = plan.directory();
    let daemon = start(&directory.path().join("data"))?;
    let bare = Bare::start()?;
    let token = create_box(&daemon)?;
    let key = MessageKey::new(&SystemRandom);
    let squeezed = feed(data, GzipWriter::new(Vec::new())?)?.finish()?;
    let mut times = [const { Vec::new() }; 6];
    for _ in 0..ROUNDS {
        // A new connection: the daemon closes connections that are idle for long.
        let mut client = Client::connect(daemon.address)?;
        let mut bare_client = Client::connect(bare.address)?;
        let figures = [
            timed(|| {
                client
                    .put_file("/Service", &token, data, data.len())
                    .map(|answer| drop(answer.expect(200)))
            })?,
            timed(|| {
                black_box(sha256(data));
                Ok(())
            })?,
            timed(|| feed(data, GzipWriter::new(io::sink())?)?.finish().map(drop))?,
            timed(|| {
                let sealer = StreamSealer::new(io::sink(), &key, &SystemRandom)?;
                feed(&squeezed, sealer)?.finish().map(drop)
            })?,
            timed(|| write(&directory.path().join("alone"), &squeezed))?,
            timed(|| {
                bare_client
                    .put_file("/2", "t", data, data.len())
                    .map(|answer| drop(answer.expect(200)))
            })?,
        ];
        for (times, figure) in times.iter_mut().zip(figures) {
            times.push(figure);
        }
    }
    let speeds = times.map(|times| data.len() as f64 / 1e6 / median(times).as_secs_f64());
    let slowest = speeds[1..].iter().copied().fold(f64::INFINITY, f64::min);
    let share = speeds[0] / slowest;
    let name = format!("send {name} 256MiB");
    let cells = speeds.iter().map(|speed| format!("{speed:.0}"));
    let cells: Vec<_> = std::iter::once(name.clone())
        .chain(cells)
        .chain([format!("{:.0} %", share * 100.0)])
        .collect();
    report.row(&cells);
    let found = format!("{:.0} % of the slowest stage alone", share * 100.0);
    report.expect(&name, found, "at least 60 %", share >= LEAST_SHARE);
    daemon.stop()
}

/// The difference between the highest memory during a long upload, and a long download, and the memory
/// before it.
fn memory(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let directory = plan.directory();
    let daemon = start(&directory.path().join("data"))?;
    let (token, mut client) = (create_box(&daemon)?, Client::connect(daemon.address)?);
    let data = beside::random(64 << 20);
    let list = format!("/Service?token={token}&passphrase={PASSPHRASE}");
    // One upload and download before the measurement, so that one-time allocations are not counted.
    client.put_file("/Service", &token, &data, 8 << 20)?.expect(200);
    fetch_last(&mut client, &list, 8 << 20)?;
    report.table(&["memory         ", "before", "  most", "moved"]);
    for name in ["upload 1GiB", "download 1GiB"] {
        process::forget_peak(daemon.pid());
        let before = process::resident_kib(daemon.pid());
        if name == "upload 1GiB" {
            client.put_file("/Service", &token, &data, LONG_FILE_BYTES)?.expect(200);
        } else {
            fetch_last(&mut client, &list, LONG_FILE_BYTES)?;
        }
        let peak = process::peak_kib(daemon.pid());
        let moved = peak.saturating_sub(before);
        report.row(&[name.into(), mebibytes(before), mebibytes(peak), mebibytes(moved)]);
        report.expect(name, mebibytes(moved), "less than 16 MiB", moved < MOST_MEMORY_KIB);
    }
    daemon.stop()
}

const PASSPHRASE: &str = "correct-horse-battery-staple";

fn start(data: &Path) -> io::Result<Daemon> {
    daemon::create_account(data)?;
    Daemon::start_as(data, &UNLIMITED)
}

fn create_box(daemon: &Daemon) -> io::Result<String> {
    let mut client = Client::connect(daemon.address)?;
    let key = client.form("POST", "/Service", &format!("passphrase={PASSPHRASE}"))?.expect(200);
    Ok(key.json()["KeyToken"].as_str().expect("a token").to_owned())
}

/// Downloads the last file of the box.
fn fetch_last(client: &mut Client, list: &str, bytes: usize) -> io::Result<()> {
    let request = format!("GET {list} HTTP/1.1\r\nhost: bench\r\n\r\n");
    let messages = client.send(request.as_bytes())?.expect(200).json();
    let last = messages.as_array().and_then(|messages| messages.last()).expect("a message");
    let ticket = last["TemporaryDownloadId"].as_str().expect("a ticket");
    let answer = client.get_and_count(&format!("/Service/File/{ticket}"), "")?.expect(200);
    assert_eq!(answer.body_bytes, bytes, "the whole file");
    Ok(())
}

fn feed<W: Write>(data: &[u8], mut output: W) -> io::Result<W> {
    data.chunks(PIECE_BYTES).try_for_each(|piece| output.write_all(piece))?;
    Ok(output)
}

fn write(path: &Path, data: &[u8]) -> io::Result<()> {
    feed(data, File::create(path)?)?.sync_all()
}

fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
