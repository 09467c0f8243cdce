//! `/api/account`: the settings of an account, and the address of its notifications.

use super::secret_requests::{figures, request, with_mail};
use crate::{
    http::{Answer, Client, secret_with},
    server::{Options, TestServer},
    trial,
};
use libtest_mimic::Trial;
use sealdrop::{
    config::SecretCreation,
    domain::notify::{self, Subscriber, mailbox::Mailbox},
};
use serde_json::{Value, json};

const PATH: &str = "/api/account";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::account::it_is_shown", it_is_shown),
        trial("api::account::notifications_go_where_it_says", notifications_go_where_it_says),
        trial("api::account::links_to_end_them_stay_good", links_to_end_them_stay_good),
        trial("api::account::bad_addresses_change_nothing", bad_addresses_change_nothing),
        trial("api::account::mail_is_refused_without_mail", mail_is_refused_without_mail),
        trial("api::account::viewers_see_the_display_name", viewers_see_the_display_name),
        trial("api::account::bad_display_names_change_nothing", bad_display_names_change_nothing),
        trial("api::account::every_call_needs_a_private_key", every_call_needs_a_private_key),
        trial("api::account::paths_and_methods", paths_and_methods),
    ]
}

fn put(client: &Client, body: &str) -> Answer {
    client.send("PUT", PATH, &[("content-type", "application/json")], body.as_bytes())
}

fn email(client: &Client) -> Value {
    let answer = client.get(PATH);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["notify_email"].clone()
}

fn it_is_shown() {
    let server = with_mail();
    server.client.create(json!({}));
    request(&server.client, json!({}));
    let answer = server.client.get(PATH);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shown = answer.json();
    let data = json!({
        "name": "tester", "notify_email": null, "display_name": null, "mail_ready": true,
        "owns_server": true, "webhooks": [],
    });
    assert_eq!(shown["data"], data);
    assert_eq!(figures(&shown), (1, 1, 1));
    let head = server.client.send("HEAD", PATH, &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(server.other_account().get(PATH).json()["data"]["name"], "other");
}

/// The sender in the look of a secret.
fn sender(client: &Client, id: &str) -> Value {
    let answer = client.with_key("").get(&format!("/api/public/secrets/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["sender"].clone()
}

fn viewers_see_the_display_name() {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    let server = TestServer::with(options);
    let (client, other) = (&server.client, server.other_account());
    let (id, others) = (client.create(json!({})), other.create(json!({})));
    assert_eq!(sender(client, &id), Value::Null);
    let answer = put(client, r#"{"display_name":"  Åsa & Bo <b>  "}"#);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"]["display_name"], "Åsa & Bo <b>");
    assert_eq!(client.get(PATH).json()["data"]["display_name"], "Åsa & Bo <b>");
    assert_eq!(sender(client, &id), "Åsa & Bo <b>");
    assert_eq!(sender(client, &others), Value::Null, "another account");
    assert_eq!(sender(client, &client.create(json!({}))), "Åsa & Bo <b>");
    // The owner of the account is not the sender of an answer to a request, nor of a secret without one.
    let asked = request(client, json!({}));
    let path = format!("/api/public/secret_requests/{asked}/secrets");
    let answered = client.with_key("").post(&path, &secret_with(json!({})));
    assert_eq!(answered.status, 201, "{}", answered.text());
    let answered = answered.json()["data"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(sender(client, &answered), Value::Null);
    let open = client.with_key("").post("/api/public/secrets", &secret_with(json!({}))).json();
    assert_eq!(sender(client, open["data"]["id"].as_str().expect("an id")), Value::Null);
    // An unrelated change keeps it; null and "" remove it.
    assert_eq!(
        put(client, r#"{"notify_email":null}"#).json()["data"]["display_name"],
        "Åsa & Bo <b>"
    );
    for none in [r#"{"display_name":null}"#, r#"{"display_name":""}"#] {
        assert_eq!(put(client, r#"{"display_name":"A"}"#).json()["data"]["display_name"], "A");
        assert_eq!(put(client, none).json()["data"]["display_name"], Value::Null);
        assert_eq!(sender(client, &id), Value::Null);
    }
}

fn bad_display_names_change_nothing() {
    let server = with_mail();
    let client = &server.client;
    assert_eq!(put(client, r#"{"display_name":"A"}"#).status, 200);
    let long = "x".repeat(61);
    for bad in ["   ", &long, "a\\nb", "a\\u0000", "a\\u202eb", "a\\u2066b", "a\\u2028b"] {
        let body = format!(r#"{{"notify_email":"me@example.org","display_name":"{bad}"}}"#);
        let answer = put(client, &body);
        assert_eq!(answer.error(), (422, json!("display_name")), "{bad}: {}", answer.text());
    }
    assert_eq!(put(client, r#"{"display_name":7}"#).error(), (422, json!("display_name")));
    let shown = client.get(PATH).json();
    assert_eq!(shown["data"]["display_name"], "A");
    assert_eq!(shown["data"]["notify_email"], Value::Null, "nothing was changed");
}

fn notifications_go_where_it_says() {
    let server = with_mail();
    let (client, other) = (&server.client, server.other_account());
    let answer = put(client, r#"{"notify_email":"me@example.org"}"#);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"]["notify_email"], "me@example.org");
    assert_eq!(figures(&answer.json()), (0, 0, 0));
    assert_eq!(email(client), "me@example.org");
    assert_eq!(email(&other), Value::Null);
    // Fields that the body does not have stay.
    for body in ["{}", r#"{"name":"mine"}"#] {
        let answer = put(client, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let data = &answer.json()["data"];
        assert_eq!(
            (&data["name"], &data["notify_email"]),
            (&json!("tester"), &json!("me@example.org"))
        );
    }
    let id = client.create(json!({}));
    assert_eq!(client.view(&id).status, 200);
    let waiting = crate::mail::waiting(&server);
    assert_eq!(waiting.len(), 1);
    for body in [r#"{"notify_email":null}"#, r#"{"notify_email":""}"#] {
        assert_eq!(put(client, r#"{"notify_email":"me@example.org"}"#).status, 200);
        let answer = put(client, body);
        assert_eq!((answer.status, &answer.json()["data"]["notify_email"]), (200, &Value::Null));
        assert_eq!(email(client), Value::Null);
    }
    let id = client.create(json!({}));
    assert_eq!(client.view(&id).status, 200);
    // The waiting mail may already be deleted, because it has no recipient any more.
    assert!(crate::mail::waiting(&server).len() <= 1, "no further notification");
}

fn links_to_end_them_stay_good() {
    let server = with_mail();
    let set = |email: &str| {
        let answer = put(&server.client, &json!({"notify_email": email}).to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let (account, email) = (server.account(), Mailbox::new(email).expect("an address"));
        notify::subscription(&server.app.store, Subscriber::Account(account), &email)
            .expect("a store")
            .expect("a subscription")
    };
    let first = set("me@example.org");
    // Set again, as by a page that sends all of its fields.
    assert!(set("me@example.org") == first);
    assert!(set("you@example.org") != first);
    assert!(set("me@example.org") != first);
}

fn bad_addresses_change_nothing() {
    let server = with_mail();
    let client = &server.client;
    assert_eq!(put(client, r#"{"notify_email":"me@example.org"}"#).status, 200);
    let long = format!("{}@example.org", "a".repeat(243));
    let wrong = [
        json!("me"),
        json!("a@example.org, b@example.org"),
        json!("Me <me@example.org>"),
        json!("me@[127.0.0.1]"),
        json!("m\u{e5}@example.org"),
        json!("me@example.org\r\nBcc: you@example.org"),
        json!(long),
        json!(5),
        json!(false),
        json!(["me@example.org"]),
    ];
    for value in wrong {
        let answer = put(client, &json!({"notify_email": value}).to_string());
        assert_eq!(answer.error(), (422, json!("notify_email")), "{value}");
        assert!(!answer.text().contains("example.com"), "{}", answer.text());
    }
    let twice = r#"{"notify_email":"a@example.org","notify_email":null}"#;
    assert_eq!(put(client, twice).error(), (422, json!("notify_email")));
    for body in ["", "[]", "null", "{"] {
        assert_eq!(put(client, body).error(), (400, Value::Null), "{body}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(client.send("PUT", PATH, &form, b"notify_email=").status, 415);
    let large = format!("{{\"x\":\"{}\"}}", "a".repeat(64 << 10));
    assert_eq!(put(client, &large).status, 413);
    assert_eq!(email(client), "me@example.org");
}

fn mail_is_refused_without_mail() {
    let server = TestServer::start();
    assert_eq!(server.client.get(PATH).json()["data"]["mail_ready"], false);
    let answer = put(&server.client, r#"{"notify_email":"me@example.org"}"#);
    assert_eq!(answer.error(), (422, json!("notify_email")));
    let text = "Notify email needs mail, which is not set up on this server";
    assert_eq!(answer.json()["error"]["message"], text);
    // Notifications can be ended even after mail was switched off.
    assert_eq!(put(&server.client, r#"{"notify_email":null}"#).status, 200);
}

fn every_call_needs_a_private_key() {
    let server = with_mail();
    let calls = [
        ("GET", "/api/account"),
        ("PUT", "/api/account"),
        ("POST", "/api/account/webhooks"),
        ("DELETE", "/api/account/webhooks/w1"),
        ("POST", "/api/account/webhooks/w1/test"),
    ];
    for (method, path) in calls {
        let call = |client: &Client| client.send(method, path, &[], b"{}").error();
        assert_eq!(call(&server.client.with_key("")), (401, Value::Null), "{method} {path}");
        assert_eq!(call(&server.public), (403, Value::Null), "{method} {path}");
        let unknown = server.client.with_key("private_key_of_nobody");
        assert_eq!(call(&unknown), (403, Value::Null), "{method} {path}");
    }
}

fn paths_and_methods() {
    let server = TestServer::start();
    // (path, allowed methods; none: 404)
    let cases = [
        ("/api/account", "GET, HEAD, PUT, OPTIONS"),
        ("/api/account/", "GET, HEAD, PUT, OPTIONS"),
        ("/api/account/webhooks", "POST, OPTIONS"),
        ("/api/account/webhooks/w1", "DELETE, OPTIONS"),
        ("/api/account/webhooks/w1/test/", "POST, OPTIONS"),
        ("/api/accounts", ""),
        ("/api/account/x", ""),
        ("/api/account//", ""),
        ("/api/account/webhooks//test", ""),
        ("/api/account/webhooks/w1/x", ""),
        ("/api/account/webhooks/w1/test/x", ""),
    ];
    for (path, allowed) in cases {
        let answer = server.client.send("OPTIONS", path, &[], b"");
        assert_eq!(answer.header("allow").unwrap_or_default(), allowed, "{path}");
        let expected = if allowed.is_empty() { 404 } else { 405 };
        assert_eq!(server.client.send("PATCH", path, &[], b"").status, expected, "{path}");
    }
}
