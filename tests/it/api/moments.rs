//! `expires_at`: an expiry to the second, in place of a lifetime in hours.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{
    attachments::{Draft, sealed_file},
    entry, sweep,
};
use crate::{
    http::{Answer, Client, secret_with},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::moments::secrets_end_on_the_second", secrets_end_on_the_second),
        trial("api::moments::requests_end_on_the_second", requests_end_on_the_second),
        trial("api::moments::a_draft_keeps_its_moment", a_draft_keeps_its_moment),
        trial("api::moments::what_is_refused", what_is_refused),
    ]
}

/// 47 minutes and 11 seconds after the tests' beginning.
const MOMENT: &str = "2026-11-22T12:47:11Z";
const SECONDS: u64 = 47 * 60 + 11;

fn create(client: &Client, expires_at: &str) -> Answer {
    client.post("/api/secrets", &secret_with(json!({"expires_at": expires_at})))
}

fn change(client: &Client, id: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let path = format!("/api/secrets/{id}");
    client.send("PATCH", &path, &headers, body.to_string().as_bytes())
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"]["id"].as_str().expect("an id").to_owned()
}

fn secrets_end_on_the_second() {
    let server = TestServer::start();
    // The same moment in other forms: with an offset, and with fractions of a second.
    for text in [MOMENT, "2026-11-22T14:17:11+01:30", "2026-11-22T12:47:11.999Z"] {
        let id = id_of(&create(&server.client, text));
        let data = entry(&server.client, &id);
        assert_eq!(
            (&data["expires_at"], &data["expiration"]),
            (&json!(MOMENT), &json!(1)),
            "{text}"
        );
    }
    let changed = server.client.create(json!({"expiration": 100}));
    let body = json!({"expires_at": MOMENT, "expiration": 0});
    assert_eq!(change(&server.client, &changed, &body).json()["data"]["expires_at"], MOMENT);
    let longer = id_of(&create(&server.client, MOMENT));
    let body = json!({"expires_at": "2026-11-22T13:00:01Z"});
    let data = change(&server.client, &longer, &body).json()["data"].clone();
    assert_eq!(data["expiration"], 2, "an hour that has begun counts as one");
    let kept = id_of(&create(&server.client, MOMENT));
    server.clock.advance(SECONDS - 1);
    sweep(&server);
    assert_eq!(server.public.view(&kept).status, 200);
    server.clock.advance(1);
    assert_eq!(server.public.view(&changed).status, 404);
    sweep(&server);
    assert_eq!(entry(&server.client, &changed)["expired"], true);
    assert_eq!(server.public.view(&longer).status, 200);
}

fn requests_end_on_the_second() {
    let server = TestServer::start();
    let made = server.client.post("/api/secret_requests", &json!({"expires_at": MOMENT}));
    let id = id_of(&made);
    let listed = server.client.get("/api/secret_requests").json();
    let data = &listed["data"][0];
    assert_eq!((&data["expires_at"], &data["expiration"]), (&json!(MOMENT), &json!(1)));
    let path = format!("/api/public/secret_requests/{id}");
    server.clock.advance(SECONDS - 1);
    assert_eq!(server.public.get(&path).json()["data"]["expires_at"], MOMENT);
    server.clock.advance(1);
    assert_eq!(server.public.get(&path).status, 404);
}

fn a_draft_keeps_its_moment() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 1, json!({"expires_at": MOMENT}));
    server.clock.advance(60);
    assert_eq!(draft.put(client, 1, &sealed_file(1_000)).status, 200);
    assert_eq!(entry(client, &draft.id)["expires_at"], MOMENT);
    assert_eq!(draft.publish(client).json()["data"]["expires_at"], MOMENT);
    server.clock.advance(SECONDS - 61);
    assert_eq!(server.public.view(&draft.id).status, 200);

    // An upload that ends later than the secret.
    let late = Draft::create(client, 1, json!({"expires_at": "2026-11-22T12:50:00Z"}));
    server.clock.advance(200);
    sweep(&server);
    assert_eq!(late.put(client, 1, &sealed_file(1_000)).status, 404);
    assert_eq!(late.publish(client).status, 404);
    assert_eq!(server.public.view(&late.id).status, 404);
    server.clock.advance(7 * 24 * 3600);
    sweep(&server);
    let stored = sealdrop::domain::secret::attachment::stored_bytes(&server.app.store);
    assert_eq!(stored.ok(), Some(0));
}

fn what_is_refused() {
    let mut options = Options::default();
    options.rules.lifetime.min = 2;
    options.rules.lifetime.max = 48;
    let server = TestServer::with(options);
    let id = server.client.create(json!({"expiration": 3}));
    // Past, this second, below the shortest and above the longest lifetime, no time zone, no moment at all.
    let wrong = [
        json!("2026-11-22T11:59:59Z"),
        json!("2026-11-22T12:00:00Z"),
        json!("2026-11-22T13:00:00Z"),
        json!("2026-11-24T12:00:01Z"),
        json!("1969-12-31T23:59:59Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("2026-11-23T12:00:00"),
        json!("2026-11-23"),
        json!("tomorrow"),
        json!(1_795_435_200),
    ];
    for value in wrong {
        let body = json!({"expires_at": value});
        let answers = [
            server.client.post("/api/secrets", &secret_with(body.clone())),
            server.client.post("/api/secret_requests", &body),
            change(&server.client, &id, &body),
        ];
        for answer in answers {
            assert_eq!(answer.error(), (422, json!("expires_at")), "{value}: {}", answer.text());
        }
    }
    let both = json!({"expires_at": "2026-11-23T12:00:00Z", "expiration": 5});
    for answer in [
        server.client.post("/api/secrets", &secret_with(both.clone())),
        change(&server.client, &id, &both),
    ] {
        assert_eq!(answer.error(), (422, json!("expires_at")), "{}", answer.text());
        assert!(answer.text().contains("together with expiration"), "{}", answer.text());
    }
    for nothing in [json!(null), json!("")] {
        let made = server.client.post("/api/secrets", &secret_with(json!({"expires_at": nothing})));
        assert_eq!(made.status, 201);
    }
    assert_eq!(entry(&server.client, &id)["expires_at"], "2026-11-22T15:00:00Z");
}
