//! Memory: long content is streamed when it is sent, listed or fetched. Measured at the real daemon.

use std::io::Read;

use libtest_mimic::Trial;
use sealdrop::crypto::{Random, SeededRandom};
use serde_json::json;

use super::{MULTIPART, Part, TestBox, assert_done, fetch, form, list, messages::sealed, text};
use crate::{
    daemon::Daemon,
    http::Client,
    raw::{Raw, request},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::memory::a_bomb_does_not_go_off", a_bomb_does_not_go_off),
        trial("key_service::memory::a_long_file_streams", a_long_file_streams),
    ]
}

/// The allowed growth of a daemon, in KiB.
const MOST_KIB: u64 = 16 << 10;
const BOMB_BYTES: u64 = 100_000_000;

/// The peak of a daemon's resident memory since [`forget`], in KiB.
fn peak(daemon: &Daemon) -> u64 {
    let path = format!("/proc/{}/status", daemon.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).expect("the status of a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("its peak");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// Resets the peak to the present resident memory, and returns that.
fn forget(daemon: &Daemon) -> u64 {
    let path = format!("/proc/{}/clear_refs", daemon.pid().as_raw_nonzero());
    std::fs::write(path, "5").expect("a new peak");
    peak(daemon)
}

fn start(data: &std::path::Path, max_upload: &str) -> (Daemon, TestBox) {
    let flags = ["--key-pool", "0", "--rsa-bits", "2048", "--max-upload", max_upload];
    let (daemon, _) = Daemon::start_first(data, &flags);
    let own = TestBox::new(&Client::new(daemon.base.clone(), ""));
    // Allocations of a first call are not counted.
    own.send(&"warm".repeat(100_000));
    own.send_file("warm", &random_piece()[..900_000]);
    assert_eq!(own.messages().len(), 2);
    let ticket = text(&own.messages()[1]["TemporaryDownloadId"]);
    assert_eq!(fetch(&own.client, &ticket).status, 200);
    (daemon, own)
}

/// Incompressible.
fn random_piece() -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    SeededRandom::new(1).fill(&mut bytes);
    bytes
}

fn bomb() -> (String, String) {
    let zeros = vec![b'0'; 1_000_000];
    let (key, _) = super::shared_key();
    sealed(key, |writer| {
        (0..BOMB_BYTES / 1_000_000).for_each(|_| writer.write_all(&zeros).expect("memory"));
    })
}

fn a_bomb_does_not_go_off() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (message, key) = bomb();
    assert!(message.len() < 300_000, "{}", message.len());
    for (max_upload, opens) in [("1MB", false), ("0", true)] {
        let (daemon, own) = start(&dir.path().join(max_upload), max_upload);
        let before = forget(&daemon);
        assert_done(&own.put(&[("encryptedmessage", &message), ("encryptionkey", &key)]));
        if opens {
            let zeros = count_zeros(&own);
            assert_eq!(zeros, BOMB_BYTES);
        } else {
            let listed = list(&own.read(&[("since", "2")]));
            assert!(listed[0]["MessageData"] == json!(message), "listed as it is stored");
            assert_eq!(listed[0]["EncryptionKey"], json!(key));
        }
        let grown = peak(&daemon) - before;
        assert!(grown < MOST_KIB, "--max-upload {max_upload}: {grown} KiB over {before} KiB");
        assert!(daemon.stop().0.success());
    }
}

/// Reads a list that is too long to be held, and counts the zeros of its message.
fn count_zeros(own: &TestBox) -> u64 {
    let mut raw = Raw::connect(&own.client);
    let token = format!("Token: {}", own.token);
    let passphrase = format!("Passphrase: {}", super::PASSPHRASE);
    let headers = [&*token, &*passphrase, "Since: 2", "Connection: close"];
    raw.send(request(&own.client, "GET", "/Service", &headers));
    let (mut zeros, mut piece, mut tail) = (0, vec![0; 1 << 16], Vec::new());
    loop {
        let read = raw.reader().read(&mut piece).expect("more of it");
        if read == 0 {
            break;
        }
        zeros += piece[..read].iter().filter(|byte| **byte == b'0').count() as u64;
        tail.extend_from_slice(&piece[..read]);
        tail.drain(..tail.len().saturating_sub(1000));
    }
    let tail = String::from_utf8_lossy(&tail);
    let (_, end) = tail.split_once("\",\"Created\":").expect("the end of the message");
    assert!(end.ends_with("0\r\n\r\n") && end.contains("}]"), "{end}");
    // The sizes of the chunks, the date, the hash and the length have zeros too, but few.
    assert!((BOMB_BYTES..BOMB_BYTES + 100_000).contains(&zeros), "{zeros}");
    assert!(end.contains(&format!("\"Size\":{BOMB_BYTES},")), "{end}");
    BOMB_BYTES
}

/// 256 MiB, or `SEALDROP_TEST_UPLOAD_MIB`: 1024 MiB take too long for a usual run.
fn a_long_file_streams() {
    let mebibytes = std::env::var("SEALDROP_TEST_UPLOAD_MIB").ok();
    let mebibytes: u64 = mebibytes.map_or(256, |text| text.parse().expect("a number"));
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, own) = start(&dir.path().join("data"), "0");
    // One incompressible piece and one compressible piece, alternately.
    let pieces = [random_piece(), b"text ".repeat(1 << 18)];
    let pieces = pieces.map(|mut piece| {
        piece.truncate(1 << 20);
        piece
    });
    for name in ["file", "encryptedfile"] {
        let before = forget(&daemon);
        let parts = [Part::text("encryptionkey", "k"), Part::file(name, "long", b"PLACE")];
        let whole = form(&[&[Part::text("token", &own.token)], &parts[..]].concat());
        let place = whole.windows(5).position(|window| window == b"PLACE").expect("its place");
        let length = whole.len() as u64 - 5 + (mebibytes << 20);
        let head = [&format!("Content-Type: {MULTIPART}"), &*format!("Content-Length: {length}")];
        let mut raw = Raw::connect(&own.client);
        raw.send(request(&own.client, "PUT", "/Service", &head)).send(&whole[..place]);
        (0..mebibytes).for_each(|n| _ = raw.send(&pieces[usize::from(n % 2 == 1)]));
        let answer = raw.send(&whole[place + 5..]).answer();
        assert_eq!(answer.body, b"true", "{answer:?}");
        let grown = peak(&daemon) - before;
        assert!(grown < MOST_KIB, "sending as {name}: {grown} KiB over {before} KiB");

        let before = forget(&daemon);
        let listed = own.messages();
        let last = listed.last().expect("a message");
        assert_eq!(last["Size"], json!(mebibytes << 20));
        let ticket = text(&last["TemporaryDownloadId"]);
        let mut raw = Raw::connect(&own.client);
        raw.send(request(&own.client, "GET", &format!("/Service/File/{ticket}"), &[]));
        let head = raw.head();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-length"), Some(&*(mebibytes << 20).to_string()));
        let mut piece = vec![0; 1 << 20];
        for n in 0..mebibytes {
            raw.reader().read_exact(&mut piece).expect("more of it");
            assert!(piece == pieces[usize::from(n % 2 == 1)], "{name}: piece {n}");
        }
        let grown = peak(&daemon) - before;
        assert!(grown < MOST_KIB, "fetching {name}: {grown} KiB over {before} KiB");
    }
    assert!(daemon.stop().0.success());
}
