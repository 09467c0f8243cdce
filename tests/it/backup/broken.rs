//! Backups that are cut, changed, or have no room.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Child, Stdio},
};

use serde_json::json;

use super::{KeyPair, backup, badly, create, created, names, restored, said, well};
use crate::{
    api::{
        attachments::{Draft, sealed_file},
        walk,
    },
    daemon::Daemon,
    faults::{Disk, below, rounds},
    http::Client,
    mail::until,
};

/// A daemon with an attachment of 20 MiB.
fn with_attachment(data: &Path) -> (Daemon, Client, Draft) {
    let (daemon, client) = Daemon::start_first(data, &["--key-pool", "0"]);
    let draft = Draft::create(&client, 1, json!({}));
    assert_eq!(draft.put(&client, 1, &sealed_file(20 << 20)).status, 200);
    (daemon, client, draft)
}

/// A backup whose reader has read some of it, and no more.
fn half_done(data: &Path, keys: &KeyPair) -> (Child, Vec<u8>) {
    let mut command = create("-", data, keys);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let mut some = vec![0; 3 << 20];
    child.stdout.as_mut().expect("a pipe").read_exact(&mut some).expect("a part");
    (child, some)
}

pub(super) fn a_dead_client() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let keys = KeyPair::new();
    let (daemon, client, draft) = with_attachment(&data);
    let (mut child, _) = half_done(&data, &keys);
    let other = dir.path().join("other.age").display().to_string();
    badly(create(&other, &data, &keys), 1, "another backup is running");
    // A burn goes on, and its file stays until the backup has ended.
    assert_eq!(client.delete(&format!("/api/secrets/{}", draft.id)).status, 200);
    assert_eq!(walk(&data.join("store/payloads")).len(), 1);
    child.kill().expect("a process to kill");
    child.wait().expect("its end");
    until("the file is deleted", || walk(&data.join("store/payloads")).is_empty());
    let made = created("again.age", &data, &keys);
    restored(&made, "copy", &keys);
    assert_eq!(names(&data), ["admin.sock", "ballast", "lock", "ring", "store"]);
    assert!(daemon.stop().0.success());
}

pub(super) fn a_dead_daemon() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let keys = KeyPair::new();
    let (daemon, _, draft) = with_attachment(&data);
    let (child, some) = half_done(&data, &keys);
    daemon.kill();
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("before the backup was complete"), "{}", said(&output));
    let part = dir.path().join("part.age");
    fs::write(&part, [some, output.stdout].concat()).expect("a file");
    let verify = ["verify", &part.display().to_string(), "--identity", &keys.identity()];
    badly(backup(&verify), 65, "it ends before its last part");
    let mut restore = backup(&["restore", &part.display().to_string()]);
    restore.args(["--identity", &keys.identity()]).arg("--data").arg(dir.path().join("copy"));
    badly(restore, 65, "it ends before its last part");
    assert!(!dir.path().join("copy").exists());

    let daemon = Daemon::start(&data, &[]);
    assert_eq!(walk(&data.join("store/payloads")).len(), 1, "{}", draft.id);
    created("again.age", &data, &keys);
    assert!(daemon.stop().0.success());
}

pub(super) fn a_stopping_daemon() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let keys = KeyPair::new();
    let (daemon, ..) = with_attachment(&data);
    let (child, _) = half_done(&data, &keys);
    // It waits for its client, and does not keep the daemon from its end.
    assert!(daemon.stop().0.success());
    let output = child.wait_with_output().expect("its end");
    assert!(!output.status.success(), "{}", said(&output));
}

pub(super) fn changed_files() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let keys = KeyPair::new();
    let (daemon, client) = Daemon::start_first(&data, &[]);
    client.create(json!({"description": "planted"}));
    client.create(json!({"ciphertext": crate::faults::large_ciphertext()}));
    let made = created("one.age", &data, &keys);
    assert!(daemon.stop().0.success());
    let whole = fs::read(&made).expect("the backup");
    let verify = ["verify", &made.display().to_string(), "--identity", &keys.identity()];
    well(backup(&verify));
    let refused = |what: &str| {
        let output = backup(&verify).output().expect("the program");
        let code = output.status.code();
        assert!(matches!(code, Some(3 | 65)), "{what}: {code:?} {}", said(&output));
    };
    for _ in 0..rounds("SEALDROP_FLIPS", 300) {
        let bit = below(whole.len() as u64 * 8);
        let mut flipped = whole.clone();
        flipped[(bit / 8) as usize] ^= 1 << (bit % 8);
        fs::write(&made, flipped).expect("a file");
        refused(&format!("bit {bit}"));
    }
    for _ in 0..rounds("SEALDROP_CUTS", 100) {
        let end = below(whole.len() as u64) as usize;
        fs::write(&made, &whole[..end]).expect("a file");
        refused(&format!("cut at {end}"));
    }
}

pub(super) fn full_disks() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let keys = KeyPair::new();
    let (daemon, ..) = with_attachment(&data);
    let small = Disk::new(10);
    let before = names(small.mount());
    let destination = small.mount().join("one.age").display().to_string();
    badly(create(&destination, &data, &keys), 1, "cannot be written: No space left on device");
    assert_eq!(names(small.mount()), before);
    let made = created("one.age", &data, &keys);
    assert!(daemon.stop().0.success());

    // A disk that is too full for new secrets can be backed up.
    let full = Disk::new(160);
    let filled = full.mount().join("data");
    let (daemon, client, _) = with_attachment(&filled);
    full.fill(40 << 20);
    assert_eq!(client.get("/ready").status, 503);
    let destination = dir.path().join("full.age").display().to_string();
    well(create(&destination, &filled, &keys));
    full.fill(4 << 20);
    let destination = dir.path().join("none.age").display().to_string();
    badly(create(&destination, &filled, &keys), 1, "in the data directory");
    drop(daemon);

    let disk = Disk::new(90);
    disk.fill(45 << 20);
    let copy = disk.mount().join("copy");
    let mut restore = backup(&["restore", &made.display().to_string()]);
    restore.args(["--identity", &keys.identity()]).arg("--data").arg(&copy);
    badly(restore, 1, "is full; nothing is left of the attempt");
    assert!(!copy.exists());
}
