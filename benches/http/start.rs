//! The start without and with data, its memory, and lists of many secrets.

use std::{
    io,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    Plan,
    client::Client,
    daemon::{self, Daemon},
    fill::{Filled, fill},
    load::Connections,
    process,
    rates::KIB,
    report::{Report, mebibytes, milliseconds, whole},
    requests::{self, Mixed, Requests},
};

/// The result is the median of this many starts.
pub(crate) const STARTS: usize = 5;
/// The work of a start after its ready line is over by then.
const SETTLED: Duration = Duration::from_millis(300);

/// The secrets in a page of a list.
const PAGE: usize = 50;

/// Medians of several starts, or of the first answers after them.
pub(crate) struct Started {
    pub(crate) ready_after: Duration,
    pub(crate) idle_kib: u64,
    pub(crate) peak_kib: u64,
}

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let wanted = |secrets: &usize| {
        ["start", "memory", "list"].iter().any(|what| plan.wants(&format!("{what} {secrets}")))
    };
    let secrets: Vec<usize> = plan.secrets.iter().copied().filter(wanted).collect();
    let [first, empty] = ["start first", "start empty"].map(|name| plan.wants(name));
    if secrets.is_empty() && !first && !empty {
        return Ok(());
    }
    report.table(&["start         ", "ready or answered after", "memory then", "peak memory"]);
    if first {
        row(report, "start first", &first_start(plan)?);
    }
    if empty {
        let directory = plan.directory();
        let data = directory.path().join("data");
        daemon::create_account(&data)?;
        let started = start(&data)?;
        row(report, "start empty", &started);
        let (ready, idle) = (started.ready_after, started.idle_kib);
        let text = milliseconds(ready);
        report.expect("start empty", text, "within 50 ms", ready < Duration::from_millis(50));
        report.expect("idle memory", mebibytes(idle), "below 16 MiB", idle < 16 << 10);
    }
    for secrets in secrets {
        many(plan, secrets, report)?;
    }
    Ok(())
}

/// A start that creates the data directory.
fn first_start(plan: &Plan) -> io::Result<Started> {
    let starts = (0..STARTS).map(|_| {
        let directory = plan.directory();
        one(&directory.path().join("data"), &[])
    });
    Ok(medians(starts.collect::<io::Result<_>>()?))
}

/// Starts with many secrets, followed by a load.
fn many(plan: &Plan, secrets: usize, report: &mut Report) -> io::Result<()> {
    let directory = plan.directory();
    let data = directory.path().join("data");
    let Filled { private_key, ids } = fill(&data, secrets, KIB);
    let name = format!("start {secrets}");
    if plan.wants(&name) {
        let started = start(&data)?;
        row(report, &name, &started);
        if secrets == 100_000 {
            let (ready, text) = (started.ready_after, milliseconds(started.ready_after));
            report.expect(&name, text, "within 1 s", ready < Duration::from_secs(1));
        }
    }
    let name = format!("memory {secrets}");
    if plan.wants(&name) {
        let daemon = Daemon::start(&data)?;
        let mut connections = Connections::open(daemon.address, 64)?;
        let mixed = Mixed::new(&Requests::new(&private_key, KIB), ids);
        let outcome = connections.run(mixed, plan.seconds)?.0;
        let peak = process::peak_kib(daemon.pid());
        let none = || "-".to_owned();
        report.row(&[name.clone(), none(), none(), mebibytes(peak)]);
        if secrets == 100_000 {
            let found = format!(
                "{} at most, under {} creates, views and lists a second at 64 connections",
                mebibytes(peak),
                whole(outcome.per_second())
            );
            report.expect(&name, found, "below 100 MiB", peak < 100 << 10);
        }
        daemon.stop()?;
    }
    if plan.wants(&format!("list {secrets}")) {
        for (place, offset) in [("begin", 0), ("middle", secrets / 2), ("end", secrets - PAGE)] {
            list(&data, &private_key, &format!("list {secrets} {place}"), offset, report)?;
        }
    }
    Ok(())
}

/// The first page at `offset` after a start, and what it takes of memory.
fn list(
    data: &Path,
    private_key: &str,
    name: &str,
    offset: usize,
    report: &mut Report,
) -> io::Result<()> {
    let lists = (0..STARTS).map(|_| {
        let daemon = Daemon::start(data)?;
        sleep(SETTLED);
        let idle_kib = process::resident_kib(daemon.pid());
        process::forget_peak(daemon.pid());
        let mut client = Client::connect(daemon.address)?;
        let began = Instant::now();
        let request = requests::get(&format!("/api/secrets?offset={offset}"), private_key);
        let answer = client.send(&request)?.expect(200);
        let ready_after = began.elapsed();
        assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(PAGE), "{name}");
        let peak_kib = process::peak_kib(daemon.pid());
        daemon.stop()?;
        Ok(Started { ready_after, idle_kib, peak_kib })
    });
    let listed = medians(lists.collect::<io::Result<_>>()?);
    row(report, name, &listed);
    let (after, more) = (listed.ready_after, listed.peak_kib.saturating_sub(listed.idle_kib));
    let text = format!("{} and {} more", milliseconds(after), mebibytes(more));
    let is_met = after < Duration::from_millis(20) && more < 16 << 10;
    report.expect(name, text, "20 ms and 16 MiB", is_met);
    Ok(())
}

fn start(data: &Path) -> io::Result<Started> {
    Ok(medians((0..STARTS).map(|_| one(data, &[])).collect::<io::Result<_>>()?))
}

/// One start with additional settings.
pub(crate) fn one(data: &Path, settings: &[&str]) -> io::Result<Started> {
    let daemon = Daemon::start_as(data, settings)?;
    sleep(SETTLED);
    let started = Started {
        ready_after: daemon.ready_after,
        idle_kib: process::resident_kib(daemon.pid()),
        peak_kib: process::peak_kib(daemon.pid()),
    };
    daemon.stop()?;
    Ok(started)
}

pub(crate) fn medians(starts: Vec<Started>) -> Started {
    fn median<T: Ord + Copy>(starts: &[Started], of: impl Fn(&Started) -> T) -> T {
        let mut values: Vec<T> = starts.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    }
    Started {
        ready_after: median(&starts, |start| start.ready_after),
        idle_kib: median(&starts, |start| start.idle_kib),
        peak_kib: median(&starts, |start| start.peak_kib),
    }
}

pub(crate) fn row(report: &mut Report, name: &str, started: &Started) {
    report.row(&[
        name.to_owned(),
        milliseconds(started.ready_after),
        mebibytes(started.idle_kib),
        mebibytes(started.peak_kib),
    ]);
}
