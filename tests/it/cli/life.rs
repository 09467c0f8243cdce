//! Starting and stopping.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::json;

use super::run;
use crate::{
    daemon::Daemon,
    http::{Client, secret_with},
    raw::{Raw, request},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("cli::life::signals_let_requests_finish", signals_let_requests_finish),
        trial("cli::life::idle_connections_do_not_delay_the_end", idle_connections_do_not_delay),
        trial("cli::life::a_second_daemon_ends_at_once", a_second_daemon_ends_at_once),
    ]
}

fn signals_let_requests_finish() {
    for signal in [Signal::TERM, Signal::INT] {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let data = dir.path().join("data");
        let (daemon, client) = Daemon::start_first(&data, &[]);
        let body = secret_with(json!({})).to_string();
        let length = format!("Content-Length: {}", body.len());
        let mut under_way = Raw::connect(&client);
        under_way.send(request(
            &client,
            "POST",
            "/api/secrets",
            &[&length, "Expect: 100-continue"],
        ));
        assert_eq!(under_way.answer().status, 100, "the request is in progress");
        under_way.send(&body[..body.len() / 2]);
        daemon.signal(signal);
        // New connections are refused soon; the loop ends then, and fails if they are never refused.
        let start = Instant::now();
        while Raw::try_connect(&client).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(5), "it still accepts connections");
        }
        under_way.send(&body[body.len() / 2..]);
        let answer = under_way.answer();
        assert_eq!(answer.status, 201);
        under_way.rest();
        let (status, rest) = daemon.wait();
        assert_eq!(status.code(), Some(0), "{rest}");
        let daemon = Daemon::start(&data, &[]);
        let client = Client::new(daemon.base.clone(), client.key);
        let id = answer.json()["data"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(client.view(&id).status, 200, "answered is durable");
    }
}

fn idle_connections_do_not_delay() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &[]);
    let mut silent = Raw::connect(&client);
    let mut idle = Raw::connect(&client);
    idle.send(request(&client, "GET", "/health", &[]));
    assert_eq!(idle.answer().status, 200);
    let start = Instant::now();
    let (status, _) = daemon.stop();
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    assert!(idle.rest().is_empty() && silent.rest().is_empty());
}

fn a_second_daemon_ends_at_once() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (_daemon, client) = Daemon::start_first(&data, &[]);
    let id = client.create(json!({}));
    let start = Instant::now();
    let second = run(&data, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(start.elapsed() < Duration::from_secs(1), "it took {:?}", start.elapsed());
    assert_eq!(second.status.code(), Some(75));
    assert!(second.stdout.is_empty());
    let err = String::from_utf8_lossy(&second.stderr);
    assert!(err.contains(&*data.to_string_lossy()) && err.contains("is using"), "{err}");
    // The first process is not affected.
    assert_eq!(client.view(&id).status, 200);
    let listed = run(&data, &["account", "list"]);
    assert!(listed.status.success());
}
