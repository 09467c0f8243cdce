//! Informational responses, as proxies send them: 100 with headers, 103, and others.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use libtest_mimic::Trial;

use super::{
    command,
    wire::{Fate, Wire},
};
use crate::{
    daemon::Daemon,
    tools::{CADDY, free_port, trial_with},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("command_line::informational_answers_are_read", informational_answers_are_read),
        trial("command_line::no_end_of_informational_answers", no_end_of_informational_answers),
        trial_with("command_line::files_go_through_caddy", &[CADDY], files_go_through_caddy),
    ]
}

/// The sent content; it is incompressible.
fn data() -> Vec<u8> {
    (0..700_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect()
}

fn run(base: &str, dir: &Path, arguments: &[&str]) -> Output {
    let mut command = command(base, dir, arguments);
    command.env_remove("XDG_DATA_HOME").stdin(Stdio::null()).output().expect("the program")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(base: &str, dir: &Path, arguments: &[&str]) -> String {
    let output = run(base, dir, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("a text").trim_end().to_owned()
}

/// A daemon, and the token of a box on it whose passphrase is in `phrase`; `large` is a file.
fn begin(dir: &Path) -> (Daemon, String) {
    let daemon = Daemon::start(&dir.join("data"), &["--create", "open"]);
    fs::write(dir.join("phrase"), "correct horse").expect("a file");
    fs::write(dir.join("large"), data()).expect("a file");
    fs::create_dir(dir.join("out")).expect("a directory");
    let make = ["box", "create", "--bits", "2048", "--passphrase-file", "phrase"];
    let link = done(&daemon.base, dir, &make);
    let token = link.rsplit('/').next().expect("a token").to_owned();
    (daemon, token)
}

/// Sends files to the box and as a secret through `base`, and reads them there; each must be there once.
fn there_and_back(base: &str, dir: &Path, token: &str, before: usize) {
    for flags in [&["large"][..], &["large", "--online"], &["-t", "text"]] {
        let sent = run(base, dir, &[&["box", "send", token], flags].concat());
        assert!(sent.status.success(), "{flags:?}: {}", said(&sent));
        assert!(!said(&sent).contains("next attempt"), "{flags:?}: {}", said(&sent));
    }
    let read = ["box", "read", token, "--passphrase-file", "phrase", "--json", "-o", "out"];
    assert_eq!(done(base, dir, &read).lines().count(), before + 3);
    assert!(fs::read(dir.join("out/large")).expect("a file") == data());
    fs::remove_dir_all(dir.join("out")).expect("a directory");
    fs::create_dir(dir.join("out")).expect("a directory");
    let link = done(base, dir, &["send", "large", "-t", "text"]);
    let link = link.replacen(link.split("/#").next().unwrap().rsplit_once('/').unwrap().0, base, 1);
    assert_eq!(done(base, dir, &["open", &link, "--yes", "-o", "out"]), "text");
    assert!(fs::read(dir.join("out/large")).expect("a file") == data());
    fs::remove_file(dir.join("out/large")).expect("a file");
}

fn informational_answers_are_read() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, token) = begin(dir.path());
    let announced = [
        "HTTP/1.1 100 Continue\r\nServer: Caddy\r\nAlt-Svc: h3=\":443\"\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nDate: Sun, 29 Nov 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Go on\nX: y\n\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n\
         HTTP/1.1 100 Continue\r\nVia: 1.1 x\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 x\r\nA: b\r\nC: d\r\n\r\n\
         HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 100 Continue\r\nA: b\r\n\r\n",
    ];
    for (round, heads) in announced.into_iter().enumerate() {
        // Requested or not: every response has them.
        let wire = Wire::to(&daemon.base, move |_| Fate::Announced(heads));
        there_and_back(&wire.base, dir.path(), &token, 3 * round);
    }
}

fn no_end_of_informational_answers() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, token) = begin(dir.path());
    let heads: &str = "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000).leak();
    let wire = Wire::to(&daemon.base, move |head| match head.starts_with("PUT") {
        true => Fate::Announced(heads),
        false => Fate::Passes,
    });
    let mut command = command(&wire.base, dir.path(), &["box", "send", &token, "large"]);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the program");
    // It would be retried; the first error is enough.
    let stderr = child.stderr.take().expect("a pipe");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let found =
        lines.find(|line| line.contains("next attempt") || line.contains("cannot be reached"));
    child.kill().expect("to end it");
    child.wait().expect("an end");
    assert!(found.expect("a message").contains("too many informational answers"));
}

struct Caddy(Child);

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn files_go_through_caddy() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, token) = begin(dir.path());
    // A port that was free may be taken by the time that caddy binds to it.
    let started = (0..3).find_map(|_| start_caddy(dir.path(), &daemon.base));
    let (_caddy, port) = started.expect("caddy runs");
    there_and_back(&format!("http://127.0.0.1:{port}"), dir.path(), &token, 0);
}

/// Caddy in front of `base`, and its port. `None` if it does not run; the reason is on standard error.
fn start_caddy(dir: &Path, base: &str) -> Option<(Caddy, u16)> {
    let port = free_port();
    let settings = format!(
        "{{\n admin off\n auto_https off\n}}\n\
         http://127.0.0.1:{port} {{\n reverse_proxy {}\n}}\n",
        base.trim_start_matches("http://")
    );
    fs::write(dir.join("Caddyfile"), settings).expect("a file");
    let mut caddy = Command::new("caddy");
    caddy
        .args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
        .current_dir(dir)
        .env("HOME", dir)
        .env("XDG_DATA_HOME", dir)
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut caddy = Caddy(caddy.spawn().expect("caddy"));
    let mut log = BufReader::new(caddy.0.stderr.take().expect("a pipe")).lines();
    let is_up = log.any(|line| {
        let line = line.expect("a text");
        eprintln!("{line}");
        line.contains("serving initial configuration")
    });
    std::thread::spawn(move || log.for_each(drop));
    is_up.then_some((caddy, port))
}
