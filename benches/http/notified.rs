//! The cost of a view that queues a mail and a webhook call, compared with one that queues nothing.
//!
//! Plain and notified rounds alternate, each pair gives a ratio, and the median counts. Each account has at
//! most five views, so that no mail is left out.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use crate::{
    Plan,
    daemon::Daemon,
    load::{Connections, Request, Source},
    mails::{self, Owner},
    process,
    rates::KIB,
    report::{Report, whole},
    requests::Requests,
    sink::MailServer,
};
use sealdrop::{
    clock::{Clock, UnixSeconds},
    config::Settings,
    crypto::SystemRandom,
    domain::{id::Ids, numbers::SecretId},
    store::Store,
};

const AT_ONCE: [usize; 2] = [1, 64];
/// Pairs of rounds.
const ROUNDS: usize = 11;
/// Mails to one address in an hour; the daemon's clock stays within the hour here.
const EACH: usize = 5;
/// The allowed multiple of the cost of a plain view.
const MOST: f64 = 1.3;

/// One round: its views, its elapsed time and its processor time.
#[derive(Clone, Copy)]
struct Round {
    views: usize,
    time: Duration,
    cpu: Option<Duration>,
}

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> io::Result<()> {
    let wanted = |what: &str| {
        let rows = AT_ONCE.map(|at_once| (at_once, format!("{what} {at_once}")));
        rows.into_iter().filter(|(_, name)| plan.wants(name)).collect::<Vec<_>>()
    };
    let (views, commits) = (wanted("view notified"), wanted("commit notified"));
    if views.is_empty() && commits.is_empty() {
        return Ok(());
    }
    report.table(&[
        "view, at once     ",
        "plain a second",
        "notified a second",
        "plain CPU",
        "notified CPU",
        "times the time",
        "times the CPU",
    ]);
    for (at_once, name) in views {
        show(report, &name, &over_http(plan, at_once)?);
    }
    for (at_once, name) in commits {
        show(report, &name, &in_the_store(plan, at_once));
    }
    Ok(())
}

/// Like the other rows about views: the daemon, over loopback. Its mail server is down and the host of the
/// webhooks never answers, so that it queues, and delivers almost nothing in the meantime.
fn over_http(plan: &Plan, at_once: usize) -> io::Result<Vec<(Round, Round)>> {
    let directory = plan.directory();
    let data = directory.path().join("data");
    let per_round = if at_once == 1 { 200 } else { 2000 };
    let silent = TcpListener::bind("127.0.0.1:0")?;
    // One additional round to warm up.
    let accounts = (per_round * (ROUNDS + 1)).div_ceil(EACH);
    let (mut plain, mut notified) = {
        let store = Store::open(&data, Settings::default().cache_bytes).expect("a new store");
        let [plain, notified] =
            [None, Some(silent.local_addr()?)].map(|hook| requests(&store, accounts, hook));
        store.close();
        (plain, notified)
    };
    let down = MailServer::down()?;
    let daemon = Daemon::start_as(&data, &down.settings())?;
    let mut connections = Connections::open(daemon.address, at_once)?;
    let mut round = |from: &mut Vec<Request>| -> io::Result<Round> {
        let views = from.split_off(from.len().saturating_sub(per_round));
        let (count, cpu) = (views.len(), process::cpu(daemon.pid()));
        let outcome = connections.run(Listed(views), Duration::from_secs(600))?.0;
        let cpu = Some(process::cpu(daemon.pid()) - cpu);
        Ok(Round { views: count, time: outcome.elapsed, cpu })
    };
    let mut pairs = Vec::new();
    for _ in 0..=ROUNDS {
        pairs.push((round(&mut plain)?, round(&mut notified)?));
    }
    daemon.stop()?;
    let store = Store::open(&data, Settings::default().cache_bytes).expect("the store");
    let queued = mails::waiting(&store);
    assert_eq!(queued, 2 * per_round * (ROUNDS + 1), "a mail and a call for each notified view");
    store.close();
    Ok(pairs.split_off(1))
}

/// The commits alone, in this process, with an advancing clock.
fn in_the_store(plan: &Plan, at_once: usize) -> Vec<(Round, Round)> {
    const ACCOUNTS: usize = 64;
    let directory = plan.directory();
    let data = directory.path().join("data");
    let store = Store::open(&data, Settings::default().cache_bytes).expect("a new store");
    let per_account = if at_once == 1 { 4 } else { 32 };
    let mut kinds = ["plain", "notified"].map(|prefix| {
        let mut owners = mails::owners(&store, prefix, ACCOUNTS);
        mails::give_secrets(&store, &mut owners, per_account * (ROUNDS + 1), KIB);
        owners
    });
    let unreachable = SocketAddr::from(([127, 0, 0, 1], 9));
    mails::notify(&store, &kinds[1]);
    mails::call(&store, &kinds[1], unreachable);
    let mut now = Clock::system(store.time()).now();
    let mut round = |owners: &mut [Owner]| -> Round {
        let mut views = Vec::new();
        for _ in 0..per_account {
            now = UnixSeconds(now.0 + mails::BETWEEN_VIEWS_SECONDS);
            for owner in &mut *owners {
                let secret = owner.secrets.pop().expect("as many as there are views");
                views.push((owner.account, secret, now));
            }
        }
        let start = Instant::now();
        for group in views.chunks(at_once) {
            let view = |(account, secret, at)| mails::view(&store, account, secret, at);
            let pending: Vec<_> = group.iter().copied().map(view).collect();
            for viewed in pending {
                assert!(viewed.wait().expect("a view"), "a view returns the secret");
            }
        }
        Round { views: views.len(), time: start.elapsed(), cpu: None }
    };
    let mut pairs = Vec::new();
    for _ in 0..=ROUNDS {
        let [plain, notified] = &mut kinds;
        pairs.push((round(plain), round(notified)));
    }
    let queued = mails::waiting(&store);
    assert_eq!(queued, 2 * ACCOUNTS * per_account * (ROUNDS + 1), "a mail and a call for each");
    store.close();
    pairs.split_off(1)
}

/// Requests that view the secrets of `accounts` new accounts.
fn requests(store: &Store, accounts: usize, webhook: Option<SocketAddr>) -> Vec<Request> {
    let prefix = if webhook.is_some() { "notified" } else { "plain" };
    let mut owners = mails::owners(store, prefix, accounts);
    mails::give_secrets(store, &mut owners, EACH, KIB);
    if let Some(webhook) = webhook {
        mails::notify(store, &owners);
        mails::call(store, &owners, webhook);
    }
    view_requests(store, &owners)
}

/// Requests that view all secrets of `owners`, one owner after the other.
pub(crate) fn view_requests(store: &Store, owners: &[Owner]) -> Vec<Request> {
    let ids = Ids::load(store, &SystemRandom).expect("the mask of ids");
    let any = Requests::new("", KIB);
    let keyed: Vec<(Requests, &[SecretId])> =
        owners.iter().map(|owner| (any.of(&owner.private_key), &*owner.secrets)).collect();
    let most = owners.iter().map(|owner| owner.secrets.len()).max().unwrap_or(0);
    let each = (0..most).flat_map(|number| {
        let ids = &ids;
        keyed.iter().filter_map(move |(requests, secrets)| {
            Some(requests.view(&ids.text(secrets.get(number)?)))
        })
    });
    each.collect()
}

/// These requests, from the last to the first.
pub(crate) struct Listed(pub(crate) Vec<Request>);

impl Source for Listed {
    fn next(&mut self) -> Option<Request> {
        self.0.pop()
    }
}

impl Round {
    fn per_second(&self) -> f64 {
        self.views as f64 / self.time.as_secs_f64()
    }
}

fn show(report: &mut Report, name: &str, pairs: &[(Round, Round)]) {
    let time =
        median(pairs.iter().map(|(plain, notified)| plain.per_second() / notified.per_second()));
    // Over all rounds: the kernel counts in ticks, and a round has few.
    let cpu = |of: fn(&(Round, Round)) -> Round| {
        let rounds = pairs.iter().map(of);
        let each = |(views, time): (usize, Duration), round: Round| {
            Some((views + round.views, time + round.cpu?))
        };
        let (views, time) = rounds.into_iter().try_fold((0, Duration::ZERO), each)?;
        Some(time.as_secs_f64() * 1e6 / views as f64)
    };
    let (plain, notified) = (cpu(|pair| pair.0), cpu(|pair| pair.1));
    let microseconds = |cpu: Option<f64>| cpu.map_or("-".into(), |cpu| format!("{cpu:.0} µs"));
    report.row(&[
        name.to_owned(),
        whole(median(pairs.iter().map(|pair| pair.0.per_second()))),
        whole(median(pairs.iter().map(|pair| pair.1.per_second()))),
        microseconds(plain),
        microseconds(notified),
        format!("{time:.2}"),
        plain
            .zip(notified)
            .map_or("-".into(), |(plain, notified)| format!("{:.2}", notified / plain)),
    ]);
    let found = format!("{time:.2} times a plain one");
    report.expect(name, found, "1.3 times at most", time <= MOST);
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
