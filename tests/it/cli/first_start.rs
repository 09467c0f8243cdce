//! The first start: an account, its keys, and a line to paste.

use std::process::Command;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::run_well;
use crate::{
    api::walk,
    daemon::{Daemon, Keys},
    http::Client,
    tools::{CURL, trial_with},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("cli::first_start::shows_keys_once", shows_keys_once),
        trial_with("cli::first_start::its_curl_line_works", &[CURL], its_curl_line_works),
        trial("cli::first_start::only_hashes_are_kept", only_hashes_are_kept),
        trial("cli::first_start::an_account_made_before_is_enough", an_account_made_before),
    ]
}

/// Starts a daemon on a new directory and stops it: its keys, and all else that it printed.
fn first_output(data: &std::path::Path, flags: &[&str]) -> (Keys, String) {
    let mut daemon = Daemon::start(data, flags);
    let keys = daemon.first_keys();
    let (status, rest) = daemon.stop();
    assert!(status.success());
    (keys, rest)
}

fn shows_keys_once() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (keys, rest) = first_output(&data, &["--public-url", "https://example.org/s/"]);
    assert!(keys.private.starts_with("private_key_") && keys.private.len() == 76);
    assert!(keys.public.starts_with("public_key_") && keys.public.len() == 75);
    assert!(
        rest.contains("curl ") && rest.contains(" https://example.org/s/api/secrets\n"),
        "{rest}"
    );
    for end in 0..2 {
        let daemon = Daemon::start(&data, &[]);
        let client = Client::new(daemon.base.clone(), keys.private.clone());
        assert_eq!(client.get("/api/secrets").status, 200);
        if end == 0 {
            let (status, rest) = daemon.stop();
            assert!(status.success());
            assert_eq!(rest, "", "a second start shows nothing more");
        } else {
            daemon.kill();
        }
    }
    // Nor when the account is gone again.
    run_well(&data, &["account", "delete", "default", "--yes"]);
    let (status, rest) = Daemon::start(&data, &[]).stop();
    assert_eq!((status.success(), rest.as_str()), (true, ""));
}

fn its_curl_line_works() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut daemon = Daemon::start(&data, &[]);
    let keys = daemon.first_keys();
    let line = daemon.line_with("curl ");
    assert!(line.contains(&keys.private));
    let ran = Command::new("sh").args(["-c", line.trim()]).output().expect("a shell");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let created: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let id = created["data"]["id"].as_str().unwrap_or_else(|| panic!("{created}"));
    let client = Client::new(daemon.base.clone(), keys.public);
    assert_eq!(client.view(id).status, 200);
    assert_eq!(client.view(id).status, 404);
    let list = client.with_key(keys.private).get("/api/secrets").json();
    assert_eq!(list["metadata"]["secrets_usage"], json!(1));
}

fn only_hashes_are_kept() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (Keys { private, public }, _) = first_output(&data, &["--log", "trace"]);
    let made = run_well(&data, &["apikey", "create", "--account", "default", "--kind", "private"]);
    let made =
        made.lines().find(|line| line.starts_with("private_key_")).expect("a key").to_owned();
    let listed: Value =
        serde_json::from_str(&run_well(&data, &["apikey", "list", "--json"])).expect("JSON");
    let id = listed[0]["id"].as_str().expect("an id");

    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let contains = |needle: &[u8]| {
        let mut files = walk(&data);
        files.push(data.with_extension("log"));
        files.iter().any(|file| {
            let Ok(content) = std::fs::read(file) else { return false }; // the socket
            content.windows(needle.len()).any(|window| window == needle)
        })
    };
    // This finds what is there.
    assert!(contains(&bytes(id)), "the hash of a key");
    for key in [&private, &public, &made] {
        let random = key.rsplit('_').next().expect("64 digits");
        // Pieces: sled shortens keys by what neighbours have in common.
        for piece in [&random[..32], &random[32..]] {
            assert!(!contains(piece.as_bytes()), "part of a key as text");
            assert!(!contains(piece.to_uppercase().as_bytes()), "part of a key as text");
            assert!(!contains(&bytes(piece)), "part of a key as bytes");
        }
    }
}

fn an_account_made_before() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    run_well(&data, &["account", "create", "x"]);
    let (status, rest) = Daemon::start(&data, &[]).stop();
    assert_eq!((status.success(), rest.as_str()), (true, ""));
    let accounts = run_well(&data, &["account", "list"]);
    assert!(accounts.contains('x') && !accounts.contains("default"), "{accounts}");
}
