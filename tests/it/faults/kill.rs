//! `kill -9` at random moments, under load and while the daemon starts.

use std::{
    process::Stdio,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use super::{
    below,
    load::{Event, Facts, Load, Turns, monotonic},
    rounds,
};
use crate::{
    daemon::{Daemon, sealdrop},
    http::Client,
};

const CLIENTS: usize = 12;

pub(super) fn loses_nothing() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (mut daemon, Client { key, .. }) = Daemon::start_first(&data, &[]);
    let mut facts = Facts::default();
    let (mut answers, mut turned, began) = (0, 0, Instant::now());
    let rounds = rounds("SEALDROP_FAULT_ROUNDS", 30);
    for round in 0..rounds {
        let events = Mutex::new(Vec::new());
        let record = |event: Event| events.lock().expect("no client panicked").push(event);
        let load = Load {
            client: Client::new(daemon.base.clone(), key.clone()),
            record: &record,
            first_tag: round * 1_000_000,
        };
        thread::scope(|scope| {
            scope.spawn(|| load.run(CLIENTS));
            let turns = Turns::start(&data);
            thread::sleep(Duration::from_millis(20 + below(400)));
            daemon.kill();
            turned += turns.stop();
        });
        if round % 3 == 0 {
            kill_while_starting(&data);
        }
        daemon = Daemon::start(&data, &[]);
        let events = events.into_inner().expect("no client panicked");
        answers += events.len() / 2;
        facts.take_in(&events, monotonic());
        facts.verify(&Client::new(daemon.base.clone(), key.clone()), &data);
    }
    let (status, _) = daemon.stop();
    assert!(status.success());
    println!(
        "{rounds} rounds, {answers} answers, {turned} turns of the ring, {} secrets, {:?}",
        facts.acknowledged(),
        began.elapsed()
    );
}

fn kill_while_starting(data: &std::path::Path) {
    let mut child = sealdrop()
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the daemon as a process");
    thread::sleep(Duration::from_millis(below(40)));
    child.kill().expect("a process to kill");
    child.wait().expect("its end");
}
