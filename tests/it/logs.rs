//! No secret is logged, at any level.

use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    daemon::{Daemon, Keys},
    http::{Client, secret_with},
    key_service::{Part, TestBox, call, fetch, list},
    raw::{Raw, request},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("logs::nothing_secret_is_logged", nothing_secret_is_logged),
        trial("logs::nothing_secret_of_a_box_is_logged", nothing_secret_of_a_box_is_logged),
    ]
}

fn nothing_secret_of_a_box_is_logged() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let flags = ["--log", "trace", "--key-pool", "0", "--rsa-bits", "2048"];
    let mut daemon = Daemon::start(&dir.path().join("data"), &flags);
    let _ = daemon.first_keys();
    let client = Client::new(daemon.base.clone(), "");
    let created = call(&client, "POST", &[("passphrase", "planted-passphrase")]);
    let key = created.json();
    let field = |name: &str| key[name].as_str().expect("a text").to_owned();
    let (token, hash) = (field("KeyToken"), field("PrivateKeyHash"));
    let of = |pairs: &[(&'static str, &'static str)]| -> Vec<(&str, String)> {
        pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    let ask = |method: &str, pairs: &[(&'static str, &'static str)]| {
        let mut pairs = of(pairs);
        pairs.push(("token", token.clone()));
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, &**value)).collect();
        call(&client, method, &pairs)
    };
    // In the query, where other programs would log it.
    let query = format!("/Service?token={token}&passphrase=planted-passphrase&message=planted-m");
    assert_eq!(client.send("PUT", &query, &[("x-planted", "planted-header")], b"").status, 200);
    assert_eq!(
        ask("PUT", &[("encryptedmessage", "planted-e"), ("encryptionkey", "planted-k")]).status,
        200
    );
    let own = TestBox { client: client.clone(), token: token.clone(), hash: hash.clone() };
    let parts =
        [Part::file("file", "planted-name", b"planted-content"), Part::text("planted", "planted")];
    assert_eq!(own.put_parts(&parts).status, 200);
    for pairs in [&[("passphrase", "planted-wrong")][..], &[("privatekeyhash", "planted-hash")]] {
        assert_eq!(ask("GET", pairs).status, 400);
    }
    let listed = list(&ask("GET", &[("passphrase", "planted-passphrase")]));
    let ticket = listed[2]["TemporaryDownloadId"].as_str().expect("a ticket").to_owned();
    assert_eq!(fetch(&client, &ticket).body, b"planted-content");
    assert_eq!(fetch(&client, &ticket).status, 400);
    assert_eq!(own.read_sealed(&[]).status, 200);
    for (content_type, body) in [
        ("application/json", "{\"message\":\"planted"),
        ("multipart/form-data; boundary=planted", "--planted\r\nplanted"),
        ("planted/planted", "planted"),
    ] {
        let answer =
            client.send("PUT", "/Service", &[("content-type", content_type)], body.as_bytes());
        assert!(answer.status == 400 && !answer.text().contains("planted"), "{}", answer.text());
    }
    let mut raw = Raw::connect(&client);
    raw.send(request(&client, "PUT", "/Service", &["Content-Length: 1000"]));
    raw.send("message=planted-half").hang_up();
    // The log has neither damaged content nor content that cannot be opened.
    assert_eq!(ask("DELETE", &[("passphrase", "planted-passphrase")]).status, 200);
    let log = daemon.log.clone();
    let (status, rest) = daemon.stop();
    assert!(status.success());
    let text = std::fs::read_to_string(log).expect("a log");
    assert!(text.contains("stopped"), "{text}");
    let pem = field("PrivateKey");
    let line = pem.lines().nth(1).expect("base64");
    for value in ["planted", &token, &hash, &ticket, line, &token[5..20]] {
        assert!(!text.contains(value), "{value:?} in the log:\n{text}");
    }
    assert!(!rest.contains("planted"), "standard output: {rest}");
}

fn nothing_secret_is_logged() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = ["--log", "trace", "--trusted-proxy", "127.0.0.1", "--max-ciphertext", "4KiB"];
    let mut daemon = Daemon::start(&data, &flags);
    let Keys { private, public: public_key } = daemon.first_keys();
    let client = Client::new(daemon.base.clone(), private.clone());

    let sent = secret_with(json!({
        "description": "planted-description",
        "message": "planted-message",
        "password": "planted-password",
        "unknown": "planted-unknown",
        "max_views": 2,
    }));
    let ciphertext = sent["ciphertext"].as_str().expect("a text").to_owned();
    let part = sent["password_part_private"].as_str().expect("a text").to_owned();
    let created = client.post("/api/secrets", &sent);
    assert_eq!(created.status, 201);
    let id = created.json()["data"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/secrets/{id}");
    let headers = [
        ("secret-password", "planted-password"),
        ("user-agent", "planted-agent"),
        ("referer", "https://example.org/planted-referer"),
        ("cookie", "planted-cookie"),
        ("x-planted", "planted-header"),
    ];
    assert_eq!(client.send("GET", &format!("{path}?planted-query"), &headers, b"").status, 200);
    let wrong = [("secret-password", "planted-wrong")];
    assert_eq!(client.send("GET", &path, &wrong, b"").status, 403);
    let key = [("authorization", "ApiKey private_key_planted")];
    assert_eq!(client.send("GET", &path, &key, b"").status, 403);
    assert_eq!(client.get("/planted-path/planted?planted=1").status, 404);
    assert_eq!(client.send("PLANTED", &path, &[], b"").status, 405);
    for body in [
        "{\"ciphertext\":\"planted-ciphertext\"}".to_owned(),
        secret_with(json!({"message": ["planted-list"], "password": {"planted": 1}})).to_string(),
        secret_with(json!({"ciphertext": "cGxhbnRlZA==".repeat(400)})).to_string(),
        "{\"planted-json".to_owned(),
        "planted".repeat(20_000),
    ] {
        let headers = [("content-type", "application/json")];
        let answer = client.send("POST", "/api/secrets", &headers, body.as_bytes());
        assert!(answer.status >= 400 && !answer.text().contains("planted"), "{}", answer.text());
    }
    let asked = json!({
        "description": "planted-description",
        "message": "planted-message",
        "secret_message": "planted-message",
        "secret_password": "planted-password",
        "unknown": "planted-unknown",
    });
    let asked = client.post("/api/secret_requests", &asked);
    let asked = asked.json()["data"]["id"].as_str().expect("an id").to_owned();
    let public = Client::new(daemon.base.clone(), "");
    let look = format!("/api/public/secret_requests/{asked}");
    assert_eq!(public.get(&look).status, 200);
    let answer = format!("{look}/secrets");
    for (more, status) in [
        (json!({"password_part_public": "cGxhbnRlZA=="}), 422),
        (json!({"ciphertext": "planted-ciphertext"}), 422),
        (json!({"unknown": "planted-unknown"}), 201),
        (json!({}), 404),
    ] {
        assert_eq!(public.post(&answer, &secret_with(more)).status, status);
    }
    let mailed = json!({"send_to_email": "planted@planted.example"});
    assert_eq!(client.post("/api/secret_requests", &mailed).status, 422);
    let mut raw = Raw::connect(&client);
    raw.send(request(&client, "GET", &path, &["planted header: x"]));
    raw.rest();
    let mut raw = Raw::connect(&client);
    raw.send(request(&client, "POST", "/api/secrets", &["Content-Length: 100"]));
    raw.send("{\"planted-half").hang_up();
    assert_eq!(client.delete(&path).status, 200);
    let log = daemon.log.clone();
    let (status, rest) = daemon.stop();
    assert!(status.success());

    let text = std::fs::read_to_string(log).expect("a log");
    assert!(text.contains("ready") && text.contains("stopped"), "{text}");
    for value in [
        "planted",
        "PLANTED",
        "cGxhbnRlZA",
        &id,
        &asked,
        &ciphertext,
        &part,
        &private,
        &public_key,
        &private[20..40],
    ] {
        assert!(!text.contains(value), "{value:?} in the log:\n{text}");
    }
    assert!(!rest.contains("planted"), "standard output: {rest}");
}
