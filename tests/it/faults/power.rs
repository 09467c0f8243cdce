//! A power cut: data that the daemon has not synced is lost.
//!
//! `powercut.py` creates a file system, runs a writer on it, shuts it down without flushing, and runs a
//! verifier on the remaining data. Both are this binary, started with another first argument.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    below,
    load::{Event, Facts, Load, Turns, monotonic},
    rounds,
};
use crate::{daemon::Daemon, http::Client, tools};

const WRITER: &str = "power-writer";
const VERIFIER: &str = "power-verifier";
const CLIENTS: usize = 12;

/// The record of the writer, one event a line, on another disk.
#[derive(Serialize, Deserialize)]
enum Line {
    /// The first start has printed its keys.
    Key {
        at: u64,
        private: String,
    },
    Load(Event),
}

pub(super) fn loses_nothing() {
    let this = std::env::current_exe().expect("this binary");
    let mut acknowledged = Vec::new();
    for cut in 0..rounds("SEALDROP_POWER_CUTS", 10) {
        // Every fourth cut happens while the daemon starts for the first time.
        let milliseconds = if cut % 4 == 0 { 10 + below(150) } else { 300 + below(1700) };
        acknowledged.push(cut_once(&this, milliseconds));
    }
    println!("{} cuts; secrets acknowledged: {}", acknowledged.len(), acknowledged.join(", "));
}

/// Writes, cuts the power after `milliseconds`, verifies. Returns what was acknowledged before the cut.
fn cut_once(this: &Path, milliseconds: u64) -> String {
    const BUSY: &str = "target is busy";
    let mut attempts = 0;
    loop {
        attempts += 1;
        let dir = tempfile::tempdir().expect("a fresh directory");
        let log = dir.path().join("answers");
        let (this, log) = (this.display(), log.display());
        let output = Command::new("python3")
            .arg(tools::shared().join("lab/powercut.py"))
            .args(["--after", &format!("{}", milliseconds as f64 / 1000.0), "--size-mb", "300"])
            .args(["--writer", &format!("exec '{this}' {WRITER} '{{dir}}' '{log}'")])
            .args(["--verifier", &format!("'{this}' {VERIFIER} '{{dir}}' '{log}' {{cut_ns}}")])
            .output()
            .expect("python3");
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        let said = String::from_utf8_lossy(&said);
        // The script waits 0.3 s for the daemon's end. On a busy machine that is not always enough, and
        // nothing has been verified then.
        if said.contains(BUSY) && attempts < 5 {
            continue;
        }
        assert!(output.status.success(), "after {milliseconds} ms:\n{said}");
        return String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    }
}

pub(super) fn ran_as_helper() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [WRITER, dir, log] => write(&data(dir), Path::new(log)),
        [VERIFIER, dir, log, cut] => verify(&data(dir), Path::new(log), cut.parse().expect("ns")),
        _ => return false,
    }
    true
}

fn data(dir: &str) -> PathBuf {
    Path::new(dir).join("data")
}

fn write(data: &Path, log: &Path) {
    let log = Mutex::new(File::create(log).expect("a log file"));
    let append = |line: Line| {
        let mut line = serde_json::to_vec(&line).expect("a line");
        line.push(b'\n');
        log.lock().expect("no client panicked").write_all(&line).expect("a log file");
    };
    // Before the start, because the file cannot be opened after the cut.
    let probe = data.with_extension("probe");
    File::create(&probe).expect("a file");
    let (daemon, client) = Daemon::start_first(data, &[]);
    append(Line::Key { at: monotonic(), private: client.key.clone() });
    let record = |event| append(Line::Load(event));
    thread::scope(|scope| {
        let load = Load { client, record: &record, first_tag: 0 };
        scope.spawn(move || load.run(CLIENTS));
        let turns = Turns::start(data);
        while File::open(&probe).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        // It must end before the disk can be unmounted.
        daemon.kill();
        turns.stop();
    });
}

fn verify(data: &Path, log: &Path, cut: u64) {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    // The last line may have been cut, too.
    let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    let (mut key, mut events) = (None, Vec::new());
    for line in lines {
        match line {
            Line::Key { at, private } => key = (at <= cut).then_some(private),
            Line::Load(event) => events.push(event),
        }
    }
    let mut facts = Facts::default();
    facts.take_in(&events, cut);
    for _ in 0..2 {
        let daemon = Daemon::start(data, &[]);
        if let Some(key) = &key {
            facts.verify(&Client::new(daemon.base.clone(), key.clone()), data);
        }
        assert!(daemon.stop().0.success());
    }
    println!("{}", facts.acknowledged());
}
