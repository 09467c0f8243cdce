//! `sealdrop box` at a terminal, and over connections that break.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use libtest_mimic::Trial;
use sealdrop::crypto::{BoxKey, Random, RsaBits, SeededRandom, SystemRandom};

use super::{
    command,
    wire::{Fate, Wire, header},
};
use crate::{daemon::Daemon, terminal::Terminal, trial};

const PASSPHRASE: &str = "correct horse";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "command_line::a_new_passphrase_is_asked_for_twice",
            a_new_passphrase_is_asked_for_twice,
        ),
        trial(
            "command_line::a_wrong_passphrase_is_asked_for_again",
            a_wrong_passphrase_is_asked_for_again,
        ),
        trial("command_line::who_reads_what_goes_then_is_asked", who_reads_what_goes_then_is_asked),
        trial("command_line::a_message_is_not_sent_twice", a_message_is_not_sent_twice),
        trial(
            "command_line::a_file_of_a_box_goes_on_where_it_broke",
            a_file_goes_on_where_it_broke,
        ),
        trial("command_line::a_short_file_of_a_box_is_told", a_short_file_is_told),
        trial("command_line::a_box_is_deleted_once", a_box_is_deleted_once),
        trial("command_line::a_key_of_the_servers_own_is_told", a_key_of_the_servers_own_is_told),
    ]
}

/// `sealdrop box`, for the server at `base`, with `dir` as its home.
fn on_box(base: &str, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = command(base, dir, &[&["box"], arguments].concat());
    command.env_remove("XDG_DATA_HOME");
    command
}

fn run(mut command: Command) -> Output {
    command.output().expect("the program")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Creates a box; returns its link.
fn create(daemon: &Daemon, dir: &Path, flags: &[&str]) -> String {
    fs::write(dir.join("phrase"), PASSPHRASE).expect("a file");
    let make = ["create", "--bits", "2048", "--passphrase-file", "phrase"];
    let output = run(on_box(&daemon.base, dir, &[&make, flags].concat()));
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("a link").trim_end().to_owned()
}

fn send(daemon: &Daemon, dir: &Path, link: &str, text: &str) {
    let sent = run(on_box(&daemon.base, dir, &["send", link, "-t", text]));
    assert!(sent.status.success(), "{}", said(&sent));
}

fn a_new_passphrase_is_asked_for_twice() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &[]);
    let ask = |second: &str| {
        let command =
            on_box(&daemon.base, dir.path(), &["create", "--bits", "2048", "--private-key", "key"]);
        let mut terminal = Terminal::start(command);
        terminal.expect_hidden("Passphrase: ");
        terminal.send_line(PASSPHRASE);
        terminal.expect_hidden("Passphrase again: ");
        terminal.send_line(second);
        terminal.finish()
    };
    let (status, shown) = ask("another");
    assert_eq!(status.code(), Some(64), "{shown}");
    assert!(shown.contains("entries differ") && !dir.path().join("key").exists(), "{shown}");
    let (status, shown) = ask(PASSPHRASE);
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(shown.contains("/box/") && !shown.contains(PASSPHRASE), "{shown}");
    assert!(dir.path().join("key").exists());
}

fn a_wrong_passphrase_is_asked_for_again() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &[]);
    let link = create(&daemon, dir.path(), &["--store-key"]);
    send(&daemon, dir.path(), &link, "red\u{1b}[31m");
    for flags in [&["read", &link][..], &["read", &link, "--online"]] {
        let mut terminal = Terminal::start(on_box(&daemon.base, dir.path(), flags));
        terminal.expect_hidden("Passphrase: ");
        terminal.send_line("wrong");
        terminal.expect("The passphrase is wrong.");
        terminal.expect_hidden("Passphrase: ");
        terminal.send_line(PASSPHRASE);
        let (status, shown) = terminal.finish();
        assert_eq!(status.code(), Some(0), "{shown}");
        assert!(shown.contains("red\\u{1b}[31m"), "control characters are shown: {shown}");
    }
}

fn who_reads_what_goes_then_is_asked() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &[]);
    let link = create(&daemon, dir.path(), &["--delete-messages-after-reading"]);
    send(&daemon, dir.path(), &link, "still there");
    let ask = |command: &str, answer: &str| {
        let flags = [command, &link, "--passphrase-file", "phrase"];
        let mut terminal = Terminal::start(on_box(&daemon.base, dir.path(), &flags));
        terminal.expect("[y/N] ");
        terminal.send_line(answer);
        terminal.finish()
    };
    for command in ["read", "delete"] {
        let (status, shown) = ask(command, "n");
        assert_eq!(status.code(), Some(1), "{shown}");
        assert!(shown.contains("nothing was changed"), "{shown}");
    }
    let (status, shown) = ask("read", "y");
    assert!(status.success() && shown.contains("still there"), "{shown}");
    let (status, shown) = ask("delete", "yes");
    assert!(status.success() && shown.contains("deleted"), "{shown}");
}

/// More than the buffers of a connection hold, and incompressible.
fn data() -> Vec<u8> {
    let mut bytes = vec![0; 16_000_000];
    SeededRandom::new(3).fill(&mut bytes);
    bytes
}

/// Numbers of the messages in a box, and their lines of JSON.
fn numbers(daemon: &Daemon, dir: &Path, link: &str) -> Vec<u64> {
    let flags = ["read", link, "--passphrase-file", "phrase", "--json"];
    let read = run(on_box(&daemon.base, dir, &flags));
    assert!(read.status.success(), "{}", said(&read));
    let text = String::from_utf8(read.stdout).expect("JSON");
    let id = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["id"].as_u64();
    text.lines().map(|line| id(line).expect("a number")).collect()
}

/// All its parts in `way` have this fate, one after the other; other requests pass.
fn wire(daemon: &Daemon, way: &'static str, fates: &'static [Fate]) -> Wire {
    let mut fates = fates.iter();
    Wire::to(&daemon.base, move |head| match head.starts_with(way) {
        true => *fates.next().unwrap_or(&Fate::Passes),
        false => Fate::Passes,
    })
}

fn a_message_is_not_sent_twice() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &[]);
    let link = create(&daemon, dir.path(), &[]);
    fs::write(dir.path().join("large"), data()).expect("a file");
    let to = |wire: &Wire, what: &[&str]| {
        let token = link.rsplit('/').next().expect("a token");
        run(on_box(&wire.base, dir.path(), &[&["send", token], what].concat()))
    };
    // A request that broke before its end is sent again, and stored once.
    for flags in [&["large"][..], &["large", "--online"]] {
        let wire = wire(&daemon, "PUT", &[Fate::BreaksUp(1000)]);
        let sent = to(&wire, flags);
        assert!(
            sent.status.success() && said(&sent).contains("next attempt in"),
            "{}",
            said(&sent)
        );
    }
    assert_eq!(numbers(&daemon, dir.path(), &link), [1, 2]);
    // So is a request that arrived while its answer was lost or replaced.
    for what in [&["-t", "text"][..], &["large"], &["large", "--online"]] {
        let fates = &[Fate::BreaksDown(0), Fate::Answered("502 Bad Gateway", "Server: x")];
        let wire = wire(&daemon, "PUT", fates);
        let sent = to(&wire, what);
        assert!(sent.status.success(), "{}", said(&sent));
        let heard = wire.heard();
        let puts: Vec<_> = heard.iter().filter(|head| head.starts_with("PUT")).collect();
        assert_eq!(puts.len(), 3, "{puts:?}");
        let keys: Vec<_> = puts.iter().map(|head| header(head, "idempotency-key")).collect();
        assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }
    // A server that is busy has done nothing.
    let wire = wire(&daemon, "PUT", &[Fate::Answered("503 Busy", "Retry-After: 1")]);
    assert!(to(&wire, &["-t", "busy"]).status.success());
    assert_eq!(numbers(&daemon, dir.path(), &link), [1, 2, 3, 4, 5, 6]);
}

fn a_file_goes_on_where_it_broke() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &[]);
    let link = create(&daemon, dir.path(), &["--store-key", "--delete-messages-after-reading"]);
    fs::write(dir.path().join("large"), data()).expect("a file");
    fs::create_dir(dir.path().join("out")).expect("a directory");
    for (flags, parts) in [(&[][..], 2), (&["--online"], 2)] {
        let sent = run(on_box(&daemon.base, dir.path(), &["send", &link, "large"]));
        assert!(sent.status.success(), "{}", said(&sent));
        let fates = &[Fate::BreaksDown(200_000), Fate::BreaksDown(300_000)];
        let wire = wire(&daemon, "GET /Service/File/", fates);
        let token = link.rsplit('/').next().expect("a token");
        let read = ["read", token, "--passphrase-file", "phrase", "-o", "out"];
        let read = run(on_box(&wire.base, dir.path(), &[&read, flags].concat()));
        assert!(read.status.success(), "{}", said(&read));
        assert!(fs::read(dir.path().join("out/large")).expect("a file") == data());
        fs::remove_file(dir.path().join("out/large")).expect("a file");
        let ranges = wire.heard().iter().filter(|head| header(head, "range").is_some()).count();
        assert_eq!(ranges, parts, "{flags:?}");
    }
}

/// The server knows the length of content that it has sealed, even if a proxy removes it.
fn a_short_file_is_told() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &[]);
    let link = create(&daemon, dir.path(), &["--store-key"]);
    fs::write(dir.path().join("large"), data()).expect("a file");
    fs::create_dir(dir.path().join("out")).expect("a directory");
    let sent = run(on_box(&daemon.base, dir.path(), &["send", &link, "large", "--online"]));
    assert!(sent.status.success(), "{}", said(&sent));
    // It is cut first, and then again before that point.
    let fates = &[Fate::Cut(300_000), Fate::Cut(0)];
    let wire = wire(&daemon, "GET /Service/File/", fates);
    let token = link.rsplit('/').next().expect("a token");
    let read = ["read", token, "--passphrase-file", "phrase", "-o", "out", "--online"];
    let read = run(on_box(&wire.base, dir.path(), &read));
    assert!(read.status.success(), "{}", said(&read));
    assert!(fs::read(dir.path().join("out/large")).expect("a file") == data());
    assert_eq!(said(&read).matches("next attempt in").count(), 2, "{}", said(&read));
}

fn a_box_is_deleted_once() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let daemon = Daemon::start(&dir.path().join("data"), &[]);
    let link = create(&daemon, dir.path(), &[]);
    let token = link.rsplit('/').next().expect("a token");
    let wire = wire(&daemon, "DELETE", &[Fate::BreaksDown(0)]);
    let flags = ["delete", token, "--passphrase-file", "phrase", "--yes"];
    let deleted = run(on_box(&wire.base, dir.path(), &flags));
    assert!(deleted.status.success(), "{}", said(&deleted));
    assert_eq!(run(on_box(&daemon.base, dir.path(), &flags)).status.code(), Some(2));
}

/// If the server returns another key than the one that was sent, the box is not used.
fn a_key_of_the_servers_own_is_told() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    fs::write(dir.path().join("phrase"), PASSPHRASE).expect("a file");
    let token = "0123456789abcdefghijklmnopqrstu";
    let key = BoxKey::generate(RsaBits::try_from(2048).expect("a length"), &SystemRandom);
    let answer = serde_json::json!({
        "KeyToken": token, "PublicKey": key.public().to_pem(), "PrivateKey": null,
    });
    let answer: &'static str = answer.to_string().leak();
    let to = |deletes: Fate| {
        let wire = Wire::to("http://127.0.0.1:1", move |head| match head.starts_with("DELETE") {
            true => deletes,
            false => Fate::Says(answer),
        });
        let make = ["create", "--bits", "2048", "--passphrase-file", "phrase"];
        let made =
            run(on_box(&wire.base, dir.path(), &[&make[..], &["--private-key", "key"]].concat()));
        assert_eq!((made.status.code(), &*made.stdout), (Some(1), &b""[..]), "{}", said(&made));
        assert!(said(&made).contains("has replaced the key"), "{}", said(&made));
        let deleted = wire.heard().into_iter().find(|head| head.starts_with("DELETE"));
        let deleted = deleted.expect("it is deleted");
        assert_eq!(header(&deleted, "token"), Some(token));
        assert!(header(&deleted, "privatekeyhash").is_some(), "{deleted}");
        said(&made)
    };
    let told = to(Fate::Says("\"Deleted.\""));
    assert!(told.contains("deleted again") && !dir.path().join("key").exists(), "{told}");
    // The key that can delete the box is kept as long as the box exists.
    let told = to(Fate::Answered("500 Broken", "Server: odd"));
    assert!(told.contains(token) && dir.path().join("key").exists(), "{told}");
}
