//! `POST /api/public/secrets/<id>/reply`: a viewer answers a secret with a secret.

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::{
    config::SecretCreation,
    crypto::{AnswerKey, AnswerPrivateKey, SecretText, SystemRandom, halves},
};
use serde_json::{Value, json};

use super::{
    not_found::whole,
    public::{anybody, token, view},
    races::{at_once, count},
    seen, sweep,
};
use crate::{
    http::{Answer, Client, secret_with},
    server::{Options, TestServer},
    trial,
};

const DAY: u64 = 24 * 3600;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::replies::a_reply_comes_back_sealed", a_reply_comes_back_sealed),
        trial("api::replies::only_a_viewer_replies", only_a_viewer_replies),
        trial("api::replies::bad_values_name_their_field", bad_values_name_their_field),
        trial("api::replies::there_is_one_reply", there_is_one_reply),
        trial("api::replies::a_reply_goes_with_its_secret", a_reply_goes_with_its_secret),
        trial("api::replies::a_reply_outlives_the_log", a_reply_outlives_the_log),
        trial("api::replies::accounts_and_their_allowance", accounts_and_their_allowance),
    ]
}

fn open() -> TestServer {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    options.rules.keep_log_seconds = DAY;
    TestServer::with(options)
}

/// A secret without an account that allows a reply.
struct Sent {
    id: String,
    manage: String,
    key: AnswerPrivateKey,
}

impl Sent {
    fn new(client: &Client, more: &Value) -> Self {
        let key = AnswerPrivateKey::generate(&SystemRandom);
        let mut body = secret_with(more.clone());
        body["reply_key"] = json!(key.public().to_text());
        let answer = client.post("/api/public/secrets", &body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let data = answer.json()["data"].clone();
        assert_eq!(data["reply_key"], body["reply_key"]);
        assert_eq!(data["reply"], json!(null));
        let text = |field: &str| data[field].as_str().expect("a text").to_owned();
        Self { id: text("id"), manage: text("manage_token"), key }
    }

    fn status(&self, client: &Client) -> Answer {
        let path = format!("/api/public/secrets/{}/status", self.id);
        client.send("GET", &path, &[("manage-token", self.manage.as_str())], b"")
    }
}

fn reply(client: &Client, id: &str, body: &Value) -> Answer {
    client.post(&format!("/api/public/secrets/{id}/reply"), body)
}

/// The body of a reply as a page makes it.
fn sealed(id: &str, key: &str, lease: &str, text: &str) -> Value {
    let key = AnswerKey::parse(key).expect("a key");
    let sealed = halves::seal(text.as_bytes(), &SystemRandom);
    let half = STANDARD.decode(sealed.public.expose_secret()).expect("base64");
    let half = SecretText::new(String::from_utf8(half).expect("a text"));
    json!({
        "lease": lease, "ciphertext": sealed.ciphertext,
        "sealed_part": key.seal(id, &half, &SystemRandom).expect("a sealed part"),
        "password_part_private": sealed.private.expose_secret(),
    })
}

fn a_reply_comes_back_sealed() {
    let server = open();
    let client = anybody(&server);
    let sent = Sent::new(&client, &json!({"max_views": 2}));
    let viewed = view(&client, &sent.id, json!({}));
    let key = viewed.json()["data"]["reply_key"].as_str().expect("a key").to_owned();
    // Long after the lease has ended.
    server.clock.advance(3600);
    let made = reply(&client, &sent.id, &sealed(&sent.id, &key, &token(&viewed), "to you, too"));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json(), json!({"data": {"expires_at": "2026-11-29T13:00:00Z"}}));
    let found = sent.status(&client).json();
    let answer = &found["data"]["reply"];
    assert_eq!((&answer["view_times"], &answer["max_views"]), (&json!(0), &json!(1)));
    let part = answer["sealed_part"].as_str().expect("a part");
    let half = sent.key.open(&sent.id, part).expect("the half");
    let id = answer["id"].as_str().expect("an id");
    let seen = view(&client, id, json!({})).json()["data"].clone();
    let text = |field: &str| seen[field].as_str().expect("a text").to_owned();
    let opened = halves::open(&text("ciphertext"), &text("password_part_private"), &half);
    assert_eq!(opened.expect("the text").expose_secret(), b"to you, too");
    assert_eq!(seen["reply_key"], json!(null), "a reply has no reply");
    assert_eq!(view(&client, id, json!({})).status, 404);
    let found = sent.status(&client).json();
    assert_eq!(found["data"]["reply"]["viewed_at"], json!("2026-11-22T13:00:00Z"));
    // The next viewer cannot reply.
    let next = view(&client, &sent.id, json!({}));
    assert_eq!(next.json()["data"]["reply_key"], json!(null));
    let late = reply(&client, &sent.id, &sealed(&sent.id, &key, &token(&next), "late"));
    assert_eq!(late.error(), (409, json!(null)));
}

fn only_a_viewer_replies() {
    let server = open();
    let client = anybody(&server);
    let sent = Sent::new(&client, &json!({}));
    let plain = client.post("/api/public/secrets", &secret_with(json!({}))).json();
    let plain = plain["data"]["id"].as_str().expect("an id").to_owned();
    let lease = token(&view(&client, &plain, json!({})));
    let key = sent.key.public().to_text();
    let never = "0".repeat(31);
    let unknown = whole(&client.get(&format!("/api/public/secrets/{never}")));
    for (id, lease) in [
        (&never, &lease),
        // Nobody has viewed it; a lease of another secret; a secret that allows no reply.
        (&sent.id, &"x".repeat(22)),
        (&sent.id, &lease),
        (&plain, &lease),
    ] {
        let refused = reply(&client, id, &sealed(id, &key, lease, "no"));
        assert_eq!(whole(&refused), unknown, "{id}");
    }
    assert_eq!(sent.status(&client).json()["data"]["reply"], json!(null));
}

fn bad_values_name_their_field() {
    let server = open();
    let client = anybody(&server);
    let bad = client.post("/api/public/secrets", &secret_with(json!({"reply_key": "x"})));
    assert_eq!(bad.error(), (422, json!("reply_key")));
    let sent = Sent::new(&client, &json!({}));
    let lease = token(&view(&client, &sent.id, json!({})));
    let good = sealed(&sent.id, &sent.key.public().to_text(), &lease, "text");
    for (field, value) in [
        ("lease", json!("short")),
        ("lease", json!(null)),
        ("ciphertext", json!("")),
        ("password_part_private", json!("*")),
        ("sealed_part", json!("x")),
        ("sealed_part", json!(null)),
    ] {
        let mut body = good.clone();
        body[field] = value;
        assert_eq!(reply(&client, &sent.id, &body).error(), (422, json!(field)), "{body}");
    }
    assert_eq!(reply(&client, &sent.id, &good).status, 201);
}

fn there_is_one_reply() {
    let server = open();
    let client = anybody(&server);
    let sent = Sent::new(&client, &json!({}));
    let lease = token(&view(&client, &sent.id, json!({})));
    let key = sent.key.public().to_text();
    let statuses = at_once(20, |number| {
        let client = Client::new(server.client.base.clone(), "");
        let body = sealed(&sent.id, &key, &lease, &number.to_string());
        reply(&client, &sent.id, &body).status
    });
    assert_eq!((count(&statuses, 201), count(&statuses, 409)), (1, 19), "{statuses:?}");
}

fn a_reply_goes_with_its_secret() {
    let server = open();
    let client = anybody(&server);
    let sent = Sent::new(&client, &json!({}));
    let lease = token(&view(&client, &sent.id, json!({})));
    let body = sealed(&sent.id, &sent.key.public().to_text(), &lease, "text");
    assert_eq!(reply(&client, &sent.id, &body).status, 201);
    let found = sent.status(&client).json();
    let id = found["data"]["reply"]["id"].as_str().expect("an id").to_owned();
    let headers = [("manage-token", sent.manage.as_str())];
    let path = format!("/api/public/secrets/{}", sent.id);
    assert_eq!(client.send("DELETE", &path, &headers, b"").status, 200);
    assert_eq!(view(&client, &id, json!({})).status, 404);
    assert_eq!(reply(&client, &sent.id, &body).status, 404);
}

fn a_reply_outlives_the_log() {
    let server = open();
    let client = anybody(&server);
    let sent = Sent::new(&client, &json!({"expiration": 48}));
    let lease = token(&view(&client, &sent.id, json!({})));
    server.clock.advance(DAY);
    let body = sealed(&sent.id, &sent.key.public().to_text(), &lease, "text");
    assert_eq!(reply(&client, &sent.id, &body).status, 201);
    // The secret has ended, and so has the time of its log; the reply lives for 48 hours of its own.
    server.clock.advance(DAY + 3600);
    sweep(&server);
    let found = sent.status(&client).json();
    assert!(found["data"]["reply"]["sealed_part"].is_string(), "{found}");
    server.clock.advance(2 * DAY);
    sweep(&server);
    sweep(&server);
    assert_eq!(sent.status(&client).status, 404);
}

fn accounts_and_their_allowance() {
    let server = open();
    // Its allowance is 10 secrets.
    let other = server.other_account();
    let client = anybody(&server);
    let key = AnswerPrivateKey::generate(&SystemRandom);
    let made = |more: Value| {
        let made = other.post("/api/secrets", &secret_with(more));
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["data"]["id"].as_str().expect("an id").to_owned()
    };
    let public = key.public().to_text();
    let replied = |id: &str| {
        let lease = token(&view(&client, id, json!({})));
        reply(&client, id, &sealed(id, &public, &lease, "text"))
    };
    let id = made(json!({"reply_key": public}));
    assert_eq!(replied(&id).status, 201);
    let listed = seen(&other);
    let items = listed["data"].as_array().expect("a list");
    let item = items.iter().find(|item| item["id"] == id.as_str()).expect("the secret");
    let part = item["reply"]["sealed_part"].as_str().expect("a part");
    assert!(key.open(&id, part).is_ok());
    for _ in 0..7 {
        made(json!({}));
    }
    let refused = replied(&made(json!({"reply_key": public})));
    assert_eq!(refused.error(), (403, json!(null)));
    let text = refused.text();
    assert!(!text.contains(|c: char| c.is_ascii_digit()), "tells a number: {text}");
}
