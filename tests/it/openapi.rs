//! The examples of the OpenAPI document work. `src/api/openapi/tests.rs` compares the document with the code,
//! and `tests/openapi/run` drives the daemon from it.

use std::process::Command;

use libtest_mimic::Trial;

use crate::{
    daemon::{Daemon, sealdrop},
    tools::{CURL, NODE, trial_with},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial_with("openapi::the_examples_work", &[CURL, NODE], the_examples_work)]
}

fn the_examples_work() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let flags = [
        ["--create", "open"],
        ["--rsa-bits", "2048"],
        // Mails are accepted, and wait for a server that is down.
        ["--smtp-url", "smtp://127.0.0.1:1?tls=none"],
        ["--mail-from", "no-reply@example.org"],
        ["--public-url", "https://example.org"],
    ];
    let data = dir.path().join("data");
    let (daemon, client) = Daemon::start_first(&data, flags.as_flattened());
    let ran = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/openapi_samples.mjs"))
        .env("SEALDROP", &daemon.base)
        .env("KEY", &client.key)
        .env("PROGRAM", sealdrop().get_program())
        .env("DATA", &data)
        .env("TMPDIR", dir.path())
        .output()
        .expect("node");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    let count: usize = out.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    assert!(count >= 60, "{out}");
    assert!(daemon.stop().0.success());
}
