//! `kill -9` while secrets are created through a request: answered secrets are there, none is created twice
//! or partly, and the limit holds.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{below, rounds};
use crate::{
    daemon::Daemon,
    http::{Client, secret_with},
};

const CLIENTS: u64 = 8;
/// Usually more than a round has time for.
const LIMIT: u64 = 1000;

pub(super) fn kill_while_answering() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    // So that each client has an address of its own, and so its own count of answers.
    let flags = ["--trusted-proxy", "127.0.0.1"];
    let (mut daemon, Client { key, .. }) = Daemon::start_first(&data, &flags);
    let mut client = Client::new(daemon.base.clone(), key.clone());
    let body = secret_with(json!({})).to_string();

    let (mut known, mut all_used, mut cut) = (BTreeSet::new(), 0, 0);
    for _ in 0..rounds("SEALDROP_FAULT_ROUNDS", 8) {
        let created = client.post("/api/secret_requests", &json!({"limit": LIMIT})).json();
        let id = created["data"]["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/public/secret_requests/{id}/secrets");
        let sent = AtomicU64::new(0);
        let made: Vec<String> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    let client = Client::new(daemon.base.clone(), "");
                    scope.spawn(|| answer_until_it_dies(client, &path, &body, &sent))
                })
                .collect();
            thread::sleep(Duration::from_millis(10 + below(100)));
            daemon.kill();
            clients.into_iter().flat_map(|made| made.join().expect("its ids")).collect()
        });
        daemon = Daemon::start(&data, &flags);
        client = Client::new(daemon.base.clone(), key.clone());
        let listed = client.get("/api/secret_requests").json();
        let item = &listed["data"][0];
        assert_eq!(item["id"], json!(id));
        let used = item["used"].as_u64().expect("a number");
        let secrets = item["secrets"].as_array().expect("a list");
        assert_eq!(secrets.len() as u64, used, "each use has its secret");
        all_used += used;
        cut += u64::from(used < LIMIT);
        for figure in ["secrets_total", "secrets_usage"] {
            assert_eq!(listed["metadata"][figure], json!(all_used), "each secret is counted");
        }
        assert!(used <= sent.load(Ordering::Relaxed).min(LIMIT), "more than were sent: {used}");
        let there: BTreeSet<String> =
            secrets.iter().map(|id| id.as_str().expect("an id").to_owned()).collect();
        for secret in made {
            assert!(there.contains(&secret), "an answered secret is lost");
            assert!(known.insert(secret), "an id was given out twice");
        }
    }
    assert!(!known.is_empty() && cut > 0, "it was never killed in the middle");
    for secret in &known {
        assert_eq!(client.view(secret).status, 200, "{secret}");
    }
    println!("{} answered, {all_used} made, {cut} rounds cut short", known.len());
}

/// Returns the ids of the created secrets.
fn answer_until_it_dies(client: Client, path: &str, body: &str, sent: &AtomicU64) -> Vec<String> {
    let mut made = Vec::new();
    loop {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let address = format!("198.51.{}.{}", number / 250 % 250, number % 250);
        let headers = [("content-type", "application/json"), ("x-forwarded-for", &address)];
        match client.try_send("POST", path, &headers, body.as_bytes()) {
            Ok(answer) if answer.status == 201 => {
                made.push(answer.json()["data"]["id"].as_str().expect("an id").to_owned());
            }
            // Used up, or about to end.
            Ok(answer) if answer.status == 404 => return made,
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => return made,
        }
    }
}
