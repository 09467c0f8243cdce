//! Connections that break, proxies that interfere, keys that must not be sent to other servers.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use libtest_mimic::Trial;

use super::{
    command, server,
    wire::{Fate, Wire, header},
};
use crate::{server::TestServer, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("command_line::an_upload_goes_on_where_it_broke", an_upload_goes_on_where_it_broke),
        trial("command_line::a_download_goes_on_where_it_broke", a_download_goes_on_where_it_broke),
        trial("command_line::a_lost_view_is_asked_for_again", a_lost_view_is_asked_for_again),
        trial(
            "command_line::viewers_do_not_end_each_others_fetching",
            viewers_do_not_end_each_others_fetching,
        ),
        trial("command_line::a_mangled_view_can_be_had_again", a_mangled_view_can_be_had_again),
        trial(
            "command_line::a_damaged_file_keeps_no_other_back",
            a_damaged_file_keeps_no_other_back,
        ),
        trial(
            "command_line::what_may_be_done_is_not_done_twice",
            what_may_be_done_is_not_done_twice,
        ),
        trial("command_line::a_proxy_takes_short_bodies_only", a_proxy_takes_short_bodies_only),
        trial("command_line::who_is_busy_is_asked_later", who_is_busy_is_asked_later),
        trial("command_line::redirects_are_not_followed", redirects_are_not_followed),
        trial("command_line::a_key_goes_to_its_own_server", a_key_goes_to_its_own_server),
        trial("command_line::a_file_that_shrinks_is_told", a_file_that_shrinks_is_told),
    ]
}

const MIB: usize = 1 << 20;

fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes of which no two chunks are the same.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + (at >> 8) + (at >> 16)) & 255).unwrap()).collect()
}

/// Sends `large` through `base`; returns the link, and standard error.
fn send(base: &str, dir: &Path) -> (String, String) {
    let sent = run(command(base, dir, &["send", "large", "-t", "text"]));
    let said = text(&sent.stderr);
    assert!(sent.status.success(), "{said}");
    (text(&sent.stdout).trim_end().to_owned(), said)
}

/// Opens `link` at `base`, and compares.
fn open(base: &str, dir: &Path, link: &str) -> String {
    let opened = run(command(base, dir, &["open", link, "--server", base, "-o", "out"]));
    let said = text(&opened.stderr);
    assert!(opened.status.success() && opened.stdout == b"text", "{said}");
    assert!(fs::read(dir.join("out/large")).unwrap() == fs::read(dir.join("large")).unwrap());
    said
}

fn with_file(length: usize) -> (TestServer, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a fresh directory");
    fs::write(dir.path().join("large"), data(length)).unwrap();
    fs::create_dir(dir.path().join("out")).unwrap();
    (server(), dir)
}

/// Whether a request is about the bytes of an attachment.
fn is_part(head: &str, method: &str) -> bool {
    head.starts_with(method)
        && head.lines().next().is_some_and(|line| line.contains("/attachments/"))
}

fn an_upload_goes_on_where_it_broke() {
    let (server, dir) = with_file(9 * MIB);
    let mut parts = 0;
    let wire = Wire::to(&server.client.base, move |head| {
        if !is_part(head, "PUT") {
            return Fate::Passes;
        }
        parts += 1;
        match parts {
            1 => Fate::BreaksUp(4 * MIB as u64),
            // It arrived, and its answer was lost.
            2 => Fate::BreaksDown(0),
            _ => Fate::Passes,
        }
    });
    let (link, said) = send(&wire.base, dir.path());
    assert!(said.contains("next attempt in"), "{said}");
    let offsets: Vec<String> = wire
        .heard()
        .iter()
        .filter_map(|head| Some(header(head, "content-range")?.to_owned()))
        .collect();
    assert!(
        offsets[0].starts_with("bytes 0-") && !offsets[1].starts_with("bytes 0-"),
        "{offsets:?}"
    );
    open(&server.client.base, dir.path(), &link);
}

fn a_download_goes_on_where_it_broke() {
    let (server, dir) = with_file(9 * MIB);
    let (link, _) = send(&server.client.base, dir.path());
    let mut parts = 0;
    let wire = Wire::to(&server.client.base, move |head| {
        parts += u64::from(is_part(head, "GET"));
        match parts {
            1 | 2 if is_part(head, "GET") => Fate::BreaksDown(3 * MIB as u64),
            _ => Fate::Passes,
        }
    });
    let said = open(&wire.base, dir.path(), &link);
    assert!(said.contains("next attempt in"), "{said}");
    let ranges: Vec<String> =
        wire.heard().iter().filter_map(|head| Some(header(head, "range")?.to_owned())).collect();
    assert_eq!(ranges.len(), 2, "{ranges:?}");
    assert!(ranges.iter().all(|range| range != "bytes=0-"), "{ranges:?}");
}

fn a_lost_view_is_asked_for_again() {
    let (server, dir) = with_file(300_000);
    let (link, _) = send(&server.client.base, dir.path());
    let mut views = 0;
    let wire = Wire::to(&server.client.base, move |head| {
        views += u64::from(head.contains("/view HTTP"));
        match views {
            1 if head.contains("/view HTTP") => Fate::BreaksDown(200),
            _ => Fate::Passes,
        }
    });
    let said = open(&wire.base, dir.path(), &link);
    assert!(said.contains("next attempt in"), "{said}");
    // Other viewers may be fetching it: nothing is wiped unless that is requested.
    assert!(wire.heard().iter().all(|head| !head.contains("/burn HTTP")));
}

fn viewers_do_not_end_each_others_fetching() {
    let (server, dir) = with_file(9 * MIB);
    let base = server.client.base.clone();
    let sent = run(command(&base, dir.path(), &["send", "large", "-t", "text", "--views", "2"]));
    let link = text(&sent.stdout).trim_end().to_owned();
    let (other, its_link) = (tempfile::tempdir().expect("a fresh directory"), link.clone());
    let mut parts = 0;
    let wire = Wire::to(&server.client.base, move |head| {
        parts += u64::from(is_part(head, "GET"));
        match parts {
            1 if is_part(head, "GET") => return Fate::BreaksDown(MIB as u64),
            // The whole last view happens before this one continues.
            2 if is_part(head, "GET") => {
                let opened = run(command(&base, other.path(), &["open", &its_link]));
                assert_eq!(opened.stdout, b"text", "{}", text(&opened.stderr));
            }
            _ => {}
        }
        Fate::Passes
    });
    open(&wire.base, dir.path(), &link);
}

fn a_mangled_view_can_be_had_again() {
    let (server, dir) = with_file(300_000);
    let (link, _) = send(&server.client.base, dir.path());
    let wire = Wire::to(&server.client.base, |head| match head.contains("/view HTTP") {
        true => Fate::Mangled,
        false => Fate::Passes,
    });
    let broken = run(command(&wire.base, dir.path(), &["open", &link, "--server", &wire.base]));
    let said = text(&broken.stderr);
    assert_eq!((broken.status.code(), &*text(&broken.stdout)), (Some(1), ""), "{said}");
    let (_, lease) = said.trim_end().rsplit_once("--lease ").expect("the command to continue");
    let mut again = command(&server.client.base, dir.path(), &["open", &link, "-o", "out"]);
    again.args(["--lease", lease]);
    assert_eq!(run(again).stdout, b"text");
    let gone = run(command(&server.client.base, dir.path(), &["open", &link]));
    assert_eq!(gone.status.code(), Some(2), "one view was spent, and no other");
}

fn a_damaged_file_keeps_no_other_back() {
    let (server, dir) = with_file(300_000);
    let base = &server.client.base;
    fs::write(dir.path().join("second"), data(400_000)).unwrap();
    let sent = run(command(base, dir.path(), &["send", "large", "second", "-t", "text"]));
    let link = text(&sent.stdout).trim_end().to_owned();
    let wire = Wire::to(base, |head| match head.contains("/attachments/1 HTTP") {
        true => Fate::Spoilt(200_000),
        false => Fate::Passes,
    });
    let mut open = command(&wire.base, dir.path(), &["open", &link, "-o", "out", "--json"]);
    open.args(["--server", &wire.base]);
    let opened = run(open);
    let shown: serde_json::Value = serde_json::from_slice(&opened.stdout).expect("JSON");
    assert_eq!((opened.status.code(), &shown["text"]), (Some(65), &"text".into()));
    assert_eq!(shown["files"], serde_json::json!(["out/second"]));
    assert!(shown["error"].as_str().is_some_and(|error| error.starts_with("large: ")), "{shown}");
    assert!(fs::read(dir.path().join("out/second")).unwrap() == data(400_000));
    assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 1);
}

fn what_may_be_done_is_not_done_twice() {
    let (server, dir) = with_file(1);
    let wire = Wire::to(&server.client.base, |head| match head.starts_with("POST") {
        true => Fate::BreaksDown(0),
        false => Fate::Passes,
    });
    let sent = run(command(&wire.base, dir.path(), &["send", "-t", "once"]));
    assert_eq!(
        (sent.status.code(), &*text(&sent.stdout)),
        (Some(69), ""),
        "{}",
        text(&sent.stderr)
    );
    assert_eq!(wire.heard().len(), 1);
}

fn a_proxy_takes_short_bodies_only() {
    let (server, dir) = with_file(3 * MIB);
    let wire = Wire::to(&server.client.base, |head| {
        let length = header(head, "content-length").and_then(|value| value.parse::<usize>().ok());
        match length.is_some_and(|length| length > MIB) {
            true => Fate::Answered("413 Payload Too Large", "Server: between"),
            false => Fate::Passes,
        }
    });
    let (link, said) = send(&wire.base, dir.path());
    assert!(!said.contains("next attempt"), "{said}");
    let parts = wire.heard().iter().filter(|head| is_part(head, "PUT")).count();
    assert_eq!(parts, 1 + 4, "one that is too long, and four slices");
    open(&server.client.base, dir.path(), &link);
}

fn who_is_busy_is_asked_later() {
    let (server, dir) = with_file(1);
    let mut calls = 0;
    let wire = Wire::to(&server.client.base, move |_| {
        calls += 1;
        match calls {
            1 => Fate::Answered("503 Service Unavailable", "Retry-After: 1"),
            _ => Fate::Passes,
        }
    });
    let sent = run(command(&wire.base, dir.path(), &["send", "-t", "patience"]));
    let said = text(&sent.stderr);
    assert!(
        sent.status.success() && said.contains("in front of") && said.contains("next attempt"),
        "{said}"
    );
    // Longer than a user waits.
    let wire =
        Wire::to(&server.client.base, |_| Fate::Answered("429 Too Many", "Retry-After: 3600"));
    let sent = run(command(&wire.base, dir.path(), &["send", "-t", "patience"]));
    assert_eq!((sent.status.code(), wire.heard().len()), (Some(75), 1), "{}", text(&sent.stderr));
}

fn redirects_are_not_followed() {
    let (server, dir) = with_file(1);
    let wire = Wire::to(&server.client.base, |_| {
        Fate::Answered("308 Permanent Redirect", "Location: http://elsewhere.example/")
    });
    let sent = run(command(&wire.base, dir.path(), &["send", "-t", "here"]));
    let said = text(&sent.stderr);
    assert!(sent.status.code() == Some(1) && said.contains("http://elsewhere.example/"), "{said}");
}

fn a_key_goes_to_its_own_server() {
    let (server, dir) = with_file(1);
    let key = format!("ApiKey {}", server.client.key);
    let wire = Wire::to(&server.client.base, |_| Fate::Passes);
    let mine = |arguments: &[&str]| {
        let mut command = command(&server.client.base, dir.path(), arguments);
        command.env("SEALDROP_KEY", &server.client.key);
        run(command)
    };
    let sent = mine(&["send", "-t", "x", "--views", "9"]);
    let link = text(&sent.stdout).trim_end().to_owned();
    // A link of another server that tries to get the key.
    let strange = link.replace(&server.client.base, &wire.base);
    assert_eq!(mine(&["open", &strange]).stdout, b"x");
    assert_eq!(mine(&["status", &strange]).status.code(), Some(64));
    assert_eq!(mine(&["burn", &strange, "--yes"]).status.code(), Some(64));
    assert_eq!(mine(&["list", "--server", &wire.base]).status.code(), Some(64));
    assert_eq!(mine(&["probe", &wire.base]).status.code(), Some(0), "without a key");
    let heard = wire.heard();
    assert!(heard.len() >= 3 && heard.iter().all(|head| header(head, "authorization").is_none()));
    // The key is sent to the server for which it is set.
    fs::write(dir.path().join("key"), &server.client.key).unwrap();
    let flags = ["--server", &wire.base, "--key-file", "key"];
    assert!(mine(&[&["status", &strange][..], &flags].concat()).status.success());
    assert!(wire.heard().iter().any(|head| header(head, "authorization") == Some(&*key)));
}

fn a_file_that_shrinks_is_told() {
    let (server, dir) = with_file(3 * MIB);
    let path = dir.path().join("large");
    let shrinks = path.clone();
    let wire = Wire::to(&server.client.base, move |head| {
        if head.starts_with("POST") {
            let file = fs::File::options().write(true).open(&shrinks).unwrap();
            file.set_len(100_000).unwrap();
        }
        Fate::Passes
    });
    let sent = run(command(&wire.base, dir.path(), &["send", "large"]));
    let said = text(&sent.stderr);
    assert_eq!((sent.status.code(), &*text(&sent.stdout)), (Some(1), ""), "{said}");
    assert!(said.contains("large: it was changed while it was read"), "{said}");
    assert!(wire.heard().iter().any(|head| head.starts_with("DELETE")), "it was taken back");
}
