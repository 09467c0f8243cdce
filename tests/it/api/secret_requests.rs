//! `/api/secret_requests`: the calls of the owner of a request.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{ids, not_found::whole};
use crate::{
    http::{Answer, Client, secret_with},
    mail::mailer,
    server::{Options, TestServer},
    trial,
};

pub(crate) const PATH: &str = "/api/secret_requests";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::requests::the_documents_fields_are_listed", the_documents_fields_are_listed),
        trial("api::requests::good_values_come_back", good_values_come_back),
        trial("api::requests::bad_values_name_their_field", bad_values_name_their_field),
        trial("api::requests::mail_is_refused_without_mail", mail_is_refused_without_mail),
        trial("api::requests::bodies_are_json_objects_or_none", bodies_are_json_objects_or_none),
        trial("api::requests::every_call_needs_a_private_key", every_call_needs_a_private_key),
        trial("api::requests::delete_keeps_the_secrets", delete_keeps_the_secrets),
        trial("api::requests::gone_ones_look_the_same", gone_ones_look_the_same),
    ]
}

/// A server that sends mail, to a mail server at port 1, where no server listens.
pub(crate) fn with_mail() -> TestServer {
    TestServer::with(Options { mailer: Some(mailer(1, &[])), ..Options::default() })
}

/// Creates a request and returns its id.
pub(crate) fn request(client: &Client, body: Value) -> String {
    let answer = client.post(PATH, &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"]["id"].as_str().expect("an id").to_owned()
}

/// Submits a secret through a request, without a key.
pub(super) fn hand_over(server: &TestServer, id: &str, more: Value) -> Answer {
    let path = format!("/api/public/secret_requests/{id}/secrets");
    server.client.with_key("").post(&path, &secret_with(more))
}

/// As [`hand_over`], if it must succeed. Returns the secret's id.
pub(crate) fn handed_over(server: &TestServer, id: &str) -> String {
    let answer = hand_over(server, id, json!({}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"]["id"].as_str().expect("an id").to_owned()
}

pub(super) fn list(client: &Client) -> Value {
    let answer = client.get(PATH);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// `(secrets_total, secrets_usage, secret_requests_total)`; the allowances are those of the test.
pub(super) fn figures(answer: &Value) -> (u64, u64, u64) {
    let metadata = answer["metadata"].as_object().expect("metadata");
    assert_eq!(metadata.len(), 5, "{metadata:?}");
    let figure = |name: &str| metadata[name].as_u64().expect("an integer");
    assert_eq!(figure("secrets_allowance"), 1_000_000);
    assert_eq!(figure("secret_requests_allowance"), 10_000);
    (figure("secrets_total"), figure("secrets_usage"), figure("secret_requests_total"))
}

fn the_documents_fields_are_listed() {
    let server = with_mail();
    let body = json!({
        "description": "for us", "message": "for you", "expiration": "3", "limit": 2,
        "send_request_to_email": "you@example.com", "send_to_email": "example@example.com",
        "secret_description": "what came", "secret_message": "as asked", "secret_expiration": 5,
        "secret_password": "p", "secret_max_views": 4,
    });
    let answer = server.client.post(PATH, &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let created = answer.json();
    assert_eq!(created.as_object().expect("an object").len(), 2);
    assert_eq!(figures(&created), (0, 0, 1));
    let data = created["data"].as_object().expect("an object");
    assert_eq!(data.len(), 1);
    let id = data["id"].as_str().expect("an id");
    let digits: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(digits, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(id.as_bytes()[14], b'4', "version 4: {id}");

    let expected = json!([{
        "id": id, "description": "for us", "message": "for you", "expiration": 3, "limit": 2,
        "send_to_email": "example@example.com", "secret_description": "what came",
        "secret_message": "as asked", "secret_expiration": 5, "secret_max_views": 4,
        "secret_password": true, "template_id": null,
        "created_at": "2026-11-22T12:00:00Z", "expires_at": "2026-11-22T15:00:00Z", "used": 0,
        "expired": false, "secrets": [],
    }]);
    let listed = list(&server.client);
    assert_eq!(listed["data"], expected);
    assert_eq!(figures(&listed), (0, 0, 1));

    let part = json!({"password_part_public": "YQ=="});
    let answer = hand_over(&server, id, part.clone());
    assert_eq!(answer.status, 201, "{}", answer.text());
    let first = answer.json()["data"]["id"].clone();
    server.clock.advance(3 * 3600 - 1);
    let second = hand_over(&server, id, part).json()["data"]["id"].clone();
    server.clock.advance(1);
    let listed = list(&server.client);
    assert_eq!(figures(&listed), (2, 2, 1));
    let item = &listed["data"][0];
    assert_eq!((&item["used"], &item["expired"]), (&json!(2), &json!(true)));
    assert_eq!(item["secrets"], json!([first, second]), "in their order");
    let secrets = server.client.get("/api/secrets").json();
    assert_eq!(ids(&secrets), [second.as_str().unwrap(), first.as_str().unwrap()]);
}

fn good_values_come_back() {
    let server = with_mail();
    let long = "\u{1f511}".repeat(1000);
    let address = format!("{}@{}.example.org", "a".repeat(64), "b".repeat(63));
    let mut cases = vec![
        (json!({}), "limit", json!(1)),
        (json!({}), "expiration", json!(168)),
        (json!({}), "expires_at", json!("2026-11-29T12:00:00Z")),
        (json!({}), "secret_expiration", json!(168)),
        (json!({}), "secret_max_views", json!(1)),
        (json!({}), "secret_password", json!(false)),
        (json!({}), "send_to_email", json!(null)),
        (json!({"send_to_email": address}), "send_to_email", json!(address)),
        (json!({"send_to_email": ""}), "send_to_email", json!(null)),
        (json!({"send_request_to_email": ""}), "send_to_email", json!(null)),
        (json!({"send_request_to_email": "a@b.example"}), "send_to_email", json!(null)),
        (json!({"secret_password": ""}), "secret_password", json!(false)),
        (json!({"secret_password": null}), "secret_password", json!(false)),
        (json!({"secret_password": "\u{1f511}".repeat(1000)}), "secret_password", json!(true)),
        (json!({"unknown": {"deep": [1]}, "template_id": 7, "id": "mine"}), "limit", json!(1)),
    ];
    for field in ["description", "message", "secret_description", "secret_message"] {
        for (given, kept) in [
            (json!(long), json!(long)),
            (json!("a \u{e5}\u{0}\n"), json!("a \u{e5}\u{0}\n")),
            (json!(""), json!(null)),
            (json!(null), json!(null)),
        ] {
            cases.push((json!({field: given}), field, kept));
        }
        cases.push((json!({}), field, json!(null)));
    }
    for (field, most, absent) in [
        ("limit", 1000, 1),
        ("expiration", 350, 168),
        ("secret_expiration", 350, 168),
        ("secret_max_views", 100, 1),
    ] {
        for (given, kept) in [
            (json!(1), 1),
            (json!(most), most),
            (json!("3"), 3),
            (json!(most.to_string()), most),
            (json!(""), absent),
            (json!(null), absent),
        ] {
            cases.push((json!({field: given}), field, json!(kept)));
        }
    }
    for field in ["expiration", "secret_expiration"] {
        cases.push((json!({field: 0}), field, json!(168)));
        cases.push((json!({field: "0"}), field, json!(168)));
    }
    for (body, field, expected) in cases {
        let id = request(&server.client, body.clone());
        let newest = &list(&server.client)["data"][0];
        assert_eq!(newest["id"], json!(id));
        assert_eq!(newest[field], expected, "{field} of {body}");
    }
}

fn bad_values_name_their_field() {
    let server = with_mail();
    request(&server.client, json!({"description": "there before"}));
    let before = list(&server.client);
    let too_long = "\u{e5}".repeat(1001);
    let mut cases = vec![
        ("limit", vec![json!(0), json!("0"), json!(1001), json!(65537)], "between 1 and 1000"),
        ("secret_max_views", vec![json!(0), json!(101), json!("257")], "between 1 and 100"),
        ("secret_password", vec![json!(5), json!(true), json!([])], "must be a string"),
        ("secret_password", vec![json!(too_long)], "1000 characters"),
        ("secret_password", vec![json!("p\nq"), json!("p\u{7}q")], "control"),
    ];
    for field in ["description", "message", "secret_description", "secret_message"] {
        cases.push((field, vec![json!(5), json!([]), json!(false)], "must be a string"));
        cases.push((field, vec![json!(too_long)], "1000 characters"));
    }
    for field in ["expiration", "secret_expiration"] {
        cases.push((field, vec![json!(351), json!("351"), json!(u64::MAX)], "between 1 and 350"));
    }
    for field in ["limit", "expiration", "secret_expiration", "secret_max_views"] {
        let wrong = [json!("example"), json!(-1), json!("-1"), json!("+1"), json!(1.5)];
        let more = [json!("1.5"), json!(" 1"), json!(true), json!([1]), json!({})];
        let wrong = wrong.into_iter().chain(more).collect();
        cases.push((field, wrong, "must be a whole number"));
    }
    for field in ["send_request_to_email", "send_to_email"] {
        let injected = [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example\n",
            "a\r\n@b.example",
            "a@b.example\0",
            "a@b.example, c@d.example",
            "A <a@b.example>",
            "\"a b\"@c.example",
            "a@[192.0.2.1]",
            "example",
        ];
        cases.push((field, injected.map(|text| json!(text)).to_vec(), "one e-mail address"));
        cases.push((field, vec![json!("\u{e5}@b.example")], "punycode"));
        cases.push((field, vec![json!(format!("{}@b.example", "a".repeat(250)))], "254"));
        cases.push((field, vec![json!(5), json!(["a@b.example"])], "must be a string"));
    }
    for (field, values, says) in cases {
        for value in values {
            let answer = server.client.post(PATH, &json!({field: value}));
            assert_eq!(answer.error(), (422, json!(field)), "{value}: {}", answer.text());
            let message = answer.json()["error"]["message"].as_str().expect("a text").to_owned();
            assert!(message.contains(says), "{value}: {message}");
            assert!(!message.contains("Bcc"), "{message}");
        }
    }
    let twice = br#"{"limit":1,"limit":2}"#;
    let answer = server.client.send("POST", PATH, &[("content-type", "application/json")], twice);
    assert_eq!(answer.error(), (422, json!("limit")));
    assert_eq!(list(&server.client), before);
}

fn mail_is_refused_without_mail() {
    let server = TestServer::start();
    for field in ["send_request_to_email", "send_to_email"] {
        for value in ["a@b.example", "nonsense"] {
            let answer = server.client.post(PATH, &json!({field: value}));
            assert_eq!(answer.error(), (422, json!(field)));
            assert!(answer.text().contains("needs mail, which is not set up on this server"));
        }
        request(&server.client, json!({field: ""}));
        request(&server.client, json!({field: null}));
    }
    assert_eq!(figures(&list(&server.client)), (0, 0, 4));
}

fn bodies_are_json_objects_or_none() {
    let server = TestServer::start();
    let json = Some("application/json");
    let long = format!("{{\"x\":\"{}\"}}", "a".repeat(70_000));
    let deep = "[".repeat(60_000);
    // The document's example sends none.
    let cases = [
        (json, "", 201),
        (None, "", 201),
        (json, "{}", 201),
        (Some("application/json; charset=utf-8"), "{}", 201),
        (Some("text/plain"), "{}", 415),
        (Some("application/x-www-form-urlencoded"), "limit=1", 415),
        (json, " ", 400),
        (json, "null", 400),
        (json, "[]", 400),
        (json, &deep, 400),
        (json, &long, 413),
    ];
    for (content_type, body, status) in cases {
        let headers: Vec<_> = content_type.iter().map(|value| ("content-type", *value)).collect();
        let answer = server.client.send("POST", PATH, &headers, body.as_bytes());
        assert_eq!(answer.status, status, "{content_type:?} {}: {}", body.len(), answer.text());
    }
    assert_eq!(figures(&list(&server.client)), (0, 0, 4));
}

fn every_call_needs_a_private_key() {
    let server = TestServer::start();
    let id = request(&server.client, json!({}));
    let before = list(&server.client);
    let path = format!("{PATH}/{id}");
    let unknown = format!("{}0", server.client.key);
    for (key, status) in [("", 401), (&*server.public.key, 403), (&*unknown, 403)] {
        let client = server.client.with_key(key);
        for (method, path, body) in [
            ("GET", PATH, &b""[..]),
            ("POST", PATH, b"{}"),
            ("POST", PATH, b"no JSON"),
            ("GET", &path, b""),
            ("DELETE", &path, b""),
            ("DELETE", "/api/secret_requests/none", b""),
        ] {
            let answer = client.send(method, path, &[("content-type", "application/json")], body);
            assert_eq!(answer.error(), (status, json!(null)), "{method} {path} {key}");
        }
    }
    assert_eq!(list(&server.client), before);
    for (method, path) in [("PUT", PATH), ("DELETE", PATH), ("PUT", &*path), ("POST", &*path)] {
        let answer = server.client.send(method, path, &[], b"");
        assert_eq!(answer.status, 405, "{method} {path}");
    }
    let allowed = server.client.send("OPTIONS", &path, &[], b"");
    assert_eq!(allowed.header("allow"), Some("GET, HEAD, DELETE, OPTIONS"));
    assert_eq!(server.client.send("HEAD", PATH, &[], b"").status, 200);
}

fn delete_keeps_the_secrets() {
    let server = TestServer::start();
    let id = request(&server.client, json!({"limit": 3}));
    let secrets = [handed_over(&server, &id), handed_over(&server, &id)];
    let answer = server.client.delete(&format!("{PATH}/{id}"));
    assert_eq!(figures(&answer.json()), (2, 2, 0));
    assert_eq!(list(&server.client)["data"], json!([]));
    assert_eq!(hand_over(&server, &id, json!({})).status, 404);
    for secret in &secrets {
        assert_eq!(server.public.view(secret).status, 200, "{secret}");
    }
    // The other way round: a deleted secret is not listed as created, and no use is returned.
    let id = request(&server.client, json!({"limit": 2}));
    let [gone, there] = [handed_over(&server, &id), handed_over(&server, &id)];
    assert_eq!(server.client.delete(&format!("/api/secrets/{gone}")).status, 200);
    let item = &list(&server.client)["data"][0];
    assert_eq!((&item["used"], &item["secrets"]), (&json!(2), &json!([there])));
    assert_eq!(hand_over(&server, &id, json!({})).status, 404);
}

fn gone_ones_look_the_same() {
    let server = TestServer::start();
    let foreign = request(&server.other_account(), json!({}));
    let delete = |id: &str| server.client.delete(&format!("{PATH}/{id}"));
    let never = whole(&delete("none"));
    assert_eq!(delete("none").json(), json!({"error": {"message": "Not found", "field": null}}));
    let deleted = request(&server.client, json!({}));
    assert_eq!(delete(&deleted.to_uppercase()).status, 200, "case does not matter");
    let live = request(&server.client, json!({}));
    let random = "5e976e6e-d205-4f58-8df9-5ac0048bc702";
    let (plain, braces) = (live.replace('-', ""), format!("{{{live}}}").replace('{', "%7B"));
    for id in [&*deleted, &foreign, random, &plain, &braces, &live[..35], "%00", &"a".repeat(8000)]
    {
        assert_eq!(whole(&delete(id)), never, "{id}");
    }
    assert_eq!(ids(&list(&server.client)), [live]);
}
