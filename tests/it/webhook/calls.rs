//! Calls made directly: their content, and the effect of every answer.

use std::{net::TcpListener, time::Duration};

use super::receiver::{Receiver, status};
use crate::{
    server::{START, TestServer},
    trial,
};
use libtest_mimic::Trial;
use sealdrop::{
    clock::UnixSeconds,
    delivery::webhook::{CallError, CallResult, CallTimeLimits, Caller, deliver},
    domain::{
        account::api_key::AskedBy,
        notify::{
            event::{WebhookEvent, WebhookEventKind},
            webhook::{self, Endpoint, WebhookUrl},
        },
        numbers::SecretId,
    },
};
use serde_json::json;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("webhook::calls::a_call_is_one_signed_post", a_call_is_one_signed_post),
        trial("webhook::calls::every_answer_has_its_verdict", every_answer_has_its_verdict),
        trial("webhook::calls::redirects_are_not_followed", redirects_are_not_followed),
        trial("webhook::calls::nobody_waits_for_ever", nobody_waits_for_ever),
        trial("webhook::calls::who_is_not_there_is_named", who_is_not_there_is_named),
        trial("webhook::calls::private_addresses_are_not_called", private_addresses_are_not_called),
        trial("webhook::calls::a_retry_keeps_its_id", a_retry_keeps_its_id),
    ]
}

const KEY: [u8; 32] = [7; 32];
const NOW: UnixSeconds = UnixSeconds(1234);

/// Calls `url` once. The text of a failure never has the part after the host.
fn call(caller: &Caller, url: &str) -> Result<u16, CallError> {
    let endpoint = Endpoint { url: url.to_owned(), key: KEY };
    let outcome = block_on(caller.call(&endpoint, "msg_1", NOW, b"{\"planted\":1}"));
    if let Err(CallError::Later(text) | CallError::Never(text)) = &outcome {
        assert!(!text.contains("planted"), "{text}");
    }
    outcome.map(|status| status.as_u16())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

fn later(outcome: Result<u16, CallError>) -> String {
    match outcome {
        Err(CallError::Later(text)) => text,
        other => panic!("not to be retried: {other:?}"),
    }
}

fn a_call_is_one_signed_post() {
    let receiver = Receiver::start();
    assert_eq!(call(&Caller::new(true), &receiver.url()), Ok(204));
    let call = receiver.call();
    assert_eq!(call.line, "POST /planted-path?token=planted-token HTTP/1.1");
    assert_eq!(call.body, "{\"planted\":1}");
    let mut names: Vec<&str> = call.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    ];
    assert_eq!(names, expected);
    assert_eq!(call.header("host"), receiver.address.to_string());
    assert_eq!(call.header("content-type"), "application/json");
    assert_eq!(call.header("user-agent"), concat!("sealdrop/", env!("CARGO_PKG_VERSION")));
    assert_eq!(call.header("webhook-id"), "msg_1");
    assert_eq!(call.header("webhook-timestamp"), "1234");
    assert!(call.header("webhook-signature").starts_with("v1,"));
    assert!(receiver.is_idle(), "once");
}

fn every_answer_has_its_verdict() {
    let (receiver, caller) = (Receiver::start(), Caller::new(true));
    let answered = |answer: Vec<u8>| {
        receiver.answer(answer);
        let outcome = call(&caller, &receiver.url());
        receiver.call();
        outcome
    };
    for (text, code) in [("200 OK", 200), ("202 Accepted", 202), ("299 Planted", 299)] {
        assert_eq!(answered(status(text)), Ok(code));
    }
    assert_eq!(answered(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_vec()), Ok(200));
    // The body is not read, whatever its announced length is.
    let endless = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nplanted".to_vec();
    assert_eq!(answered(endless), Ok(200));

    let gone = answered(status("410 Gone")).expect_err("gone");
    let CallError::Never(text) = gone else { panic!("{gone:?}") };
    assert_eq!(text, format!("{} answered 410 Gone: the endpoint is gone", receiver.address));

    let address = receiver.address;
    for text in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "429 Too Many Requests"] {
        assert_eq!(later(answered(status(text))), format!("{address} answered {text}"));
    }
    for text in ["500 Internal Server Error", "503 Service Unavailable"] {
        assert_eq!(later(answered(status(text))), format!("{address} answered {text}"));
    }
    assert!(later(answered(status("599 Planted"))).contains("answered 599"));
    let headers = format!("HTTP/1.1 200 OK\r\n{}", "X-Planted: planted\r\n".repeat(10_000));
    for answer in ["planted\r\n\r\n", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nplanted", &headers] {
        let text = later(answered(answer.into()));
        assert!(text.starts_with(&format!("{address}: ")), "{text}");
    }
}

fn redirects_are_not_followed() {
    let (receiver, other) = (Receiver::start(), Receiver::start());
    for text in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "304 Not Modified"]
    {
        receiver.answer(format!(
            "HTTP/1.1 {text}\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            other.url()
        ));
        let told = later(call(&Caller::new(true), &receiver.url()));
        let address = receiver.address;
        assert_eq!(told, format!("{address} answered {text}: redirects are not followed"));
        receiver.call();
    }
    assert!(other.is_idle());
}

fn nobody_waits_for_ever() {
    let receiver = Receiver::start();
    receiver.answer("");
    let short = Duration::from_millis(50);
    let caller = |connect, whole| Caller::with_limits(true, CallTimeLimits { connect, whole });
    let day = Duration::from_secs(24 * 3600);
    let told = later(call(&caller(day, short), &receiver.url()));
    assert_eq!(told, format!("{}: no answer within 50ms", receiver.address));
    // A connection, but no TLS.
    let secure = receiver.url().replace("http:", "https:");
    let told = later(call(&caller(short, day), &secure));
    assert_eq!(told, format!("{}: no connection within 50ms", receiver.address));
}

fn who_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let caller = Caller::new(true);
    let told = later(call(&caller, &format!("http://{address}/planted")));
    assert_eq!(told, format!("{address}: cannot connect: connection refused"));
    // RFC 6761: this name never exists.
    let told = later(call(&caller, "https://sealdrop.invalid/planted"));
    assert!(told.starts_with("sealdrop.invalid: its name cannot be looked up"), "{told}");
}

fn private_addresses_are_not_called() {
    let receiver = Receiver::start();
    let port = receiver.address.port();
    // (host, its kind)
    let cases = [
        ("localhost", "a loopback address"),
        ("LOCALHOST", "a loopback address"),
        ("127.0.0.1", "127.0.0.1, a loopback address"),
        ("0x7f.1", "127.0.0.1, a loopback address"),
        ("[::ffff:127.0.0.1]", "a loopback address"),
    ];
    for (host, what) in cases {
        let url = format!("http://{host}:{port}/planted");
        let told = later(call(&Caller::new(false), &url));
        assert!(told.contains(what), "{told}");
        assert!(told.ends_with("which is not called; the setting webhook_private allows it"));
        assert!(receiver.is_idle(), "{host}");
        assert_eq!(call(&Caller::new(true), &url), Ok(204), "{host}");
        receiver.call();
    }
    // No setting allows it.
    let told = later(call(&Caller::new(true), &format!("http://0.0.0.0:{port}/")));
    assert!(told.ends_with("0.0.0.0, an unspecified address, which is not called"), "{told}");
    assert!(receiver.is_idle());
}

fn a_retry_keeps_its_id() {
    let (server, receiver) = (TestServer::start(), Receiver::start());
    let (app, caller) = (&server.app, Caller::new(true));
    let url = WebhookUrl::parse(&receiver.url(), true).expect("a URL");
    let added = webhook::add(
        &app.store,
        server.account(),
        &url,
        &[],
        AskedBy::Operator,
        &*app.random,
        START,
    );
    let id = added.expect("a webhook").id;
    let number = webhook::find(&app.store, None, &id).expect("its number");
    let text = server.client.create(json!({}));
    let secret: SecretId = app.ids.parse(&text).expect("an id");
    let event =
        WebhookEvent { kind: WebhookEventKind::SecretViewed, at: START, secret, request: None };
    let deliver =
        |now| block_on(deliver(&app.store, &app.ids, &caller, "msg_9", number, &event, now));

    receiver.answer(status("500 Internal Server Error"));
    assert!(matches!(deliver(START), Err(CallError::Later(_))));
    let first = receiver.call();
    receiver.answer(status("200 OK"));
    assert!(matches!(deliver(START.plus(60)), Ok(CallResult::Taken(status)) if status == 200));
    let second = receiver.call();
    let body = format!(
        "{{\"type\":\"secret.viewed\",\"timestamp\":\"2026-11-22T12:00:00Z\",\
         \"data\":{{\"secret_id\":\"{text}\"}}}}"
    );
    for (call, seconds) in [(&first, 0), (&second, 60)] {
        assert_eq!((&*call.body, call.header("webhook-id")), (&*body, "msg_9"));
        assert_eq!(call.header("webhook-timestamp"), START.plus(seconds).0.to_string());
    }
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));

    webhook::remove(&app.store, number, AskedBy::Operator).expect("a webhook to remove");
    assert_eq!(deliver(START.plus(120)), Ok(CallResult::Removed));
    assert!(receiver.is_idle());
}
