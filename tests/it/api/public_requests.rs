//! `/api/public/secret_requests`: the calls of a client with the link.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{
    entry, figures, large_ciphertext,
    not_found::whole,
    races::{at_once, count},
    secret_requests::{PATH, hand_over, handed_over, list, request, with_mail},
    seen, sweep,
};
use crate::{
    http::{Answer, Client, secret_with},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::public_requests::the_page_knows_what_it_needs", the_page_knows_what_it_needs),
        trial("api::public_requests::settings_flow_into_the_secret", settings_flow),
        trial("api::public_requests::both_keys_view_the_secret", both_keys_view_the_secret),
        trial("api::public_requests::bad_secrets_name_their_field", bad_secrets_name_their_field),
        trial("api::public_requests::the_public_half_is_for_mail_only", the_public_half),
        trial("api::public_requests::gone_ones_look_the_same", gone_ones_look_the_same),
        trial("api::public_requests::the_limit_is_exact", the_limit_is_exact),
        trial("api::public_requests::answers_and_a_deletion", answers_and_a_deletion),
        trial("api::public_requests::the_receivers_allowance", the_receivers_allowance),
        trial("api::public_requests::sixty_an_hour_from_an_address", sixty_an_hour),
        trial("api::public_requests::other_methods_are_405", other_methods_are_405),
    ]
}

fn path(id: &str) -> String {
    format!("/api/public/secret_requests/{id}")
}

fn look(server: &TestServer, id: &str) -> Answer {
    server.client.with_key("").get(&path(id))
}

fn the_page_knows_what_it_needs() {
    let server = with_mail();
    let plain = request(&server.client, json!({"description": "for us"}));
    let body = json!({
        "description": "for us", "message": "for you", "expiration": 3, "limit": 2,
        "send_to_email": "a@b.example", "secret_description": "what came",
        "secret_message": "as asked", "secret_expiration": 5, "secret_password": "p",
        "secret_max_views": 4,
    });
    let full = request(&server.client, body);
    let before = list(&server.client);
    let cases = [
        (
            &plain,
            json!({
                "id": plain, "message": null, "uses_left": 1, "send_to_email": null,
                "answer_key": null,
                "expires_at": "2026-11-29T12:00:00Z",
                "secret": {"expiration": 168, "max_views": 1, "password": false, "message": null},
            }),
        ),
        (
            &full,
            json!({
                "id": full, "message": "for you", "uses_left": 2, "send_to_email": "a@b.example",
                "answer_key": null,
                "expires_at": "2026-11-22T15:00:00Z",
                "secret": {
                    "expiration": 5, "max_views": 4, "password": true, "message": "as asked",
                },
            }),
        ),
    ];
    for (id, expected) in cases {
        for _ in 0..3 {
            let answer = look(&server, id);
            assert_eq!((answer.status, answer.json()), (200, json!({"data": expected})));
        }
        let head = server.client.with_key("").send("HEAD", &path(id), &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(look(&server, &id.to_uppercase()).json(), json!({"data": expected}));
    }
    assert_eq!(list(&server.client), before, "looking spends nothing");
    let part = json!({"password_part_public": "YQ=="});
    assert_eq!(hand_over(&server, &full, part).status, 201);
    assert_eq!(look(&server, &full).json()["data"]["uses_left"], json!(1));
}

fn settings_flow() {
    let server = TestServer::start();
    let body = json!({
        "description": "of the request", "message": "of the request", "limit": 2,
        "secret_description": "what came", "secret_message": "as asked", "secret_expiration": 5,
        "secret_password": "p", "secret_max_views": 2,
    });
    let id = request(&server.client, body);
    server.clock.advance(3600);
    let answer = hand_over(&server, &id, json!({}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let secret = answer.json()["data"]["id"].as_str().expect("an id").to_owned();
    let data = json!({"id": secret, "expires_at": "2026-11-22T18:00:00Z", "draft": false});
    assert_eq!(answer.json(), json!({"data": data}), "no usage of the account");
    let item = entry(&server.client, &secret);
    let expected = json!({
        "id": secret, "created_at": "2026-11-22T13:00:00Z", "message": "as asked",
        "description": "what came", "view_button": false, "captcha": false, "password": true,
        "expiration": 5, "expires_at": "2026-11-22T18:00:00Z", "expired": false, "locked": false,
        "view_times": 0, "max_views": 2, "views": [],
    });
    for (field, value) in expected.as_object().expect("an object") {
        assert_eq!(&item[field], value, "{field}");
    }
    // Settings in the body of a sender are ignored.
    let more = json!({"description": "mine", "message": "mine", "max_views": 100, "password": "q"});
    let second = hand_over(&server, &id, more).json()["data"]["id"].clone();
    let second = entry(&server.client, second.as_str().expect("an id"));
    for field in ["description", "message", "max_views", "password", "expiration"] {
        assert_eq!(second[field], item[field], "{field}");
    }

    assert_eq!(server.public.view(&secret).error(), (403, json!("password")));
    let view = |password: &str| {
        let headers = [("secret-password", password)];
        server.public.send("GET", &format!("/api/secrets/{secret}"), &headers, b"")
    };
    assert_eq!(view("wrong").error(), (403, json!("password")));
    let seen = view("p");
    assert_eq!((seen.status, &seen.json()["data"]["message"]), (200, &json!("as asked")));
    assert_eq!(view("p").status, 200);
    assert_eq!(view("p").status, 404, "two views are allowed");
}

fn both_keys_view_the_secret() {
    let server = TestServer::start();
    let other = server.other_account();
    let id = request(&server.client, json!({"limit": 4}));
    for (ciphertext, client) in [
        (None, &server.client),
        (None, &server.public),
        (Some(large_ciphertext()), &server.client),
        (Some(large_ciphertext()), &server.public),
    ] {
        let mut sent = secret_with(json!({"password_part_private": "cHJpdmF0ZQ"}));
        if let Some(ciphertext) = ciphertext {
            sent["ciphertext"] = json!(ciphertext);
        }
        let answer = hand_over(&server, &id, sent.clone());
        assert_eq!(answer.status, 201, "{}", answer.text());
        let secret = answer.json()["data"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(other.view(&secret).status, 404, "another account's");
        let data = client.view(&secret).json()["data"].clone();
        let expected = json!({
            "id": secret, "ciphertext": sent["ciphertext"], "message": null,
            "password_part_private": "cHJpdmF0ZQ",
        });
        assert_eq!(data, expected);
        assert_eq!(client.view(&secret).status, 404);
    }
    assert_eq!(figures(&seen(&server.client)), (4, 4, 1_000_000));
}

fn bad_secrets_name_their_field() {
    let mut options = Options::default();
    options.rules.max_ciphertext = 4096;
    let server = TestServer::with(options);
    let id = request(&server.client, json!({}));
    let cases = [
        (json!({"ciphertext": null}), 422, "ciphertext", "can't be blank"),
        (json!({"ciphertext": 5}), 422, "ciphertext", "must be a string"),
        (json!({"ciphertext": "*"}), 422, "ciphertext", "base64"),
        (json!({"ciphertext": "YWFh"}), 422, "ciphertext", "SJCL"),
        (json!({"ciphertext": "YWFh".repeat(1025)}), 413, "ciphertext", "4096"),
        (json!({"chiffertext": "YWFh"}), 422, "ciphertext", "more than once"),
        (json!({"password_part_private": ""}), 422, "password_part_private", "can't be blank"),
        (json!({"password_part_private": "*"}), 422, "password_part_private", "base64"),
    ];
    for (more, status, field, says) in cases {
        let answer = hand_over(&server, &id, more.clone());
        assert_eq!(answer.error(), (status, json!(field)), "{more}: {}", answer.text());
        assert!(answer.text().contains(says), "{more}: {}", answer.text());
    }
    let to = format!("{}/secrets", path(&id));
    let json_type = ("content-type", "application/json");
    for (header, body, status) in [
        (json_type, &b""[..], 400),
        (json_type, b"[]", 400),
        (("content-type", "text/plain"), b"{}", 415),
        (json_type, &[b'a'; 100_000], 413),
    ] {
        let answer = server.client.with_key("").send("POST", &to, &[header], body);
        assert_eq!(answer.error(), (status, json!(null)), "{}", answer.text());
    }
    assert_eq!(look(&server, &id).json()["data"]["uses_left"], json!(1), "nothing was spent");
    assert_eq!(figures(&seen(&server.client)), (0, 0, 1_000_000));
    handed_over(&server, &id);
}

fn the_public_half() {
    let server = with_mail();
    let plain = request(&server.client, json!({}));
    let mailed = request(&server.client, json!({"send_to_email": "a@b.example"}));
    let part = |part: Value| json!({"password_part_public": part});
    // (request, body, status)
    let cases = [
        (&plain, part(json!("YQ==")), 422),
        (&plain, part(json!("*")), 422),
        (&plain, part(json!(5)), 422),
        (&mailed, json!({}), 422),
        (&mailed, part(json!(null)), 422),
        (&mailed, part(json!("")), 422),
        (&mailed, part(json!("*")), 422),
        (&mailed, part(json!("a\r\nb")), 422),
        (&mailed, part(json!("YWFh".repeat(257))), 422),
        (&mailed, part(json!(["YQ=="])), 422),
        (&mailed, part(json!("YQ==")), 201),
        (&plain, part(json!("")), 201),
    ];
    for (id, more, status) in cases {
        let answer = hand_over(&server, id, more.clone());
        assert_eq!(answer.status, status, "{more}: {}", answer.text());
        if status == 422 {
            assert_eq!(answer.error().1, json!("password_part_public"), "{more}");
        }
    }
    assert_eq!(figures(&seen(&server.client)), (2, 2, 1_000_000));
}

fn gone_ones_look_the_same() {
    let server = TestServer::start();
    let never = look(&server, "none");
    assert_eq!(never.json(), json!({"error": {"message": "Not found", "field": null}}));
    let never = whole(&never);
    let other = server.other_account();
    let create = |more| request(&server.client, more);
    let expired = create(json!({"expiration": 1, "message": "m", "secret_password": "p"}));
    let swept = create(json!({"expiration": 1}));
    let used_up = create(json!({}));
    let deleted = create(json!({}));
    let dying = request(&other, json!({}));
    let live = create(json!({"expiration": 9}));
    handed_over(&server, &used_up);
    assert_eq!(server.client.delete(&format!("{PATH}/{deleted}")).status, 200);
    let store = &server.app.store;
    sealdrop::domain::operator::delete_account(store, "other", server.clock.now())
        .expect("a deletion");
    server.clock.advance(3599);
    assert_eq!(look(&server, &expired).status, 200);
    server.clock.advance(1);
    let changed = live.replace(&live[..1], if live.starts_with('a') { "b" } else { "a" });
    let check = |ids: &[&str]| {
        for id in ids {
            assert_eq!(whole(&look(&server, id)), never, "{id}");
            // Before any of the body is read.
            for more in [json!({}), json!({"ciphertext": "*"})] {
                assert_eq!(whole(&hand_over(&server, id, more)), never, "{id}");
            }
        }
    };
    let random = "5e976e6e-d205-4f58-8df9-5ac0048bc702";
    let plain = live.replace('-', "");
    let long = "a".repeat(8000);
    check(&[&expired, &used_up, &deleted, &dying, &changed, random, &plain, &live[..35], &long]);
    sweep(&server);
    check(&[&swept, &expired]);
    server.clock.advance(91 * 24 * 3600);
    sweep(&server);
    check(&[&swept, &expired, &used_up]);
    assert_eq!(list(&server.client)["data"], json!([]));
}

fn the_limit_is_exact() {
    let server = TestServer::start();
    for limit in [1, 3] {
        for _ in 0..3 {
            let id = request(&server.client, json!({"limit": limit}));
            let before = figures(&seen(&server.client)).1;
            let statuses = at_once(20, |_| {
                // Each with a connection of its own.
                let client = Client::new(server.client.base.clone(), "");
                client.post(&format!("{}/secrets", path(&id)), &secret_with(json!({}))).status
            });
            assert_eq!(count(&statuses, 201), limit, "{statuses:?}");
            assert_eq!(count(&statuses, 404), 20 - limit, "{statuses:?}");
            let item = &list(&server.client)["data"][0];
            assert_eq!(item["used"], json!(limit));
            assert_eq!(item["secrets"].as_array().map(Vec::len), Some(limit));
            assert_eq!(figures(&seen(&server.client)).1, before + limit as u64);
        }
    }
}

fn answers_and_a_deletion() {
    let server = TestServer::start();
    let id = request(&server.client, json!({"limit": 1000}));
    let statuses = at_once(20, |number| match number {
        10 | 11 => server.client.delete(&format!("{PATH}/{id}")).status + 1000,
        _ => hand_over(&server, &id, json!({})).status,
    });
    assert_eq!((count(&statuses, 1200), count(&statuses, 1404)), (1, 1), "{statuses:?}");
    let made = count(&statuses, 201);
    assert_eq!(made + count(&statuses, 404), 18, "{statuses:?}");
    assert_eq!(figures(&seen(&server.client)), (made as u64, made as u64, 1_000_000));
}

fn the_receivers_allowance() {
    let server = TestServer::with(Options { allowance: 4321, ..Options::default() });
    let small = server.other_account();
    let id = request(&small, json!({"limit": 11, "expiration": 350}));
    for _ in 0..10 {
        handed_over(&server, &id);
    }
    let refused = hand_over(&server, &id, json!({}));
    assert_eq!(refused.error(), (403, json!(null)));
    let text = refused.text();
    assert!(!text.contains(|c: char| c.is_ascii_digit()), "tells a number: {text}");
    assert_eq!(look(&server, &id).json()["data"]["uses_left"], json!(1));
    assert_eq!(small.post("/api/secrets", &secret_with(json!({}))).status, 403, "they are one");
    // The next month has a new allowance.
    server.clock.advance(9 * 24 * 3600);
    handed_over(&server, &id);
}

fn sixty_an_hour() {
    let options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
    let server = TestServer::with(options);
    let id = request(&server.client, json!({"limit": 200}));
    let gone = "5e976e6e-d205-4f58-8df9-5ac0048bc702";
    let from = |address: &str, id: &str, more: Value| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        let body = secret_with(more).to_string();
        let to = format!("{}/secrets", path(id));
        server.client.with_key("").send("POST", &to, &headers, body.as_bytes())
    };
    for number in 0..60 {
        // A failed request submits nothing.
        let wrong = from("2001:db8:0:1::1", &id, json!({"ciphertext": "*"}));
        assert_eq!(wrong.status, 422, "{number}");
        assert_eq!(from("2001:db8:0:1::1", gone, json!({})).status, 404);
        assert_eq!(from("2001:db8:0:1::1", &id, json!({})).status, 201, "{number}");
    }
    server.clock.advance(100);
    let refused = from("2001:db8:0:1:ffff::2", &id, json!({}));
    assert_eq!(refused.error(), (429, json!(null)), "a neighbour in the same /64");
    assert_eq!(refused.header("retry-after"), Some("3500"));
    assert!(!refused.text().contains("password"), "{}", refused.text());
    assert_eq!(from("2001:db8:0:2::1", &id, json!({})).status, 201);
    assert_eq!(look(&server, &id).status, 200, "looking is free");
    assert_eq!(list(&server.client)["data"][0]["used"], json!(61));
    server.clock.advance(3500);
    assert_eq!(from("2001:db8:0:1::1", &id, json!({})).status, 201);
}

fn other_methods_are_405() {
    let server = TestServer::start();
    let id = request(&server.client, json!({}));
    let (look, answer) = (path(&id), format!("{}/secrets", path(&id)));
    for (path, allowed) in [(&look, "GET, HEAD, DELETE, OPTIONS"), (&answer, "POST, OPTIONS")] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            if !allowed.contains(method) {
                let refused = server.client.with_key("").send(method, path, &[], b"");
                assert_eq!(refused.status, 405, "{method} {path}");
                assert_eq!(refused.header("allow"), Some(allowed), "{method} {path}");
            }
        }
        let options = server.client.with_key("").send("OPTIONS", path, &[], b"");
        assert_eq!((options.status, options.header("allow")), (204, Some(allowed)));
        let cors = options.header("access-control-allow-headers");
        assert!(cors.is_some_and(|names| names.contains("Content-Type")), "{cors:?}");
    }
    for path in ["/api/public/secret_requests//secrets", "/api/public"] {
        assert_eq!(server.client.get(path).status, 404, "{path}");
    }
}
