//! Files over the server's limit: refused at once, with their names and the limit.

use std::{
    fs,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use sealdrop::crypto::stream::sealed_len;

use super::command;
use crate::{
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("command_line::a_file_that_is_too_large_is_said_at_once", said_at_once)]
}

/// Incompressible bytes.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |state: &mut u64| {
        // xorshift64
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(|| next(&mut state)).take(bytes).collect()
}

fn said_at_once() {
    let mut options = Options::default();
    options.rules.create = sealdrop::config::SecretCreation::Open;
    options.rules.attachments.max_bytes = Some(sealed_len(3 << 20));
    options.service_rules.max_upload = Some(3 << 20);
    let server = TestServer::with(options);
    let dir = tempfile::tempdir().expect("a fresh directory");
    fs::write(dir.path().join("film.mp4"), noise((3 << 20) + 1)).expect("a file");
    fs::write(dir.path().join("fits"), vec![7; 3 << 20]).expect("a file");

    let token = crate::key_service::TestBox::new(&server.client.with_key("")).token;
    let cases: [&[&str]; 3] = [
        &["send", "film.mp4"],
        &["send", "fits", "film.mp4", "-t", "both"],
        &["box", "send", &token, "film.mp4"],
    ];
    for arguments in cases {
        let start = Instant::now();
        let ran =
            command(&server.client.base, dir.path(), arguments).output().expect("the program");
        let took = start.elapsed();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("film.mp4: ") && said.contains("3 MiB"), "{arguments:?}: {said}");
        assert!(ran.stdout.is_empty(), "{arguments:?}");
        // It takes less than a second alone (it was more than ten); this machine may be busy.
        assert!(took < Duration::from_secs(4), "{arguments:?}: {took:?}");
    }
    let ran =
        command(&server.client.base, dir.path(), &["send", "fits"]).output().expect("the program");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
