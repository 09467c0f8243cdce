//! Content types of JSON calls: requests that any page can send without a preflight change nothing.

use libtest_mimic::Trial;
use sealdrop::config::SecretCreation;
use serde_json::json;

use super::seen;
use crate::{
    http::secret_with,
    raw::{Raw, request},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial(
        "api::types::public_calls_need_a_json_content_type",
        public_calls_need_a_json_content_type,
    )]
}

/// The types that the Fetch standard allows any page to send without a preflight, and no type at all.
const UNASKED: [&str; 9] = [
    "",
    "Content-Type: text/plain",
    "Content-Type: text/plain;charset=UTF-8",
    "Content-Type: TEXT/PLAIN; x=application/json",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: multipart/form-data; boundary=json",
    "Content-Type:",
    "Content-Type: ;application/json",
    "Content-Type: text/plain, application/json",
];

fn public_calls_need_a_json_content_type() {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    let server = TestServer::with(options);
    let owner = &server.client;
    let secret = owner.create(json!({}));
    let asked = owner.post("/api/secret_requests", &json!({}));
    let asked = asked.json()["data"]["id"].as_str().expect("an id").to_owned();
    let lease = "made-up-by-the-client_1";
    let new = secret_with(json!({})).to_string();
    let view = format!("/api/public/secrets/{secret}/view");
    let burn = format!("/api/public/secrets/{secret}/burn");
    let answer = format!("/api/public/secret_requests/{asked}/secrets");
    let lease = json!({ "lease": lease }).to_string();
    // In an order in which each call succeeds once it has the right type.
    let calls = [
        (view.as_str(), &lease, 200),
        (&burn, &lease, 200),
        (&answer, &new, 201),
        ("/api/public/secrets", &new, 201),
    ];
    for (path, body, done) in calls {
        let before = seen(owner);
        let length = format!("Content-Length: {}", body.len());
        let key = format!("Authorization: ApiKey {}\r\n", owner.key);
        let send = |lines: &[&str], authorization: &str| {
            let mut headers = vec![length.as_str()];
            headers.extend(lines.iter().filter(|line| !line.is_empty()));
            let head = request(owner, "POST", path, &headers).replace(&key, authorization);
            let mut raw = Raw::connect(owner);
            raw.send(head).send(body);
            raw.answer()
        };
        for unasked in UNASKED {
            // The browser sends the credentials for a proxy by itself.
            for authorization in
                ["", "Authorization: Basic dTpw\r\n", "Authorization: Negotiate YII\r\n"]
            {
                let answer = send(&[unasked, "Origin: https://evil.example"], authorization);
                assert_eq!(answer.status, 415, "{path} {unasked:?} {authorization}");
                let error = &answer.json()["error"];
                assert_eq!(error["message"], "Send the body as Content-Type: application/json");
            }
        }
        assert_eq!(seen(owner), before, "{path}: nothing has changed");
        assert_eq!(
            send(&["Content-Type: application/JSON ; charset=utf-8"], "").status,
            done,
            "{path}"
        );
    }
    // With a key, as published clients of the Secrets API send it.
    for authorization in ["ApiKey", "apikey"] {
        let head =
            request(owner, "POST", "/api/secrets", &[&format!("Content-Length: {}", new.len())]);
        let mut raw = Raw::connect(owner);
        raw.send(head.replace("ApiKey", authorization)).send(&new);
        assert_eq!(raw.answer().status, 201, "{authorization}");
    }
}
