//! Work instead of time: system calls and syncs per request and per commit.
//!
//! `strace` counts for the daemon and its threads. It slows every call that it traces, so one run traces
//! only the syncs, and another one all calls.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    Plan,
    daemon::{self, Daemon},
    fill::fill,
    load::Connections,
    rates::{self, CONNECTIONS, KIB, Kind},
    report::Report,
    requests::{Creates, Requests, Views},
};

const SYNCS: &str = "fsync,fdatasync,sync_file_range,syncfs,sync,msync";
/// No run takes longer, whatever slows it.
const LONGEST: Duration = Duration::from_secs(30);

/// The counts of the daemon, from its start to its end.
#[derive(Default)]
struct Counted {
    calls: u64,
    commits: u64,
    requests: usize,
    /// The output of `strace`, for details of single calls.
    summary: String,
}

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let mut rows = Vec::new();
    for kib in [1, 100] {
        for kind in Kind::ALL {
            for connections in CONNECTIONS {
                let name = format!("calls {}", rates::name(kind, kib, connections));
                if plan.wants(&name) {
                    rows.push((name, kind, kib, connections));
                }
            }
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    if !strace.is_ok_and(|status| status.success()) {
        report.line("\nsystem calls are not counted: there is no strace");
        return Ok(());
    }
    report.table(&[
        "system calls, connections",
        "requests per commit",
        "syncs per commit",
        "syncs per request",
        "all system calls",
    ]);
    for (name, kind, kib, connections) in rows {
        let requests = match (kib, connections) {
            (1, 1) => 500,
            (1, _) => 250 * connections,
            (_, 1) => 200,
            (_, _) => 1000,
        };
        let run = |events, requests| run(plan, kind, kib * KIB, connections, events, requests);
        let (no_syncs, syncs) = (run(Some(SYNCS), 0)?, run(Some(SYNCS), requests)?);
        let (no_calls, calls) = (run(None, 0)?, run(None, requests)?);
        let each = |number: u64| number as f64 / requests as f64;
        let made = syncs.calls.saturating_sub(no_syncs.calls);
        let per_commit = made as f64 / syncs.commits.max(1) as f64;
        report.row(&[
            name.clone(),
            format!("{:.1}", requests as f64 / syncs.commits.max(1) as f64),
            format!("{per_commit:.2}"),
            format!("{:.2}", each(made)),
            format!("{:.1}", each(calls.calls.saturating_sub(no_calls.calls))),
        ]);
        if kib == 1 {
            let found = format!("{per_commit:.2} syncs per commit");
            report.expect(&name, found, "two, however many wait", per_commit < 2.05);
        }
        if std::env::var_os("SEALDROP_BENCH_CALLS").is_some() {
            report.line(&format!("\n{} requests:\n{}\n", calls.requests, calls.summary));
        }
    }
    Ok(())
}

fn run(
    plan: &Plan,
    kind: Kind,
    bytes: usize,
    connections: usize,
    only: Option<&str>,
    requests: usize,
) -> io::Result<Counted> {
    let directory = plan.directory();
    let (data, summary) = (directory.path().join("data"), directory.path().join("calls"));
    let (key, ids) = match kind {
        Kind::Create => (daemon::create_account(&data)?, Vec::new()),
        Kind::View => {
            let filled = fill(&data, requests, bytes);
            (filled.private_key, filled.ids)
        }
    };
    let daemon = Daemon::start_under(tracer(&summary, only), &data)?;
    let mut counted = Counted::default();
    if requests > 0 {
        let to_send = Requests::new(&key, bytes);
        let mut connections = Connections::open(daemon.address, connections)?;
        let commits = daemon.commits()?;
        let outcome = match kind {
            Kind::Create => connections.run(Creates::new(&to_send, requests), LONGEST)?.0,
            Kind::View => connections.run(Views::new(&to_send, ids), LONGEST)?.0,
        };
        counted.requests = outcome.latencies.len();
        counted.commits = daemon.commits()? - commits;
    }
    daemon.stop()?;
    counted.summary = await_summary(&summary)?;
    counted.calls = total(&counted.summary).unwrap_or(0);
    Ok(counted)
}

/// The summary, which appears some time after the traced program has ended.
fn await_summary(path: &Path) -> io::Result<String> {
    let start = Instant::now();
    while start.elapsed() < LONGEST {
        let summary = std::fs::read_to_string(path).unwrap_or_default();
        if total(&summary).is_some() {
            return Ok(summary);
        }
        sleep(Duration::from_millis(10));
    }
    Err(io::Error::other("strace has counted nothing"))
}

/// Counts calls into `summary`, only those of `only` if given. The traced program stays a child of this
/// one.
fn tracer(summary: &Path, only: Option<&str>) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-c", "-o"]).arg(summary);
    if let Some(only) = only {
        // Without this the program would stop at every call, also at those that are not counted.
        strace.args(["--seccomp-bpf", "-e", &format!("trace={only}")]);
    }
    strace
}

/// The number of calls in the last line of a summary: `100.00 0.1 12 345 6 total`, where the number of
/// errors may be missing.
fn total(summary: &str) -> Option<u64> {
    let last = summary.lines().rfind(|line| line.ends_with("total"))?;
    last.split_ascii_whitespace().nth(3)?.parse().ok()
}
