//! Views while webhook calls wait for a host that never answers.

use std::{
    io,
    net::TcpListener,
    time::{Duration, Instant},
};

use sealdrop::{config::Settings, store::Store};

use crate::{
    Plan,
    daemon::Daemon,
    load::{Connections, Latencies, Request},
    mails,
    notified::{Listed, median, view_requests},
    rates::KIB,
    report::{Report, milliseconds, whole},
    sink::MailServer,
};

const NAME: &str = "view beside webhooks";
const CALLS: usize = 2000;
/// The calls of one account.
const PER_ACCOUNT: usize = 50;
const CONNECTIONS: usize = 64;
const VIEWERS: usize = 64;
/// Pairs of rounds, of so many views each.
const ROUNDS: usize = 9;
const PER_ROUND: usize = 2048;
const MOST: f64 = 1.1;
/// By then the largest allowed number of calls is in progress.
const UNDER_WAY: Duration = Duration::from_secs(1);

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    if !plan.wants(NAME) {
        return Ok(());
    }
    let directory = plan.directory();
    let [without, with] = ["without", "with"].map(|name| directory.path().join(name));
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let open = |data| Store::open(data, Settings::default().cache_bytes).expect("a store");
    let store = open(&without);
    let mut callers = mails::owners(&store, "caller", CALLS / PER_ACCOUNT);
    mails::give_secrets(&store, &mut callers, PER_ACCOUNT, KIB);
    let mut viewers = mails::owners(&store, "viewer", VIEWERS);
    mails::give_secrets(&store, &mut viewers, PER_ROUND * (ROUNDS + 1) / VIEWERS, KIB);
    let views = view_requests(&store, &viewers);
    store.close();
    drop(store);
    mails::copy(&without, &with)?;
    for data in [&without, &with] {
        let store = open(data);
        if data == &with {
            mails::call(&store, &callers, silent.local_addr()?);
        }
        mails::view_all(&store, &callers);
        assert_eq!(mails::waiting(&store), if data == &with { CALLS } else { 0 });
        store.close();
        drop(store);
    }
    let down = MailServer::down()?;
    let mut sides = Vec::new();
    for data in [&without, &with] {
        let daemon = Daemon::start_as(data, &down.settings())?;
        sides.push((daemon, views.clone(), Latencies::default(), Vec::new()));
    }
    std::thread::sleep(UNDER_WAY);
    for round in 0..=ROUNDS {
        for (daemon, views, latencies, rates) in &mut sides {
            let part: Vec<Request> = views.split_off(views.len().saturating_sub(PER_ROUND));
            let mut connections = Connections::open(daemon.address, CONNECTIONS)?;
            let start = Instant::now();
            let outcome = connections.run(Listed(part), Duration::from_secs(600))?.0;
            if round > 0 {
                rates.push(outcome.latencies.len() as f64 / start.elapsed().as_secs_f64());
                latencies.extend(outcome.latencies);
            }
        }
    }
    report.table(&["view, at once              ", "per second", "      p50", "      p99"]);
    let names = [format!("{NAME}: none wait"), format!("{NAME}: {CALLS} wait")];
    let mut found = Vec::new();
    for ((_, _, latencies, rates), name) in sides.iter_mut().zip(names) {
        let rate = median(rates.iter().copied());
        let (p50, p99) = (latencies.p50(), latencies.p99());
        report.row(&[name, whole(rate), milliseconds(p50), milliseconds(p99)]);
        found.push(rate);
    }
    for (daemon, ..) in sides {
        daemon.stop()?;
    }
    let [plain, beside] = found[..] else { return Ok(()) };
    let times = plain / beside;
    let text = format!("{times:.2} times a view while none wait");
    report.expect(NAME, text, "1.1 times at most", times <= MOST);
    Ok(())
}
