//! The log of requests, their ids, the lines about refusals, and the forms of the log.

use std::{fs, path::Path, process::Stdio};

use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, program},
    http::{Client, secret_with},
};

const FILTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recipes/fail2ban/filter.conf");

/// A stopped daemon's log, after `requests` were made to it.
fn log_of(flags: &[&str], requests: impl FnOnce(&Client)) -> String {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let all = [&["--key-pool", "0"][..], flags].concat();
    let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &all);
    requests(&client);
    let path = daemon.log.clone();
    assert!(daemon.stop().0.success());
    fs::read_to_string(path).expect("a log")
}

/// The lines about requests.
fn requests_in(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("request method=")).collect()
}

pub(super) fn one_line_for_each() {
    let mut ids = Vec::new();
    let log = log_of(&["--access-log", "true"], |client| {
        let id = client.create(json!({}));
        let mut ask = |method: &str, path: &str, given: Option<&str>| {
            let headers: Vec<_> = given.map(|id| ("x-request-id", id)).into_iter().collect();
            let answer = client.send(method, path, &headers, b"");
            ids.push(answer.header("x-request-id").expect("an id").to_owned());
        };
        ask("GET", &format!("/api/secrets/{id}?planted=1"), None);
        ask("GET", "/planted", None);
        // An id of a client is not taken over.
        ask("PLANTED", "/health", Some("planted"));
        ask("GET", &format!("/api/secrets/{id}"), None);
        assert!(!ids.contains(&id));
        ids.push(id);
    });
    let secret = ids.pop().expect("an id");
    let lines = requests_in(&log);
    let expected = [
        r#"method="POST" route="/api/secrets" status=201"#,
        r#"method="GET" route="/api/secrets/{id}" status=200"#,
        r#"method="GET" route="other" status=404"#,
        r#"method="other" route="/health" status=405"#,
        r#"method="GET" route="/api/secrets/{id}" status=404"#,
    ];
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected) && line.contains(" client=127.0.0.1 "), "{line}");
    }
    for (line, id) in lines[1..].iter().zip(&ids) {
        assert!(line.ends_with(&format!("request_id=\"{id}\"")) && id.len() == 16, "{line}");
    }
    assert!(
        !log.contains("planted") && !log.contains("PLANTED") && !log.contains(&secret),
        "{log}"
    );

    let quiet = log_of(&[], |client| assert_eq!(client.get("/health").status, 200));
    assert!(requests_in(&quiet).is_empty(), "{quiet}");
    let debug = log_of(&["--log", "debug"], |client| assert_eq!(client.get("/health").status, 200));
    assert_eq!(requests_in(&debug).len(), 1, "{debug}");
}

pub(super) fn addresses_are_as_the_operator_says() {
    let proxy = ["--access-log", "true", "--trusted-proxy", "127.0.0.1"];
    // (--viewer-ip, the address in the log)
    let cases = [("full", Some("203.0.113.77")), ("truncated", Some("203.0.113.0")), ("off", None)];
    for (kept, address) in cases {
        let flags = [&proxy[..], &["--viewer-ip", kept]].concat();
        let mut taken = Vec::new();
        let log = log_of(&flags, |client| {
            for id in ["from-the-proxy", "not visible", &"x".repeat(65)] {
                let headers = [("x-forwarded-for", "203.0.113.77"), ("x-request-id", id)];
                let answer = client.send("GET", "/health", &headers, b"");
                taken.push(answer.header("x-request-id").expect("an id").to_owned());
            }
        });
        let lines = requests_in(&log);
        assert_eq!(lines.len(), 3, "{log}");
        for line in &lines {
            let found = line.split(" client=").nth(1).and_then(|rest| rest.split(' ').next());
            assert_eq!(found, address, "{line}");
        }
        assert!(lines[0].ends_with("request_id=\"from-the-proxy\""), "{}", lines[0]);
        assert_eq!(taken[0], "from-the-proxy");
        assert!(taken[1..].iter().all(|id| id.len() == 16), "{taken:?}");
        assert!(kept == "full" || !log.contains("203.0.113.77"), "{log}");
    }
}

pub(super) fn a_storm_of_refusals_is_one_line() {
    let log = log_of(&["--create", "open", "--create-limit", "1"], |client| {
        let anybody = client.with_key("");
        let create = || anybody.post("/api/public/secrets", &secret_with(json!({}))).status;
        assert_eq!(create(), 201);
        assert!((0..20).all(|_| create() == 429));
    });
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("refused by a limit")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(
        lines[0].contains("INFO") && lines[0].contains("limit=\"create_limit\""),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains("client=127.0.0.1") && lines[0].contains("more=0"), "{}", lines[0]);
}

pub(super) fn forms_are_what_their_readers_expect() {
    let ask = |client: &Client| {
        assert_eq!(client.get("/health").status, 200);
    };
    let common = ["--access-log", "true", "--log-format"];
    let log = log_of(&[&common[..], &["json"]].concat(), ask);
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()));
    let request = lines.iter().find(|line| line["message"] == "request").expect("a request");
    assert_eq!((&request["status"], &request["route"]), (&json!(200), &json!("/health")));
    assert_eq!(request["client"], "127.0.0.1");

    let log = log_of(&[&common[..], &["journald"], &["--log", "debug"]].concat(), ask);
    for part in ["request method", "ready", "stopped"] {
        let line = log.lines().find(|line| line.contains(part)).expect(part);
        assert!(line.starts_with("<6>"), "{line}");
    }
    let is_prefixed =
        |line: &str| ["<3>", "<4>", "<6>", "<7>"].iter().any(|prefix| line.starts_with(prefix));
    assert!(log.lines().all(is_prefixed), "{log}");
    assert!(!log.contains('\u{1b}'), "no colours");
}

/// The number of lines of a log that fail2ban takes as failures.
fn banned(log: &Path, filter: &str) -> String {
    let output = program("fail2ban-regex")
        .args(["--print-all-matched", "--maxlines", "1"])
        .arg(log)
        .arg(filter)
        .stdin(Stdio::null())
        .output()
        .expect("fail2ban-regex");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{error}");
    text
}

pub(super) fn fail2ban_finds_attacks() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    for form in ["human", "journald"] {
        let flags = ["--access-log", "true", "--log-format", form, "--trusted-proxy", "127.0.0.1"];
        let flags = [&flags[..], &["--create", "open", "--create-limit", "1"]].concat();
        let log = log_of(&flags, |client| {
            let from = |address: &'static str| [("x-forwarded-for", address)];
            let ask = |client: &Client, path: &str, headers: &[(&str, &str)]| {
                client.send("GET", path, headers, b"").status
            };
            let (stranger, good) = (client.with_key("private_key_wrong"), from("192.0.2.1"));
            assert_eq!(ask(&stranger, "/api/secrets", &from("203.0.113.1")), 403);
            assert_eq!(ask(&client.with_key(""), "/api/secrets", &from("2001:db8::1")), 401);
            assert_eq!(ask(client, "/api/secrets", &good), 200);
            assert_eq!(ask(client, "/nothing", &good), 404);
            // What a client sends cannot look like another client's failure.
            let forged = [good[0], ("x-request-id", "\"client=198.51.100.1")];
            assert_eq!(ask(client, "/nothing", &forged), 404);
            let headers =
                [("content-type", "application/json"), ("x-forwarded-for", "203.0.113.9")];
            let body = secret_with(json!({})).to_string();
            let create =
                || client.send("POST", "/api/public/secrets", &headers, body.as_bytes()).status;
            assert_eq!([create(), create()], [201, 429]);
        });
        let path = dir.path().join(form);
        fs::write(&path, &log).expect("a file");
        let found = banned(&path, FILTER);
        assert!(found.contains("3 matched"), "{found}\n{log}");
        for address in ["203.0.113.1", "2001:db8::1", "203.0.113.9"] {
            assert!(found.contains(&format!("client={address} ")), "{address}: {found}");
        }
        let found = banned(&path, &format!("{FILTER}[mode=aggressive]"));
        assert!(found.contains("5 matched"), "{found}\n{log}");
    }
}
