//! `cargo bench --bench http`: the real daemon, measured from outside over loopback.
//!
//! `docs/performance.md` describes how to run it and the meaning of the columns. Arguments are parts of
//! names of rows: only rows whose names contain one of them are measured.

mod alike;
mod attachments;
mod bare;
#[path = "../beside/mod.rs"]
mod beside;
mod boxes;
mod client;
mod daemon;
mod disk;
mod drain;
mod fair;
mod fill;
mod load;
mod mails;
mod notified;
mod outbox;
mod process;
mod rates;
mod report;
mod requests;
mod silent;
mod sink;
mod start;
mod syscalls;
mod upload;

use std::{io, path::PathBuf, time::Duration};

use report::Report;
use tempfile::TempDir;

/// The options from the environment and the command line.
pub(crate) struct Plan {
    filters: Vec<String>,
    /// How long each row is measured.
    seconds: Duration,
    /// The numbers of secrets in the rows about many secrets.
    secrets: Vec<usize>,
    /// The directory in which data directories are created.
    base: PathBuf,
}

impl Plan {
    fn from_environment(filters: Vec<String>) -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<f64>().unwrap_or_else(|_| {
                eprintln!("{name} must be a number");
                std::process::exit(64)
            }))
        };
        let secrets = match std::env::var("SEALDROP_BENCH_SECRETS") {
            Ok(text) => text.split(',').map(|n| n.trim().parse().expect("whole numbers")).collect(),
            Err(_) => vec![100_000, 400_000],
        };
        let base = std::env::var_os("SEALDROP_BENCH_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        let seconds = number("SEALDROP_BENCH_SECONDS").unwrap_or(3.0).clamp(0.1, 600.0);
        Self { filters, seconds: Duration::from_secs_f64(seconds), secrets, base }
    }

    fn wants(&self, row: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| row.contains(&**filter))
    }

    /// A fresh directory, deleted when dropped.
    fn directory(&self) -> TempDir {
        tempfile::Builder::new()
            .prefix("sealdrop-bench-")
            .tempdir_in(&self.base)
            .expect("a fresh directory")
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == bare::ARGUMENT) {
        return bare::serve();
    }
    // `cargo test` runs benches too, without this argument.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let filters = arguments.into_iter().filter(|argument| !argument.starts_with("--")).collect();
    let plan = Plan::from_environment(filters);
    let mut report = Report::default();
    disk::measure(&plan, &mut report);
    rates::measure(&plan, &mut report)?;
    syscalls::measure(&plan, &mut report)?;
    start::measure(&plan, &mut report)?;
    notified::measure(&plan, &mut report)?;
    silent::measure(&plan, &mut report)?;
    alike::measure(&plan, &mut report)?;
    outbox::measure(&plan, &mut report)?;
    drain::measure(&plan, &mut report)?;
    boxes::measure(&plan, &mut report)?;
    upload::measure(&plan, &mut report)?;
    attachments::measure(&plan, &mut report)?;
    fair::measure(&plan, &mut report)?;
    report.print_expectations()
}
