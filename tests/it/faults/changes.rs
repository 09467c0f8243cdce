//! `kill -9` while the content of secrets is replaced: each secret still has all of its old content or all of
//! its new one.

use std::{sync::Mutex, thread, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{below, rounds};
use crate::{daemon::Daemon, http::Client};

const SECRETS: usize = 8;

/// The content of a secret after a number of changes; every second one is in a file.
fn content(secret: usize, version: usize) -> Value {
    let filling = if version.is_multiple_of(2) { 100 } else { 6000 };
    let ct = STANDARD.encode(format!("{secret} {version} {}", "x".repeat(filling)));
    let message = json!({
        "iv": "kWzXu1z4TB17UqoML6j/ww==", "salt": "5c5Omxh4wL4=", "ct": ct, "v": 1, "iter": 10000,
        "ks": 256, "ts": 64, "mode": "gcm", "adata": "", "cipher": "aes",
    });
    json!({
        "ciphertext": STANDARD.encode(message.to_string()),
        "password_part_private": STANDARD.encode(format!("half {secret} {version}")),
    })
}

pub(super) fn old_or_new() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (mut daemon, Client { key, .. }) = Daemon::start_first(&data, &[]);
    let (mut changes, mut unsure_new) = (0, 0);
    let rounds = rounds("SEALDROP_FAULT_ROUNDS", 15);
    for _ in 0..rounds {
        let client = Client::new(daemon.base.clone(), key.clone());
        let ids: Vec<String> =
            (0..SECRETS).map(|secret| client.create(content(secret, 0))).collect();
        // The version of the last answered change of each secret.
        let answered = Mutex::new([0; SECRETS]);
        thread::scope(|scope| {
            for (secret, id) in ids.iter().enumerate() {
                let client = Client::new(daemon.base.clone(), key.clone());
                let answered = &answered;
                scope.spawn(move || {
                    for version in 1.. {
                        let body = content(secret, version).to_string();
                        let json = [("content-type", "application/json")];
                        let path = format!("/api/secrets/{id}");
                        let answer = client.try_send("PATCH", &path, &json, body.as_bytes());
                        let Ok(answer) = answer else { break };
                        match answer.status {
                            200 => answered.lock().expect("no panic")[secret] = version,
                            // The answer of a daemon that is about to end.
                            503 => break,
                            status => panic!("{status} {}", answer.text()),
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(20 + below(150)));
            daemon.kill();
        });
        daemon = Daemon::start(&data, &[]);
        let client = Client::new(daemon.base.clone(), key.clone());
        let answered = answered.into_inner().expect("no panic");
        for (secret, id) in ids.iter().enumerate() {
            let version = answered[secret];
            let viewed = client.view(id);
            assert_eq!(viewed.status, 200, "secret {secret} is lost after change {version}");
            let found = viewed.json()["data"].clone();
            let is = |version: usize| {
                let expected = content(secret, version);
                ["ciphertext", "password_part_private"]
                    .iter()
                    .all(|field| found[field] == expected[field])
            };
            assert!(
                is(version) || is(version + 1),
                "secret {secret} after change {version}: {found}"
            );
            changes += version;
            unsure_new += usize::from(is(version + 1));
        }
    }
    let (status, _) = daemon.stop();
    assert!(status.success());
    println!("{rounds} rounds, {changes} changes, {unsure_new} done without an answer");
}
