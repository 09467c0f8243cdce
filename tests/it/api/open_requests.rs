//! Requests without an account, and answers that are sealed for the requester.

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::{
    config::SecretCreation,
    crypto::{AnswerKey, AnswerPrivateKey, SecretText, SystemRandom, halves},
};
use serde_json::{Value, json};

use super::{
    create::ciphertext_of,
    not_found::whole,
    public::{anybody, token, view},
    races::{at_once, count},
    secret_requests::request,
    sweep,
};
use crate::{
    http::{Answer, Client, secret_with},
    mail::until,
    server::{Options, TestServer},
    trial,
};

const PATH: &str = "/api/public/secret_requests";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::open_requests::only_an_open_server_creates", only_an_open_server_creates),
        trial("api::open_requests::an_answer_comes_back_sealed", an_answer_comes_back_sealed),
        trial("api::open_requests::bad_values_name_their_field", bad_values_name_their_field),
        trial("api::open_requests::they_share_the_limit_of_secrets", they_share_the_limit),
        trial("api::open_requests::the_token_deletes_the_answers", the_token_deletes_the_answers),
        trial("api::open_requests::answers_outlive_the_request", answers_outlive_the_request),
        trial("api::open_requests::the_limit_is_exact", the_limit_is_exact),
        trial("api::open_requests::pages_of_fifty_answers", pages_of_fifty_answers),
        trial("api::open_requests::accounts_have_keys_as_well", accounts_have_keys_as_well),
    ]
}

fn open() -> TestServer {
    let mut options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
    options.rules.create = SecretCreation::Open;
    TestServer::with(options)
}

/// A request without an account: its id and its manage token.
struct Asked {
    id: String,
    token: String,
}

impl Asked {
    fn new(client: &Client, body: Value) -> Self {
        let answer = client.post(PATH, &body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let data = answer.json()["data"].clone();
        let text = |field: &str| data[field].as_str().expect("a text").to_owned();
        Self { id: text("id"), token: text("manage_token") }
    }

    fn status(&self, client: &Client) -> Answer {
        status(client, &self.id, &self.token)
    }

    fn delete(&self, client: &Client) -> Answer {
        let headers = [("manage-token", self.token.as_str())];
        client.send("DELETE", &format!("{PATH}/{}", self.id), &headers, b"")
    }
}

fn status(client: &Client, id: &str, token: &str) -> Answer {
    client.send("GET", &format!("{PATH}/{id}/status"), &[("manage-token", token)], b"")
}

fn hand(client: &Client, id: &str, more: Value) -> Answer {
    client.post(&format!("{PATH}/{id}/secrets"), &secret_with(more))
}

/// Answers as a page does: encrypts a text and seals the public half for the key of the request.
fn answer_sealed(client: &Client, id: &str, text: &str) -> Answer {
    let looked = client.get(&format!("{PATH}/{id}")).json();
    let key = looked["data"]["answer_key"].as_str().expect("a key").to_owned();
    let key = AnswerKey::parse(&key).expect("a key");
    let sealed = halves::seal(text.as_bytes(), &SystemRandom);
    let half = STANDARD.decode(sealed.public.expose_secret()).expect("base64");
    let half = SecretText::new(String::from_utf8(half).expect("a text"));
    let part = key.seal(id, &half, &SystemRandom).expect("a sealed part");
    let body = json!({
        "ciphertext": sealed.ciphertext, "sealed_part": part,
        "password_part_private": sealed.private.expose_secret(),
    });
    client.post(&format!("{PATH}/{id}/secrets"), &body)
}

fn only_an_open_server_creates() {
    let server = TestServer::start();
    for client in [&anybody(&server), &server.client] {
        let answer = client.post(PATH, &json!({}));
        assert_eq!(answer.error(), (403, json!(null)));
        assert!(answer.text().contains("account"), "{}", answer.text());
    }
    let server = open();
    let client = anybody(&server);
    let answer = client.post(PATH, &json!({"message": "m", "expiration": 2}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let data = answer.json()["data"].clone();
    assert_eq!(data["expires_at"], json!("2026-11-22T14:00:00Z"));
    assert_eq!(data.as_object().map(serde_json::Map::len), Some(3), "{data}");
    let id = data["id"].as_str().expect("an id");
    let looked = client.get(&format!("{PATH}/{id}")).json();
    assert_eq!(looked["data"]["message"], json!("m"));
    assert_eq!(looked["data"]["answer_key"], json!(null));
    // It belongs to no account.
    let own = format!("/api/secret_requests/{id}");
    assert_eq!(server.client.get(&own).status, 404);
    assert_eq!(server.client.delete(&own).status, 404);
    assert_eq!(server.client.get("/api/secret_requests").json()["data"], json!([]));
}

fn an_answer_comes_back_sealed() {
    let server = open();
    let client = anybody(&server);
    let key = AnswerPrivateKey::generate(&SystemRandom);
    let public = key.public().to_text();
    let asked = Asked::new(&client, json!({"message": "m", "answer_key": public, "limit": 2}));
    let before = asked.status(&client);
    assert_eq!(before.status, 200, "{}", before.text());
    assert_eq!(before.json()["data"]["answers"], json!([]));
    let made = answer_sealed(&client, &asked.id, "hush");
    assert_eq!(made.status, 201, "{}", made.text());
    let secret = made.json()["data"]["id"].as_str().expect("an id").to_owned();

    let found = asked.status(&client).json();
    let data = &found["data"];
    assert_eq!(data["answer_key"], json!(public));
    assert_eq!((&data["used"], &data["limit"]), (&json!(1), &json!(2)));
    assert_eq!(data["manage_token"], json!(null), "never again");
    assert!(!found.to_string().contains(&asked.token));
    let answer = &data["answers"][0];
    assert_eq!(answer["id"], json!(secret));
    assert_eq!((&answer["view_times"], &answer["viewed_at"]), (&json!(0), &json!(null)));
    let part = answer["sealed_part"].as_str().expect("a part");
    let half = key.open(&asked.id, part).expect("the half");

    // The half opens the secret, once, as any other.
    let seen = view(&client, &secret, json!({}));
    let lease = token(&seen);
    let seen = seen.json()["data"].clone();
    let text = |field: &str| seen[field].as_str().expect("a text").to_owned();
    let opened = halves::open(&text("ciphertext"), &text("password_part_private"), &half);
    assert_eq!(opened.expect("the text").expose_secret(), b"hush");
    assert_eq!(view(&client, &secret, json!({})).status, 404);
    assert_eq!(view(&client, &secret, json!({"lease": lease})).status, 200);
    let after = asked.status(&client).json();
    let answer = &after["data"]["answers"][0];
    assert_eq!(answer["view_times"], json!(1));
    assert_eq!(answer["viewed_at"], json!("2026-11-22T12:00:00Z"));
    // Without a sealed part, the sender has the link.
    assert_eq!(hand(&client, &asked.id, json!({})).status, 201);
    assert_eq!(asked.status(&client).json()["data"]["answers"][1]["sealed_part"], json!(null));
}

fn bad_values_name_their_field() {
    let server = open();
    let client = anybody(&server);
    let key = AnswerPrivateKey::generate(&SystemRandom).public().to_text();
    let refused = [
        ("answer_key", json!({"answer_key": "x"})),
        ("answer_key", json!({"answer_key": key[1..]})),
        ("answer_key", json!({"answer_key": 1})),
        ("limit", json!({"limit": 101})),
        ("limit", json!({"limit": 0})),
        ("expiration", json!({"expiration": 100_000})),
        ("send_to_email", json!({"send_to_email": "a@b.example"})),
        ("send_request_to_email", json!({"send_request_to_email": "a@b.example"})),
    ];
    for (field, body) in refused {
        let answer = client.post(PATH, &body);
        assert_eq!(answer.error(), (422, json!(field)), "{body}: {}", answer.text());
    }
    let asked = Asked::new(&client, json!({"answer_key": key, "send_to_email": ""}));
    let plain = Asked::new(&client, json!({}));
    let whole = "B".repeat(140);
    let cases = [
        (&asked, json!({"sealed_part": "x"})),
        (&asked, json!({"sealed_part": "B".repeat(1501)})),
        (&plain, json!({"sealed_part": whole})),
    ];
    for (asked, more) in cases {
        let answer = hand(&client, &asked.id, more);
        assert_eq!(answer.error(), (422, json!("sealed_part")), "{}", answer.text());
        assert_eq!(asked.status(&client).json()["data"]["used"], json!(0));
    }
    assert_eq!(hand(&client, &asked.id, json!({"sealed_part": whole})).status, 201);
}

fn they_share_the_limit() {
    let server = open();
    let client = anybody(&server);
    let ask = |address: &str, body: Value| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        client.send("POST", PATH, &headers, body.to_string().as_bytes())
    };
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "198.51.100.1")];
    for _ in 0..15 {
        assert_eq!(ask("198.51.100.1", json!({"limit": 0})).status, 422);
        assert_eq!(ask("198.51.100.1", json!({})).status, 201);
        let body = secret_with(json!({})).to_string();
        let made = client.send("POST", "/api/public/secrets", &headers, body.as_bytes());
        assert_eq!(made.status, 201);
    }
    let refused = ask("198.51.100.1", json!({}));
    assert_eq!(refused.error(), (429, json!(null)));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(ask("198.51.100.2", json!({})).status, 201);
}

fn the_token_deletes_the_answers() {
    let server = open();
    let client = anybody(&server);
    let asked = Asked::new(&client, json!({"limit": 3}));
    let other = Asked::new(&client, json!({}));
    let of_account = request(&server.client, json!({}));
    let made = hand(&client, &asked.id, json!({})).json()["data"]["id"].clone();
    let draft = hand(&client, &asked.id, json!({"attachments": 1})).json()["data"].clone();
    let large = hand(&client, &asked.id, json!({"ciphertext": ciphertext_of(100 << 10)}));
    assert_eq!(large.status, 201, "{}", large.text());
    let never = whole(&status(&client, "5e976e6e-d205-4f58-8df9-5ac0048bc702", &asked.token));
    for (id, token) in [
        (asked.id.as_str(), other.token.as_str()),
        (&asked.id, &"0".repeat(64)),
        (&of_account, &asked.token),
    ] {
        assert_eq!(whole(&status(&client, id, token)), never, "{id}");
        let wrong = Asked { id: id.into(), token: token.into() };
        assert_eq!(whole(&wrong.delete(&client)), never, "{id}");
    }
    for (method, path) in [("GET", "/status"), ("DELETE", "")] {
        let answer = client.send(method, &format!("{PATH}/{}{path}", asked.id), &[], b"");
        assert_eq!(answer.error(), (403, json!(null)));
        assert!(answer.text().contains("Manage-Token"), "{}", answer.text());
    }
    let deleted = asked.delete(&client);
    assert_eq!((deleted.status, deleted.json()), (200, json!({"data": null})));
    let made = made.as_str().expect("an id");
    assert_eq!(client.get(&format!("/api/public/secrets/{made}")).status, 404);
    assert_eq!(view(&client, made, json!({})).status, 404);
    let (draft, upload) = (draft["id"].as_str(), draft["upload_token"].as_str());
    let path = format!("/api/secrets/{}/draft", draft.expect("an id"));
    let headers = [("upload-token", upload.expect("a token"))];
    assert_eq!(client.send("DELETE", &path, &headers, b"").status, 404);
    until("the file is gone", || super::payload_files(server.dir()) == 0);
    until("the file is gone", || super::payload_files(server.dir()) == 0);
    assert_eq!(whole(&asked.status(&client)), never);
    assert_eq!(whole(&asked.delete(&client)), never);
    assert_eq!(hand(&client, &asked.id, json!({})).status, 404);
    assert_eq!(other.status(&client).status, 200);
}

fn answers_outlive_the_request() {
    const DAY: u64 = 24 * 3600;
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    options.rules.keep_log_seconds = DAY;
    let server = TestServer::with(options);
    let client = anybody(&server);
    let key = AnswerPrivateKey::generate(&SystemRandom).public().to_text();
    let body = |key: Value| json!({"expiration": 1, "secret_expiration": 168, "answer_key": key});
    let sealed = Asked::new(&client, body(json!(key)));
    let unused = Asked::new(&client, body(json!(key)));
    let plain = Asked::new(&client, body(json!(null)));
    assert_eq!(answer_sealed(&client, &sealed.id, "hush").status, 201);
    assert_eq!(hand(&client, &plain.id, json!({})).status, 201);
    server.clock.advance(3 * DAY);
    sweep(&server);
    assert_eq!(plain.status(&client).status, 404);
    assert_eq!(unused.status(&client).status, 404);
    let found = sealed.status(&client).json();
    assert!(found["data"]["answers"][0]["sealed_part"].is_string(), "{found}");
    server.clock.advance(4 * DAY + 1);
    sweep(&server);
    assert_eq!(sealed.status(&client).status, 404);
}

fn the_limit_is_exact() {
    let server = open();
    let client = anybody(&server);
    let key = AnswerPrivateKey::generate(&SystemRandom).public().to_text();
    let asked = Asked::new(&client, json!({"limit": 3, "answer_key": key}));
    let statuses = at_once(20, |_| {
        // Each with a connection of its own.
        let client = Client::new(server.client.base.clone(), "");
        hand(&client, &asked.id, json!({"sealed_part": "B".repeat(140)})).status
    });
    assert_eq!((count(&statuses, 201), count(&statuses, 404)), (3, 17), "{statuses:?}");
    let found = asked.status(&client).json();
    assert_eq!(found["data"]["answers"].as_array().map(Vec::len), Some(3));
}

fn pages_of_fifty_answers() {
    let server = open();
    let client = anybody(&server);
    let asked = Asked::new(&client, json!({"limit": 60, "answer_key": null}));
    let made: Vec<Value> =
        (0..55).map(|_| hand(&client, &asked.id, json!({})).json()["data"]["id"].clone()).collect();
    let page = |offset: usize| -> Vec<Value> {
        let path = format!("{PATH}/{}/status?offset={offset}", asked.id);
        let found = client.send("GET", &path, &[("manage-token", asked.token.as_str())], b"");
        let found = found.json();
        let answers = found["data"]["answers"].as_array().expect("a list");
        answers.iter().map(|answer| answer["id"].clone()).collect()
    };
    assert_eq!(page(0), made[..50]);
    assert_eq!(page(50), made[50..]);
    assert_eq!(page(55), Vec::<Value>::new());
    let path = format!("{PATH}/{}/status?offset=x", asked.id);
    let wrong = client.send("GET", &path, &[("manage-token", asked.token.as_str())], b"");
    assert_eq!(wrong.error(), (422, json!("offset")));
}

fn accounts_have_keys_as_well() {
    let server = TestServer::start();
    let key = AnswerPrivateKey::generate(&SystemRandom);
    let id = request(&server.client, json!({"answer_key": key.public().to_text()}));
    let anybody = anybody(&server);
    assert_eq!(answer_sealed(&anybody, &id, "hush").status, 201);
    let path = format!("/api/secret_requests/{id}");
    let found = server.client.get(&path).json();
    let part = found["data"]["answers"][0]["sealed_part"].as_str().expect("a part");
    assert!(key.open(&id, part).is_ok());
    assert_eq!(found["metadata"]["secret_requests_total"], json!(1));
    assert_eq!(anybody.get(&path).status, 401);
    assert_eq!(server.other_account().get(&path).status, 404);
    let never = server.client.get("/api/secret_requests/5e976e6e-d205-4f58-8df9-5ac0048bc702");
    assert_eq!(never.error(), (404, json!(null)));
    let wrong = bad_account_key(&server);
    assert_eq!(wrong.error(), (422, json!("answer_key")));
    // No manage token has a right to it.
    assert_eq!(status(&anybody, &id, &"0".repeat(64)).status, 404);
}

fn bad_account_key(server: &TestServer) -> Answer {
    server.client.post("/api/secret_requests", &json!({"answer_key": "AAAA"}))
}
