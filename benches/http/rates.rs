//! Durable creates and views: their rate, their latency, and their cost for the server.

use std::{io, time::Duration};

use crate::{
    Plan,
    bare::Bare,
    daemon::{self, Daemon},
    disk,
    load::{Connections, Latencies, Outcome},
    process,
    report::{Report, mebibytes, milliseconds, whole},
    requests::{Creates, Requests, Same, Views},
};

pub(crate) const KIB: usize = 1024;
pub(crate) const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// The rates of the best competitor that syncs, and of the best in memory, at 100 KiB and 64 connections,
/// on a machine of the kind that the expectations are for.
const RIVALS_100_KIB: [(Kind, f64); 2] = [(Kind::Create, 1740.0), (Kind::View, 1920.0)];
/// The required share of the rate of the bare server, at 1 KiB and 64 connections.
const LEAST_SHARE: f64 = 0.25;
const LEAST_PER_SECOND: f64 = 10_000.0;
/// The allowed time of one request beyond two syncs.
const ON_TOP: Duration = Duration::from_micros(300);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    View,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Create, Self::View];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::View => "view",
        }
    }
}

/// The name of a row.
pub(crate) fn name(kind: Kind, kib: usize, connections: usize) -> String {
    format!("{} {kib}KiB {connections}", kind.name())
}

struct Row {
    kind: Kind,
    kib: usize,
    connections: usize,
}

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let mut rows = Vec::new();
    for kib in [1, 100] {
        for kind in Kind::ALL {
            for connections in CONNECTIONS {
                if plan.wants(&name(kind, kib, connections)) {
                    rows.push(Row { kind, kib, connections });
                }
            }
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let bare = Bare::start()?;
    report.table(&[
        "request, connections",
        "per second",
        "      p50",
        "      p99",
        "   CPU",
        "peak memory",
        "switches",
        "per commit",
        "bare hyper",
        "its CPU",
        "share",
    ]);
    rows.iter().try_for_each(|row| row.measure(plan, &bare, report))
}

impl Row {
    fn measure(&self, plan: &Plan, bare: &Bare, report: &mut Report) -> io::Result<()> {
        let directory = plan.directory();
        let data = directory.path().join("data");
        let requests = Requests::new(&daemon::create_account(&data)?, self.kib * KIB);
        let daemon = Daemon::start(&data)?;

        // Opened each time: the daemon closes connections that are idle for long.
        let open = || Connections::open(daemon.address, self.connections);
        let mut bare_connections = Connections::open(bare.address, self.connections)?;
        let warm_up = plan.seconds / 10;
        let (_, created) = open()?.run(Creates::new(&requests, usize::MAX), warm_up)?;
        let mut ids = created.ids;
        let bare_request = match self.kind {
            Kind::Create => requests.bare_create(created.answer_bytes),
            Kind::View => {
                // Creates the secrets to be viewed, over many connections, within the time of a row.
                let mut filling = Connections::open(daemon.address, 64)?;
                let enough = Creates::new(&requests, self.enough(plan));
                ids.extend(filling.run(enough, plan.seconds * 2)?.1.ids);
                let first = ids.split_off(ids.len() - ids.len() / 20 - 1);
                let viewed = open()?.run(Views::new(&requests, first), warm_up)?.1;
                requests.bare_view(viewed.answer_bytes)
            }
        };
        bare_connections.run(Same(bare_request.clone()), warm_up)?;

        // Half before and half after, so that other load on the machine affects both equally.
        let bare_cpu = process::cpu(bare.pid());
        let bare_before = bare_connections.run(Same(bare_request.clone()), plan.seconds / 4)?.0;
        let mut syncs = disk::fdatasync(directory.path(), plan);
        let mut connections = open()?;
        process::forget_peak(daemon.pid());
        let (cpu, commits) = (process::cpu(daemon.pid()), daemon.commits()?);
        let switches = process::context_switches(daemon.pid());
        let mut outcome = match self.kind {
            Kind::Create => connections.run(Creates::new(&requests, usize::MAX), plan.seconds)?.0,
            Kind::View => connections.run(Views::new(&requests, ids), plan.seconds)?.0,
        };
        let cpu = process::cpu(daemon.pid()) - cpu;
        let commits = daemon.commits()? - commits;
        let switches = process::context_switches(daemon.pid()).saturating_sub(switches);
        let peak = process::peak_kib(daemon.pid());
        let bare_after = bare_connections.run(Same(bare_request), plan.seconds / 4)?.0;
        let bare_cpu = process::cpu(bare.pid()) - bare_cpu;

        let bare_requests = bare_before.latencies.len() + bare_after.latencies.len();
        let bare_time = bare_before.elapsed + bare_after.elapsed;
        let bare_rate = bare_requests as f64 / bare_time.as_secs_f64();
        report.row(&[
            name(self.kind, self.kib, self.connections),
            whole(outcome.per_second()),
            milliseconds(outcome.latencies.p50()),
            milliseconds(outcome.latencies.p99()),
            microseconds_each(cpu, outcome.latencies.len()),
            mebibytes(peak),
            format!("{:.1}", switches as f64 / outcome.latencies.len().max(1) as f64),
            format!("{:.1}", outcome.latencies.len() as f64 / commits.max(1) as f64),
            whole(bare_rate),
            microseconds_each(bare_cpu, bare_requests),
            format!("{:.0} %", outcome.per_second() / bare_rate * 100.0),
        ]);
        self.expect(&mut outcome, bare_rate, &mut syncs, report);
        daemon.stop()
    }

    /// More secrets than can be viewed in time; if there are fewer, the row ends early.
    fn enough(&self, plan: &Plan) -> usize {
        let per_second = match (self.kib, self.connections) {
            (1, 1) => 5000,
            (1, _) => 40_000,
            (_, 1) => 1500,
            (_, _) => 5000,
        };
        per_second * usize::try_from(plan.seconds.as_millis()).unwrap_or(usize::MAX) / 1000
    }

    fn expect(
        &self,
        outcome: &mut Outcome,
        bare_rate: f64,
        syncs: &mut Latencies,
        report: &mut Report,
    ) {
        let name = name(self.kind, self.kib, self.connections);
        let rate = outcome.per_second();
        let found = format!("{} a second", whole(rate));
        match (self.kib, self.connections) {
            (1, 64) => {
                let least = (bare_rate * LEAST_SHARE).max(LEAST_PER_SECOND);
                let expected =
                    format!("25 % of bare hyper and never under 10,000: {} a second", whole(least));
                report.expect(&name, found, &expected, rate >= least);
            }
            (100, 64) => {
                let rival = RIVALS_100_KIB.iter().find(|(kind, _)| *kind == self.kind);
                let rival = rival.map_or(0.0, |(_, rate)| *rate);
                let expected = format!("more than every rival: {}", whole(rival));
                report.expect(&name, found, &expected, rate > rival);
            }
            (1, 1) => {
                let most = syncs.p50() * 2 + ON_TOP;
                let p50 = outcome.latencies.p50();
                let expected = format!(
                    "two fdatasyncs of {} beside it, and 0.3 ms: {}",
                    milliseconds(syncs.p50()),
                    milliseconds(most)
                );
                report.expect(&name, format!("p50 {}", milliseconds(p50)), &expected, p50 < most);
            }
            _ => {}
        }
    }
}

fn microseconds_each(time: Duration, requests: usize) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6 / requests.max(1) as f64)
}
