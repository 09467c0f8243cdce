//! Texts, addresses and user agents are sealed on disk, under keys that are gone after a deletion and a turn
//! of the ring.

use std::collections::BTreeSet;

use serde_json::json;

use super::{burned::find, flips::files};
use crate::{
    api::secret_requests::request,
    http::{Client, secret_with},
    key_files::{Files, keys_in, keys_of_both},
    key_service::TestBox,
    mail::{mailer, notify},
    server::{Options, TestServer},
};
use sealdrop::{crypto::sha256, domain::operator};

/// In everything that this test sends and that must not be on disk in the clear.
const PLANTED: &str = "planted";
/// No mail server listens there, so mails stay in the outbox.
const CLOSED_PORT: u16 = 1;

pub(super) fn unreadable_once_deleted() {
    let mailer = Some(mailer(CLOSED_PORT, &[]));
    let server = TestServer::with(Options { mailer, ..Options::default() });
    let other = server.other_account();
    let mut known = keys_of(&server);
    let mut new_keys = || -> BTreeSet<[u8; 32]> {
        let now = keys_of(&server);
        let new = now.difference(&known).copied().collect();
        known = now;
        new
    };

    let kept = fill(&server.client, "kept");
    let mut staying = new_keys();
    let deleted = fill(&server.client, "deleted");
    let of_deleted = new_keys();
    fill(&other, "other");
    notify(&server, "planted-account@example.com");
    let ending = new_keys();
    TestBox::with(&server.client, &[("notifyemail", "planted-box@example.com")]);
    staying.extend(new_keys());
    // Payload, texts and visits, the request, the mail that waits; and so on. The first mail makes the key for
    // names of addresses.
    let counts = [staying.len(), of_deleted.len(), ending.len()];
    assert_eq!(counts, [4 + 3, 4, 4 + 1], "the keys of each");
    let before = files(server.dir(), &[]);
    // A hash would tell those who know the address that it had mail.
    let hash = sha256(b"planted-kept@example.com");
    for (path, bytes) in &before {
        assert!(find(bytes, PLANTED.as_bytes()).is_none(), "{} has it", path.display());
        assert!(find(bytes, &hash).is_none(), "{} has the hash of an address", path.display());
    }

    // Deleted by their owner, with their account, and replaced.
    for path in [
        format!("/api/secrets/{}", deleted.secret),
        format!("/api/secret_requests/{}", deleted.request),
    ] {
        assert_eq!(server.client.delete(&path).status, 200, "{path}");
    }
    let (store, clock) = (&server.app.store, &server.clock);
    operator::delete_account(store, "other", clock.now()).expect("a deletion");
    notify(&server, "planted-again@example.com");
    let copy: Files = before.into_iter().filter(|(path, _)| !path.ends_with("ring")).collect();
    let left_of = |keys: &BTreeSet<[u8; 32]>| {
        let found = keys_of_both(&copy, &files(server.dir(), &[]));
        found.iter().filter(|key| keys.contains(*key)).collect::<BTreeSet<_>>().len()
    };
    let all = [&staying, &of_deleted, &ending];
    assert_eq!(all.map(left_of), counts, "the test finds all keys");
    store.turn_ring(clock.now()).expect("a turn");
    // The mail about the deleted request waits still.
    assert_eq!(all.map(left_of), [staying.len(), 1, 0]);

    let entries = server.client.get("/api/secrets").json();
    assert!(entries.to_string().contains("planted description of kept"), "{entries}");
    let path = format!("/api/public/secret_requests/{}", kept.request);
    let looked = server.client.with_key("").get(&path);
    assert!(looked.text().contains("planted message of kept"), "{}", looked.text());
}

/// The keys in the files, with their ring.
fn keys_of(server: &TestServer) -> BTreeSet<[u8; 32]> {
    keys_in(&files(server.dir(), &[])).into_iter().collect()
}

struct Filled {
    secret: String,
    request: String,
}

/// Creates a secret that was looked at and viewed, and a request.
fn fill(client: &Client, name: &str) -> Filled {
    let secret = client.create(secret_with(json!({
        "description": format!("planted description of {name}"),
        "message": format!("planted message of {name}"),
        "max_views": 3,
    })));
    let agent = [("user-agent", "planted-agent/1.0")];
    let stranger = client.with_key("");
    let path = format!("/api/public/secrets/{secret}");
    assert_eq!(stranger.send("GET", &path, &agent, b"").status, 200);
    let view = [agent[0], ("content-type", "application/json")];
    let viewed = stranger.send("POST", &format!("{path}/view"), &view, b"{}");
    assert_eq!(viewed.status, 200, "{}", viewed.text());
    let request = request(
        client,
        json!({
            "description": "planted",
            "message": format!("planted message of {name}"),
            "secret_description": "planted",
            "send_request_to_email": format!("planted-{name}@example.com"),
            "send_to_email": "planted-owner@example.com",
        }),
    );
    Filled { secret, request }
}
