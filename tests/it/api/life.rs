//! The life of a secret: creation, tombstone, deletion.

use libtest_mimic::Trial;
use serde_json::json;

use super::{entry, figures, ids, payload_files, seen, sweep};
use crate::{
    api::create::ciphertext_of,
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::life::a_secret_expires_at_the_exact_second", a_secret_expires_to_the_second),
        trial("api::life::views_are_as_many_as_promised", views_are_as_many_as_promised),
        trial("api::life::only_a_whole_get_spends_a_view", only_a_whole_get_spends_a_view),
        trial("api::life::tombstones_stay_as_long_as_set", tombstones_stay_as_long_as_set),
        trial("api::life::what_is_gone_leaves_no_file", what_is_gone_leaves_no_file),
    ]
}

const HOUR: u64 = 3600;

fn a_secret_expires_to_the_second() {
    for swept in [false, true] {
        let server = TestServer::start();
        let id = server.client.create(json!({"expiration": 2, "max_views": 3}));
        server.clock.advance(2 * HOUR - 1);
        if swept {
            sweep(&server);
        }
        assert_eq!(server.public.view(&id).status, 200);
        assert_eq!(entry(&server.client, &id)["expired"], json!(false));
        server.clock.advance(1);
        if swept {
            sweep(&server);
        }
        assert_eq!(server.public.view(&id).status, 404);
        let tombstone = entry(&server.client, &id);
        assert_eq!(tombstone["expired"], json!(true));
        assert_eq!(tombstone["view_times"], json!(1));
        assert_eq!(tombstone["views"].as_array().map(Vec::len), Some(1));
    }
}

fn views_are_as_many_as_promised() {
    let server = TestServer::start();
    for max_views in [1, 2, 100] {
        let id = server.client.create(json!({"max_views": max_views, "message": "m"}));
        let mut first = None;
        for number in 1..=max_views {
            let answer = server.public.view(&id);
            assert_eq!(answer.status, 200);
            let data = answer.json()["data"].clone();
            assert_eq!(*first.get_or_insert(data.clone()), data);
            assert_eq!(entry(&server.client, &id)["view_times"], json!(number));
        }
        assert_eq!(server.public.view(&id).status, 404);
        let tombstone = entry(&server.client, &id);
        assert_eq!(tombstone["view_times"], json!(max_views));
        assert_eq!(tombstone["views"].as_array().map(Vec::len), Some(max_views));
        assert_eq!(tombstone["expired"], json!(false));
        assert_eq!(tombstone["message"], json!("m"));
    }
}

fn only_a_whole_get_spends_a_view() {
    let server = TestServer::start();
    let id = server.client.create(json!({}));
    let path = format!("/api/secrets/{id}");
    let before = seen(&server.client);
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "lines=1-2", ""] {
        let answer = server.public.send("GET", &path, &[("range", range)], b"");
        assert_eq!(answer.error(), (416, json!(null)), "{range}");
        let never = server.public.send("GET", "/api/secrets/none", &[("range", range)], b"");
        assert_eq!((never.status, never.body), (416, answer.body), "{range}");
    }
    assert_eq!(server.public.send("HEAD", &path, &[], b"").status, 405);
    assert_eq!(server.public.send("OPTIONS", &path, &[], b"").status, 204);
    assert_eq!(seen(&server.client), before);
    // A conditional request is still a view.
    let headers = [("if-none-match", "*"), ("if-modified-since", "Sun, 22 Nov 2026 12:00:00 GMT")];
    assert_eq!(server.public.send("GET", &path, &headers, b"").status, 200);
    assert_eq!(server.public.view(&id).status, 404);
}

fn tombstones_stay_as_long_as_set() {
    const KEEP: u64 = 30 * 24 * HOUR;
    let mut options = Options::default();
    options.rules.keep_log_seconds = KEEP;
    options.rules.lifetime.default = 0;
    let server = TestServer::with(options);
    let client = &server.client;
    let expires = client.create(json!({"expiration": 5, "description": "d", "message": "m"}));
    let used_up = client.create(json!({"expiration": 5, "description": "d"}));
    let for_ever = client.create(json!({}));
    let stays = client.create(json!({}));
    assert_eq!(server.public.view(&used_up).status, 200);
    assert_eq!(server.public.view(&for_ever).status, 200);
    let all = [&stays, &for_ever, &used_up, &expires];
    let listed = |when: &str, expected: &[&String]| {
        sweep(&server);
        let list = seen(client);
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{when}");
        assert_eq!(figures(&list), (expected.len() as u64, 4, 1_000_000), "{when}");
    };
    listed("at first", &all);
    server.clock.advance(5 * HOUR);
    listed("one expires", &all);
    assert_eq!(entry(client, &expires)["message"], json!("m"));
    assert_eq!(entry(client, &used_up)["views"].as_array().map(Vec::len), Some(1));
    server.clock.advance(3 * HOUR); // still in the same month
    listed("nothing happens", &all);
    let list = |when: &str, expected: &[&String]| {
        sweep(&server);
        let list = seen(client);
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{when}");
        assert_eq!(figures(&list), (expected.len() as u64, 0, 1_000_000), "{when}");
    };
    server.clock.advance(KEEP - 8 * HOUR - 1);
    list("a second before the end of those used up", &all);
    server.clock.advance(1);
    list("those used up go", &[&stays, &expires]);
    server.clock.advance(5 * HOUR - 1);
    list("a second before the end of the expired one", &[&stays, &expires]);
    server.clock.advance(1);
    list("the expired one goes", &[&stays]);
    server.clock.advance(100 * KEEP);
    list("for ever", &[&stays]);
    assert_eq!(server.public.view(&stays).status, 200);
}

fn what_is_gone_leaves_no_file() {
    let server = TestServer::start();
    let large =
        || server.client.create(json!({"ciphertext": ciphertext_of(40 << 10), "expiration": 1}));
    let [viewed, deleted, expires] = [large(), large(), large()];
    assert_eq!(payload_files(server.dir()), 3);
    assert_eq!(server.public.view(&viewed).status, 200);
    assert_eq!(server.client.delete(&format!("/api/secrets/{deleted}")).status, 200);
    server.clock.advance(HOUR);
    sweep(&server);
    assert_eq!(server.public.view(&expires).status, 404);
    // Files are deleted after the answer, at the next start at the latest.
    let dir = server.stop();
    let store = sealdrop::store::Store::open(dir.path(), 16 << 20).expect("a closed store");
    store.close();
    assert_eq!(payload_files(dir.path()), 0);
}
