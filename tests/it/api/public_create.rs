//! Creating without an account, if the operator allows it.

use super::{
    figures,
    public::{anybody, look, settle, token, view},
    seen,
};
use crate::{
    http::{Answer, Client, secret_with},
    server::{Options, TestServer},
    trial,
};
use libtest_mimic::Trial;
use sealdrop::{config::SecretCreation, domain::operator};
use serde_json::{Value, json};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::public::only_an_open_server_creates", only_an_open_server_creates),
        trial("api::public::thirty_creations_an_hour", thirty_creations_an_hour),
        trial("api::public::the_manage_token_sees_and_burns", the_manage_token_sees_and_burns),
    ]
}

fn open() -> TestServer {
    let mut options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
    options.rules.create = SecretCreation::Open;
    TestServer::with(options)
}

fn create(client: &Client, address: &str, more: Value) -> Answer {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    let body = secret_with(more).to_string();
    client.send("POST", "/api/public/secrets", &headers, body.as_bytes())
}

fn only_an_open_server_creates() {
    let server = TestServer::start();
    for client in [&anybody(&server), &server.client] {
        let answer = client.post("/api/public/secrets", &secret_with(json!({})));
        assert_eq!(answer.error(), (403, json!(null)));
        assert!(answer.text().contains("account"), "{}", answer.text());
    }
    let server = open();
    let client = anybody(&server);
    let answer = create(&client, "198.51.100.1", json!({"max_views": 2, "message": "m"}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let answer = answer.json();
    let created = answer["data"].as_object().expect("a secret");
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(1), "no account, no usage");
    let of_account = server.client.post("/api/secrets", &secret_with(json!({}))).json();
    for field in of_account["data"].as_object().expect("a secret").keys() {
        assert!(created.contains_key(field), "{field}");
    }
    let id = created["id"].as_str().expect("an id");
    assert_eq!(view(&client, id, json!({})).json()["data"]["message"], json!("m"));
    // It belongs to no account: no key can view, list or count it.
    assert_eq!(server.client.view(id).status, 404);
    assert_eq!(server.client.delete(&format!("/api/secrets/{id}")).status, 404);
    assert_eq!(figures(&seen(&server.client)), (1, 1, 1_000_000));
    let accounts = operator::accounts(&server.app.store).expect("accounts");
    assert_eq!(accounts.len(), 1);
}

fn thirty_creations_an_hour() {
    let server = open();
    let client = anybody(&server);
    let (address, neighbour) = ("2001:db8::1", "2001:db8::2:3:4:5");
    for _ in 0..30 {
        // A failed request creates nothing.
        assert_eq!(create(&client, neighbour, json!({"max_views": 0})).status, 422);
        assert_eq!(create(&client, neighbour, json!({"ciphertext": ""})).status, 422);
        assert_eq!(create(&client, address, json!({})).status, 201);
    }
    server.clock.advance(600);
    for more in [json!({}), json!({"max_views": 0})] {
        let refused = create(&client, neighbour, more);
        assert_eq!(refused.error(), (429, json!(null)));
        assert_eq!(refused.header("retry-after"), Some("3000"));
        assert!(refused.text().contains("Too many secrets"), "{}", refused.text());
    }
    assert_eq!(create(&client, "2001:db8:0:1::1", json!({})).status, 201);
    server.clock.advance(3000);
    assert_eq!(create(&client, address, json!({})).status, 201);
}

fn the_manage_token_sees_and_burns() {
    let server = open();
    let client = anybody(&server);
    let [first, second] = [(); 2].map(|()| {
        let created = create(&client, "198.51.100.1", json!({"description": "d"})).json();
        let text = |field: &str| created["data"][field].as_str().expect("a text").to_owned();
        (text("id"), text("manage_token"))
    });
    let (id, manage) = &first;
    assert_eq!(look(&client, id).status, 200);
    let lease = token(&view(&client, id, json!({})));
    assert_eq!(view(&client, id, json!({})).status, 404);
    settle(&server);
    let status = |id: &str, manage: &str| {
        client.send(
            "GET",
            &format!("/api/public/secrets/{id}/status"),
            &[("manage-token", manage)],
            b"",
        )
    };
    let found = status(id, manage);
    assert_eq!(found.status, 200, "{}", found.text());
    let found = found.json();
    assert_eq!(found["data"]["description"], json!("d"));
    assert_eq!(found["data"]["views"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["data"]["events"][0]["event"], json!("opened"));
    assert_eq!(found["data"]["events"][1]["event"], json!("tried_after"));
    assert_eq!(found["data"]["manage_token"], json!(null), "never again");
    assert!(!found.to_string().contains(manage.as_str()));

    let burn = |id: &str, manage: &str| {
        client.send(
            "DELETE",
            &format!("/api/public/secrets/{id}"),
            &[("manage-token", manage)],
            b"",
        )
    };
    let owned = server.client.create(json!({}));
    for (id, manage) in [(id, &second.1), (id, &"0".repeat(64)), (&owned, manage)] {
        assert_eq!(status(id, manage).error(), (404, json!(null)));
        assert_eq!(burn(id, manage).error(), (404, json!(null)));
    }
    for (method, call) in [("GET", "/status"), ("DELETE", "")] {
        let answer = client.send(method, &format!("/api/public/secrets/{id}{call}"), &[], b"");
        assert_eq!(answer.error(), (403, json!(null)));
        assert!(answer.text().contains("Manage-Token"), "{}", answer.text());
    }
    // Burned, with its leases and its log.
    assert_eq!(view(&client, id, json!({"lease": lease})).status, 200);
    let burned = burn(id, manage);
    assert_eq!((burned.status, burned.json()), (200, json!({"data": null})));
    assert_eq!(view(&client, id, json!({"lease": lease})).status, 404);
    for again in [status(id, manage), burn(id, manage)] {
        assert_eq!(again.error(), (404, json!(null)));
    }
    assert_eq!(status(&second.0, &second.1).status, 200);
    assert_eq!(server.client.view(&owned).status, 200);
}
