//! `/api/public`: the calls of a client with a link.

use libtest_mimic::Trial;
use sealdrop::store::StoreError;
use serde_json::{Value, json};

use super::{entry, not_found::whole, seen, sweep};
use crate::{
    http::{Answer, Client},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::public::looking_never_spends", looking_never_spends),
        trial("api::public::a_message_before_the_view", a_message_before_the_view),
        trial("api::public::passwords_are_limited_as_ever", passwords_are_limited_as_ever),
        trial("api::public::all_404s_look_the_same", all_404s_look_the_same),
        trial("api::public::wrong_requests_change_nothing", wrong_requests_change_nothing),
        trial("api::public::any_page_may_ask", any_page_may_ask),
        trial("api::public::the_log_is_in_order", the_log_is_in_order),
    ]
}

/// A client without a key.
pub(super) fn anybody(server: &TestServer) -> Client {
    server.client.with_key("")
}

pub(crate) fn look(client: &Client, id: &str) -> Answer {
    client.get(&format!("/api/public/secrets/{id}"))
}

pub(crate) fn view(client: &Client, id: &str, body: Value) -> Answer {
    client.post(&format!("/api/public/secrets/{id}/view"), &body)
}

pub(super) fn burn(client: &Client, id: &str, lease: &str) -> Answer {
    client.post(&format!("/api/public/secrets/{id}/burn"), &json!({"lease": lease}))
}

/// The token of a view's lease.
pub(crate) fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["lease"]["token"].as_str().expect("a token").to_owned()
}

/// Waits until late attempts are recorded, which happens in the background.
pub(super) fn settle(server: &TestServer) {
    server.app.store.change(|_| Ok::<_, StoreError>(())).wait().expect("an open store");
}

/// The kinds of events in the secret's log.
pub(super) fn events(server: &TestServer, id: &str) -> Vec<String> {
    settle(server);
    let log = entry(&server.client, id)["events"].clone();
    let kind = |event: &Value| event["event"].as_str().expect("a kind").to_owned();
    log.as_array().expect("a log").iter().map(kind).collect()
}

fn looking_never_spends() {
    let server = TestServer::start();
    let client = anybody(&server);
    let fields = json!({
        "view_button": true, "captcha": true, "password": "p", "message": "m", "description": "d",
        "expiration": 2,
    });
    let id = server.client.create(fields);
    let path = format!("/api/public/secrets/{id}");
    let expected = json!({"data": {
        "id": id, "view_button": true, "captcha": true, "password": true, "views_left": 1,
        "expires_at": "2026-11-22T14:00:00Z", "message": null, "sender": null, "attachments": [],
    }});
    let agents = ["Slackbot-LinkExpanding 1.0", "facebookexternalhit/1.1", "curl/8.0"];
    for number in 0..30 {
        server.clock.advance(1);
        let agent = [("user-agent", agents[number % 3])];
        let answer = client.send("GET", &path, &agent, b"");
        assert_eq!((answer.status, answer.json()), (200, expected.clone()));
        assert_eq!(client.send("HEAD", &path, &agent, b"").status, 405);
        assert_eq!(client.send("OPTIONS", &path, &agent, b"").status, 204);
    }
    let found = entry(&server.client, &id);
    assert_eq!((&found["view_times"], &found["views"]), (&json!(0), &json!([])));
    let log = found["events"].as_array().expect("a log");
    assert_eq!(log.len(), 30);
    let first = json!({
        "event": "opened", "at": "2026-11-22T12:00:01Z", "ip": "127.0.0.1", "user_agent": agents[0],
    });
    assert_eq!((&log[0], &log[29]["at"]), (&first, &json!("2026-11-22T12:00:30Z")));

    // The client of the look does not matter.
    let plain = server.client.create(json!({}));
    (0..30).for_each(|_| assert_eq!(look(&client, &plain).status, 200));
    assert_eq!(look(&client, &plain).json()["data"]["password"], json!(false));
    assert_eq!(view(&client, &plain, json!({})).status, 200);
}

fn a_message_before_the_view() {
    let server = TestServer::start();
    let client = anybody(&server);
    // (fields, message in the look)
    let cases = [
        (json!({"message": "m", "message_shown": "before"}), json!("m")),
        (json!({"message": "m", "message_shown": "with"}), json!(null)),
        (json!({"message": "m"}), json!(null)),
        (json!({"message_shown": "before"}), json!(null)),
    ];
    for (fields, shown) in cases {
        let id = server.client.create(fields.clone());
        let looked = look(&client, &id);
        assert_eq!(looked.json()["data"]["message"], shown, "{fields}");
        let expected = fields["message_shown"].as_str().unwrap_or("with");
        assert_eq!(entry(&server.client, &id)["message_shown"], expected, "{fields}");
        assert_eq!(view(&client, &id, json!({})).json()["data"]["message"], fields["message"]);
        // The message is gone from the look with the secret.
        assert_eq!(look(&client, &id).status, 404);
    }
    let guarded =
        server.client.create(json!({"message": "m", "message_shown": "with", "password": "p"}));
    let refused = view(&client, &guarded, json!({"password": "wrong"}));
    assert_eq!(refused.status, 403);
    assert!(!refused.text().contains("\"m\""), "{}", refused.text());
}

fn passwords_are_limited_as_ever() {
    let options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
    let server = TestServer::with(options);
    let client = anybody(&server);
    let id = server.client.create(json!({"password": "p", "max_views": 9}));
    let path = format!("/api/public/secrets/{id}/view");
    let from = |address: &str, body: Value| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        client.send("POST", &path, &headers, body.to_string().as_bytes())
    };
    for body in [json!({}), json!({"password": null}), json!({"password": ""})] {
        let answer = from("198.51.100.1", body);
        assert_eq!(answer.error(), (403, json!("password")));
        assert!(answer.text().contains("required"), "{}", answer.text());
    }
    for _ in 0..10 {
        let answer = from("198.51.100.1", json!({"password": "wrong"}));
        assert_eq!(answer.error(), (403, json!("password")));
    }
    let refused = from("198.51.100.1", json!({"password": "p"}));
    assert_eq!(refused.error(), (429, json!("password")));
    assert_eq!(refused.header("retry-after"), Some("3600"));
    assert_eq!(entry(&server.client, &id)["view_times"], json!(0));
    let right = from("198.51.100.2", json!({"password": "p"}));
    let lease = token(&right);
    // With the lease the password is not needed again, whatever the field contains.
    for body in [json!({"lease": lease}), json!({"lease": lease, "password": "wrong"})] {
        assert_eq!(from("198.51.100.1", body).body, right.body);
    }
    assert_eq!(entry(&server.client, &id)["view_times"], json!(1));
}

fn all_404s_look_the_same() {
    let server = TestServer::start();
    let client = anybody(&server);
    let create = |more| server.client.create(more);
    let expired = create(json!({"expiration": 1}));
    let expired_and_guarded = create(json!({"expiration": 1, "password": "p", "captcha": true}));
    let used_up = create(json!({"expiration": 9}));
    let burned = create(json!({"expiration": 9}));
    let lease_over = create(json!({"expiration": 9}));
    let deleted = create(json!({"expiration": 9}));
    let leased = create(json!({"expiration": 9}));
    assert_eq!(server.client.view(&used_up).status, 200);
    let lease = token(&view(&client, &burned, json!({})));
    assert_eq!(burn(&client, &burned, &lease).status, 200);
    view(&client, &lease_over, json!({"lease": lease}));
    assert_eq!(server.client.delete(&format!("/api/secrets/{deleted}")).status, 200);
    server.clock.advance(3600);
    assert_eq!(view(&client, &leased, json!({})).status, 200);

    let never = whole(&server.client.get("/api/secrets/none"));
    let mut one_off = leased.clone().into_bytes();
    one_off[20] = if one_off[20] == b'x' { b'y' } else { b'x' };
    let one_off = String::from_utf8(one_off).expect("letters");
    let gone = [
        ("never was", "z"),
        ("never was", &one_off),
        ("expired", &expired),
        ("expired, with password and captcha", &expired_and_guarded),
        ("used up", &used_up),
        ("burned", &burned),
        ("lease over", &lease_over),
        ("deleted", &deleted),
        ("leased by another", &leased),
    ];
    let bodies = [
        json!({}),
        json!({"lease": lease}),
        json!({"password": "p", "captcha": "e30="}),
        json!({"lease": "another-token-of-22-letters-or-more"}),
    ];
    for swept in [false, true] {
        for (what, id) in gone {
            assert_eq!(whole(&look(&client, id)), never, "{what}: looked at, {swept}");
            for body in &bodies {
                let answer = view(&client, id, body.clone());
                assert_eq!(whole(&answer), never, "{what}: viewed with {body}, {swept}");
            }
            assert_eq!(whole(&burn(&client, id, &lease)), never, "{what}: burned, {swept}");
            let manage = [("manage-token", lease.as_str())];
            for (method, call) in [("GET", "/status"), ("DELETE", "")] {
                let path = format!("/api/public/secrets/{id}{call}");
                assert_eq!(whole(&client.send(method, &path, &manage, b"")), never, "{what}");
            }
        }
        sweep(&server);
    }
}

fn wrong_requests_change_nothing() {
    let server = TestServer::start();
    let client = anybody(&server);
    let id = server.client.create(json!({}));
    let before = seen(&server.client);
    let path = format!("/api/public/secrets/{id}/view");
    let json_type = ("content-type", "application/json");
    for range in ["bytes=0-", "lines=1-2", ""] {
        let answer = client.send("POST", &path, &[json_type, ("range", range)], b"{}");
        assert_eq!(answer.error(), (416, json!(null)), "{range}");
    }
    let long = json!({"password": "p".repeat(65 << 10)});
    assert_eq!(view(&client, &id, long.clone()).status, 413);
    assert_eq!(client.post(&format!("/api/public/secrets/{id}/burn"), &long).status, 413);
    for body in ["", "[]", "{", "null"] {
        assert_eq!(client.send("POST", &path, &[json_type], body.as_bytes()).status, 400, "{body}");
    }
    let answer = client.send("POST", &path, &[("content-type", "text/plain")], b"{}");
    assert_eq!(answer.status, 415);
    for token in [json!("short"), json!(5), json!("x".repeat(65)), json!("x y".repeat(8))] {
        let answer = view(&client, &id, json!({"lease": token}));
        assert_eq!(answer.error(), (422, json!("lease")), "{token}");
        let path = format!("/api/public/secrets/{id}/burn");
        let answer = client.post(&path, &json!({"lease": token}));
        assert_eq!(answer.error(), (422, json!("lease")), "{token}");
    }
    for body in [json!({}), json!({"lease": ""}), json!({"lease": null})] {
        let answer = client.post(&format!("/api/public/secrets/{id}/burn"), &body);
        assert_eq!(answer.error(), (422, json!("lease")), "{body}");
    }
    for field in ["password", "captcha"] {
        let answer = view(&client, &id, json!({field: 5}));
        assert_eq!(answer.error(), (422, json!(field)));
    }
    for tail in ["", "/x", "/captcha/x", "/secrets/a/b", "/secrets/a/view/b"] {
        let answer = client.get(&format!("/api/public{tail}"));
        assert_eq!(answer.error(), (404, json!(null)), "{tail}");
    }
    assert_eq!(seen(&server.client), before);
}

fn any_page_may_ask() {
    let server = TestServer::start();
    let client = anybody(&server);
    let id = server.client.create(json!({}));
    let before = seen(&server.client);
    let secret = format!("/api/public/secrets/{id}");
    // (path, allowed methods)
    let cases = [
        ("/api/public/captcha".to_owned(), "GET, OPTIONS"),
        ("/api/public/secrets".to_owned(), "POST, OPTIONS"),
        (secret.clone(), "GET, PATCH, DELETE, OPTIONS"),
        (format!("{secret}/view"), "POST, OPTIONS"),
        (format!("{secret}/burn"), "POST, OPTIONS"),
        (format!("{secret}/status"), "GET, OPTIONS"),
    ];
    for (path, allowed) in cases {
        let headers = [
            ("origin", "https://example.org"),
            ("access-control-request-method", allowed.split(',').next().expect("a method")),
            ("access-control-request-headers", "content-type,manage-token"),
        ];
        let answer = client.send("OPTIONS", &path, &headers, b"");
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allowed)), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some(allowed));
        let names = answer.header("access-control-allow-headers");
        assert_eq!(names, Some("Content-Type, Manage-Token"));
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW"] {
            if !allowed.split(", ").any(|name| name == method) {
                let answer = client.send(method, &path, &[], b"");
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
            }
        }
    }
    assert_eq!(seen(&server.client), before);
}

fn the_log_is_in_order() {
    let server = TestServer::start();
    let client = anybody(&server);
    let [burned, over] = [(); 2].map(|()| server.client.create(json!({})));
    for (number, id) in [&burned, &over].into_iter().enumerate() {
        assert_eq!(look(&client, id).status, 200);
        server.clock.advance(1);
        let lease = token(&view(&client, id, json!({})));
        server.clock.advance(1);
        assert_eq!(view(&client, id, json!({})).status, 404, "another viewer");
        if number == 0 {
            assert_eq!(burn(&client, id, &lease).status, 200);
        }
        server.clock.advance(60);
        // Not swept yet, and still the end is recorded before the attempt.
        assert_eq!(look(&client, id).status, 404);
        assert_eq!(server.public.view(id).status, 404);
    }
    assert_eq!(
        events(&server, &burned),
        ["opened", "tried_after", "burned", "tried_after", "tried_after"]
    );
    assert_eq!(
        events(&server, &over),
        ["opened", "tried_after", "lease_ended", "tried_after", "tried_after"]
    );
    let found = entry(&server.client, &over);
    assert_eq!(found["views"].as_array().map(Vec::len), Some(1), "only real views are views");
    let at = |index: usize| found["events"][index]["at"].as_str().expect("a time");
    let times: Vec<&str> = (0..5).map(at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let ended = json!({"event": "lease_ended", "at": times[2], "ip": null, "user_agent": null});
    assert_eq!(found["events"][2], ended);
    // An expired secret is a late attempt as well; another account's key makes no difference.
    let expired = server.client.create(json!({"expiration": 1, "max_views": 2}));
    let other = server.other_account();
    assert_eq!(other.view(&expired).status, 404);
    server.clock.advance(3600);
    assert_eq!(other.view(&expired).status, 404);
    assert_eq!(events(&server, &expired), ["tried_after"]);
    // The sweep adds nothing to a secret that has ended already.
    sweep(&server);
    assert_eq!(events(&server, &burned).len() + events(&server, &over).len(), 10);
}
