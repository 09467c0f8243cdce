//! Rights of keys, methods of calls, and origins of pages.

use libtest_mimic::Trial;
use serde_json::json;

use super::seen;
use crate::{http::secret_with, server::TestServer, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::keys::every_call_needs_its_kind_of_key", every_call_needs_its_kind_of_key),
        trial("api::keys::other_methods_are_405", other_methods_are_405),
        trial("api::keys::health_needs_no_key", health_needs_no_key),
        trial("api::keys::any_page_may_ask", any_page_may_ask),
        trial("api::keys::another_account_sees_nothing", another_account_sees_nothing),
    ]
}

fn every_call_needs_its_kind_of_key() {
    let server = TestServer::start();
    let id = server.client.create(json!({}));
    let path = format!("/api/secrets/{id}");
    let before = seen(&server.client);
    let body = secret_with(json!({})).to_string();
    let (private, public) = (server.client.key.as_str(), server.public.key.as_str());
    // (the header, status of a view, status of the other calls)
    let cases = [
        (String::new(), 401, 401),
        ("ApiKey".to_owned(), 401, 401),
        ("ApiKey ".to_owned(), 401, 401),
        ("Bearer ".to_owned(), 401, 401),
        (format!("Bearer{private}"), 401, 401),
        (format!("Bearer {private}0"), 403, 403),
        (format!("Bearer {public}"), 0, 403),
        (format!("Basic {private}"), 401, 401),
        (private.to_owned(), 401, 401),
        (format!("ApiKey{private}"), 401, 401),
        ("ApiKey private_key_".to_owned(), 403, 403),
        (format!("ApiKey {}", &private[..private.len() - 1]), 403, 403),
        (format!("ApiKey {private}0"), 403, 403),
        (format!("ApiKey {}", private.to_uppercase()), 403, 403),
        (format!("ApiKey {}", public.replace("public", "private")), 403, 403),
        (format!("ApiKey {}", private.replace("private", "public")), 403, 403),
        (format!("ApiKey {private},{private}"), 403, 403),
        (format!("ApiKey {public}"), 0, 403),
        (format!("apikey  {public} "), 0, 403),
    ];
    let client = server.client.with_key("");
    for (header, view, others) in cases {
        let mut headers = vec![("content-type", "application/json")];
        if !header.is_empty() {
            headers.push(("authorization", &header));
        }
        let calls = [
            ("GET", path.as_str(), &b""[..], view),
            ("GET", "/api/secrets", b"", others),
            ("POST", "/api/secrets", body.as_bytes(), others),
            ("DELETE", &path, b"", others),
            // A client without a key does not learn whether a secret exists.
            ("GET", "/api/secrets/none", b"", view),
            ("DELETE", "/api/secrets/none", b"", others),
            ("POST", "/api/secrets", b"no JSON", others),
        ];
        for (method, path, body, status) in calls {
            if status == 0 {
                continue; // allowed, and tried below
            }
            let answer = client.send(method, path, &headers, body);
            assert_eq!(answer.error(), (status, json!(null)), "{method} {path} with {header:?}");
            let challenge = (status == 401).then_some("ApiKey");
            assert_eq!(answer.header("www-authenticate"), challenge, "{method} {path} {header:?}");
            assert!(!answer.text().contains("key_"), "keys are not repeated: {}", answer.text());
        }
    }
    assert_eq!(seen(&server.client), before);
    // The case of the scheme's name does not matter (RFC 9110, section 11.1).
    let header = format!("aPIkEY {public}");
    assert_eq!(client.send("GET", &path, &[("authorization", &header)], b"").status, 200);
    let id = server.client.create(json!({}));
    assert_eq!(server.client.view(&id).status, 200, "a private key may view, too");
}

fn other_methods_are_405() {
    let server = TestServer::start();
    let id = server.client.create(json!({}));
    let before = seen(&server.client);
    let secret = format!("/api/secrets/{id}");
    let cases = [
        ("/api/secrets", "GET, HEAD, POST, OPTIONS", &["PUT", "PATCH", "DELETE", "BREW"][..]),
        (&secret, "GET, PATCH, DELETE, OPTIONS", &["HEAD", "POST", "PUT", "BREW", "get"]),
        ("/api/secrets/none", "GET, PATCH, DELETE, OPTIONS", &["HEAD", "POST"]),
        ("/health", "GET, HEAD, OPTIONS", &["POST", "DELETE"]),
        ("/ready", "GET, HEAD, OPTIONS", &["POST", "DELETE"]),
    ];
    for (path, allowed, methods) in cases {
        for method in methods {
            let answer = server.client.send(method, path, &[], b"");
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        }
        let answer = server.client.send("OPTIONS", path, &[], b"");
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allowed)), "{path}");
    }
    assert_eq!(server.client.send("HEAD", "/api/secrets", &[], b"").status, 200);
    for path in ["/api", "/api/", "/api/secret", "/api/secretsx", "/api/secrets/a/b", "/x"] {
        assert_eq!(server.client.get(path).error(), (404, json!(null)), "{path}");
    }
    assert_eq!(seen(&server.client), before);
    assert_eq!(server.public.view(&id).status, 200, "the view is still there");
}

fn health_needs_no_key() {
    let server = TestServer::start();
    let anybody = server.client.with_key("");
    for (path, status) in [("/health", "ok"), ("/ready", "ready")] {
        let answer = anybody.get(path);
        assert_eq!((answer.status, answer.json()), (200, json!({"status": status})));
        assert_eq!(anybody.send("HEAD", path, &[], b"").status, 200);
    }
    server.app.store.close();
    let answer = anybody.get("/ready");
    assert_eq!(answer.status, 503);
    assert!(answer.json()["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    assert_eq!(anybody.get("/health").status, 200);
}

fn any_page_may_ask() {
    let server = TestServer::start();
    let id = server.client.create(json!({}));
    let before = seen(&server.client);
    let path = format!("/api/secrets/{id}");
    for method in ["GET", "POST", "DELETE"] {
        let answer = server.client.with_key("").send(
            "OPTIONS",
            if method == "POST" { "/api/secrets" } else { &path },
            &[
                ("origin", "https://example.org"),
                ("access-control-request-method", method),
                ("access-control-request-headers", "authorization,content-type,secret-password"),
            ],
            b"",
        );
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let methods = answer.header("access-control-allow-methods").expect("the methods");
        assert!(methods.split(", ").any(|allowed| allowed == method), "{methods}");
        let headers = answer.header("access-control-allow-headers").expect("the headers");
        for header in ["authorization", "content-type", "secret-password"] {
            let mut allowed = headers.split(", ");
            assert!(allowed.any(|allowed| allowed.eq_ignore_ascii_case(header)), "{headers}");
        }
    }
    assert_eq!(seen(&server.client), before);
    // Pages may also read the answers, including errors.
    for (path, status) in [(path.as_str(), 200), (path.as_str(), 404), ("/x", 404)] {
        let answer = server.public.send("GET", path, &[("origin", "https://example.org")], b"");
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let exposed = answer.header("access-control-expose-headers").expect("some");
        assert!(exposed.contains("Retry-After"), "{exposed}");
    }
}

fn another_account_sees_nothing() {
    let server = TestServer::start();
    let other = server.other_account();
    let id = server.client.create(json!({}));
    let before = seen(&server.client);
    assert_eq!(seen(&other)["data"], json!([]));
    assert_eq!(other.view(&id).status, 404);
    assert_eq!(other.delete(&format!("/api/secrets/{id}")).status, 404);
    assert_eq!(seen(&server.client), before);
    assert_eq!(other.create(json!({})).len(), 31);
    assert_eq!(seen(&server.client), before);
}
