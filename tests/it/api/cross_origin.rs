//! `--cors`: the origins whose pages may read answers, and whose forms are accepted.

use libtest_mimic::Trial;
use sealdrop::config::CrossOrigin;

use crate::{
    http::Client,
    raw::{Raw, RawAnswer, request},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::cors::the_rule_decides_who_may_read", the_rule_decides_who_may_read),
        trial("api::cors::forms_of_other_origins_are_refused", forms_of_other_origins_are_refused),
    ]
}

const FRIEND: &str = "https://friend.example";

fn server(cors: CrossOrigin) -> TestServer {
    TestServer::with(Options { cors, ..Options::default() })
}

fn listed() -> CrossOrigin {
    CrossOrigin::Listed(vec!["https://other.example:8443".into(), FRIEND.into()])
}

fn ask(client: &Client, method: &str, path: &str, headers: &[&str]) -> RawAnswer {
    let mut raw = Raw::connect(client);
    raw.send(request(client, method, path, headers));
    let answer = raw.answer();
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    answer
}

fn the_rule_decides_who_may_read() {
    let preflight = "Access-Control-Request-Method: POST";
    let origins = [
        FRIEND,
        "https://other.example:8443",
        "https://evil.example",
        "http://friend.example",
        "https://friend.example.evil.example",
        "https://friend.example:444",
        "null",
        "",
    ];
    let paths = ["/api/secrets", "/api/public/secrets/x", "/Service", "/health", "/api/nothing"];
    // (rule, origins that are allowed, and how)
    for (rule, allowed, vary) in [
        (CrossOrigin::Any, &origins[..], false),
        (CrossOrigin::Off, &[], false),
        (listed(), &origins[..2], true),
    ] {
        let server = server(rule.clone());
        for origin in origins {
            let header = format!("Origin: {origin}");
            let sent: &[&str] = if origin.is_empty() { &[] } else { &[&header] };
            let expected = match &rule {
                CrossOrigin::Any => Some("*"),
                _ => allowed.contains(&origin).then_some(origin),
            };
            for path in paths {
                for method in ["GET", "OPTIONS"] {
                    let asks: &[&str] = if method == "OPTIONS" { &[preflight] } else { &[] };
                    let sent = [sent, asks].concat();
                    let answer = ask(&server.client, method, path, &sent);
                    let told = answer.header("access-control-allow-origin");
                    assert_eq!(told, expected, "{rule:?} {method} {path} {origin}");
                    let others = [
                        "access-control-allow-methods",
                        "access-control-max-age",
                        "access-control-allow-headers",
                    ];
                    for name in others {
                        let is_there = answer.header(name).is_some();
                        let is_preflight = method == "OPTIONS" && path != "/api/nothing";
                        assert_eq!(
                            is_there,
                            is_preflight && expected.is_some(),
                            "{rule:?} {path} {name}"
                        );
                    }
                    let exposed = answer.header("access-control-expose-headers");
                    assert_eq!(exposed.is_some(), expected.is_some(), "{rule:?} {path} {origin}");
                    assert_eq!(answer.header("vary").is_some_and(|v| v.contains("Origin")), vary);
                    let is_options = method == "OPTIONS" && path != "/api/nothing";
                    assert_eq!(answer.header("allow").is_some(), is_options, "{path}");
                }
            }
        }
    }
}

fn forms_of_other_origins_are_refused() {
    let form = "Content-Type: application/x-www-form-urlencoded";
    let body = "passphrase=correct-horse";
    let length = format!("Content-Length: {}", body.len());
    let evil = "Origin: https://evil.example";
    let friend = format!("Origin: {FRIEND}");
    // (headers, status with any, off, a list)
    let cases: [(&[&str], [u16; 3]); 8] = [
        (&[], [200, 200, 200]),
        (&["Sec-Fetch-Site: same-origin"], [200, 200, 200]),
        (&["Sec-Fetch-Site: cross-site", evil], [200, 403, 403]),
        (&["Sec-Fetch-Site: cross-site"], [200, 403, 403]),
        (&["Sec-Fetch-Site: same-site", evil], [200, 403, 403]),
        (&["Sec-Fetch-Site: cross-site", &friend], [200, 403, 200]),
        (&[evil], [200, 403, 403]),
        (&["Origin: http://sealdrop"], [200, 200, 200]),
    ];
    for (number, rule) in [CrossOrigin::Any, CrossOrigin::Off, listed()].into_iter().enumerate() {
        let server = server(rule);
        for (headers, expected) in cases {
            let headers = [headers, &[form, &length]].concat();
            let mut raw = Raw::connect(&server.client);
            raw.send(request(&server.client, "POST", "/Service", &headers)).send(body);
            let answer = raw.answer();
            assert_eq!(answer.status, expected[number], "{headers:?}");
            if answer.status == 403 {
                assert_eq!(answer.json(), "Pages of this origin may not call this server");
            }
            // Calls that spend, send or read are refused in the same way.
            for (method, path) in [
                ("GET", "/Service?token=x"),
                ("DELETE", "/service/"),
                ("PUT", "/Service"),
                ("POST", "/Service/SelfDestruct"),
            ] {
                let answer = ask(&server.client, method, path, &headers[..headers.len() - 1]);
                assert_eq!(
                    answer.status == 403,
                    expected[number] == 403,
                    "{method} {path} {headers:?}"
                );
            }
        }
        // Pages and public keys work for any viewer of a link.
        for path in ["/", "/box", "/health", "/Service/x/terms"] {
            let answer = ask(&server.client, "GET", path, &["Sec-Fetch-Site: cross-site"]);
            assert_ne!(answer.status, 403, "{path}");
        }
    }
}
