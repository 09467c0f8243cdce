//! The loss of a disk, with a backup without keys, a key table and a copy of the ring elsewhere.

use std::{fs, path::Path};

use serde_json::json;

use super::{refused, shown};
use crate::{
    api::secret_requests::request,
    daemon::{Daemon, sealdrop},
    http::Client,
};

pub(super) fn comes_back() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let path = |name: &str| dir.path().join(name).to_str().expect("a path").to_owned();
    let data = dir.path().join("data");
    let elsewhere = path("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    fs::write(path("passphrase"), "correct horse").expect("a file");
    let flags = ["--keys-out", &elsewhere, "--ring-copy", &elsewhere];
    let (daemon, Client { key, .. }) = Daemon::start_first(&data, &flags);
    let client = Client::new(daemon.base.clone(), key.clone());
    let [live, burned] = [(); 2].map(|()| client.create(json!({})));
    let [_, deleted] = ["stays", "deleted"]
        .map(|message| request(&client, json!({"message": message, "expiration": 0})));
    let (file, passphrase) = (path("backup.age"), path("passphrase"));
    shown(&["backup", "create", &file, "--passphrase-file", &passphrase], &data);
    shown(&["ring", "turn"], &data);
    fs::copy(path("elsewhere/keys"), path("keys of yesterday")).expect("a key table");
    assert_eq!(client.view(&burned).status, 200);
    assert_eq!(client.delete(&format!("/api/secret_requests/{deleted}")).status, 200);
    shown(&["ring", "turn"], &data);
    let status = shown(&["status"], &data);
    assert!(status.contains("key table    of 20"), "{status}");
    assert!(daemon.stop().0.success());
    fs::remove_dir_all(&data).expect("a directory");

    let (keys, ring) = (path("elsewhere/keys"), path("elsewhere/ring"));
    let drill = |keys: &str, ring: &str| {
        let mut command = sealdrop();
        command.args(["backup", "drill", &file, "--passphrase-file", &passphrase]);
        command.args(["--keys", keys, "--ring", ring]).output().expect("the program")
    };
    let drilled = drill(&keys, &ring);
    let said = String::from_utf8_lossy(&drilled.stdout);
    assert!(drilled.status.success(), "{}", String::from_utf8_lossy(&drilled.stderr));
    // The first start has made a secret, too.
    for text in ["1 that were burned since stay burned", "secrets   2 live", "keys      "] {
        assert!(said.contains(text), "{text:?} is not in {said}");
    }
    for (keys, ring, text) in [
        (path("keys of yesterday"), ring.clone(), "is an older copy"),
        (keys.clone(), path("no ring"), "No such file"),
        (path("no keys"), ring.clone(), "No such file"),
        (ring.clone(), ring.clone(), "it is not a key table"),
    ] {
        let drilled = drill(&keys, &ring);
        let error = String::from_utf8_lossy(&drilled.stderr);
        assert!(!drilled.status.success() && error.contains(text), "{text:?} is not in {error}");
    }

    let restore = ["backup", "restore", &file, "--passphrase-file", &passphrase];
    let alone = refused(&restore, &data);
    assert!(alone.contains("give the key table (--keys FILE)"), "{alone}");
    let with_keys = [&restore[..], &["--keys", &keys, "--ring", &ring]].concat();
    let restored = shown(&with_keys, &data);
    assert!(restored.contains("1 that were burned since stay burned"), "{restored}");
    assert!(Path::new(&data).join("ring").exists());
    let daemon = Daemon::start(&data, &[]);
    let client = Client::new(daemon.base.clone(), key);
    assert_eq!(client.view(&live).status, 200);
    assert_eq!(client.view(&burned).status, 404);
    let listed = client.get("/api/secret_requests").json();
    let messages: Vec<_> = listed["data"].as_array().expect("a list").iter().collect();
    assert_eq!(messages.len(), 1, "{listed}");
    assert_eq!(messages[0]["message"], "stays");
    assert_eq!(listed["metadata"]["secret_requests_total"], 1, "{listed}");
    assert!(daemon.stop().0.success());
}
