//! The state of the daemon: at the administration socket, and for the account of its operator.

use std::{path::Path, process::Output};

use sealdrop::api::status::write_history;
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, sealdrop},
    http::Client,
    server::{START, TestServer},
};

const PATH: &str = "/api/account/server";

fn asked(client: &Client) -> Value {
    let answer = client.get(PATH);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].clone()
}

pub(super) fn the_history_is_by_the_hour() {
    let server = TestServer::start();
    let client = &server.client;
    let seen = client.create(json!({"max_views": 2}));
    client.create(json!({}));
    assert_eq!(client.view(&seen).status, 200);
    let shown = asked(client);
    assert_eq!(shown["secrets"]["created_today"], 2);
    assert_eq!(shown["secrets"]["views_today"], 1);
    assert_eq!(shown["secrets"]["live"], 2);
    assert_eq!(shown["started_at"], START.to_string());
    assert!(shown["disk"]["free_bytes"].as_u64() > Some(0), "{shown}");
    assert_eq!(shown["history"].as_array().map(Vec::len), Some(1), "{shown}");

    write_history(&server.app).expect("a history");
    // Within the next hours of the same day, and then on the next one.
    for (seconds, today, hours) in [(3600, 1, 2), (3600 * 20, 1, 3)] {
        server.clock.advance(seconds);
        client.create(json!({}));
        let shown = asked(client);
        let hours_shown = shown["history"].as_array().expect("a list");
        assert_eq!(hours_shown.len(), hours, "{shown}");
        assert_eq!(hours_shown[0]["created"], 2);
        assert_eq!(hours_shown[hours - 1]["created"], today);
        write_history(&server.app).expect("a history");
    }
    assert_eq!(asked(client)["secrets"]["created_today"], 1);
    assert_eq!(asked(client)["secrets"]["views_today"], 0);
}

pub(super) fn only_the_first_account_sees_it() {
    let server = TestServer::start();
    let other = server.other_account();
    assert_eq!(server.client.get("/api/account").json()["data"]["owns_server"], true);
    assert_eq!(other.get("/api/account").json()["data"]["owns_server"], false);
    assert_eq!(other.get(PATH).error(), (403, Value::Null));
    assert_eq!(server.public.get(PATH).error(), (403, Value::Null));
    assert_eq!(server.client.with_key("").get(PATH).status, 401);
    assert_eq!(server.client.post(PATH, &json!({})).status, 405);
}

/// `sealdrop status` on this data directory.
fn status(data: &Path, more: &[&str]) -> Output {
    let mut command = sealdrop();
    command.arg("status").arg("--data").arg(data).args(more);
    command.output().expect("the program")
}

fn read(data: &Path) -> Value {
    let output = status(data, &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

pub(super) fn the_operator_sees_it() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (daemon, client) = Daemon::start_first(&data, &["--key-pool", "0"]);
    let id = client.create(json!({}));
    assert_eq!(client.view(&id).status, 200);
    let shown = read(&data);
    // With the secret of the first start.
    let today = json!({"live": 1, "created_today": 2, "views_today": 1, "burned_today": 1,
        "late_tries_today": 0, "refusals_today": 0});
    assert_eq!(shown["secrets"], today);
    assert_eq!(shown["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&shown["warnings"], &shown["certificate_ends_at"]), (&json!([]), &Value::Null));
    let output = status(&data, &[]);
    let text = String::from_utf8(output.stdout).expect("text");
    for row in ["secrets      1 live\n", "today        2 created, 1 views, 1 burned"] {
        assert!(text.contains(row), "{text}");
    }
    assert!(daemon.stop().0.success());

    // Today's numbers outlive the daemon.
    let daemon = Daemon::start(&data, &["--key-pool", "0", "--tls-self-signed", "true"]);
    let shown = read(&data);
    assert_eq!(shown["secrets"], today);
    assert_eq!(shown["certificate_ends_at"], "2120-01-01T00:00:00Z");
    assert!(daemon.stop().0.success());

    // (flags, exit code, part of the error)
    let cases: [(&[&str], i32, &str); 3] = [
        (&[], 1, "no daemon runs on this data directory"),
        (&["0123456789abcdefghijABCDEFGHIJx"], 64, "--data and --config are for the state"),
        (&["--server", "http://127.0.0.1:1"], 64, "give the status link"),
    ];
    for (flags, code, part) in cases {
        let output = status(&data, flags);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), error.contains(part)), (Some(code), true), "{error}");
    }
}
