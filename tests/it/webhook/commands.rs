//! `sealdrop webhook`, with a running daemon and without one.

use std::path::Path;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::receiver::{Receiver, status};
use crate::{
    cli::{run, run_well},
    daemon::Daemon,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("webhook::commands::add_list_test_and_remove", add_list_test_and_remove),
        trial("webhook::commands::without_a_daemon", without_a_daemon),
        trial("webhook::commands::private_ones_are_refused_at_once", private_ones_are_refused),
        trial("webhook::commands::nothing_secret_is_logged", nothing_secret_is_logged),
    ]
}

/// Adds a webhook; returns its id and its signing key.
pub(super) fn add(data: &Path, account: &str, url: &str) -> (String, String) {
    let added = run_well(data, &["webhook", "add", "--account", account, "--url", url, "--json"]);
    let added: Value = serde_json::from_str(&added).expect("JSON");
    let text = |field: &str| added[field].as_str().expect("a text").to_owned();
    (text("id"), text("signing_key"))
}

/// Runs a subcommand that must fail; returns its exit code and its output.
pub(super) fn fails(data: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(data, arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
    let text = String::from_utf8(output.stderr).expect("text");
    (output.status.code().expect("a code"), text)
}

fn add_list_test_and_remove() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let receiver = Receiver::start();
    let daemon = Daemon::start(&data, &["--webhook-private", "true"]);
    let (id, key) = add(&data, "default", &receiver.url());
    assert_eq!(id, "w1");
    assert!(key.starts_with("whsec_") && key.len() == 50, "{key}");

    let listed: Value =
        serde_json::from_str(&run_well(&data, &["webhook", "list", "--json"])).expect("JSON");
    assert_eq!(listed[0]["url"], json!(format!("http://{}/planted-path?…", receiver.address)));
    assert_eq!(
        listed[0]["events"],
        json!(["secret.viewed", "secret.tried_after", "secret_request.answered"])
    );
    let rows = run_well(&data, &["webhook", "list", "--account", "default"]);
    assert!(rows.contains("w1  default") && !rows.contains("planted-token"), "{rows}");
    assert!(!rows.contains(&key), "{rows}");

    let told = run_well(&data, &["webhook", "test", "w1"]);
    assert_eq!(told, "webhook w1 accepted the call with status 204\n");
    let call = receiver.call();
    let body: Value = serde_json::from_str(&call.body).expect("JSON");
    assert_eq!((&body["type"], &body["data"]), (&json!("test"), &json!({})));
    assert!(call.header("webhook-id").starts_with("test_"));

    receiver.answer(status("500 Internal Server Error"));
    let (code, told) = fails(&data, &["webhook", "test", "w1"]);
    let address = receiver.address;
    let expected = format!(
        "sealdrop: the call of webhook w1 failed: {address} answered 500 Internal Server Error\n"
    );
    assert_eq!((code, told), (1, expected));
    receiver.call();

    assert_eq!(
        run_well(&data, &["webhook", "remove", "w1"]),
        "webhook w1 of account default removed\n"
    );
    for command in ["test", "remove"] {
        let (code, told) = fails(&data, &["webhook", command, "w1"]);
        assert!(code == 1 && told.contains("there is no webhook w1"), "{told}");
    }
    assert_eq!(run_well(&data, &["webhook", "list", "--json"]), "[]\n");
    assert!(receiver.is_idle());

    let one = ["webhook", "add", "--account", "default", "--url", "https://example.org"];
    for _ in 0..10 {
        run_well(&data, &one);
    }
    let (code, told) = fails(&data, &one);
    assert!(code == 1 && told.contains("10 webhooks at most"), "{told}");
    let nobody = ["webhook", "add", "--account", "nobody", "--url", "https://example.org"];
    assert!(fails(&data, &nobody).1.contains("there is no account nobody"));
    run_well(&data, &["account", "delete", "default", "--yes"]);
    assert_eq!(run_well(&data, &["webhook", "list", "--json"]), "[]\n");
    assert!(daemon.stop().0.success());
}

fn without_a_daemon() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let receiver = Receiver::start();
    run_well(&data, &["account", "create", "x"]);
    let (id, _) = add(&data, "x", &receiver.url());
    let (code, told) = fails(&data, &["webhook", "test", &id]);
    assert!(code == 1 && told.contains("start it first"), "{told}");
    // The daemon that does not call private addresses does not call this one either.
    let daemon = Daemon::start(&data, &[]);
    let (code, told) = fails(&data, &["webhook", "test", &id]);
    assert!(code == 1 && told.contains("127.0.0.1, a loopback address"), "{told}");
    assert!(receiver.is_idle());
    assert!(daemon.stop().0.success());
    run_well(&data, &["webhook", "remove", &id]);
    assert_eq!(run_well(&data, &["webhook", "list", "--json"]), "[]\n");
}

fn private_ones_are_refused() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let daemon = Daemon::start(&data, &[]);
    for url in ["http://127.1/planted", "http://192.168.0.1", "https://[fd00::1]/?planted"] {
        let (code, told) = fails(&data, &["webhook", "add", "--account", "default", "--url", url]);
        assert!(code == 64 && told.contains("webhook_private"), "{told}");
        assert!(!told.contains("planted"), "{told}");
    }
    // A name is looked up when it is called.
    let receiver = Receiver::start();
    let url = format!("http://localhost:{}/", receiver.address.port());
    let (id, _) = add(&data, "default", &url);
    let (_, told) = fails(&data, &["webhook", "test", &id]);
    assert!(told.contains("localhost:") && told.contains("a loopback address"), "{told}");
    assert!(receiver.is_idle());
    assert!(daemon.stop().0.success());
}

fn nothing_secret_is_logged() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let receiver = Receiver::start();
    let daemon = Daemon::start(&data, &["--webhook-private", "true", "--log", "trace"]);
    let (id, key) = add(&data, "default", &receiver.url());
    run_well(&data, &["webhook", "test", &id]);
    let signature = receiver.call().header("webhook-signature").to_owned();
    receiver.answer(status("410 Gone"));
    let (_, told) = fails(&data, &["webhook", "test", &id]);
    assert!(told.contains("410 Gone: the endpoint is gone"), "{told}");
    receiver.call();
    receiver.answer("planted-answer\r\n\r\n");
    let (_, told) = fails(&data, &["webhook", "test", &id]);
    receiver.call();
    assert!(!told.contains("planted"), "{told}");
    let secure = receiver.url().replace("http:", "https:");
    let (id, other) = add(&data, "default", &secure);
    let (_, told) = fails(&data, &["webhook", "test", &id]);
    assert!(!told.contains("planted"), "{told}");
    let log = daemon.log.clone();
    assert!(daemon.stop().0.success());
    let text = std::fs::read_to_string(log).expect("a log");
    assert!(text.contains("ready"), "{text}");
    for value in ["planted", &key, &key[6..], &other[6..], &signature, &signature[3..]] {
        assert!(!text.contains(value), "{value:?} in the log:\n{text}");
    }
}
