//! HTTP itself: limits, unusual clients, connections.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use sealdrop::server::ConnectionLimits;
use serde_json::json;

use super::{create::ciphertext_of, figures, seen};
use crate::{
    http::{Client, secret_with},
    raw::{Raw, RawAnswer, request},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::wire::too_much_is_413_before_it_is_read", too_much_is_413_before_it_is_read),
        trial("api::wire::a_413_ends_the_connection_at_once", a_413_ends_the_connection_at_once),
        trial("api::wire::too_many_chunks_are_413", too_many_chunks_are_413),
        trial(
            "api::wire::whoever_sends_before_reading_sees_the_refusal",
            whoever_sends_before_reading_sees_the_refusal,
        ),
        trial("api::wire::a_refusal_comes_before_the_body", a_refusal_comes_before_the_body),
        trial("api::wire::whoever_hangs_up_leaves_nothing", whoever_hangs_up_leaves_nothing),
        trial("api::wire::too_large_headers_are_431", too_large_headers_are_431),
        trial("api::wire::slow_headers_end_in_ten_seconds (slow)", slow_headers_end),
        trial("api::wire::idle_connections_make_room", idle_connections_make_room),
        trial(
            "api::wire::answers_say_how_long_a_connection_is_kept",
            answers_say_how_long_a_connection_is_kept,
        ),
        trial("api::wire::requests_may_be_pipelined", requests_may_be_pipelined),
        trial("api::wire::bodies_come_in_many_forms", bodies_come_in_many_forms),
        trial("api::wire::what_is_no_http_is_refused", what_is_no_http_is_refused),
    ]
}

/// The headers of every answer of the API.
fn check(answer: &RawAnswer) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
}

fn post(client: &Client, headers: &[&str]) -> String {
    request(client, "POST", "/api/secrets", headers)
}

fn too_much_is_413_before_it_is_read() {
    let server = TestServer::start();
    let before = seen(&server.client);
    let limit = (1 << 20) + (64 << 10);
    for (length, expected) in [
        ((limit + 1).to_string(), 413),
        (u32::MAX.to_string(), 413),
        ("18446744073709551613".to_owned(), 413),
        ("18446744073709551616".to_owned(), 400), // hyper's own: no number
    ] {
        let mut raw = Raw::connect(&server.client);
        raw.send(post(&server.client, &[&format!("Content-Length: {length}")]));
        let answer = raw.answer();
        assert_eq!(answer.status, expected, "{length}");
        if expected == 413 {
            check(&answer);
            assert_eq!(answer.json()["error"]["field"], json!(null));
            assert!(answer.json()["error"]["message"].to_string().contains(&limit.to_string()));
        }
        assert_eq!(raw.rest(), b"", "it hangs up");
    }
    // No client is told to continue, either.
    let mut raw = Raw::connect(&server.client);
    let length = format!("Content-Length: {}", limit + 1);
    raw.send(post(&server.client, &[&length, "Expect: 100-continue"]));
    assert_eq!(raw.answer().status, 413);
    assert_eq!(seen(&server.client), before);
}

/// Whether a body was requested or not, and whether it arrives or not.
fn a_413_ends_the_connection_at_once() {
    let server = TestServer::start();
    let stranger = server.client.with_key("private_key_of_nobody");
    let long = "Content-Length: 9000000";
    let asks = "Expect: 100-continue";
    // (client, headers, bytes that are sent anyway, status)
    let cases: [(&Client, &[&str], usize, u16); 6] = [
        (&server.client, &[long], 0, 413),
        (&server.client, &[long, asks], 0, 413),
        (&server.client, &[long], 1 << 20, 413),
        (&server.client, &[long, asks], 1 << 20, 413),
        (&stranger, &[long], 0, 403),
        (&stranger, &["Content-Length: 10", asks], 0, 403),
    ];
    for (client, headers, bytes, status) in cases {
        let start = Instant::now();
        let mut raw = Raw::connect(client);
        raw.send(post(client, headers)).send(vec![b' '; bytes]);
        let answer = raw.answer();
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")));
        assert_eq!(raw.rest(), b"", "nothing more comes");
        // It kept the socket for 10 seconds.
        let took = start.elapsed();
        assert!(took < Duration::from_secs(3), "{headers:?} {bytes}: {took:?}");
    }
    // After a refused short body the connection continues.
    let mut raw = Raw::connect(&stranger);
    for _ in 0..3 {
        raw.send(post(&stranger, &["Content-Length: 5"])).send("12345");
        let answer = raw.answer();
        assert_eq!((answer.status, answer.header("connection")), (403, None));
    }
}

fn whoever_sends_before_reading_sees_the_refusal() {
    let server = TestServer::start();
    let stranger = server.client.with_key("private_key_of_nobody");
    for (client, bytes, expected) in
        [(&server.client, 9 << 20, 413), (&server.client, 40 << 20, 413), (&stranger, 1 << 20, 403)]
    {
        let mut raw = Raw::connect(client);
        raw.send(post(client, &[&format!("Content-Length: {bytes}")]));
        for _ in 0..bytes / 65_536 {
            raw.send([b' '; 65_536]);
        }
        assert_eq!(raw.answer().status, expected);
    }
}

fn too_many_chunks_are_413() {
    let server = TestServer::start();
    let before = seen(&server.client);
    let mut raw = Raw::connect(&server.client);
    raw.send(post(&server.client, &["Transfer-Encoding: chunked"]));
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0;
    while sent <= 17 && raw.try_send(chunk.as_bytes()) {
        sent += 1;
    }
    assert_eq!(sent, 18, "17 chunks are allowed, the 18th is too much");
    let answer = raw.answer();
    assert_eq!(answer.status, 413);
    check(&answer);
    assert_eq!(seen(&server.client), before);
}

fn a_refusal_comes_before_the_body() {
    let server = TestServer::start();
    let (client, public) = (&server.client, &server.public);
    let nobody = client.with_key("x");
    let length = "Content-Length: 1000000";
    let cases = [
        (post(&nobody, &[length]), 403),
        (post(public, &[length]), 403),
        (post(client, &[length, "Content-Type: text/plain"]), 415),
        (request(client, "PUT", "/api/secrets", &[length]), 405),
        (request(client, "POST", "/x", &[length]), 404),
    ];
    for (head, status) in cases {
        let mut raw = Raw::connect(client);
        raw.send(&head);
        let answer = raw.answer();
        assert_eq!(answer.status, status, "{head}");
        check(&answer);
    }
}

fn whoever_hangs_up_leaves_nothing() {
    let server = TestServer::start();
    server.client.create(json!({}));
    let before = seen(&server.client);
    let body = secret_with(json!({"ciphertext": ciphertext_of(100 << 10)})).to_string();
    for share in [0, 1, body.len() / 2, body.len() - 1] {
        let mut raw = Raw::connect(&server.client);
        let length = format!("Content-Length: {}", body.len());
        raw.send(post(&server.client, &[&length, "Expect: 100-continue"]));
        assert_eq!(raw.answer().status, 100, "it reads the body now");
        raw.send(&body[..share]).hang_up();
        // Also in the middle of a chunk.
        let mut raw = Raw::connect(&server.client);
        raw.send(post(&server.client, &["Transfer-Encoding: chunked"]));
        raw.send(format!("{:x}\r\n{}", body.len(), &body[..share])).hang_up();
    }
    // A client that closes its side properly gets the reason.
    let mut raw = Raw::connect(&server.client);
    raw.send(post(&server.client, &["Transfer-Encoding: chunked"])).send("5\r\nab\r\n0\r\n\r\n");
    assert_eq!(raw.answer().status, 400);
    assert_eq!(seen(&server.client), before);
    assert_eq!(super::payload_files(server.dir()), 0);
}

fn too_large_headers_are_431() {
    let server = TestServer::start();
    let id = server.client.create(json!({}));
    let path = format!("/api/secrets/{id}");
    let cases = [
        vec![format!("X-Long: {}", "x".repeat(17 << 10))],
        (0..20).map(|number| format!("X-{number}: {}", "x".repeat(1 << 10))).collect(),
        (0..200).map(|number| format!("X-{number}: x")).collect(),
    ];
    for headers in cases {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let mut raw = Raw::connect(&server.public);
        let _ = raw.try_send(request(&server.public, "GET", &path, &headers).as_bytes());
        assert_eq!(raw.answer().status, 431, "{} headers", headers.len());
    }
    // Fifteen of sixteen KiB are accepted.
    let mut raw = Raw::connect(&server.public);
    let long = format!("X-Long: {}", "x".repeat(15 << 10));
    raw.send(request(&server.public, "GET", &path, &[&long]));
    assert_eq!(raw.answer().status, 200);
}

fn slow_headers_end() {
    let server = TestServer::start();
    let start = Instant::now();
    let mut silent = Raw::connect(&server.client);
    let mut halfway = Raw::connect(&server.client);
    halfway.send("GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    let mut idle = Raw::connect(&server.client);
    idle.send(request(&server.client, "GET", "/health", &[]));
    assert_eq!(idle.answer().status, 200);
    for (what, raw) in [("silent", &mut silent), ("halfway", &mut halfway)] {
        raw.rest();
        let after = start.elapsed();
        let expected = Duration::from_secs(9)..Duration::from_secs(12);
        assert!(expected.contains(&after), "{what} was disconnected after {after:?}");
    }
    // An idle connection between two requests is kept for longer, as the header says.
    idle.send(request(&server.client, "GET", "/health", &[]));
    assert_eq!(idle.answer().status, 200);
}

fn idle_connections_make_room() {
    let connections = ConnectionLimits { all: 2, of_client: 2 };
    let server = TestServer::with(Options { connections, ..Options::default() });
    let ask = request(&server.client, "GET", "/health", &[]);
    let mut open: VecDeque<Raw> = VecDeque::new();
    for _ in 0..20 {
        let mut newest = Raw::connect(&server.client);
        newest.send(&ask);
        assert_eq!(newest.answer().status, 200);
        open.push_back(newest);
        if open.len() > 2 {
            // The oldest one is closed; the others still work.
            assert_eq!(open.pop_front().expect("three").rest(), b"");
            for raw in &mut open {
                raw.send(&ask);
                assert_eq!(raw.answer().status, 200);
            }
        }
    }
}

/// (request line and headers, expected text)
fn answers_say_how_long_a_connection_is_kept() {
    let server = TestServer::start();
    let told = Some("timeout=75");
    let cases = [
        ("GET /health HTTP/1.1\r\nHost: x", told),
        ("GET / HTTP/1.1\r\nHost: x", told),
        ("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: keep-alive", told),
        ("GET /health HTTP/1.1\r\nHost: x\r\nConnection: TE, Close", None),
        ("GET /health HTTP/1.0", None),
        ("GET /health HTTP/1.0\r\nConnection: Keep-Alive", told),
        ("GET /health HTTP/1.1", None),
    ];
    for (head, expected) in cases {
        let mut raw = Raw::connect(&server.client);
        raw.send(format!("{head}\r\n\r\n"));
        assert_eq!(raw.answer().header("keep-alive"), expected, "{head}");
        if expected.is_none() {
            assert_eq!(raw.rest(), b"", "{head}: it disconnects");
        } else {
            raw.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_eq!(raw.answer().status, 200, "{head}: it continues");
        }
    }
}

fn requests_may_be_pipelined() {
    let server = TestServer::start();
    let id = server.client.create(json!({"max_views": 2}));
    let path = format!("/api/secrets/{id}");
    let body = secret_with(json!({})).to_string();
    let length = format!("Content-Length: {}", body.len());
    let view = request(&server.client, "GET", &path, &[]);
    let mut raw = Raw::connect(&server.client);
    let head = request(&server.client, "HEAD", "/api/secrets", &[]);
    let create = post(&server.client, &[&length]) + &body;
    raw.send([view.as_str(), &create, &head, &view, &view].concat());
    for (status, is_head) in [(200, false), (201, false), (200, true), (200, false), (404, false)] {
        let answer = raw.answer_to(is_head);
        assert_eq!(answer.status, status);
        check(&answer);
    }
    // The connection still works.
    for _ in 0..50 {
        raw.send(post(&server.client, &[&length])).send(&body);
        assert_eq!(raw.answer().status, 201);
    }
    assert_eq!(figures(&seen(&server.client)).0, 52);
}

fn bodies_come_in_many_forms() {
    let server = TestServer::start();
    let body = secret_with(json!({})).to_string();
    let length = format!("Content-Length: {}", body.len());
    let chunked: String =
        body.as_bytes().iter().map(|byte| format!("1\r\n{}\r\n", char::from(*byte))).collect();
    let chunked = chunked + "0\r\n\r\n";
    let http_1_0 = post(&server.client, &[&length]).replace("HTTP/1.1", "HTTP/1.0");
    let absolute = post(&server.client, &[&length]).replace(" /api", " http://sealdrop/api");
    let cases = [
        ("whole", post(&server.client, &[&length]), body.clone(), 201),
        ("byte by byte", post(&server.client, &["Transfer-Encoding: chunked"]), chunked, 201),
        ("HTTP/1.0", http_1_0, body.clone(), 201),
        ("absolute form", absolute, body.clone(), 201),
        ("none", post(&server.client, &[]), String::new(), 400),
        ("of no bytes", post(&server.client, &["Content-Length: 0"]), String::new(), 400),
    ];
    for (what, head, body, status) in cases {
        let mut raw = Raw::connect(&server.client);
        raw.send(head).send(body);
        let answer = raw.answer();
        assert_eq!(answer.status, status, "{what}");
        check(&answer);
    }
}

fn what_is_no_http_is_refused() {
    let server = TestServer::start();
    let before = seen(&server.client);
    let both = post(&server.client, &["Content-Length: 5", "Content-Length: 6"]);
    let cases: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHo st: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        both.as_bytes(),
    ];
    for bytes in cases {
        let mut raw = Raw::connect(&server.client);
        let text = String::from_utf8_lossy(bytes);
        let sent = raw.try_send(bytes);
        let said = if sent { raw.rest() } else { Vec::new() };
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{text}: {said:?}");
    }
    assert_eq!(seen(&server.client), before);
}
