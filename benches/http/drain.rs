//! How fast waiting mails are sent, compared with a plain client that sends the same mails to the same
//! server.

use std::{collections::HashSet, io, path::Path, thread::sleep, time::Duration};

use sealdrop::{config::Settings, store::Store};

use crate::{
    Plan,
    daemon::Daemon,
    mails, process,
    rates::KIB,
    report::{Report, mebibytes, whole},
    sink::{self, MailServer, Sink},
    start,
};

/// The daemon's limit of connections.
const CONNECTIONS: usize = 4;
/// Mails of one account, in ten hours; each has another address.
const PER_ACCOUNT: usize = 50;
/// The time that a server takes for a mail that it syncs and forwards.
const PAUSE: Duration = Duration::from_millis(5);
/// The required share of the plain client's speed.
const LEAST: f64 = 0.8;
/// The allowed growth for a queue four times as long.
const MOST_GROWTH_KIB: u64 = 8 << 10;

/// A row: the number of mails, the server, the number of rounds.
struct Row {
    name: &'static str,
    mails: usize,
    pause: Duration,
    rounds: usize,
}

const ROWS: [Row; 3] = [
    Row { name: "drain 2500 mails", mails: 2500, pause: Duration::ZERO, rounds: 3 },
    Row { name: "drain 10000 mails", mails: 10_000, pause: Duration::ZERO, rounds: 3 },
    Row { name: "drain 10000 mails, 5 ms each", mails: 10_000, pause: PAUSE, rounds: 1 },
];

/// The result of one round.
struct Round {
    per_second: f64,
    bare_per_second: f64,
    most_open: usize,
    cpu: Duration,
    peak_kib: u64,
}

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| plan.wants(row.name)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    report.table(&[
        "queue                       ",
        "per second",
        "plain client",
        "share",
        "CPU each",
        "connections",
        "waiting",
        "peak memory",
    ]);
    let mut peaks = Vec::new();
    for row in rows {
        let directory = plan.directory();
        let full = directory.path().join("full");
        fill(&full, row.mails);
        // Uses a copy: a mail whose attempt failed is not due for a minute.
        let copy = directory.path().join("waiting");
        mails::copy(&full, &copy)?;
        let waiting = start::one(&copy, &MailServer::down()?.settings())?;
        let sink = Sink::start(row.pause)?;
        let round = |number| {
            let data = directory.path().join(format!("{number}"));
            mails::copy(&full, &data)?;
            drain(&data, row.mails, &sink)
        };
        let mut rounds = (0..row.rounds).map(round).collect::<io::Result<Vec<Round>>>()?;
        let share = |round: &Round| round.per_second / round.bare_per_second;
        rounds.sort_unstable_by(|a, b| share(a).total_cmp(&share(b)));
        let median = &rounds[rounds.len() / 2];
        let most_open = rounds.iter().map(|round| round.most_open).max().unwrap_or(0);
        report.row(&[
            row.name.to_owned(),
            whole(median.per_second),
            whole(median.bare_per_second),
            format!("{:.0} %", share(median) * 100.0),
            format!("{:.0} µs", median.cpu.as_secs_f64() * 1e6 / row.mails as f64),
            most_open.to_string(),
            mebibytes(waiting.peak_kib),
            mebibytes(median.peak_kib),
        ]);
        peaks.push(median.peak_kib);
        let found = format!("{most_open} connections at once");
        report.expect(row.name, found, "4 at most", most_open <= CONNECTIONS);
        if !row.pause.is_zero() {
            let found = format!("{:.0} % of a plain client", share(median) * 100.0);
            report.expect(row.name, found, "80 % at least", share(median) >= LEAST);
        }
    }
    if let [few, many, ..] = peaks[..] {
        let found = format!("{} with 2,500 mails, {} with 10,000", mebibytes(few), mebibytes(many));
        let met = many <= few + MOST_GROWTH_KIB;
        report.expect("memory while draining", found, "8 MiB more at most", met);
    }
    Ok(())
}

/// Lets a daemon send everything, then a plain client the same. All mails must have arrived.
fn drain(data: &Path, count: usize, sink: &Sink) -> io::Result<Round> {
    let daemon = Daemon::start_as(data, &MailServer::at(sink.address).settings())?;
    let (mails, time) = sink.wait_for(count);
    let (cpu, peak_kib) = (process::cpu(daemon.pid()), process::peak_kib(daemon.pid()));
    let most_open = sink.most_open();
    daemon.stop()?;
    let names: HashSet<String> = mails.iter().map(sink::Mail::name).collect();
    assert_eq!(names.len(), count, "exactly these mails have arrived");
    let store = Store::open(data, Settings::default().cache_bytes).expect("the store");
    assert_eq!(mails::waiting(&store), 0, "the outbox is empty");
    store.close();

    sleep(Duration::from_millis(100));
    sink::hand_in(sink.address, &mails, CONNECTIONS)?;
    let (_, bare_time) = sink.wait_for(mails.len());
    sink.most_open();
    let per_second = |time: Duration| mails.len() as f64 / time.as_secs_f64();
    Ok(Round {
        per_second: per_second(time),
        bare_per_second: per_second(bare_time),
        most_open,
        cpu,
        peak_kib,
    })
}

/// A directory with `count` waiting mails.
fn fill(data: &Path, count: usize) {
    let store = Store::open(data, Settings::default().cache_bytes).expect("a new store");
    let mut owners = mails::owners(&store, "owner", count / PER_ACCOUNT);
    mails::give_secrets(&store, &mut owners, PER_ACCOUNT, KIB);
    mails::notify(&store, &owners);
    mails::view_all(&store, &owners);
    assert_eq!(mails::waiting(&store), count);
    store.close();
}
