//! `/api/account/webhooks`: an account's webhooks over HTTP.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::receiver::{Receiver, status};
use crate::{
    http::{Answer, Client},
    mail::waiting,
    server::{Options, TestServer},
    trial,
};

const PATH: &str = "/api/account/webhooks";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("webhook::account::add_list_test_and_remove", add_list_test_and_remove),
        trial("webhook::account::bad_ones_name_their_field", bad_ones_name_their_field),
        trial("webhook::account::anothers_look_like_none", anothers_look_like_none),
        trial("webhook::account::ten_at_most", ten_at_most),
        trial("webhook::account::private_ones_are_not_called", private_ones_are_not_called),
        trial("webhook::account::tests_are_limited", tests_are_limited),
    ]
}

fn server() -> TestServer {
    let mut options = Options::default();
    options.rules.webhook_private = true;
    TestServer::with(options)
}

/// Adds a webhook, which must work. Returns its description.
fn add(client: &Client, body: Value) -> Value {
    let answer = client.post(PATH, &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let mut added = answer.json();
    assert_eq!(added["metadata"]["secrets_total"], 0);
    added["data"].take()
}

fn list(client: &Client) -> Value {
    client.get("/api/account").json()["data"]["webhooks"].take()
}

fn test(client: &Client, id: &str) -> Answer {
    client.send("POST", &format!("{PATH}/{id}/test"), &[], b"")
}

fn add_list_test_and_remove() {
    let (server, receiver) = (server(), Receiver::start());
    let client = &server.client;
    let mut added = add(client, json!({"url": receiver.url(), "events": ["secret.viewed"]}));
    let key = added["signing_key"].take();
    let key = key.as_str().expect("a key");
    assert!(key.starts_with("whsec_") && key.len() == 50, "{key}");
    let expected = json!({
        "id": "w1", "url": format!("http://{}/planted-path?…", receiver.address),
        "events": ["secret.viewed"], "created_at": "2026-11-22T12:00:00Z", "signing_key": null,
    });
    assert_eq!(added, expected);
    let all = add(client, json!({"url": "https://example.org", "events": null}));
    let every = json!(["secret.viewed", "secret.tried_after", "secret_request.answered"]);
    assert_eq!(all["events"], every);

    let listed = list(client);
    let mut shown = expected.clone();
    shown.as_object_mut().expect("an object").remove("signing_key");
    assert_eq!((&listed[0], &listed[1]["id"]), (&shown, &json!("w2")));
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    let text = listed.to_string();
    assert!(!text.contains("planted-token") && !text.contains(key), "{text}");

    let answer = test(client, "w1");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = json!({"id": "w1", "delivered": true, "status": 204, "error": null});
    assert_eq!(answer.json()["data"], told);
    let call = receiver.call();
    let body: Value = serde_json::from_str(&call.body).expect("JSON");
    assert_eq!((&body["type"], &body["data"]), (&json!("test"), &json!({})));
    assert!(call.header("webhook-id").starts_with("test_"));

    receiver.answer(status("500 Internal Server Error"));
    let answer = test(client, "w1");
    let error = format!("{} answered 500 Internal Server Error", receiver.address);
    let told = json!({"id": "w1", "delivered": false, "status": null, "error": error});
    assert_eq!((answer.status, &answer.json()["data"]), (200, &told));
    receiver.call();

    // It is called like those of the command line.
    assert_eq!(client.delete(&format!("{PATH}/w2")).json()["data"], Value::Null);
    let id = client.create(json!({}));
    assert_eq!(client.view(&id).status, 200);
    assert_eq!(waiting(&server).len(), 1);
    let removed = client.delete(&format!("{PATH}/w1"));
    assert_eq!((removed.status, &removed.json()["metadata"]["secrets_usage"]), (200, &json!(1)));
    assert_eq!(list(client), json!([]));
    for (method, path) in [("DELETE", format!("{PATH}/w1")), ("POST", format!("{PATH}/w1/test"))] {
        assert_eq!(client.send(method, &path, &[], b"").error(), (404, Value::Null), "{method}");
    }
}

fn bad_ones_name_their_field() {
    let server = server();
    let wrong = [
        (json!({}), "url"),
        (json!({"url": ""}), "url"),
        (json!({"url": 5}), "url"),
        (json!({"url": "example.org"}), "url"),
        (json!({"url": "ftp://example.org"}), "url"),
        (json!({"url": "https://joe:planted@example.org"}), "url"),
        (json!({"url": "https://example.org/#planted"}), "url"),
        (json!({"url": "http://0.0.0.0/planted"}), "url"),
        (json!({"url": format!("https://example.org/{}", "a".repeat(2000))}), "url"),
        (json!({"url": "https://example.org", "events": "secret.viewed"}), "events"),
        (json!({"url": "https://example.org", "events": ["planted"]}), "events"),
        (json!({"url": "https://example.org", "events": ["secret.viewed", null]}), "events"),
        (json!({"url": "https://example.org", "events": vec!["secret.viewed"; 101]}), "events"),
    ];
    for (body, field) in wrong {
        let answer = server.client.post(PATH, &body);
        assert_eq!(answer.error(), (422, json!(field)), "{body}");
        assert!(!answer.text().contains("planted"), "{}", answer.text());
    }
    let answer = server.client.post(PATH, &json!({"url": "ftp://example.org"}));
    let text = "Url must begin with https:// or http://";
    assert_eq!(answer.json()["error"]["message"], text);
    assert_eq!(server.client.send("POST", PATH, &[], b"url").error(), (400, Value::Null));
    assert_eq!(list(&server.client), json!([]));
}

fn anothers_look_like_none() {
    let (server, receiver) = (server(), Receiver::start());
    let other = server.other_account();
    add(&server.client, json!({"url": receiver.url()}));
    let never = |method: &str, id: &str, what: &str| {
        let path = format!("{PATH}/{id}{what}");
        let (theirs, none) = (other.send(method, &path, &[], b""), format!("{PATH}/w99{what}"));
        let none = other.send(method, &none, &[], b"");
        assert_eq!((theirs.status, theirs.body), (404, none.body), "{method} {path}");
    };
    for id in ["w1", "1", "W1", "w01", "%77%31", "w1x"] {
        never("DELETE", id, "");
        never("POST", id, "/test");
    }
    assert!(receiver.is_idle());
    assert_eq!(list(&other), json!([]));
    assert_eq!(list(&server.client)[0]["id"], "w1");
    assert_eq!(test(&server.client, "w1").json()["data"]["delivered"], true);
    receiver.call();
}

fn ten_at_most() {
    let server = TestServer::start();
    let one = json!({"url": "https://example.org"});
    for _ in 0..10 {
        add(&server.client, one.clone());
    }
    let answer = server.client.post(PATH, &one);
    assert_eq!(answer.error(), (403, Value::Null));
    assert!(answer.text().contains("10 webhooks at most"), "{}", answer.text());
    assert_eq!(server.client.delete(&format!("{PATH}/w3")).status, 200);
    assert_eq!(add(&server.client, one)["id"], "w11");
}

fn private_ones_are_not_called() {
    let (server, receiver) = (TestServer::start(), Receiver::start());
    let port = receiver.address.port();
    for host in ["127.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254"]
    {
        let answer = server.client.post(PATH, &json!({"url": format!("http://{host}:{port}/")}));
        assert_eq!(answer.error(), (422, json!("url")), "{host}");
        assert!(answer.text().contains("which is not called"), "{}", answer.text());
    }
    // A name is looked up when it is called.
    let added = add(&server.client, json!({"url": format!("http://localhost:{port}/planted")}));
    let answer = test(&server.client, added["id"].as_str().expect("an id"));
    let told = answer.json()["data"].clone();
    let error = told["error"].as_str().expect("an error");
    assert_eq!((answer.status, &told["delivered"]), (200, &json!(false)));
    assert!(error.contains("a loopback address") && !error.contains("planted"), "{error}");
    assert!(receiver.is_idle());
}

fn tests_are_limited() {
    let (server, receiver) = (server(), Receiver::start());
    add(&server.client, json!({"url": receiver.url()}));
    for _ in 0..10 {
        assert_eq!(test(&server.client, "w1").status, 200);
        receiver.call();
    }
    let answer = test(&server.client, "w1");
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")));
    assert!(receiver.is_idle());
    server.clock.advance(60);
    assert_eq!(test(&server.client, "w1").status, 200);
    receiver.call();
}
