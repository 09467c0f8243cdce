//! After a burn, nothing on disk opens the ciphertext: not the log of the database, which keeps old
//! bytes, not any key slot.

use std::thread;

use super::flips::{files, large_ciphertext};
use crate::{
    http::{Client, secret_with},
    key_files::{Files, keys_in, keys_of_both},
    server::TestServer,
};
use sealdrop::{
    crypto::{SlotKey, seal},
    domain::{
        operator,
        secret::ciphertext::{Ciphertext, PasswordPart, to_payload},
        sweep::sweep,
    },
};
use serde_json::{Value, json};

/// A secret, and its sealed payload as it was on disk.
struct Sealed {
    name: &'static str,
    id: String,
    context: [u8; 15],
    bytes: Vec<u8>,
}

/// The way to burn it.
const BURNED: [&str; 7] =
    ["viewed", "deleted", "expired", "account", "lease burned", "lease over", "replaced"];

pub(super) fn nothing_opens() {
    let server = TestServer::start();
    let other = server.other_account();
    let mut secrets = Vec::new();
    for name in BURNED.into_iter().chain(["control"]) {
        let client = if name == "account" { &other } else { &server.client };
        for large in [false, true] {
            secrets.push(create(&server, client, name, large));
        }
    }
    let before = files(server.dir(), &[]);
    let opening = keys_that_open(&before, &keys_in(&before), &secrets);
    assert_eq!(opening, vec![1; secrets.len()], "each opens with its one key");

    for secret in &secrets {
        let path = format!("/api/secrets/{}", secret.id);
        match secret.name {
            "viewed" => assert_eq!(server.client.view(&secret.id).status, 200),
            "lease burned" | "lease over" => {
                let public = format!("/api/public/secrets/{}", secret.id);
                let viewed = server.client.post(&format!("{public}/view"), &json!({}));
                assert_eq!(viewed.status, 200, "{}", viewed.text());
                if secret.name == "lease burned" {
                    let lease = json!({"lease": viewed.json()["data"]["lease"]["token"]});
                    assert_eq!(server.client.post(&format!("{public}/burn"), &lease).status, 200);
                }
            }
            "replaced" => {
                // By other content of another size.
                let mut new = secret_with(json!({}));
                new["password_part_private"] = json!("b3RoZXItcHJpdmF0ZS1oYWxm");
                let json = [("content-type", "application/json")];
                let changed = server.client.send("PATCH", &path, &json, new.to_string().as_bytes());
                assert_eq!(changed.status, 200, "{}", changed.text());
            }
            "deleted" => assert_eq!(server.client.delete(&path).status, 200),
            _ => {}
        }
    }
    let (store, clock) = (&server.app.store, &server.clock);
    operator::delete_account(store, "other", clock.now()).expect("a deletion");
    clock.advance(3600);
    sweep(store, clock.now(), 3600).expect("a sweep");

    let after = files(server.dir(), &[]);
    // Otherwise the test proves nothing: the log still has the sealed bytes.
    let (_, log) = after.iter().find(|(path, _)| path.ends_with("db/db")).expect("the log");
    let kept = secrets.iter().filter(|secret| find(log, &secret.bytes).is_some()).count();
    assert!(kept >= BURNED.len(), "sled's log has only {kept}");
    let opening = keys_that_open(&after, &keys_in(&after), &secrets);
    for (secret, keys) in secrets.iter().zip(opening) {
        let expected = usize::from(secret.name == "control");
        assert_eq!(keys, expected, "{} ({} bytes)", secret.name, secret.bytes.len());
    }
    println!("{} of {} sealed payloads are still in the log", kept, secrets.len());

    // Whoever has the older copy as well, without its ring, opens what was burned until the next turn.
    let copy: Files = before.into_iter().filter(|(path, _)| !path.ends_with("ring")).collect();
    let opening = |today: &Files| {
        let both = copy.iter().chain(today).cloned().collect();
        keys_that_open(&both, &keys_of_both(&copy, today), &secrets)
    };
    assert_eq!(opening(&after), vec![1; secrets.len()], "the test finds all keys");
    store.turn_ring(clock.now()).expect("a turn");
    for (secret, keys) in secrets.iter().zip(opening(&files(server.dir(), &[]))) {
        let expected = usize::from(secret.name == "control");
        assert_eq!(keys, expected, "after a turn: {}", secret.name);
    }
}

/// Creates a secret and finds its sealed payload on disk, by opening each candidate.
fn create(server: &TestServer, client: &Client, name: &'static str, large: bool) -> Sealed {
    let hours = if name == "expired" { 1 } else { 350 };
    let mut fields = secret_with(json!({"expiration": hours}));
    if large {
        fields["ciphertext"] = json!(large_ciphertext());
    }
    let id = client.create(fields.clone());
    let context = server.app.ids.parse(&id).expect("an id").random;
    let plaintext = plaintext(&fields);
    let found = files(server.dir(), &[]);
    for (path, bytes) in &found {
        let parts = plaintext.windows(24).step_by(24);
        let clear =
            parts.filter(|part| !part.contains(&b' ')).any(|part| find(bytes, part).is_some());
        assert!(!clear, "{} has it in clear text", path.display());
    }
    let keys = keys_in(&found);
    let length = plaintext.len() + seal::SEAL_BYTES;
    let sealed = candidates(&found, length, &context).into_iter().find(|sealed| {
        keys.iter().any(|key| opens(key, &context, sealed).is_some_and(|open| open == plaintext))
    });
    let bytes = sealed.expect("a sealed payload that opens");
    Sealed { name, id, context, bytes: bytes.to_vec() }
}

fn plaintext(fields: &Value) -> Vec<u8> {
    let text = |field: &str| fields[field].as_str().expect("a text").to_owned();
    let ciphertext = Ciphertext::new(&text("ciphertext"), 1 << 20).expect("a ciphertext");
    let part = PasswordPart::new(text("password_part_private")).expect("a private half");
    to_payload(&ciphertext, &part)
}

/// Bytes on disk that could be the sealed payload: they are shortly before the random bytes of its record,
/// or are a file.
fn candidates<'a>(files: &'a Files, length: usize, context: &[u8; 15]) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for (_, bytes) in files {
        if bytes.len() == length {
            found.push(&bytes[..]);
        }
        for place in bytes.windows(15).enumerate().filter(|(_, window)| window == context) {
            let ends = place.0.saturating_sub(40)..=place.0;
            found.extend(ends.filter_map(|end| bytes.get(end.checked_sub(length)?..end)));
        }
    }
    found
}

/// For each secret, the number of keys on disk that open it: any 32 bytes, in any file, at any place, and
/// those that are `decrypted` from the files.
fn keys_that_open(files: &Files, decrypted: &[[u8; 32]], secrets: &[Sealed]) -> Vec<usize> {
    let count = |secret: &Sealed| {
        let windows = files.iter().flat_map(|(_, bytes)| bytes.windows(32));
        let mut keys: Vec<&[u8; 32]> = windows
            .filter_map(<[u8]>::first_chunk)
            .chain(decrypted)
            .filter(|key| **key != [0; 32])
            .filter(|key| opens(key, &secret.context, &secret.bytes).is_some())
            .collect();
        keys.sort();
        keys.dedup();
        keys.len()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = secrets.iter().map(|secret| scope.spawn(|| count(secret))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a count")).collect()
    })
}

fn opens(key: &[u8; 32], context: &[u8; 15], sealed: &[u8]) -> Option<Vec<u8>> {
    let opened = seal::open(&SlotKey::from_bytes(*key), context, sealed.to_vec()).ok()?;
    Some(opened.expose_secret().to_vec())
}

pub(super) fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
