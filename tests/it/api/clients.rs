//! Requests of other clients: keys under `Bearer`, numbers as texts and fractions, empty values, base64 in
//! lines, a byte order mark; and the fields that they read to build links.

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{
    attachments::{Draft, sealed_file},
    seen,
};
use crate::{
    api::secret_requests::{self, request},
    http::{Answer, Client, secret_with},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::clients::a_key_may_come_as_bearer", a_key_may_come_as_bearer),
        trial("api::clients::numbers_are_read_alike", numbers_are_read_alike),
        trial("api::clients::empty_is_absent", empty_is_absent),
        trial("api::clients::base64_may_have_lines", base64_may_have_lines),
        trial("api::clients::a_byte_order_mark_is_skipped", a_byte_order_mark_is_skipped),
        trial("api::clients::answers_name_the_link", answers_name_the_link),
        trial("api::clients::no_link_where_none_is_known", no_link_where_none_is_known),
    ]
}

fn open_server(public_url: Option<&str>) -> TestServer {
    let mut options = Options::default();
    options.rules.create = sealdrop::config::SecretCreation::Open;
    options.service_rules.public_url = public_url.map(str::to_owned);
    TestServer::with(options)
}

fn post(client: &Client, path: &str, body: &[u8]) -> Answer {
    client.send("POST", path, &[("content-type", "application/json")], body)
}

fn a_key_may_come_as_bearer() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let (private, public) = (server.client.key.as_str(), server.public.key.as_str());
    let body = secret_with(json!({})).to_string();
    for scheme in ["Bearer", "bearer", "BEARER", "ApiKey"] {
        let own = format!("{scheme} {private}");
        let call = |method, path: &str, body: &str| {
            let headers = [("authorization", &*own), ("content-type", "application/json")];
            client.send(method, path, &headers, body.as_bytes())
        };
        let created = call("POST", "/api/secrets", &body);
        assert_eq!(created.status, 201, "{scheme}: {}", created.text());
        let id = created.json()["data"]["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/secrets/{id}");
        assert_eq!(call("GET", "/api/account", "").status, 200, "{scheme}");
        let made = call("POST", "/api/secret_requests", "{}");
        assert_eq!(made.status, 201, "{scheme}");
        let viewer = format!("{scheme}  {public}");
        let seen = client.send("GET", &path, &[("authorization", &viewer)], b"");
        assert_eq!(seen.status, 200, "{scheme}");
        // A public key has no other rights under another scheme.
        let refused = client.send("DELETE", &path, &[("authorization", &viewer)], b"");
        assert_eq!(refused.status, 403, "{scheme}");
        assert_eq!(call("DELETE", &path, "").status, 200, "{scheme}");
    }
}

/// Every number of every call: as a text, as a fraction with a whole value, and invalid values.
fn numbers_are_read_alike() {
    let server = open_server(None);
    let open = server.client.with_key("");
    let made = ["24", "24.0", "\"24\"", "\"24.0\"", "\"024\"", "24.00", "240e-1"];
    for raw in made {
        for (client, path) in [(&server.client, "/api/secrets"), (&open, "/api/public/secrets")] {
            let body = with_raw(&secret_with(json!({})), &["expiration", "max_views"], raw);
            let answer = post(client, path, body.as_bytes());
            assert_eq!(answer.status, 201, "{path} {raw}: {}", answer.text());
            let data = &answer.json()["data"];
            assert_eq!(data["expiration"], json!(24), "{path} {raw}");
            assert_eq!(data["max_views"], json!(24), "{path} {raw}");
        }
        let names = ["expiration", "limit", "secret_expiration", "secret_max_views"];
        let body = with_raw(&json!({}), &names, raw);
        let answer = post(&server.client, "/api/secret_requests", body.as_bytes());
        assert_eq!(answer.status, 201, "{raw}: {}", answer.text());
        let item = &secret_requests::list(&server.client)["data"][0];
        for name in names {
            assert_eq!(item[name], json!(24), "{name} {raw}");
        }
    }
    for raw in ["2", "2.0", "\"2\""] {
        let body = with_raw(&secret_with(json!({})), &["attachments"], raw);
        let answer = post(&server.client, "/api/secrets", body.as_bytes());
        let draft = Draft::of(&answer);
        assert_eq!(draft.offset(&open, 2), (0, false), "{raw}");
        assert_eq!(draft.put(&open, 3, b"").status, 404, "{raw}");
    }
    let before = seen(&server.client);
    let wrong = [
        "1.5",
        "-1",
        "-1.0",
        "1e300",
        "1e-1",
        "9007199254740994.0",
        "18446744073709551616",
        "\"1.5\"",
        "\"-1\"",
        "\"+1\"",
        "\"1e1\"",
        "\"1,0\"",
        "\" 1\"",
        "\"x\"",
        "true",
        "{}",
        "\"٣\"",
        "\"0x1\"",
    ];
    for raw in wrong {
        for name in ["expiration", "max_views", "attachments"] {
            for (client, path) in [(&server.client, "/api/secrets"), (&open, "/api/public/secrets")]
            {
                let body = with_raw(&secret_with(json!({})), &[name], raw);
                let answer = post(client, path, body.as_bytes());
                assert_eq!(answer.error(), (422, json!(name)), "{path} {raw}: {}", answer.text());
                assert!(answer.text().contains("must be a whole number"), "{}", answer.text());
            }
        }
        for name in ["expiration", "limit", "secret_expiration", "secret_max_views"] {
            let body = with_raw(&json!({}), &[name], raw);
            let answer = post(&server.client, "/api/secret_requests", body.as_bytes());
            assert_eq!(answer.error(), (422, json!(name)), "{raw}: {}", answer.text());
        }
    }
    assert_eq!(seen(&server.client), before);
    for path in ["/api/secrets", "/api/secret_requests"] {
        for (query, status) in [("0.0", 200), ("1.0", 200), ("", 200), ("1.5", 422), ("%2B1", 422)]
        {
            let answer = server.client.get(&format!("{path}?offset={query}"));
            assert_eq!(answer.status, status, "{path} {query}: {}", answer.text());
        }
    }
}

/// The JSON of an object with `raw` as the value of each of `names`.
fn with_raw(object: &Value, names: &[&str], raw: &str) -> String {
    let fields: Vec<String> = names.iter().map(|name| format!("\"{name}\":{raw}")).collect();
    let text = object.to_string();
    let rest = text.trim_start_matches('{');
    let separator = if rest == "}" { "" } else { "," };
    format!("{{{}{separator}{rest}", fields.join(","))
}

fn empty_is_absent() {
    let server = open_server(None);
    let open = server.client.with_key("");
    let names = [
        "description",
        "message",
        "expiration",
        "view_button",
        "captcha",
        "password",
        "attachments",
        "max_views",
    ];
    for raw in ["\"\"", "null"] {
        for (client, path) in [(&server.client, "/api/secrets"), (&open, "/api/public/secrets")] {
            let body = with_raw(&secret_with(json!({})), &names, raw);
            let answer = post(client, path, body.as_bytes());
            assert_eq!(answer.status, 201, "{path} {raw}: {}", answer.text());
            let data = &answer.json()["data"];
            let plain = post(client, path, secret_with(json!({})).to_string().as_bytes()).json();
            for name in names {
                assert_eq!(data[name], plain["data"][name], "{path} {raw} {name}");
            }
        }
        let names = [
            "description",
            "message",
            "expiration",
            "limit",
            "send_request_to_email",
            "send_to_email",
            "secret_description",
            "secret_message",
            "secret_expiration",
            "secret_password",
            "secret_max_views",
        ];
        let body = with_raw(&json!({}), &names, raw);
        let answer = post(&server.client, "/api/secret_requests", body.as_bytes());
        assert_eq!(answer.status, 201, "{raw}: {}", answer.text());
        let id = request(&server.client, json!({}));
        let path = format!("/api/public/secret_requests/{id}/secrets");
        let names = ["password_part_public", "attachments"];
        let body = with_raw(&secret_with(json!({})), &names, raw);
        assert_eq!(post(&open, &path, body.as_bytes()).status, 201, "{raw}");

        let id = server.client.create(json!({}));
        let path = format!("/api/public/secrets/{id}/view");
        let body = with_raw(&json!({}), &["password", "captcha", "lease"], raw);
        let answer = post(&open, &path, body.as_bytes());
        assert_eq!(answer.status, 200, "{raw}: {}", answer.text());
        let body = with_raw(&json!({"url": "https://example.org/"}), &["events"], raw);
        let answer = post(&server.client, "/api/account/webhooks", body.as_bytes());
        assert_eq!(answer.status, 201, "{raw}: {}", answer.text());
        let body = with_raw(&json!({}), &["notify_email"], raw);
        let headers = [("content-type", "application/json")];
        let answer = server.client.send("PUT", "/api/account", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{raw}: {}", answer.text());
    }
}

fn in_lines(text: &str, chars: usize, end: &str) -> String {
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(chars)
        .map(|line| std::str::from_utf8(line).expect("ASCII"))
        .collect();
    lines.join(end) + end
}

fn base64_may_have_lines() {
    let server = TestServer::start();
    let open = server.client.with_key("");
    let sent = secret_with(json!({}));
    let [ciphertext, part] =
        ["ciphertext", "password_part_private"].map(|name| sent[name].as_str().expect("a text"));
    let sealed = sealed_file(6);
    let file = STANDARD.encode(&sealed);
    for (chars, end) in [(76, "\r\n"), (64, "\n"), (4, "\r\n"), (10_000, "\n"), (1, "\r")] {
        let lines = |text: &str| in_lines(text, chars, end);
        let body = json!({
            "ciphertext": lines(ciphertext), "password_part_private": lines(part),
            "attachments": [lines(&file)],
        });
        let answer = server.client.post("/api/secrets", &body);
        assert_eq!(answer.status, 201, "{chars} {end:?}: {}", answer.text());
        let data = answer.json()["data"].clone();
        let seen = server.public.view(data["id"].as_str().expect("an id")).json()["data"].clone();
        assert_eq!([&seen["ciphertext"], &seen["password_part_private"]], [ciphertext, part]);
        assert_eq!(seen["attachments"], json!([{"n": 1, "size": sealed.len()}]));

        let id = request(&server.client, json!({}));
        let path = format!("/api/public/secret_requests/{id}/secrets");
        let answer = open.post(&path, &body);
        assert_eq!(answer.status, 201, "{chars} {end:?}: {}", answer.text());
    }
    for wrong in ["YQ\t==", "Y Q==", "\u{2028}YQ==", "YQ\\r\\n=="] {
        let answer = server
            .client
            .post("/api/secrets", &secret_with(json!({"password_part_private": wrong})));
        assert_eq!(answer.error(), (422, json!("password_part_private")), "{wrong:?}");
    }
}

fn a_byte_order_mark_is_skipped() {
    let server = TestServer::start();
    let marked = |body: &str| format!("\u{feff}{body}").into_bytes();
    let secret = secret_with(json!({})).to_string();
    assert_eq!(post(&server.client, "/api/secrets", &marked(&secret)).status, 201);
    assert_eq!(post(&server.client, "/api/secret_requests", &marked("{}")).status, 201);
    assert_eq!(
        post(&server.client, "/api/secret_requests", &marked("")).status,
        201,
        "none at all"
    );
    let headers = [("content-type", "application/json")];
    let answer = server.client.send("PUT", "/api/account", &headers, &marked("{}"));
    assert_eq!(answer.status, 200);
    let body = marked(r#"{"passphrase": "correct horse"}"#);
    let answer = server.client.send("POST", "/Service", &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let twice = format!("\u{feff}\u{feff}{secret}");
    assert_eq!(post(&server.client, "/api/secrets", twice.as_bytes()).error(), (400, json!(null)));
}

fn answers_name_the_link() {
    for (root, domain) in [
        ("https://drop.example.org", "drop.example.org"),
        ("https://example.org:8443/a/b", "example.org:8443/a/b"),
    ] {
        let server = open_server(Some(root));
        let open = server.client.with_key("");
        let named = |data: &Value, path: &str| {
            let id = data["id"].as_str().expect("an id");
            assert_eq!(data["url"], json!(format!("{root}/{path}").replace("ID", id)));
            assert_eq!(data["domain"], json!(domain));
            // The links that published clients make of it.
            let link = format!("https://{}/{id}/#key", data["domain"].as_str().expect("a text"));
            let url = data["url"].as_str().expect("a text");
            assert!(path != "ID/" || link == format!("{url}#key"), "{link} {url}");
        };
        let created = server.client.post("/api/secrets", &secret_with(json!({}))).json();
        named(&created["data"], "ID/");
        named(&seen(&server.client)["data"][0], "ID/");
        let created = open.post("/api/public/secrets", &secret_with(json!({}))).json();
        named(&created["data"], "ID/");
        let id = created["data"]["id"].as_str().expect("an id");
        let token = created["data"]["manage_token"].as_str().expect("a token");
        let status = format!("/api/public/secrets/{id}/status");
        named(&open.send("GET", &status, &[("manage-token", token)], b"").json()["data"], "ID/");
        let made = server.client.post("/api/secret_requests", &json!({})).json();
        named(&made["data"], "req/ID");
        named(&secret_requests::list(&server.client)["data"][0], "req/ID");
        let id = made["data"]["id"].as_str().expect("an id");
        let path = format!("/api/public/secret_requests/{id}/secrets");
        named(&open.post(&path, &secret_with(json!({}))).json()["data"], "ID/");
    }
}

fn no_link_where_none_is_known() {
    let server = open_server(None);
    let created = server.client.post("/api/secrets", &secret_with(json!({}))).json();
    let made = server.client.post("/api/secret_requests", &json!({})).json();
    for data in [&created["data"], &made["data"]] {
        let data = data.as_object().expect("an object");
        assert!(!data.contains_key("url") && !data.contains_key("domain"), "{data:?}");
    }
}
