//! Directories and backups that earlier versions have written, as they were, in tests/golden.

use std::{fs, path::Path, process::Command};

use sealdrop::crypto::{hex, sha256};

use super::shown;
use crate::{
    daemon::{Daemon, sealdrop},
    programs::printed,
};

/// The boxes in the golden directories of format 1 and 2, which the server opens with this passphrase.
const FIRST_BOX: &str = "SLfDQFJprsltQD6q34GAeMAaJzFNZi7";
const SECOND_BOX: &str = "JHUc6R3UfDPvvx6bdioTpIaZhqmMG6s";
const PASSPHRASE: &str = "correct horse battery staple";
/// The file in each: SHA-256 of each number below 200 as one byte, one after the other.
const FILE: &str = "file.bin";

fn unpack(golden: &str, into: &Path) {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(golden);
    printed(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(into), b"");
}

/// Reads a box with the command line, as its owner: there are two texts and the file.
fn assert_box(dir: &Path, base: &str, token: &str, texts: [&str; 2]) {
    let passphrase = dir.join("passphrase");
    fs::write(&passphrase, PASSPHRASE).expect("a file");
    let out = dir.join("out");
    fs::create_dir(&out).expect("a directory");
    let mut command = sealdrop();
    command.args(["box", "read", &format!("{base}/box/{token}"), "--online", "--passphrase-file"]);
    let text = printed(command.arg(&passphrase).arg("-o").arg(&out), b"");
    let text = String::from_utf8(text).expect("text");
    assert!(texts.iter().all(|expected| text.contains(expected)), "{text}");
    let expected: Vec<u8> = (0..200).flat_map(|number: u8| sha256(&[number])).collect();
    let file = fs::read(out.join(FILE)).expect("the file");
    assert_eq!(hex(&sha256(&file)), hex(&sha256(&expected)));
    fs::remove_dir_all(out).expect("a directory");
}

pub(super) fn upgraded() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    unpack("format-1.tar.gz", dir.path());
    let texts = ["from format 1", "burned before the upgrade"];
    let data = dir.path().join("data");
    let slots = fs::read(data.join("store/slots")).expect("the slots");
    for _ in 0..2 {
        let refused = Daemon::try_start(&data, &[]).err().expect("a refusal");
        assert!(refused.contains("exit status: 65"), "{refused}");
        assert!(refused.contains("start once with --upgrade"), "{refused}");
        assert_eq!(fs::read(data.join("store/slots")).expect("the slots"), slots);
    }
    let daemon = Daemon::start(&data, &["--upgrade", "--boxes", "open"]);
    assert_box(dir.path(), &daemon.base, FIRST_BOX, texts);
    assert!(daemon.stop().0.success());
    // Neither the flag nor the old file is needed again.
    let daemon = Daemon::start(&data, &["--boxes", "open"]);
    shown(&["ring", "turn"], &data);
    assert_box(dir.path(), &daemon.base, FIRST_BOX, texts);
    let accounts = shown(&["account", "list"], &data);
    assert!(accounts.contains("default"), "{accounts}");
    assert!(daemon.stop().0.success());
    assert!(!data.join("store/slots.old").exists());
}

pub(super) fn present() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    unpack("format-2.tar.gz", dir.path());
    let data = dir.path().join("data");
    let daemon = Daemon::start(&data, &["--boxes", "open"]);
    for _ in 0..2 {
        assert_box(dir.path(), &daemon.base, SECOND_BOX, ["from format 2", "the second text"]);
        shown(&["ring", "turn"], &data);
    }
    assert!(daemon.stop().0.success());
}

/// All have the box of the golden directory of format 2. `backup-2.age` was made since `backup-2-base.age`.
pub(super) fn backups() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let passphrase = dir.path().join("passphrase");
    fs::write(&passphrase, PASSPHRASE).expect("a file");
    for name in ["backup-1.age", "backup-2-base.age", "backup-2.age"] {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let data = dir.path().join(name);
        let mut command = sealdrop();
        command.args(["backup", "restore"]).arg(golden).arg("--passphrase-file").arg(&passphrase);
        printed(command.arg("--data").arg(&data), b"");
        let daemon = Daemon::start(&data, &["--boxes", "open"]);
        assert_box(dir.path(), &daemon.base, SECOND_BOX, ["from format 2", "the second text"]);
        assert!(daemon.stop().0.success());
    }
}
