//! The wrong kind of TLS: the error comes soon, and has the scheme to use.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;

use super::tls::{Authority, TOOLS, run};
use crate::tools::trial_with;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("mail::mismatch::the_scheme_to_use_is_named", TOOLS, the_scheme_is_named),
        trial_with("mail::mismatch::a_slow_greeting_is_waited_for", TOOLS, a_slow_greeting),
    ]
}

/// The limit that is documented.
const SOON: Duration = Duration::from_secs(10);

/// Sends a test mail to the server at `url`. Returns whether it was sent, the output, and the time it took.
fn test(authority: &Authority, name: &str, url: &str) -> (bool, String, Duration) {
    let data = authority.path(name);
    let _daemon = authority.daemon(&data, url);
    let start = Instant::now();
    let (done, said) = run(&data, &["mail", "test", "me@example.com"]);
    (done, said, start.elapsed())
}

/// A port that begins a greeting at once and ends it after six seconds. Meanwhile it answers a second
/// connection in TLS.
fn teasing_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let is_greeting = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let is_greeting = Arc::clone(&is_greeting);
            thread::spawn(move || {
                if is_greeting.swap(true, Ordering::SeqCst) {
                    let _ = stream.write_all(b"\x15\x03\x03\0\x02\x02\x28");
                    return;
                }
                let _ = stream.write_all(b"220-wait\r\n");
                thread::sleep(Duration::from_secs(6));
                let _ = stream.write_all(b"554 later\r\n");
                is_greeting.store(false, Ordering::SeqCst);
            });
        }
    });
    address
}

/// A port that greets each connection with `greeting`, then holds it, or closes it on request.
fn port(greeting: &'static [u8], closes: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                let _ = stream.write_all(greeting);
                if !closes {
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            });
        }
    });
    address
}

fn the_scheme_is_named() {
    let authority = Authority::new();
    let starttls = authority.server(&["starttls", "auth"]);
    let plain = authority.server(&[]);
    let implicit = authority.server(&["implicit", "auth"]);
    let (use_smtp, use_smtps) = (
        "write smtp:// in smtp_url instead of smtps://",
        "write smtps:// in smtp_url instead of smtp://",
    );
    let raw = |address: SocketAddr| address.port();
    // (URL, a part of the error)
    let cases = [
        (format!("smtps://post@localhost:{}", starttls.port), use_smtp),
        (format!("smtps://localhost:{}", plain.port), use_smtp),
        (format!("smtps://localhost:{}", raw(port(b"", false))), use_smtp),
        (format!("smtps://localhost:{}", raw(port(b"", true))), use_smtp),
        (format!("smtps://localhost:{}", raw(port(b"554 go away\r\n", true))), use_smtp),
        (
            format!("smtps://localhost:{}", raw(port(b"* OK IMAP\r\n", false))),
            "neither TLS nor SMTP",
        ),
        (format!("smtp://post@localhost:{}", implicit.port), use_smtps),
        (format!("smtp://localhost:{}?tls=opportunistic", implicit.port), use_smtps),
        (format!("smtp://localhost:{}?tls=none", implicit.port), use_smtps),
        // An alert of TLS, as some servers send when they receive nothing.
        (format!("smtp://localhost:{}", raw(port(b"\x15\x03\x03\0\x02\x02\x28", true))), use_smtps),
        (
            format!("smtp://localhost:{}?tls=none", raw(port(b"+OK POP3\r\n", false))),
            "does not speak SMTP",
        ),
        (
            format!("smtp://localhost:{}", raw(port(b"554 no\x1b[2J\r\n", false))),
            "answered 554 no [2J",
        ),
        (format!("smtp://localhost:{}", raw(teasing_port())), "answered 220-wait 554 later"),
    ];
    thread::scope(|scope| {
        for (at, (url, part)) in cases.iter().enumerate() {
            let authority = &authority;
            scope.spawn(move || {
                let (done, said, took) = test(authority, &at.to_string(), url);
                assert!(!done && said.contains(part), "{url}: {said}");
                assert!(took < SOON, "{url}: it took {took:?}");
            });
        }
    });
}

fn a_slow_greeting() {
    let authority = Authority::new();
    let mut smtp = authority.server(&["slow"]);
    let url = format!("smtp://localhost:{}?tls=none", smtp.port);
    let (done, said, _) = test(&authority, "slow", &url);
    assert!(done, "{said}");
    assert_eq!(smtp.mail()["to"][0], "me@example.com");
}
