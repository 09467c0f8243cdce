//! The commands: flags, messages, lists.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use super::{KeyPair, backup, badly, create, created, names, well};
use crate::{
    daemon::{Daemon, sealdrop},
    terminal::Terminal,
};

pub(super) fn wrong() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (keys, others) = (KeyPair::new(), KeyPair::new());
    let daemon = Daemon::start(&data, &[]);
    let path = |name: &str| dir.path().join(name).display().to_string();
    let on_data = |arguments: &[&str]| {
        let mut command = backup(arguments);
        command.arg("--data").arg(&data);
        command
    };
    well(on_data(&["create", &path("keyless"), "--recipient", &keys.recipient]));
    let restore = |more: &[&str], to: &str| {
        let (file, identity, to) = (path("keyless"), keys.identity(), path(to));
        backup(&[&["restore", &file, "--identity", &identity, "--data", &to], more].concat())
    };
    badly(restore(&[], "alone"), 1, "give the key table (--keys FILE) and the ring");
    badly(restore(&["--keys", "keys"], "half"), 64, "give both --keys and --ring");
    badly(on_data(&["create", &path("a"), "--with-keys"]), 64, "always encrypted");
    let wrong_key = on_data(&["create", &path("a"), "--with-keys", "--recipient", "age1x"]);
    badly(wrong_key, 64, "not a recipient of age");
    fs::write(path("recipients"), format!("# ours\n\n{}\n", keys.recipient)).expect("a file");
    let with_file = ["--with-keys", "--recipients-file", &path("recipients")];
    well(on_data(&[&["create", &path("a")], &with_file[..]].concat()));
    assert_eq!(fs::metadata(path("a")).expect("the file").permissions().mode() & 0o777, 0o600);
    let again = on_data(&[&["create", &path("a")], &with_file[..]].concat());
    badly(again, 64, "there is such a file already");
    let nowhere = on_data(&[&["create", &path("no/a")], &with_file[..]].concat());
    badly(nowhere, 1, "cannot be saved in");
    badly(create(&path("b"), &dir.path().join("none"), &keys), 1, "there is no data directory");

    let verify = |file: &str, identity: &str| backup(&["verify", file, "--identity", identity]);
    badly(backup(&["verify", &path("a")]), 3, "give --identity FILE");
    badly(verify(&path("a"), &others.identity()), 3, "no identity opens it");
    badly(verify(&path("a"), &path("recipients")), 64, "line 3 is not a key of age");
    badly(verify(&path("none"), &keys.identity()), 1, "cannot read");
    fs::write(path("text"), "planted text, which is not shown").expect("a file");
    badly(verify(&path("text"), &keys.identity()), 65, "it is not a backup of sealdrop");
    fs::write(path("newer"), "sealdrop backup, format 3\n").expect("a file");
    badly(verify(&path("newer"), &keys.identity()), 1, "this sealdrop knows only formats 1 and 2");

    let restore = |target: &str| {
        let mut command = backup(&["restore", &path("a"), "--identity", &keys.identity()]);
        command.args(["--data", target]);
        command
    };
    badly(restore(&data.display().to_string()), 64, "is not empty");
    fs::create_dir(path("used")).expect("a folder");
    fs::write(path("used/file"), "x").expect("a file");
    badly(restore(&path("used")), 64, "is not empty");
    assert_eq!(names(&dir.path().join("used")), ["file"]);
    fs::create_dir(path("empty")).expect("a folder");
    well(restore(&path("empty")));
    let no_place = ["drill", &path("a"), "--identity", &keys.identity(), "--in", &path("none")];
    badly(backup(&no_place), 64, "there is no such directory");
    badly(backup(&["list"]), 64, "give a directory with backups");
    badly(backup(&["list", &path("text")]), 65, "it is not a backup");
    assert!(daemon.stop().0.success());

    // At a terminal: it is not written there.
    let mut terminal = Terminal::start(create("-", &data, &keys));
    terminal.expect("a backup is not written to a terminal");
    assert_eq!(terminal.finish().0.code(), Some(64));
}

pub(super) fn passphrases() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let keys = KeyPair::new();
    let daemon = Daemon::start(&data, &[]);
    let path = |name: &str| dir.path().join(name).display().to_string();
    let mut command = backup(&["create", &path("typed"), "--with-keys"]);
    command.arg("--data").arg(&data);
    let mut terminal = Terminal::start(command);
    terminal.expect_hidden("Passphrase: ");
    terminal.send_line("correct horse");
    terminal.expect_hidden("Passphrase again: ");
    terminal.send_line("correct horse");
    let (status, _) = terminal.finish();
    assert!(status.success());
    for (name, passphrase) in [("right", "correct horse\n"), ("wrong", "wrong horse\n")] {
        fs::write(path(name), passphrase).expect("a file");
    }
    let verify = |phrase: &str| backup(&["verify", &path("typed"), "--passphrase-file", phrase]);
    assert!(well(verify(&path("right"))).contains("is complete"));
    badly(verify(&path("wrong")), 3, "the passphrase is wrong");

    // Through a pipe, and decrypted by another program on the way.
    let made = created("one.age", &data, &keys);
    let identity = age::IdentityFile::from_file(keys.identity()).expect("the keys");
    let identities = identity.into_identities().expect("the keys");
    let encrypted = File::open(&made).expect("the backup");
    let opened = age::Decryptor::new(encrypted).expect("a file of age");
    let mut plain =
        opened.decrypt(identities.iter().map(|one| &**one as &dyn age::Identity)).expect("ours");
    let mut restore = backup(&["restore", "-", "--data", &path("copy")]);
    let mut child = restore.stdin(Stdio::piped()).spawn().expect("the program");
    std::io::copy(&mut plain, child.stdin.as_mut().expect("a pipe")).expect("its input");
    assert!(child.wait().expect("its end").success());
    drop(Daemon::start(&dir.path().join("copy"), &[]));

    // From one machine to another.
    let mut moved = create("-", &data, &keys).stdout(Stdio::piped()).spawn().expect("the program");
    let mut restore = backup(&["restore", "-", "--data", &path("moved"), "--identity"]);
    restore.arg(keys.identity()).stdin(moved.stdout.take().expect("a pipe"));
    well(restore);
    assert!(moved.wait().expect("its end").success());
    drop(Daemon::start(&dir.path().join("moved"), &[]));
    assert!(daemon.stop().0.success());
}

pub(super) fn listed_and_pruned() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let keys = KeyPair::new();
    let daemon = Daemon::start(&data, &[]);
    let folder = dir.path().join("backups");
    fs::create_dir(&folder).expect("a folder");
    let place = folder.display().to_string();
    let mut command = create(&place, &data, &keys);
    command.arg("--json");
    let made: serde_json::Value = serde_json::from_str(&well(command)).expect("JSON");
    let file = made["file"].as_str().expect("a file").to_owned();
    assert!(file.starts_with(&format!("{place}/sealdrop-2")) && file.ends_with("Z.age"), "{file}");
    for time in ["20200101T000000Z", "20200102T000000Z", "20200102T000001Z"] {
        fs::copy(&file, folder.join(format!("sealdrop-{time}.age"))).expect("a copy");
    }
    fs::write(folder.join("notes.age"), "not ours").expect("a file");
    let list = well(backup(&["list", &place, "--json"]));
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), 4);
    // The note in the file goes before its name.
    assert!(list.iter().all(|row| row["created_at"] == made["created_at"]), "{list:?}");
    assert_eq!(list[0]["sealdrop"], env!("CARGO_PKG_VERSION"));
    let shown = well(backup(&["list", &file]));
    assert!(shown.starts_with("CREATED ") && shown.contains(&file), "{shown}");

    let prune = |more: &[&str]| {
        let keep = ["prune", &place, "--keep-daily", "2", "--keep-weekly", "0", "--keep-monthly"];
        well(backup(&[&keep[..], &["0"], more].concat()))
    };
    let shown = prune(&["--dry-run"]);
    assert!(shown.contains("would delete 2, kept 2"), "{shown}");
    assert_eq!(names(&folder).len(), 5);
    assert!(prune(&[]).contains("deleted 2, kept 2"));
    let left = names(&folder);
    assert_eq!(left[..2], ["notes.age", "sealdrop-20200102T000001Z.age"]);
    assert_eq!(left.len(), 3);
    // A passphrase leaves no note: the name tells the time.
    fs::write(dir.path().join("phrase"), "correct horse\n").expect("a file");
    let mut command = sealdrop();
    command.args(["backup", "create", &place, "--with-keys", "--passphrase-file"]);
    command.arg(dir.path().join("phrase")).arg("--data").arg(&data);
    assert!(well(command).contains("keys"));
    assert_eq!(names(&folder).len(), 4);
    assert!(daemon.stop().0.success());
}
