//! Bodies that are announced and do not arrive, or arrive and use the memory.

use libtest_mimic::Trial;
use sealdrop::config::{Boxes, SecretCreation};
use serde_json::json;

use super::{ATTACKER, by_another, others_are_served};
use crate::{
    api::create::ciphertext_of,
    http::{Client, secret_with},
    raw::{Raw, request},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("fairness::bodies::rights_come_before_the_body", rights_come_before_the_body),
        trial("fairness::bodies::announced_ones_take_nothing", announced_ones_take_nothing),
        trial("fairness::bodies::one_client_has_a_share", one_client_has_a_share),
    ]
}

const LONG: usize = 1_000_000;

/// A creation of a secret of 100 KiB.
fn creates_100_kib(client: &Client, path: &str) {
    let secret = secret_with(json!({"ciphertext": ciphertext_of(100 << 10)}));
    let created = by_another(client, "POST", path, &secret.to_string());
    assert_eq!(created.status, 201, "{created:?}");
}

/// The head of a request with a long body.
fn head(client: &Client, method: &str, path: &str, content_type: &str, more: &[&str]) -> String {
    let length = format!("Content-Length: {LONG}");
    let content_type = format!("Content-Type: {content_type}");
    request(client, method, path, &[&[&*length, &*content_type], more].concat())
}

fn rights_come_before_the_body() {
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";
    let mut options = Options::default();
    options.rules.create = SecretCreation::Account;
    options.service_rules.creation = Boxes::Off;
    let server = TestServer::with(options);
    let unknown = server.client.with_key("private_key_unknown");
    let public = &server.public;
    // The keys are unknown, have too few rights or are not required; none of these clients may make its call.
    let cases = [
        (public, "POST", "/api/public/secrets", JSON, 403),
        (public, "POST", "/api/public/secret_requests/unknown/secrets", JSON, 404),
        (public, "POST", "/api/public/secrets/unknown/view", JSON, 404),
        (&unknown, "POST", "/api/secrets", JSON, 403),
        (public, "POST", "/api/secrets", JSON, 403),
        (public, "POST", "/api/secret_requests", JSON, 403),
        (&unknown, "PUT", "/api/account", JSON, 403),
        (public, "POST", "/api/account/webhooks", JSON, 403),
        (public, "PUT", "/api/secrets/unknown/attachments/1", JSON, 403),
        (&server.client, "POST", "/Service", FORM, 400),
        (&server.client, "POST", "/Service", "multipart/form-data; boundary=x", 400),
        (&server.client, "POST", "/Service/SelfDestruct", JSON, 400),
        (&server.client, "PUT", "/Service?token=unknown", "multipart/form-data; boundary=x", 400),
        (&server.client, "DELETE", "/Service?token=unknown", FORM, 400),
        (&server.client, "GET", "/Service?token=unknown", FORM, 400),
    ];
    for (client, method, path, content_type, status) in cases {
        let mut raw = Raw::connect_from(client, ATTACKER);
        raw.send(head(client, method, path, content_type, &["Expect: 100-continue"]));
        assert_eq!(raw.head().status, status, "{method} {path} {content_type}");
    }
}

fn announced_ones_take_nothing() {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    let server = TestServer::with(options);
    let client = &server.client;
    let held: Vec<Raw> = (0..70)
        .map(|number| {
            // With a key, without one, and to the Key Service.
            let (path, content_type) = match number % 3 {
                0 => ("/api/secrets", "application/json"),
                1 if number < 30 => ("/api/public/secrets", "application/json"),
                _ => ("/Service", "application/x-www-form-urlencoded"),
            };
            let mut raw = Raw::connect_from(client, ATTACKER);
            raw.send(head(client, "POST", path, content_type, &[])).send([b'x'; 7000]);
            raw
        })
        .collect();
    creates_100_kib(client, "/api/secrets");
    creates_100_kib(client, "/api/public/secrets");
    others_are_served(client);
    drop(held);
}

fn one_client_has_a_share() {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    let server = TestServer::with(options);
    let client = &server.client;
    // All but the last byte has arrived, so each holds a MiB: the whole share of the attacker.
    let mut held: Vec<Raw> = (0..24)
        .map(|_| {
            let mut raw = Raw::connect_from(client, ATTACKER);
            raw.send(head(client, "POST", "/api/secrets", "application/json", &[]));
            raw.send(vec![b'x'; LONG - 1]);
            raw
        })
        .collect();
    for path in ["/api/secrets", "/api/public/secrets"] {
        creates_100_kib(client, path);
    }
    others_are_served(client);
    // Small bodies need no share.
    let secret = secret_with(json!({})).to_string();
    let length = format!("Content-Length: {}", secret.len());
    let mut small = Raw::connect_from(client, ATTACKER);
    let headers = ["Content-Type: application/json", &length];
    small.send(request(client, "POST", "/api/secrets", &headers)).send(secret);
    assert_eq!(small.answer().status, 201);
    // A complete body is read. Which of them have the share is up to the server's scheduler; one that waits for
    // it too long is 503.
    let read = held.iter_mut().any(|raw| raw.try_send(b"x") && raw.answer().status == 400);
    assert!(read, "no complete body was read");
}
