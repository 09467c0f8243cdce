//! Heads that are refused before the request is processed: `Host`, transfer and content codings.

use libtest_mimic::Trial;
use serde_json::json;

use super::{attachments::Draft, seen};
use crate::{
    http::{Client, secret_with},
    raw::{Raw, RawAnswer, request},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::heads::http_1_1_needs_one_host", http_1_1_needs_one_host),
        trial("api::heads::chunked_is_the_one_transfer_coding", chunked_is_the_one_transfer_coding),
        trial("api::heads::bodies_in_a_content_coding_are_415", bodies_in_a_content_coding_are_415),
    ]
}

/// The text of an error, in the shape of its API.
fn text(answer: &RawAnswer) -> String {
    let json = answer.json();
    let text = json.as_str().or_else(|| json["error"]["message"].as_str());
    text.expect("an error").to_owned()
}

fn check(answer: &RawAnswer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer:?}");
}

fn ask(client: &Client, bytes: &str) -> (RawAnswer, Raw) {
    let mut raw = Raw::connect(client);
    raw.send(bytes);
    (raw.answer(), raw)
}

fn http_1_1_needs_one_host() {
    let server = TestServer::start();
    let client = &server.client;
    // (version, Host headers, status): a page, the APIs and unknown paths behave the same.
    let cases: [(&str, &[&str], u16); 14] = [
        ("1.1", &["Host: sealdrop"], 200),
        ("1.1", &["hOsT:   [::1]:8080 "], 200),
        ("1.1", &[], 400),
        ("1.1", &["Host: a", "Host: a"], 400),
        ("1.1", &["Host: a", "host: b"], 400),
        ("1.1", &["Host: a", "Host: "], 400),
        ("1.1", &["Host: "], 400),
        ("1.1", &["Host: a b"], 400),
        ("1.1", &["Host: user@a"], 400),
        ("1.1", &["Host: a:123456"], 400),
        ("1.1", &["Host: a/../b"], 400),
        ("1.0", &[], 200),
        ("1.0", &["Host: a", "Host: b"], 400),
        ("1.0", &["Host: a b"], 400),
    ];
    for path in ["/health", "/", "/docs", "/openapi.json"] {
        for (version, hosts, expected) in cases {
            let lines: String = hosts.iter().map(|host| format!("{host}\r\n")).collect();
            let (answer, mut raw) =
                ask(client, &format!("GET {path} HTTP/{version}\r\n{lines}\r\n"));
            assert_eq!(answer.status, expected, "{path} {version} {hosts:?}");
            if expected == 400 {
                check(&answer);
                assert!(text(&answer).contains("Host"), "{answer:?}");
                assert_eq!(raw.rest(), b"", "it hangs up");
            }
        }
    }
    // If the target has an authority, it counts and Host is ignored.
    let (answer, _) = ask(client, "GET http://a/health HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_eq!(answer.status, 200);
    let (answer, _) = ask(client, "GET http://a/health HTTP/1.1\r\n\r\n");
    assert_eq!(answer.status, 400);
    // The call is not executed.
    let before = seen(client);
    let body = secret_with(json!({})).to_string();
    let head =
        request(client, "POST", "/api/secrets", &[&format!("Content-Length: {}", body.len())]);
    let (answer, _) = ask(client, &(head.replace("Host: sealdrop\r\n", "") + &body));
    assert_eq!(answer.status, 400);
    assert_eq!(seen(client), before);
    // In the format of the path's API.
    let (answer, _) = ask(client, "GET /Service HTTP/1.1\r\nAccept: application/json\r\n\r\n");
    assert_eq!((answer.status, text(&answer).as_str()), (400, "The header Host is missing"));
}

fn chunked_is_the_one_transfer_coding() {
    let server = TestServer::start();
    let client = &server.client;
    let before = seen(client);
    let body = secret_with(json!({})).to_string();
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    // (headers, status, named): 501 for an unknown coding, 400 for invalid framing.
    let cases: [(&[&str], u16, &str); 9] = [
        (&["Transfer-Encoding: gzip, chunked"], 501, "gzip"),
        (&["Transfer-Encoding: GZip", "Transfer-Encoding: chunked"], 501, "gzip"),
        (&["Transfer-Encoding: identity, chunked"], 501, "identity"),
        (&["Transfer-Encoding: x-<b>\", chunked"], 501, "x-b."),
        (&["Transfer-Encoding: chunked, chunked"], 400, "twice"),
        (&["Transfer-Encoding: chunked", "Transfer-Encoding: Chunked"], 400, "twice"),
        // From hyper.
        (&["Transfer-Encoding: gzip"], 400, ""),
        (&["Transfer-Encoding: chunked, gzip"], 400, ""),
        (&["Transfer-Encoding: chunked;q=1"], 400, ""),
    ];
    for path in ["/api/secrets", "/Service", "/health"] {
        for (headers, status, named) in cases {
            let head = request(client, "POST", path, headers);
            let (answer, mut raw) = ask(client, &(head + &chunked));
            assert_eq!(answer.status, status, "{path} {headers:?}");
            if !named.is_empty() {
                check(&answer);
                let text = text(&answer);
                assert!(text.contains(named) && !text.contains('<'), "{headers:?}: {text}");
            }
            assert_eq!(raw.rest(), b"", "it hangs up");
        }
    }
    assert_eq!(seen(client), before);
    for coding in ["Chunked", ", chunked"] {
        let coding = format!("Transfer-Encoding: {coding}");
        let head = request(client, "POST", "/api/secrets", &[&coding]);
        let (answer, _) = ask(client, &(head + &chunked));
        assert_eq!(answer.status, 201, "{coding}");
    }
}

fn bodies_in_a_content_coding_are_415() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 1, json!({}));
    let (upload, upload_token) = (draft.path(1), format!("Upload-Token: {}", draft.token));
    let json = "Content-Type: application/json";
    // (method, path, header): every call that reads a body, with the rights to make it.
    let calls = [
        ("POST", "/api/secrets", json),
        ("POST", "/api/secret_requests", json),
        ("PUT", "/api/account", json),
        ("POST", "/api/account/webhooks", json),
        ("POST", "/api/public/secrets/x/view", json),
        ("POST", "/api/public/secrets/x/burn", json),
        ("PUT", upload.as_str(), upload_token.as_str()),
        ("GET", "/Service", "Content-Type: application/x-www-form-urlencoded"),
        ("POST", "/Service", "Content-Type: multipart/form-data; boundary=b"),
        ("PUT", "/service/", json),
        ("DELETE", "/Service", "X: without a type"),
        ("POST", "/Service/SelfDestruct", json),
    ];
    let before = seen(client);
    for (method, path, header) in calls {
        for (coding, named) in
            [("gzip", "gzip"), ("BR", "br"), ("identity, x-gzip", "x-gzip"), ("\u{7f}", "")]
        {
            let coding = format!("Content-Encoding: {coding}");
            let head = request(client, method, path, &[header, &coding, "Content-Length: 3"]);
            let (answer, _) = ask(client, &(head + "abc"));
            if named.is_empty() {
                // Without a text: from hyper.
                assert_eq!(answer.status, 400, "{method} {path}");
                continue;
            }
            assert_eq!(answer.status, 415, "{method} {path} {coding}");
            check(&answer);
            assert!(text(&answer).contains(&format!("Content-Encoding: {named}")), "{answer:?}");
            assert_eq!(answer.header("accept-encoding"), Some("identity"));
        }
        let head = request(client, method, path, &[header, "Content-Encoding: Identity, "]);
        let (answer, _) = ask(client, &head);
        assert_ne!(answer.status, 415, "{method} {path}");
    }
    assert_eq!(seen(client), before);
}
