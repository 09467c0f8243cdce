//! The threads that sled has for its writes.

use serde_json::json;

use crate::{daemon::Daemon, http::Client};

pub(super) fn three_write() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (first, client) = Daemon::start_first(&data, &[]);
    client.create(json!({}));
    assert_eq!(of_sled(&first), 3, "with a new store");
    assert!(first.stop().0.success());
    let again = Daemon::start(&data, &[]);
    Client::new(again.base.clone(), client.key.clone()).create(json!({}));
    assert_eq!(of_sled(&again), 3, "with an existing one");
}

fn of_sled(daemon: &Daemon) -> usize {
    let threads = format!("/proc/{}/task", daemon.pid().as_raw_nonzero());
    let threads = std::fs::read_dir(threads).expect("the threads of a process");
    let names = threads.map(|thread| {
        std::fs::read_to_string(thread.expect("a thread").path().join("comm")).expect("its name")
    });
    names.filter(|name| name.starts_with("sled-io-")).count()
}
