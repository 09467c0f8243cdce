//! Attachments of secrets that are created through a secret request, or without an account.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{
    attachment_ends::{HOUR, assert_nothing_left},
    attachments::{Draft, fetch, sealed_file, view},
    secret_requests::{list, request, with_mail},
    sweep,
};
use crate::{
    http::{Answer, Client, secret_with},
    mail::waiting,
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("attachments::requests_are_answered_with_files", requests_with_files),
        trial("attachments::the_link_is_mailed_once_it_is_published", the_link_is_mailed),
        trial("attachments::without_an_account", without_an_account),
    ]
}

/// Answers a request with attachments.
fn hand_over(client: &Client, id: &str, attachments: Value) -> Answer {
    let body = secret_with(json!({"attachments": attachments}));
    client.with_key("").post(&format!("/api/public/secret_requests/{id}/secrets"), &body)
}

fn requests_with_files() {
    let server = TestServer::start();
    let client = &server.client;
    let stranger = client.with_key("");
    let id = request(client, json!({"secret_password": "p", "secret_expiration": 5}));
    let path = format!("/api/public/secret_requests/{id}");
    let file = sealed_file(100_000);
    for how in ["dropped", "expired"] {
        let draft = Draft::of(&hand_over(client, &id, json!(1)));
        assert_eq!(stranger.get(&path).status, 404, "the one use is taken");
        assert_eq!(hand_over(client, &id, json!(1)).status, 404);
        assert_eq!(draft.put_part(&stranger, 1, &file, 0..70_000).status, 200);
        match how {
            "dropped" => assert_eq!(draft.drop_it(&stranger).status, 200),
            _ => {
                server.clock.advance(HOUR);
                sweep(&server);
            }
        }
        assert_eq!(stranger.get(&path).json()["data"]["uses_left"], 1, "{how}");
        let listed = list(client)["data"][0].clone();
        assert_eq!((&listed["used"], &listed["secrets"]), (&json!(0), &json!([])));
        assert_nothing_left(&server);
    }
    let draft = Draft::of(&hand_over(client, &id, json!(1)));
    server.clock.advance(600);
    let done = draft.put(&stranger, 1, &file);
    assert_eq!(done.json()["data"]["expires_at"], "2026-11-22T18:10:00Z");
    assert_eq!(stranger.get(&path).status, 404);
    let listed = list(client)["data"][0].clone();
    assert_eq!((&listed["used"], &listed["secrets"]), (&json!(1), &json!([draft.id])));
    // The password that the request has set is still there, although drafts have ended.
    assert_eq!(client.view(&draft.id).status, 403);
    let public = format!("/api/public/secrets/{}/view", draft.id);
    let viewed = stranger.post(&public, &json!({"password": "p"})).json()["data"].clone();
    let lease = viewed["lease"]["token"].as_str().expect("a lease");
    assert!(fetch(&stranger, &draft.id, 1, lease, None).body == file);
}

fn the_link_is_mailed() {
    let server = with_mail();
    let client = server.client.with_key("");
    let id = request(&server.client, json!({"send_to_email": "alice@example.com", "limit": 2}));
    let path = format!("/api/public/secret_requests/{id}/secrets");
    let part = json!({"attachments": 1, "password_part_public": "cGxhbnRlZA=="});
    let [dropped, kept] =
        [(); 2].map(|()| Draft::of(&client.post(&path, &secret_with(part.clone()))));
    assert!(waiting(&server).is_empty(), "no mail about a draft");
    assert_eq!(dropped.drop_it(&client).status, 200);
    assert_eq!(kept.put(&client, 1, &sealed_file(10)).status, 200);
    assert_eq!(kept.publish(&client).status, 200);
    assert_eq!(waiting(&server).len(), 1);
}

fn without_an_account() {
    let mut options = Options::default();
    options.rules.create = sealdrop::config::SecretCreation::Open;
    let server = TestServer::with(options);
    let client = server.client.with_key("");
    let body = secret_with(json!({"attachments": 1}));
    let created = client.post("/api/public/secrets", &body);
    let draft = Draft::of(&created);
    let manage = created.json()["data"]["manage_token"].as_str().expect("a token").to_owned();
    let status = |method: &str, more: &str| {
        let path = format!("/api/public/secrets/{}{more}", draft.id);
        client.send(method, &path, &[("manage-token", &manage)], b"")
    };
    assert_eq!(status("GET", "/status").json()["data"]["draft"], true);
    let file = sealed_file(10);
    assert_eq!(draft.put(&client, 1, &file).status, 200);
    let shown = status("GET", "/status").json()["data"].clone();
    assert_eq!(
        (&shown["draft"], &shown["attachments"]),
        (&json!(false), &json!([{"n": 1, "size": 33}]))
    );
    let (lease, _) = view(&client, &draft.id);
    assert!(fetch(&client, &draft.id, 1, &lease, None).body == file);
    assert_eq!(status("DELETE", "").status, 200);
    assert_eq!(fetch(&client, &draft.id, 1, &lease, None).status, 404);
    assert_nothing_left(&server);
}
