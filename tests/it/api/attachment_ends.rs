//! The end of attachments: with their drafts, their leases and their secrets; and the data that remains.

use super::{
    attachments::{Draft, fetch, sealed_file, view},
    entry, figures, payload_files,
    races::{at_once, count},
    seen, sweep,
};
use crate::{
    http::{Client, secret_with},
    mail::until,
    raw::{self, Raw},
    server::{Options, TestServer},
    trial,
};
use libtest_mimic::Trial;
use sealdrop::domain::{operator, secret::attachment::stored_bytes};
use serde_json::{Value, json};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("attachments::drafts_end_an_hour_after_the_last_byte", drafts_end),
        trial("attachments::a_draft_gives_back_what_it_used", a_draft_gives_back),
        trial("attachments::publishing_and_sweeping_at_once", publishing_and_sweeping),
        trial("attachments::publishing_can_be_asked_for_again", publishing_again),
        trial("attachments::ranges_and_resumed_downloads", ranges_and_resumed_downloads),
        trial("attachments::the_lease_lives_longer_until_all_is_fetched", the_lease_lives_longer),
        trial("attachments::burning_ends_a_download", burning_ends_a_download),
        trial("attachments::a_download_outlives_its_lease", a_download_outlives_its_lease),
        trial("attachments::nothing_is_left_on_disk", nothing_is_left_on_disk),
    ]
}

pub(super) const HOUR: u64 = 3600;

/// A secret with these attachments.
fn secret(client: &Client, files: &[&[u8]], more: Value) -> String {
    let draft = Draft::create(client, u8::try_from(files.len()).expect("a few"), more);
    for (n, file) in (1..).zip(files) {
        assert_eq!(draft.put(client, n, file).status, 200);
    }
    draft.id
}

fn keys_on_disk(server: &TestServer) -> usize {
    crate::key_files::payload_keys(server)
}

/// No key, no file, no counted byte.
pub(super) fn assert_nothing_left(server: &TestServer) {
    assert_eq!(keys_on_disk(server), 0);
    assert_eq!(stored_bytes(&server.app.store).expect("a count"), 0);
    until("the files are gone", || payload_files(server.dir()) == 0);
}

fn drafts_end() {
    let server = TestServer::start();
    let client = &server.client;
    let file = sealed_file(200_000);
    let draft = Draft::create(client, 1, json!({}));
    server.clock.advance(HOUR - 1);
    assert_eq!(draft.put_part(client, 1, &file, 0..100_000).status, 200);
    sweep(&server);
    server.clock.advance(HOUR - 1);
    sweep(&server);
    assert_eq!(draft.offset(client, 1), (100_000, false), "an hour after the last byte");
    server.clock.advance(1);
    // Expired, swept or not.
    for _ in 0..2 {
        assert_eq!(draft.put_part(client, 1, &file, 100_000..file.len()).status, 404);
        assert_eq!(draft.publish(client).status, 404);
        assert_eq!(draft.drop_it(client).status, 404);
        sweep(&server);
    }
    assert_eq!(figures(&seen(client)), (0, 0, 1_000_000));
    assert_nothing_left(&server);
}

fn a_draft_gives_back() {
    let server = TestServer::with(Options { allowance: 1, ..Options::default() });
    let client = &server.client;
    let file = sealed_file(10);
    for how in ["dropped", "deleted", "expired"] {
        let draft = Draft::create(client, 1, json!({"description": "mine"}));
        let listed = entry(client, &draft.id);
        assert_eq!((&listed["draft"], &listed["expires_at"]), (&json!(true), &Value::Null));
        assert_eq!(figures(&seen(client)), (1, 1, 1));
        let more = secret_with(json!({"attachments": 1}));
        assert_eq!(client.post("/api/secrets", &more).status, 403);
        match how {
            "dropped" => assert_eq!(draft.drop_it(client).status, 200),
            "deleted" => {
                let path = format!("/api/secrets/{}", draft.id);
                assert_eq!(client.delete(&path).status, 200);
            }
            _ => {
                server.clock.advance(HOUR);
                sweep(&server);
            }
        }
        assert_eq!(figures(&seen(client)), (0, 0, 1), "{how}");
        assert_eq!(draft.put(client, 1, &file).status, 404);
    }
    let id = secret(client, &[&file], json!({}));
    assert_eq!(client.delete(&format!("/api/secrets/{id}")).status, 200);
    assert_eq!(figures(&seen(client)), (0, 1, 1), "published secrets count");
    assert_nothing_left(&server);
}

fn publishing_and_sweeping() {
    let server = TestServer::start();
    let client = &server.client;
    let file = sealed_file(10);
    for _ in 0..20 {
        let draft = Draft::create(client, 1, json!({}));
        let now = server.clock.now().plus(HOUR);
        let store = &server.app.store;
        let statuses = at_once(2, |thread| match thread {
            0 => draft.put(client, 1, &file).status,
            _ => {
                // As if the hour had passed for the sweep.
                sealdrop::domain::sweep::sweep(store, now, HOUR).expect("a sweep");
                0
            }
        });
        let is_published = count(&statuses, 200) == 1;
        assert!(is_published || count(&statuses, 404) == 1, "{statuses:?}");
        let found = client.get(&format!("/api/public/secrets/{}", draft.id)).status;
        assert_eq!(found, if is_published { 200 } else { 404 });
        client.delete(&format!("/api/secrets/{}", draft.id));
    }
    assert_nothing_left(&server);
}

fn publishing_again() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 1, json!({}));
    assert_eq!(draft.publish(client).status, 409);
    assert_eq!(draft.put(client, 1, &sealed_file(10)).status, 200);
    let published = draft.publish(client);
    assert_eq!(published.json()["data"]["expires_at"], "2026-11-29T12:00:00Z");
    assert_eq!(draft.publish(client).json(), published.json());
    assert_eq!(draft.drop_it(client).status, 409);
    assert_eq!(draft.offset(client, 1), (33, true));
    assert_eq!(client.delete(&format!("/api/secrets/{}", draft.id)).status, 200);
    assert_eq!(draft.publish(client).status, 404);
}

fn ranges_and_resumed_downloads() {
    let server = TestServer::start();
    let client = &server.client;
    let file = sealed_file(1 << 20);
    let id = secret(client, &[&file], json!({}));
    let (lease, _) = view(client, &id);
    let total = file.len();
    let part = |range: &str| fetch(client, &id, 1, &lease, Some(range));
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=65558-65559", 65_558, 65_560),
        ("bytes=65559-131110", 65_559, 131_111),
        ("bytes=500000-", 500_000, total),
        ("bytes=-5", total - 5, total),
        ("bytes=1000-99999999", 1000, total),
    ] {
        let answer = part(range);
        assert_eq!(answer.status, 206, "{range}");
        assert!(answer.body == file[from..to], "{range}");
        let told = format!("bytes {from}-{}/{total}", to - 1);
        assert_eq!(answer.header("content-range"), Some(&*told));
    }
    let behind = part(&format!("bytes={total}-"));
    assert_eq!(behind.status, 416);
    assert_eq!(behind.header("content-range"), Some(&*format!("bytes */{total}")));
    assert_eq!(part("bytes=0-1,5-6").status, 200, "several ranges are ignored");
    let head =
        client.send("HEAD", &format!("/api/secrets/{id}/attachments/1"), &[("lease", &lease)], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some(&*total.to_string())));
    for (n, lease) in [(1, "x".repeat(32)), (2, lease.clone()), (0, lease.clone())] {
        assert_eq!(fetch(client, &id, n, &lease, None).status, 404, "{n} {lease}");
    }
    assert_eq!(fetch(client, &id, 1, "short", None).status, 422);
    let other = secret(client, &[&file], json!({}));
    assert_eq!(fetch(client, &other, 1, &lease, None).status, 404, "of another secret");
}

fn the_lease_lives_longer() {
    let server = TestServer::start();
    let client = &server.client;
    let (first, second) = (sealed_file(1 << 20), sealed_file(1 << 16));
    let id = secret(client, &[&first, &second], json!({}));
    let (lease, data) = view(client, &id);
    // 17 chunks with their tags and prefixes are more than 17 times 64 KiB.
    assert_eq!(data["lease"]["seconds_left"], 60 + 18);
    server.clock.advance(70);
    assert!(fetch(client, &id, 1, &lease, None).body == first);
    let half = second.len() / 2;
    fetch(client, &id, 2, &lease, Some(&format!("bytes={half}-")));
    server.clock.advance(7);
    let begin = format!("bytes=0-{}", half - 1);
    assert_eq!(fetch(client, &id, 2, &lease, Some(&begin)).status, 206);
    server.clock.advance(1);
    assert_eq!(fetch(client, &id, 1, &lease, None).status, 404, "the lease has ended");
    sweep(&server);
    assert_eq!(entry(client, &id)["events"][0]["event"], "lease_ended");
    assert_nothing_left(&server);

    // Fetched in parts and in any order, everything is fetched: a minute is left.
    let big = sealed_file(4 << 20);
    let id = secret(client, &[&big, &second], json!({}));
    let (lease, data) = view(client, &id);
    assert_eq!(data["lease"]["seconds_left"], 60 + 66);
    fetch(client, &id, 1, &lease, None);
    server.clock.advance(30);
    fetch(client, &id, 2, &lease, Some(&format!("bytes={half}-")));
    fetch(client, &id, 2, &lease, Some(&begin));
    let view_again = json!({"lease": lease});
    let path = format!("/api/public/secrets/{id}/view");
    let left = || client.post(&path, &view_again).json()["data"]["lease"]["seconds_left"].clone();
    until("it is noted", || left() == 60);
    server.clock.advance(59);
    assert_eq!(fetch(client, &id, 1, &lease, Some("bytes=-9")).status, 206);
    server.clock.advance(1);
    assert_eq!(fetch(client, &id, 1, &lease, None).status, 404);
    sweep(&server);
    assert_nothing_left(&server);
}

/// Begins a download and reads a little of it.
fn begin_download(client: &Client, id: &str, lease: &str) -> Raw {
    let lease = format!("Lease: {lease}");
    let mut raw = Raw::connect(client);
    raw.send(raw::request(client, "GET", &format!("/api/secrets/{id}/attachments/1"), &[&lease]));
    assert_eq!(raw.head().status, 200);
    let mut some = [0; 1000];
    std::io::Read::read_exact(raw.reader(), &mut some).expect("the first bytes");
    raw
}

/// More than sockets hold.
const LONG: usize = 24 << 20;

fn burning_ends_a_download() {
    let server = TestServer::start();
    let client = &server.client;
    let file = sealed_file(LONG);
    for how in ["burned", "deleted", "account"] {
        let other = (how == "account").then(|| server.other_account());
        let id = secret(other.as_ref().unwrap_or(client), &[&file], json!({}));
        let (lease, _) = view(client, &id);
        let mut download = begin_download(client, &id, &lease);
        let public = format!("/api/public/secrets/{id}");
        match how {
            "burned" => {
                let burned = client.post(&format!("{public}/burn"), &json!({"lease": lease}));
                assert_eq!(burned.status, 200);
            }
            "deleted" => {
                assert_eq!(client.delete(&format!("/api/secrets/{id}")).status, 200);
            }
            _ => {
                let store = &server.app.store;
                operator::delete_account(store, "other", server.clock.now()).expect("it");
            }
        }
        assert_eq!(fetch(client, &id, 1, &lease, None).status, 404);
        assert_nothing_left(&server);
        let got = download.rest().len();
        assert!(got + 1000 < file.len(), "{how}: {got} of {}", file.len());
    }
}

fn a_download_outlives_its_lease() {
    let server = TestServer::start();
    let client = &server.client;
    let file = sealed_file(LONG);
    let id = secret(client, &[&file], json!({}));
    let (lease, _) = view(client, &id);
    let mut download = begin_download(client, &id, &lease);
    server.clock.advance(24 * HOUR);
    sweep(&server);
    assert_nothing_left(&server);
    assert_eq!(fetch(client, &id, 1, &lease, None).status, 404);
    let mut rest = vec![0; file.len() - 1000];
    std::io::Read::read_exact(download.reader(), &mut rest).expect("the rest");
    assert!(rest == file[1000..]);
}

fn nothing_is_left_on_disk() {
    let server = TestServer::start();
    let client = &server.client;
    let (first, second) = (sealed_file(150_000), sealed_file(10));
    let files: [&[u8]; 2] = [&first, &second];
    // A view with an API key gives a lease; the last one does not burn at once.
    let id = secret(client, &files, json!({}));
    assert_eq!(client.view(&id).status, 200);
    assert_eq!(keys_on_disk(&server), 3);
    server.clock.advance(63);
    assert_eq!(client.view(&id).status, 404);
    // Caused by the late attempt, which is recorded in the background.
    let bytes = || stored_bytes(&server.app.store).expect("a count");
    until("it is burned", || (bytes(), keys_on_disk(&server)) == (0, 0));
    assert_nothing_left(&server);
    // Expired without a view.
    let id = secret(client, &files, json!({"expiration": 1}));
    server.clock.advance(HOUR);
    assert_eq!(client.view(&id).status, 404);
    sweep(&server);
    assert_nothing_left(&server);
    // Drafts of an account that is deleted, one of them with a remainder of less than a chunk.
    let other = server.other_account();
    let draft = Draft::create(&other, 2, json!({}));
    assert_eq!(draft.put_part(&other, 1, &first, 0..100_000).status, 200);
    secret(&other, &files, json!({}));
    assert_eq!(keys_on_disk(&server), 3 + 3);
    let store = &server.app.store;
    operator::delete_account(store, "other", server.clock.now()).expect("a deletion");
    assert_nothing_left(&server);
    assert_eq!(draft.put_part(&other, 1, &first, 100_000..first.len()).status, 404);
}
