//! Where the ring and its copies are, and what encrypts it.

use std::{fs, path::Path};

use super::{refused, run, shown};
use crate::{
    daemon::{Daemon, sealdrop},
    http::Client,
    key_files::epochs,
};

fn newest_epoch(ring: &Path) -> u64 {
    *epochs(&fs::read(ring).expect("a ring")).last_key_value().expect("an epoch").0
}

fn until(what: &str, mut is_done: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_done() {
        assert!(began.elapsed().as_secs() < 60, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

pub(super) fn turns() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (data, ring) = (dir.path().join("data"), dir.path().join("elsewhere"));
    let place = ring.to_str().expect("a path").to_owned();
    let (daemon, client) = Daemon::start_first(&data, &["--ring-turn", "1s", "--ring", &place]);
    let id = client.create(serde_json::json!({}));
    let first = newest_epoch(&ring);
    until("it turns", || newest_epoch(&ring) > first + 1);
    assert_eq!(fs::read_link(data.join("ring")).expect("a link"), ring);
    let status = shown(&["status"], &data);
    assert!(status.contains("ring         turned 20"), "{status}");
    let json = shown(&["ring", "turn", "--json"], &data);
    assert!(json.starts_with("{\"turned_at\":\"20"), "{json}");
    assert_eq!(client.view(&id).status, 200);
    assert!(daemon.stop().0.success());
    // A command alone does not know the copies.
    let said = refused(&["ring", "turn"], &data);
    assert!(said.contains("no daemon runs"), "{said}");
    // Without the setting, the link leads to the ring.
    assert!(shown(&["account", "list"], &data).contains("default"));

    fs::rename(&ring, dir.path().join("lost")).expect("a file");
    let said = refused(&["account", "list"], &data);
    assert!(said.contains("is not there"), "{said}");
    let failed = Daemon::try_start(&data, &[]).err().expect("a refusal");
    assert!(failed.contains("exit status: 75") && failed.contains("is not there"), "{failed}");
}

pub(super) fn copies() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (data, other) = (dir.path().join("data"), dir.path().join("other"));
    fs::create_dir(&other).expect("a directory");
    let directory = other.to_str().expect("a path").to_owned();
    let command = format!("command:dd of={directory}/by-command conv=notrunc,fsync 2>/dev/null");
    for (setting, copy) in [(directory.clone(), "ring"), (command, "by-command")] {
        let copy = other.join(copy);
        let daemon = Daemon::start(&data, &["--ring-copy", &setting]);
        let same =
            || fs::read(&copy).is_ok_and(|copy| copy == fs::read(data.join("ring")).expect("it"));
        until("the copy is made at the start", same);
        for _ in 0..3 {
            shown(&["ring", "turn"], &data);
            assert!(same());
        }
        assert_eq!(epochs(&fs::read(&copy).expect("a copy")).len(), 1, "an old key is in the copy");
        assert!(daemon.stop().0.success());
    }
    // The copy takes the place of a ring that is lost.
    fs::copy(other.join("by-command"), data.join("ring")).expect("a file");
    // A copy that cannot be written is no reason to be out of work.
    let failing = "command:echo the disk is gone >&2; exit 3";
    let daemon = Daemon::start(&data, &["--ring-copy", failing]);
    let log = || fs::read_to_string(&daemon.log).expect("the log");
    until("it is logged", || log().contains("the disk is gone"));
    assert!(log().contains("exit status: 3"), "{}", log());
    assert!(daemon.stop().0.success());
    let own = data.to_str().expect("a path");
    let same = Daemon::try_start(&data, &["--ring-copy", own]).err().expect("a refusal");
    assert!(same.contains("the ring itself is in this directory"), "{same}");
    let wrong = Daemon::try_start(&data, &["--ring-copy", "command: "]).err().expect("a refusal");
    assert!(wrong.contains("there is no command") && wrong.contains("ring_copy"), "{wrong}");

    // A copy that fails later stops the turns, and nothing else.
    let flag = dir.path().join("works");
    fs::write(&flag, "").expect("a file");
    let setting = format!(
        "command:cat >/dev/null; test -e {} || {{ echo no disk >&2; exit 1; }}",
        flag.display()
    );
    let (daemon, client) = {
        let daemon = Daemon::start(&data, &["--ring-copy", &setting]);
        let key = shown(&["apikey", "create", "default", "--kind", "private", "--json"], &data);
        let key: serde_json::Value = serde_json::from_str(&key).expect("JSON");
        let key = key["private_key"].as_str().or(key["key"].as_str()).expect("a key").to_owned();
        let client = Client::new(daemon.base.clone(), key);
        (daemon, client)
    };
    fs::remove_file(&flag).expect("a file");
    let said = refused(&["ring", "turn"], &data);
    assert!(said.contains("the ring was not turned") && said.contains("no disk"), "{said}");
    let id = client.create(serde_json::json!({}));
    fs::write(&flag, "").expect("a file");
    shown(&["ring", "turn"], &data);
    assert_eq!(client.view(&id).status, 200);
    assert!(daemon.stop().0.success());
}

pub(super) fn master_key() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let path = |name: &str| dir.path().join(name).to_str().expect("a path").to_owned();
    let (first, second) = (path("first"), path("second"));
    for key in [&first, &second] {
        let made = sealdrop().args(["master-key", "create", key]).output().expect("the program");
        assert!(made.status.success());
    }
    let again = sealdrop().args(["master-key", "create", &first]).output().expect("the program");
    assert!(String::from_utf8_lossy(&again.stderr).contains("must not be overwritten"));

    // A directory without encryption gets it at the next start.
    let (daemon, Client { key, .. }) = Daemon::start_first(&data, &[]);
    let id = Client::new(daemon.base.clone(), key.clone()).create(serde_json::json!({}));
    let plain = fs::read(data.join("ring")).expect("the ring");
    assert!(daemon.stop().0.success());
    let daemon = Daemon::start(&data, &["--master-key-file", &first]);
    let epoch = epochs(&plain).pop_last().expect("an epoch").1;
    until("the plain key is gone", || {
        let ring = fs::read(data.join("ring")).expect("the ring");
        !ring.windows(32).any(|part| part == epoch.expose_secret())
    });
    // Commands in the running daemon need no key, others do.
    shown(&["ring", "turn"], &data);
    assert!(daemon.stop().0.success());
    let said = refused(&["account", "list"], &data);
    assert!(said.contains("give the master key"), "{said}");
    let mut listed = sealdrop();
    listed.args(["account", "list", "--data"]).arg(&data).env("SEALDROP_MASTER_KEY_FILE", &first);
    assert!(listed.output().expect("the program").status.success());

    for (flags, text) in [
        (vec![], "give the master key"),
        (vec!["--master-key-file", &second], "the master key does not open it"),
        (vec!["--master-key-file", "/nonexistent"], "master_key_file"),
    ] {
        let failed = Daemon::try_start(&data, &flags).err().expect("a refusal");
        assert!(failed.contains(text), "{flags:?}: {failed}");
    }

    // Another key, and none.
    let said = refused(&["master-key", "rotate", "--old", &second, "--new", &first], &data);
    assert!(said.contains("the master key does not open it"), "{said}");
    let said = refused(&["master-key", "rotate"], &data);
    assert!(said.contains("give --old FILE, --new FILE or both"), "{said}");
    shown(&["master-key", "rotate", "--old", &first, "--new", &second], &data);
    let daemon = Daemon::start(&data, &["--master-key-file", &second]);
    let rotated = run(&["master-key", "rotate", "--old", &second], &data);
    assert!(String::from_utf8_lossy(&rotated.stderr).contains("another sealdrop is using"));
    assert!(daemon.stop().0.success());
    shown(&["master-key", "rotate", "--old", &second], &data);
    let daemon = Daemon::start(&data, &[]);
    let client = Client::new(daemon.base.clone(), key);
    assert_eq!(client.view(&id).status, 200);
    assert!(daemon.stop().0.success());
}

pub(super) fn store_commands() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
    let (daemon, client) = Daemon::start_first(&data, &[]);
    let ids: Vec<String> = (0..60).map(|_| client.create(serde_json::json!({}))).collect();
    for id in &ids[1..] {
        assert_eq!(client.view(id).status, 200);
    }
    for words in [&["store", "check"][..], &["store", "compact"]] {
        let said = refused(words, &data);
        assert!(said.contains("another sealdrop is using"), "{said}");
    }
    assert!(daemon.stop().0.success());
    let checked = shown(&["store", "check"], &data);
    assert!(checked.contains("is complete: "), "{checked}");
    let json = shown(&["store", "check", "--json"], &data);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["records"].as_u64().is_some_and(|records| records > 60), "{json}");

    let to = copy.to_str().expect("a path");
    let copied = shown(&["store", "copy", "--to", to], &data);
    assert!(copied.starts_with("copied ") && copied.trim_end().ends_with(to), "{copied}");
    let again = refused(&["store", "copy", "--to", to], &data);
    assert!(again.contains("is not empty"), "{again}");
    let compacted = shown(&["store", "compact"], &data);
    assert!(compacted.contains(" had ") && compacted.contains(" and has "), "{compacted}");
    let upgraded = shown(&["store", "upgrade"], &data);
    assert!(upgraded.contains("has the present format"), "{upgraded}");
    let missing = refused(&["store", "check"], &dir.path().join("nothing"));
    assert!(missing.contains("there is no sealdrop data"), "{missing}");

    for data in [&data, &copy] {
        let daemon = Daemon::start(data, &[]);
        let client = Client::new(daemon.base.clone(), client.key.clone());
        assert_eq!(client.view(&ids[0]).status, 200);
        assert_eq!(client.view(&ids[1]).status, 404);
        assert!(daemon.stop().0.success());
    }
}
