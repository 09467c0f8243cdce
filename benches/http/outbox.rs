//! Start and memory while many mails wait for a mail server that is down.

use std::{io, path::Path, thread::sleep, time::Duration};

use sealdrop::{config::Settings, store::Store};

use crate::{
    Plan,
    daemon::Daemon,
    fill::{Filled, fill},
    load::Connections,
    mails, process,
    rates::KIB,
    report::{Report, mebibytes, milliseconds},
    requests::{Mixed, Requests},
    sink::MailServer,
    start::{self, Started},
};

const MAILS: usize = 10_000;
/// The number of secrets in the same store.
const SECRETS: usize = 100_000;
/// The limit of mails of an account in an hour, each at another address; for ten hours.
const PER_ACCOUNT: usize = 50;
/// The allowed multiple of the time or memory without mails.
const MOST: f64 = 1.1;
const SETTLED: Duration = Duration::from_secs(2);
/// The allowed share of one core.
const MOST_IDLE: f64 = 0.01;

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let [start, memory, idle] =
        ["start", "memory", "idle"].map(|what| format!("{what} {MAILS} mails"));
    if ![&start, &memory, &idle].into_iter().any(|name| plan.wants(name)) {
        return Ok(());
    }
    report.table(&["start                 ", "ready after", "memory then", "peak memory"]);
    let directory = plan.directory();
    let [without, with] = ["without", "with"].map(|name| directory.path().join(name));
    let Filled { private_key, ids } = fill(&without, SECRETS, KIB);
    let open = |data: &Path| Store::open(data, Settings::default().cache_bytes).expect("a store");
    let store = open(&without);
    let mut owners = mails::owners(&store, "owner", MAILS / PER_ACCOUNT);
    mails::give_secrets(&store, &mut owners, PER_ACCOUNT, KIB);
    store.close();
    drop(store);
    mails::copy(&without, &with)?;
    for data in [&without, &with] {
        let store = open(data);
        if data == &with {
            mails::notify(&store, &owners);
        }
        mails::view_all(&store, &owners);
        assert_eq!(mails::waiting(&store), if data == &with { MAILS } else { 0 });
        store.close();
        drop(store);
    }
    let down = MailServer::down()?;
    if plan.wants(&start) {
        starts(report, &start, [&without, &with], &down)?;
    }
    if plan.wants(&idle) {
        let daemon = Daemon::start_as(&with, &down.settings())?;
        // The first attempt is over by then, and the next one follows in a minute.
        sleep(SETTLED);
        let cpu = process::cpu(daemon.pid());
        sleep(plan.seconds);
        let used = (process::cpu(daemon.pid()) - cpu).as_secs_f64() / plan.seconds.as_secs_f64();
        daemon.stop()?;
        let found = format!("{:.1} % of a core", used * 100.0);
        report.expect(&idle, found, "1 % at most", used <= MOST_IDLE);
    }
    if plan.wants(&memory) {
        let peak = |data: &Path| -> io::Result<u64> {
            let daemon = Daemon::start_as(data, &down.settings())?;
            let mut connections = Connections::open(daemon.address, 64)?;
            let mixed = Mixed::new(&Requests::new(&private_key, KIB), ids.clone());
            connections.run(mixed, plan.seconds)?;
            let peak = process::peak_kib(daemon.pid());
            daemon.stop()?;
            Ok(peak)
        };
        let (base, peak) = (peak(&without)?, peak(&with)?);
        for (name, kib) in [(&base_name(&memory), base), (&memory, peak)] {
            report.row(&[name.clone(), "-".into(), "-".into(), mebibytes(kib)]);
        }
        let times = peak as f64 / base as f64;
        let found = format!("{times:.2} times the memory at 64 connections");
        report.expect(&memory, found, "1.1 times that without mails at most", times <= MOST);
    }
    Ok(())
}

/// Starts alternately: without mails, with them.
fn starts(
    report: &mut Report,
    name: &str,
    directories: [&Path; 2],
    down: &MailServer,
) -> io::Result<()> {
    let mut all: [Vec<Started>; 2] = Default::default();
    // The first start of each kind fills the page cache.
    for round in 0..=start::STARTS {
        for (data, starts) in directories.iter().zip(&mut all) {
            let started = start::one(data, &down.settings())?;
            if round > 0 {
                starts.push(started);
            }
        }
    }
    let [base, started] = all.map(start::medians);
    start::row(report, &base_name(name), &base);
    start::row(report, name, &started);
    let ready = started.ready_after.as_secs_f64() / base.ready_after.as_secs_f64();
    let found = format!("{ready:.2} times {}", milliseconds(base.ready_after));
    report.expect(name, found, "1.1 times that without mails at most", ready <= MOST);
    let memory = started.peak_kib as f64 / base.peak_kib as f64;
    let found = format!("{memory:.2} times {}, 0.3 s later", mebibytes(base.peak_kib));
    report.expect(name, found, "1.1 times that without mails at most", memory <= MOST);
    Ok(())
}

fn base_name(name: &str) -> String {
    name.replace(&MAILS.to_string(), "without")
}
