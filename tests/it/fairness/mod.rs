//! One client must not block others: each attack comes from one address, and a client at another address
//! works as if there were none. The bench measures its response times (`fair …`).

mod bodies;
mod connections;
mod slow_work;
mod uploads;

use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    http::{Client, secret_with},
    raw::{Raw, RawAnswer, request},
};

pub(crate) fn trials() -> Vec<Trial> {
    [bodies::trials(), connections::trials(), slow_work::trials(), uploads::trials()]
        .into_iter()
        .flatten()
        .collect()
}

const ATTACKER: [u8; 4] = [127, 0, 0, 2];
const BYSTANDER: [u8; 4] = [127, 0, 0, 3];

/// A request by a client that is not the attacker.
fn by_another(client: &Client, method: &str, path: &str, body: &str) -> RawAnswer {
    let length = format!("Content-Length: {}", body.len());
    let headers = [length.as_str(), "Content-Type: application/json"];
    let headers = if body.is_empty() { &headers[..0] } else { &headers[..] };
    let mut raw = Raw::connect_from(client, BYSTANDER);
    raw.send(request(client, method, path, headers)).send(body);
    raw.answer()
}

/// Another client creates a secret, views it, and requests the health.
fn others_are_served(client: &Client) {
    assert_eq!(by_another(client, "GET", "/health", "").status, 200);
    let secret = secret_with(json!({})).to_string();
    let created = by_another(client, "POST", "/api/secrets", &secret);
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.json()["data"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(by_another(client, "GET", &format!("/api/secrets/{id}"), "").status, 200);
}

/// A request from `source` whose body never arrives, once the server waits for it.
fn waiting_for_a_body(client: &Client, source: [u8; 4], headers: &[&str]) -> Result<Raw, u16> {
    let mut raw = Raw::connect_from(client, source);
    let always = ["Content-Type: application/json", "Content-Length: 1000", "Expect: 100-continue"];
    raw.send(request(client, "POST", "/api/secrets", &[&always, headers].concat()));
    match raw.head().status {
        100 => Ok(raw),
        status => Err(status),
    }
}
