//! What a crash leaves in the data directory, and a second daemon on it.

use std::{fs, time::Instant};

use serde_json::json;

use super::flips::end_within;
use crate::{
    daemon::{Daemon, sealdrop},
    http::Client,
};

pub(super) fn nothing_in_the_way() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    // From a crash in the first start.
    for left in ["store.creating/db", "store.creating/payloads"] {
        fs::create_dir_all(data.join(left)).expect("a folder");
    }
    for left in ["store.creating/slots", "store.creating/db/db", "lock"] {
        fs::write(data.join(left), "half").expect("a file");
    }
    let (daemon, client) = Daemon::start_first(&data, &[]);
    assert!(!data.join("store.creating").exists());
    let ids = [client.create(json!({})), client.create(json!({"max_views": 2}))];
    daemon.kill();

    // From a crash while sled wrote its snapshot, and one between a payload file and its record.
    let left = ["db/snap.00000000000000F1.generating", "payloads/0123.tmp", "payloads/4567"]
        .map(|name| data.join("store").join(name));
    left.iter().for_each(|path| fs::write(path, "half").expect("a file"));
    assert!(data.join("admin.sock").exists(), "a killed daemon leaves its socket");
    let daemon = Daemon::start(&data, &[]);
    left.iter().for_each(|path| assert!(!path.exists(), "{}", path.display()));
    let client = Client::new(daemon.base.clone(), client.key);
    for id in ids {
        assert_eq!(client.view(&id).status, 200);
    }
    assert!(daemon.stop().0.success());
}

pub(super) fn a_second_daemon_ends() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (_daemon, client) = Daemon::start_first(&data, &[]);
    let id = client.create(json!({}));
    let began = Instant::now();
    let mut second = sealdrop();
    second.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let (status, said) = end_within(second, 20).expect("an end");
    assert!(began.elapsed().as_secs() < 1, "it took {:?}", began.elapsed());
    assert_eq!(status.code(), Some(75));
    assert!(said.contains("another sealdrop is using"), "{said}");
    assert_eq!(client.view(&id).status, 200);
}
