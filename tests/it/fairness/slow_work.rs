//! Floods of slow work.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::scope,
    time::Duration,
};

use libtest_mimic::Trial;
use serde_json::json;

use super::{ATTACKER, by_another};
use crate::{
    http::{Client, secret_with},
    raw::{Raw, request},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("fairness::slow_work::challenges", challenges_keep_nobody_waiting),
        trial("fairness::slow_work::passwords_of_one_client", passwords_of_one_client),
        trial("fairness::slow_work::key_pairs_delay_no_passwords", key_pairs_delay_no_passwords),
    ]
}

/// More than the number of waiters in a single queue, for each core of most machines.
const FLOOD: usize = 64;
const VIEWS: usize = 5;

/// Secrets that another client opens with their password, all of them, during the attack.
fn views_with_a_password(client: &Client, ids: &[String]) {
    for id in ids {
        let path = format!("/api/public/secrets/{id}/view");
        let answer = by_another(client, "POST", &path, &json!({"password": "p"}).to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

fn with_passwords(server: &TestServer) -> Vec<String> {
    (0..VIEWS).map(|_| server.client.create(json!({"password": "p"}))).collect()
}

/// Sends the same request repeatedly from one address, on many connections, while `others` runs.
/// Returns the received statuses.
fn flood(client: &Client, bytes: &str, others: impl FnOnce()) -> Vec<u16> {
    let is_over = AtomicBool::new(false);
    scope(|scope| {
        let attack = || {
            let mut statuses = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let mut raw = Raw::connect_from(client, ATTACKER);
                raw.send(bytes);
                // Its own queue may take longer than the test.
                while !is_over.load(Ordering::Relaxed) {
                    if raw.answers_within(Duration::from_millis(100)) {
                        statuses.push(raw.answer().status);
                        break;
                    }
                }
            }
            statuses
        };
        let attackers: Vec<_> = (0..FLOOD).map(|_| scope.spawn(attack)).collect();
        others();
        is_over.store(true, Ordering::Relaxed);
        attackers.into_iter().flat_map(|attacker| attacker.join().expect("statuses")).collect()
    })
}

fn challenges_keep_nobody_waiting() {
    let server = TestServer::start();
    let ids = with_passwords(&server);
    let ask = request(&server.client, "GET", "/api/public/captcha", &["Connection: close"]);
    let statuses = flood(&server.client, &ask, || views_with_a_password(&server.client, &ids));
    assert!(
        statuses.len() >= FLOOD && statuses.iter().all(|status| *status == 200),
        "{statuses:?}"
    );
}

fn passwords_of_one_client() {
    let server = TestServer::start();
    let ids = with_passwords(&server);
    let secret = secret_with(json!({"password": "q"})).to_string();
    let length = format!("Content-Length: {}", secret.len());
    let headers = ["Content-Type: application/json", &length, "Connection: close"];
    let create = request(&server.client, "POST", "/api/secrets", &headers) + &secret;
    let statuses = flood(&server.client, &create, || views_with_a_password(&server.client, &ids));
    assert!(statuses.iter().all(|status| [201, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&201), "the attacker has a share, too");
}

fn key_pairs_delay_no_passwords() {
    let server = TestServer::start();
    let ids = with_passwords(&server);
    let form = "passphrase=p";
    let length = format!("Content-Length: {}", form.len());
    let headers = ["Content-Type: application/x-www-form-urlencoded", &length, "Connection: close"];
    let create = request(&server.client, "POST", "/Service", &headers) + form;
    let statuses = flood(&server.client, &create, || views_with_a_password(&server.client, &ids));
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
}
