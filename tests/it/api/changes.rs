//! Changing a secret before its first view, with a key and with a manage token.

use libtest_mimic::Trial;
use sealdrop::config::SecretCreation;
use serde_json::{Value, json};

use super::{
    attachments::{Draft, sealed_file},
    create::ciphertext_of,
    entry, payload_files,
    public::{anybody, events, look, token, view},
    races::at_once,
    seen, sweep,
};
use crate::{
    http::{Answer, Client, secret_with},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::changes::lifetime_and_views", lifetime_and_views),
        trial("api::changes::a_default_without_end", a_default_without_end),
        trial("api::changes::new_content_under_the_same_link", new_content_under_the_same_link),
        trial("api::changes::new_content_has_no_attachments", new_content_has_no_attachments),
        trial("api::changes::only_before_the_first_view", only_before_the_first_view),
        trial("api::changes::what_is_not_there_is_404", what_is_not_there_is_404),
        trial("api::changes::wrong_fields_change_nothing", wrong_fields_change_nothing),
        trial("api::changes::the_manage_token_changes", the_manage_token_changes),
        trial("api::changes::they_count_as_creations", they_count_as_creations),
        trial("api::changes::a_view_gets_all_of_one_content", a_view_gets_all_of_one_content),
    ]
}

const JSON: (&str, &str) = ("content-type", "application/json");
const OTHER_PART: &str = "b3RoZXItcHJpdmF0ZS1oYWxm";

fn change(client: &Client, id: &str, body: &Value) -> Answer {
    client.send("PATCH", &format!("/api/secrets/{id}"), &[JSON], body.to_string().as_bytes())
}

fn change_openly(client: &Client, id: &str, manage: &str, body: &Value) -> Answer {
    let headers = [JSON, ("manage-token", manage)];
    let path = format!("/api/public/secrets/{id}");
    client.send("PATCH", &path, &headers, body.to_string().as_bytes())
}

/// Content that is different from that of [`secret_with`], `chars` long.
fn content(chars: usize) -> Value {
    json!({"ciphertext": ciphertext_of(chars), "password_part_private": OTHER_PART})
}

fn lifetime_and_views() {
    let server = TestServer::start();
    let id = server.client.create(json!({"expiration": 1, "message": "m", "description": "d"}));
    server.clock.advance(1800);
    let changed = change(&server.client, &id, &json!({"expiration": 2, "max_visningar": "3"}));
    assert_eq!(changed.status, 200, "{}", changed.text());
    let changed = changed.json();
    assert_eq!(changed["data"], entry(&server.client, &id));
    assert_eq!(changed["metadata"], seen(&server.client)["metadata"]);
    let data = &changed["data"];
    assert_eq!(data["expires_at"], "2026-11-22T14:30:00Z");
    assert_eq!((&data["expiration"], &data["max_views"]), (&json!(2), &json!(3)));
    assert_eq!((&data["message"], &data["description"]), (&json!("m"), &json!("d")));
    assert_eq!(
        data["events"],
        json!([{"event": "changed", "at": "2026-11-22T12:30:00Z", "ip": null, "user_agent": null}])
    );
    // One property alone leaves the other one.
    let changed = change(&server.client, &id, &json!({"max_views": 2, "expiration": null}));
    assert_eq!(changed.json()["data"]["expires_at"], "2026-11-22T14:30:00Z");
    assert_eq!(changed.json()["data"]["max_views"], 2);
    server.clock.advance(7199);
    sweep(&server);
    assert_eq!(server.public.view(&id).status, 200);
    server.clock.advance(1);
    assert_eq!(server.public.view(&id).status, 404, "the new expiry");

    // Shortened: the sweeper follows the new expiry, and the old one does nothing.
    let id = server.client.create(json!({"expiration": 100}));
    assert_eq!(change(&server.client, &id, &json!({"expiration": 1})).status, 200);
    server.clock.advance(3600);
    sweep(&server);
    assert_eq!(entry(&server.client, &id)["expired"], true);
    assert_eq!(payload_files(server.dir()), 0);
    assert_eq!(server.public.view(&id).status, 404);
    server.clock.advance(99 * 3600);
    sweep(&server);
    assert_eq!(entry(&server.client, &id)["expired"], true, "the tombstone stays");
}

fn a_default_without_end() {
    let server = TestServer::start();
    let id = server.client.create(json!({"expiration": 1}));
    let changed = change(&server.client, &id, &json!({"expiration": 0})).json();
    assert_eq!(changed["data"]["expires_at"], "2026-11-29T12:00:00Z", "the server's default");
    let mut options = Options::default();
    options.rules.lifetime.default = 0;
    let server = TestServer::with(options);
    let id = server.client.create(json!({"expiration": 1}));
    let changed = change(&server.client, &id, &json!({"expiration": 0})).json();
    let data = &changed["data"];
    assert_eq!((&data["expires_at"], &data["expiration"]), (&json!(null), &json!(0)));
    server.clock.advance(3600 * 24 * 365);
    sweep(&server);
    assert_eq!(change(&server.client, &id, &json!({"expiration": 1})).status, 200);
    server.clock.advance(3600);
    sweep(&server);
    assert_eq!(server.public.view(&id).status, 404);
}

fn new_content_under_the_same_link() {
    let server = TestServer::start();
    // (old, new): inline and in a file of its own
    for (old, new) in [(400, 404), (400, 100 << 10), (100 << 10, 400), (100 << 10, 200 << 10)] {
        let fields = json!({"ciphertext": ciphertext_of(old), "password": "p", "message": "m"});
        let id = server.client.create(fields);
        let before = seen(&server.client)["metadata"].clone();
        let changed = change(&server.client, &id, &content(new));
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(changed.json()["metadata"], before, "a change uses no allowance");
        assert!(!changed.text().contains(OTHER_PART), "the answer has no content");
        let path = format!("/api/secrets/{id}");
        let viewed = server.public.send("GET", &path, &[("secret-password", "p")], b"");
        assert_eq!(viewed.status, 200, "{old} {new}: {}", viewed.text());
        let data = &viewed.json()["data"];
        assert!(data["ciphertext"] == ciphertext_of(new), "{old} {new}");
        assert_eq!(data["password_part_private"], OTHER_PART);
        assert_eq!(data["message"], "m");
    }
    // Files are deleted in the background.
    let dir = server.stop();
    drop(sealdrop::store::Store::open(&dir.path().join("data"), 8 << 20));
}

fn new_content_has_no_attachments() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 2, json!({"max_views": 2}));
    let refused = change(client, &draft.id, &content(400));
    assert_eq!(refused.error(), (409, json!(null)));
    assert!(refused.text().contains("not complete"), "{}", refused.text());
    for n in [1, 2] {
        assert_eq!(draft.put(client, n, &sealed_file(70_000)).status, 200);
    }
    // The lifetime alone leaves the attachments.
    let changed = change(client, &draft.id, &json!({"expiration": 5})).json();
    assert_eq!(changed["data"]["attachments"].as_array().map(Vec::len), Some(2));
    let stored = || sealdrop::domain::secret::attachment::stored_bytes(&server.app.store);
    assert!(stored().is_ok_and(|bytes| bytes > 140_000));
    let changed = change(client, &draft.id, &content(400));
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["data"]["attachments"], json!([]));
    assert_eq!(changed.json()["data"]["draft"], false);
    assert_eq!(stored().ok(), Some(0), "the space is free again");
    let anybody = anybody(&server);
    assert_eq!(look(&anybody, &draft.id).json()["data"]["attachments"], json!([]));
    let lease = token(&view(&anybody, &draft.id, json!({})));
    for n in [1, 2] {
        let gone = anybody.send("GET", &draft.path(n), &[("lease", &lease)], b"");
        assert_eq!(gone.status, 404, "{n}");
        assert_eq!(draft.put(client, n, &sealed_file(10)).status, 404, "{n}");
    }
    assert_eq!(draft.publish(client).status, 404, "the upload token has ended");
    assert_eq!(client.delete(&format!("/api/secrets/{}", draft.id)).status, 200);
}

fn only_before_the_first_view() {
    let server = TestServer::start();
    let anybody = anybody(&server);
    let body = json!({"expiration": 5});
    let all = json!({"expiration": 5, "max_views": 9, "ciphertext": ciphertext_of(400),
        "password_part_private": OTHER_PART});
    let [by_key, by_link, last] =
        [2, 2, 1].map(|views| server.client.create(json!({"max_views": views})));
    assert_eq!(server.public.view(&by_key).status, 200);
    let lease = token(&view(&anybody, &by_link, json!({})));
    assert_eq!(server.public.view(&last).status, 200);
    for id in [&by_key, &by_link, &last] {
        let before = entry(&server.client, id);
        for body in [&body, &all] {
            let refused = change(&server.client, id, body);
            assert_eq!(refused.error(), (409, json!(null)), "{}", refused.text());
            assert!(refused.text().contains("was viewed"), "{}", refused.text());
        }
        assert_eq!(entry(&server.client, id), before);
    }
    // Both keep their content.
    let again = view(&anybody, &by_link, json!({"lease": lease})).json();
    assert_eq!(again["data"]["ciphertext"], secret_with(json!({}))["ciphertext"]);
    // Looks are no views.
    let id = server.client.create(json!({}));
    assert_eq!(look(&anybody, &id).status, 200);
    assert_eq!(change(&server.client, &id, &body).status, 200);
    assert_eq!(events(&server, &id), ["opened", "changed"]);
}

fn what_is_not_there_is_404() {
    let server = TestServer::start();
    let other = server.other_account();
    let [expired, deleted] = [(); 2].map(|()| server.client.create(json!({"expiration": 1})));
    server.clock.advance(3600);
    assert_eq!(server.client.delete(&format!("/api/secrets/{deleted}")).status, 200);
    let live = server.client.create(json!({}));
    let before = seen(&server.client);
    let unknown = format!("{}x", &live[..live.len() - 1]);
    for body in [json!({"expiration": 5}), content(400), content(100 << 10)] {
        for (client, id) in [
            (&server.client, &expired),
            (&server.client, &deleted),
            (&server.client, &unknown),
            (&other, &live),
        ] {
            assert_eq!(change(client, id, &body).error(), (404, json!(null)), "{id}");
        }
        assert_eq!(change(&server.public, &live, &body).status, 403, "a public key");
        assert_eq!(change(&anybody(&server), &live, &body).status, 401);
    }
    sweep(&server);
    assert_eq!(change(&server.client, &expired, &content(400)).status, 404, "swept");
    assert_eq!(seen(&server.client)["metadata"], before["metadata"]);
    assert_eq!(payload_files(server.dir()), 0, "content that was refused is deleted");
    assert_eq!(server.public.view(&live).status, 200);
}

fn wrong_fields_change_nothing() {
    let server = TestServer::start();
    let id = server.client.create(json!({}));
    let before = seen(&server.client);
    let with = |field: &str, value: Value| {
        let mut body = content(400);
        body[field] = value;
        body
    };
    let part_only = json!({"password_part_private": OTHER_PART, "max_views": 2});
    let cases = [
        (json!({}), 422, "expiration"),
        (json!({"expiration": null, "max_views": "", "ciphertext": null}), 422, "expiration"),
        (json!({"description": "d"}), 422, "expiration"),
        (json!({"expiration": 351}), 422, "expiration"),
        (json!({"expiration": -1}), 422, "expiration"),
        (json!({"expiration": 1.5}), 422, "expiration"),
        (json!({"max_views": 0}), 422, "max_views"),
        (json!({"max_views": 101}), 422, "max_views"),
        (json!({"ciphertext": ciphertext_of(400)}), 422, "password_part_private"),
        (part_only, 422, "ciphertext"),
        (with("ciphertext", json!("bm8gU0pDTA==")), 422, "ciphertext"),
        (with("password_part_private", json!("*")), 422, "password_part_private"),
        (with("expiration", json!(351)), 422, "expiration"),
        (content((1 << 20) + 4), 413, "ciphertext"),
    ];
    for (body, status, field) in cases {
        let refused = change(&server.client, &id, &body);
        assert_eq!(refused.error(), (status, json!(field)), "{}", refused.text());
    }
    let path = format!("/api/secrets/{id}");
    assert_eq!(server.client.send("PATCH", &path, &[JSON], b"[]").status, 400);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(server.client.send("PATCH", &path, &form, b"expiration=1").status, 415);
    assert_eq!(seen(&server.client), before);
    let viewed = server.public.view(&id).json();
    assert_eq!(viewed["data"]["ciphertext"], secret_with(json!({}))["ciphertext"]);
}

fn open(most: u32) -> TestServer {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    options.rules.limits.creations = most;
    TestServer::with(options)
}

/// The id and the manage token of a new secret without an account.
fn create_openly(client: &Client, more: Value) -> (String, String) {
    let created = client.post("/api/public/secrets", &secret_with(more));
    assert_eq!(created.status, 201, "{}", created.text());
    let created = created.json();
    let text = |field: &str| created["data"][field].as_str().expect("a text").to_owned();
    (text("id"), text("manage_token"))
}

fn the_manage_token_changes() {
    let server = open(30);
    let client = anybody(&server);
    let (id, manage) = create_openly(&client, json!({"description": "d"}));
    let (other, other_token) = create_openly(&client, json!({}));
    let mut body = content(400);
    body["expiration"] = json!(5);
    body["max_views"] = json!(2);
    for token in [&other_token, &"0".repeat(64)] {
        assert_eq!(change_openly(&client, &id, token, &body).error(), (404, json!(null)));
    }
    let unknown = server.client.create(json!({}));
    assert_eq!(change_openly(&client, &unknown, &manage, &body).error(), (404, json!(null)));
    assert_eq!(change(&server.client, &id, &body).status, 404, "it is in no account");
    let path = format!("/api/public/secrets/{id}");
    let refused = client.send("PATCH", &path, &[JSON], body.to_string().as_bytes());
    assert_eq!(refused.error(), (403, json!(null)));
    assert!(refused.text().contains("Manage-Token"), "{}", refused.text());

    let changed = change_openly(&client, &id, &manage, &body);
    assert_eq!(changed.status, 200, "{}", changed.text());
    let status = client.send("GET", &format!("{path}/status"), &[("manage-token", &manage)], b"");
    assert_eq!(changed.json(), status.json());
    let data = &changed.json()["data"];
    assert_eq!(data["expires_at"], "2026-11-22T17:00:00Z");
    assert_eq!((&data["max_views"], &data["description"]), (&json!(2), &json!("d")));
    assert_eq!(data["manage_token"], json!(null));
    let viewed = view(&client, &id, json!({})).json();
    assert_eq!(viewed["data"]["ciphertext"], ciphertext_of(400));
    assert_eq!(change_openly(&client, &id, &manage, &body).error(), (409, json!(null)));
    let untouched = view(&client, &other, json!({})).json();
    assert_eq!(untouched["data"]["ciphertext"], secret_with(json!({}))["ciphertext"]);
}

fn they_count_as_creations() {
    let server = open(3);
    let client = anybody(&server);
    let (id, manage) = create_openly(&client, json!({}));
    for _ in 0..5 {
        // Refused changes do not count.
        assert_eq!(change_openly(&client, &id, &manage, &json!({})).status, 422);
        assert_eq!(change_openly(&client, &id, &"0".repeat(64), &content(400)).status, 404);
    }
    for _ in 0..2 {
        assert_eq!(change_openly(&client, &id, &manage, &json!({"expiration": 5})).status, 200);
    }
    let refused = change_openly(&client, &id, &manage, &json!({"expiration": 5}));
    assert_eq!(refused.error(), (429, json!(null)));
    assert!(refused.header("retry-after").is_some());
    assert!(refused.text().contains("created or changed"), "{}", refused.text());
}

/// Views and changes at once: each view has the old or the new content, with its own private half; after the
/// first view nothing changes any more.
fn a_view_gets_all_of_one_content() {
    let server = TestServer::start();
    let mut changed_first = 0;
    for round in 0..30 {
        let large = if round % 2 == 0 { 100 << 10 } else { 400 };
        let id = server.client.create(json!({"ciphertext": ciphertext_of(400 + large)}));
        let link = anybody(&server);
        let answers = std::sync::Mutex::new(Vec::new());
        let statuses = at_once(8, |number| {
            let client = Client::new(server.client.base.clone(), server.client.key.clone());
            let answer = match number {
                0 | 1 => client.view(&id),
                2 | 3 => view(&Client::new(link.base.clone(), ""), &id, json!({})),
                _ => return change(&client, &id, &content(400 + 4 * number)).status,
            };
            let status = answer.status;
            answers.lock().expect("no panic").push(answer);
            status
        });
        let views = answers.into_inner().expect("no panic");
        let viewed: Vec<_> = views.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(viewed.len(), 1, "{statuses:?}");
        let data = viewed[0].json()["data"].clone();
        let (text, part) = (&data["ciphertext"], &data["password_part_private"]);
        let winners = statuses[4..].iter().filter(|status| **status == 200).count();
        let refused = statuses[4..].iter().filter(|status| **status == 409).count();
        assert_eq!(winners + refused, 4, "{statuses:?}");
        if winners == 0 {
            assert!(*text == ciphertext_of(400 + large), "the old content");
            assert_eq!(*part, secret_with(json!({}))["password_part_private"]);
        } else {
            let new =
                (4..8).filter(|n| statuses[*n] == 200).any(|n| *text == ciphertext_of(400 + 4 * n));
            assert!(new, "the content of a change that was answered");
            assert_eq!(*part, OTHER_PART);
            changed_first += 1;
        }
        let log = events(&server, &id);
        assert_eq!(log.iter().filter(|event| *event == "changed").count(), winners);
    }
    assert!(changed_first > 0, "no change came before a view");
}
