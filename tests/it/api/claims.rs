//! Claim links: `POST /api/public/claims` gives one browser a private API key.

use std::thread;

use libtest_mimic::Trial;
use sealdrop::domain::claim::CLAIM_SECONDS;
use serde_json::json;

use super::public::anybody;
use crate::{
    http::{Answer, Client},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::claims::a_link_signs_in_once", a_link_signs_in_once),
        trial("api::claims::one_of_many_wins", one_of_many_wins),
        trial("api::claims::what_is_wrong_gives_no_key", what_is_wrong_gives_no_key),
    ]
}

fn redeem(client: &Client, token: &str) -> Answer {
    client.post("/api/public/claims", &json!({ "token": token }))
}

fn a_link_signs_in_once() {
    let server = TestServer::start();
    let client = anybody(&server);
    let token = server.claim();
    let answer = redeem(&client, token.expose_secret());
    assert_eq!(answer.status, 201, "{}", answer.text());
    let data = answer.json()["data"].clone();
    assert_eq!(data["account"], "tester");
    let key = data["private_key"].as_str().expect("a key").to_owned();
    let signed_in = client.with_key(key);
    assert_eq!(signed_in.get("/api/account").status, 200);
    // The account's own keys still work.
    assert_eq!(server.client.get("/api/account").status, 200);
    assert_eq!(redeem(&client, token.expose_secret()).status, 404);
}

fn one_of_many_wins() {
    let server = TestServer::start();
    let token = server.claim();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| redeem(&anybody(&server), token.expose_secret()).status))
            .collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 404].contains(status)), "{statuses:?}");
}

fn what_is_wrong_gives_no_key() {
    let server = TestServer::start();
    let client = anybody(&server);
    let keys =
        || sealdrop::domain::operator::list_keys(&server.app.store, None).expect("keys").len();
    let before = keys();
    let token = server.claim();
    let token = token.expose_secret();
    let other = format!("{}{}", &token[..63], if token.ends_with('0') { "1" } else { "0" });
    for wrong in [&*other, "x", &"0".repeat(64), &token.to_uppercase()] {
        // Only the last one can be equal, if it has digits only.
        if wrong != token {
            assert_eq!(redeem(&client, wrong).status, 404, "{wrong}");
        }
    }
    for (body, status) in [
        (json!({}), 422),
        (json!({ "token": "" }), 422),
        (json!({ "token": 1 }), 422),
        (json!({ "token": null }), 422),
    ] {
        let answer = client.post("/api/public/claims", &body);
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.json()["error"]["field"], "token", "{body}");
    }
    assert_eq!(client.get("/api/public/claims").status, 405);
    server.clock.advance(CLAIM_SECONDS);
    assert_eq!(redeem(&client, token).status, 404, "expired");
    // A new link replaces the previous one.
    let (old, new) = (server.claim(), server.claim());
    assert_eq!(redeem(&client, old.expose_secret()).status, 404);
    assert_eq!(keys(), before);
    assert_eq!(redeem(&client, new.expose_secret()).status, 201);
    assert_eq!(keys(), before + 1);
}
