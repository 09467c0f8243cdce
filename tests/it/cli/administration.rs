//! `account` and `apikey`, with a running daemon and without one.

use std::{os::unix::fs::PermissionsExt, path::Path};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{run, run_well};
use crate::{daemon::Daemon, http::Client, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("cli::administration::works_with_and_without_a_daemon", with_and_without_a_daemon),
        trial("cli::administration::keys_count_at_once", keys_count_at_once),
        trial("cli::administration::a_deleted_account_is_gone", a_deleted_account_is_gone),
        trial("cli::administration::mistakes_are_named", mistakes_are_named),
        trial("cli::administration::the_socket_is_the_owners", the_socket_is_the_owners),
    ]
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn with_and_without_a_daemon() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    for (round, running) in [false, true, false].into_iter().enumerate() {
        let daemon = running.then(|| Daemon::start(&data, &[]));
        let name = format!("x{round}");
        let created = run_well(&data, &["account", "create", &name, "--json", "--allowance", "7"]);
        let keys = json_of(&created);
        let [private, public] =
            ["private_key", "public_key"].map(|key| keys[key].as_str().expect("a key").to_owned());
        let shape = format!(
            "{{\"account\":\"{name}\",\"private_key\":\"{private}\",\"public_key\":\"{public}\"}}\n"
        );
        assert_eq!(created, shape);
        for (key, prefix) in [(&private, "private_key_"), (&public, "public_key_")] {
            let random = key.strip_prefix(prefix).expect("a prefix");
            assert!(random.len() == 64 && random.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        let accounts = json_of(&run_well(&data, &["account", "list", "--json"]));
        let account = accounts.as_array().expect("a list").last().expect("one").clone();
        assert_eq!(account["name"], json!(name));
        assert_eq!(account["allowance"], json!(7));
        assert_eq!(account["api_keys"], json!(2));

        let create = ["apikey", "create", "--account", &name, "--kind", "public", "--json"];
        let key = json_of(&run_well(&data, &create));
        let listed = || {
            let list = run_well(&data, &["apikey", "list", "--account", &name, "--json"]);
            assert!(!list.contains(&private[12..]) && !list.contains(&public[11..]), "{list}");
            json_of(&list).as_array().expect("a list").len()
        };
        assert_eq!(listed(), 3);
        run_well(&data, &["apikey", "revoke", key["id"].as_str().expect("an id")]);
        assert_eq!(listed(), 2);

        let daemon = daemon.unwrap_or_else(|| Daemon::start(&data, &[]));
        let client = Client::new(daemon.base.clone(), private);
        let id = client.create(json!({}));
        assert_eq!(client.get("/api/secrets").json()["metadata"]["secrets_allowance"], json!(7));
        assert_eq!(client.with_key(public).view(&id).status, 200);
        let revoked = key["key"].as_str().expect("a key");
        assert_eq!(client.with_key(revoked).view(&id).status, 403);
        assert!(daemon.stop().0.success());
    }
    let names = run_well(&data, &["account", "list"]);
    assert!(["x0", "x1", "x2"].iter().all(|name| names.contains(name)), "{names}");
}

fn keys_count_at_once() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (daemon, client) = Daemon::start_first(&data, &[]);
    let id = client.create(json!({"max_views": 100}));
    for kind in ["private", "public"] {
        let create = ["apikey", "create", "--account", "default", "--kind", kind, "--json"];
        let key = json_of(&run_well(&data, &create));
        let other = client.with_key(key["key"].as_str().expect("a key"));
        assert_eq!(other.view(&id).status, 200, "{kind}");
        let list = if kind == "private" { 200 } else { 403 };
        assert_eq!(other.get("/api/secrets").status, list, "{kind}");
        run_well(&data, &["apikey", "revoke", key["id"].as_str().expect("an id")]);
        assert_eq!(other.view(&id).status, 403, "{kind}");
        assert_eq!(other.get("/api/secrets").status, 403, "{kind}");
    }
    assert_eq!(client.view(&id).status, 200, "the others still work");
    daemon.kill();
    let daemon = Daemon::start(&data, &[]);
    let client = Client::new(daemon.base.clone(), client.key);
    assert_eq!(client.view(&id).status, 200);
}

fn a_deleted_account_is_gone() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let create = || json_of(&run_well(&data, &["account", "create", "x", "--json"]));
    let key = |keys: &Value| keys["private_key"].as_str().expect("a key").to_owned();
    let (daemon, first) = Daemon::start_first(&data, &[]);
    let kept = first.create(json!({}));
    let client = Client::new(first.base.clone(), key(&create()));
    // More than are burned in one commit.
    let ids: Vec<String> = (0..150).map(|_| client.create(json!({}))).collect();
    assert_eq!(client.view(&ids[0]).status, 200);
    let deleted = run_well(&data, &["account", "delete", "x", "--yes"]);
    assert!(deleted.contains("149"), "{deleted}");
    assert_eq!(client.get("/api/secrets").status, 403);
    let again = client.with_key(key(&create()));
    for id in &ids {
        assert_eq!(client.view(id).status, 403);
        assert_eq!(again.view(id).status, 404);
        assert_eq!(first.view(id).status, 404);
    }
    let list = again.get("/api/secrets").json();
    assert_eq!(list["data"], json!([]));
    assert_eq!(list["metadata"]["secrets_usage"], json!(0));
    let id = again.create(json!({}));

    // Also without a daemon.
    assert!(daemon.stop().0.success());
    run_well(&data, &["account", "delete", "x", "--yes"]);
    let key = key(&create());
    let daemon = Daemon::start(&data, &[]);
    let client = Client::new(daemon.base.clone(), key);
    assert_eq!(client.view(&id).status, 404);
    assert_eq!(client.with_key(again.key).get("/api/secrets").status, 403);
    assert_eq!(client.with_key(first.key).view(&kept).status, 200);
}

fn mistakes_are_named() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (daemon, client) = Daemon::start_first(&data, &[]);
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).expect("a directory");
    let missing = dir.path().join("missing");
    let secret = client.key.as_str();
    // (directory, arguments, exit code, text on standard error)
    let cases: [(&Path, &[&str], i32, &str); 14] = [
        (&data, &["account", "create", "default"], 1, "already"),
        (&data, &["account", "create", "a b"], 64, "letters, digits"),
        (&data, &["account", "create", ""], 64, "letters, digits"),
        (&data, &["account", "create", "x", "--allowance", "-1"], 64, "allowance"),
        (&data, &["account", "delete", "nobody", "--yes"], 1, "nobody"),
        (&data, &["account", "delete", "default"], 64, "--yes"),
        (&data, &["apikey", "create", "--account", "nobody", "--kind", "public"], 1, "nobody"),
        (
            &data,
            &["apikey", "create", "--account", "default", "--kind", "x"],
            64,
            "private or public",
        ),
        (&data, &["apikey", "create", "--kind", "public"], 64, "--account"),
        (&data, &["apikey", "list", "--account", "nobody"], 1, "nobody"),
        (&data, &["apikey", "revoke", "000000000000"], 1, "000000000000"),
        (&data, &["apikey", "revoke", secret], 1, "no API key"),
        (&empty, &["account", "list"], 1, "--data"),
        (&missing, &["apikey", "list"], 1, "--data"),
    ];
    for (data, arguments, code, says) in cases {
        let output = run(data, arguments);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(err.contains(says), "{arguments:?}: {err}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!err.contains(&secret[12..30]), "{err}");
    }
    assert!(!missing.exists());
    assert_eq!(std::fs::read_dir(&empty).expect("a directory").count(), 0);
    assert_eq!(client.get("/api/secrets").status, 200);
    assert!(daemon.stop().0.success());
}

fn the_socket_is_the_owners() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    // Also if the directory existed before, with access for all.
    std::fs::create_dir(&data).expect("a directory");
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).expect("its mode");
    let (daemon, client) = Daemon::start_first(&data, &[]);
    let large = crate::api::large_ciphertext();
    client.create(json!({ "ciphertext": large }));
    assert_eq!(mode(&data.join("admin.sock")), 0o600);
    private(&data);
    assert!(daemon.stop().0.success());
    private(&data);

    let fresh = dir.path().join("fresh");
    let (daemon, client) = Daemon::start_first(&fresh, &[]);
    client.create(json!({ "ciphertext": large }));
    assert_eq!(mode(&fresh), 0o700);
    private(&fresh);
    assert!(daemon.stop().0.success());
    private(&fresh);
    let by_command = dir.path().join("by_command");
    run_well(&by_command, &["account", "create", "x"]);
    assert_eq!(mode(&by_command), 0o700);
    private(&by_command);
}

fn mode(path: &Path) -> u32 {
    let metadata = std::fs::symlink_metadata(path).expect("a file");
    metadata.permissions().mode() & 0o7777
}

/// No other user has access to any file in the directory.
fn private(data: &Path) {
    for entry in std::fs::read_dir(data).expect("a directory") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path) & 0o077, 0, "{} has mode {:o}", path.display(), mode(&path));
        if path.is_dir() {
            private(&path);
        }
    }
}
