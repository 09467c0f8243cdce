//! `GET /api/secrets`: its order, its pages, its view log.

use libtest_mimic::Trial;
use serde_json::json;

use super::{entry, figures, ids, seen};
use crate::{server::TestServer, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::list::newest_first_and_fifty_at_most", newest_first_and_fifty_at_most),
        trial("api::list::a_bad_offset_is_named", a_bad_offset_is_named),
        trial("api::list::views_say_when_whence_and_by_what", views_say_when_whence_and_by_what),
        trial("api::list::nothing_of_the_secret_is_in_it", nothing_of_the_secret_is_in_it),
        trial("api::list::delete_takes_out_whatever_the_state", delete_whatever_the_state),
    ]
}

fn newest_first_and_fifty_at_most() {
    let server = TestServer::start();
    let other = server.other_account();
    let mut newest_first = Vec::new();
    for number in 0..103 {
        if number % 11 == 0 {
            other.create(json!({}));
        }
        newest_first.insert(0, server.client.create(json!({"description": number.to_string()})));
    }
    // (query, from, to)
    let cases = [
        ("", 0, 50),
        ("?offset=0", 0, 50),
        ("?offset=", 0, 50),
        ("?offset=1.0", 1, 51),
        ("?offset=1", 1, 51),
        ("?offset=50", 50, 100),
        ("?x=1&offset=100&y", 100, 103),
        ("?offset=102", 102, 103),
        ("?offset=103", 103, 103),
        ("?offset=18446744073709551615", 103, 103),
    ];
    for (query, from, to) in cases {
        let list = server.client.get(&format!("/api/secrets{query}")).json();
        assert_eq!(ids(&list), newest_first[from..to], "{query}");
        assert_eq!(figures(&list), (103, 103, 1_000_000), "{query}");
    }
    // Tombstones keep their place; deleted secrets leave none.
    assert_eq!(server.public.view(&newest_first[1]).status, 200);
    let deleted = newest_first.remove(2);
    assert_eq!(server.client.delete(&format!("/api/secrets/{deleted}")).status, 200);
    assert_eq!(ids(&seen(&server.client)), newest_first[..50]);
    assert_eq!(figures(&seen(&server.client)), (102, 103, 1_000_000));
}

fn a_bad_offset_is_named() {
    let server = TestServer::start();
    for offset in ["-1", "1.5", "x", "1e3", "0x10", "18446744073709551616", "1&offset=2"] {
        let answer = server.client.get(&format!("/api/secrets?offset={offset}"));
        assert_eq!(answer.error(), (422, json!("offset")), "{offset}");
    }
}

fn views_say_when_whence_and_by_what() {
    let server = TestServer::start();
    let id = server.client.create(json!({"max_views": 6}));
    let path = format!("/api/secrets/{id}");
    let long = "a".repeat(255) + "\u{e5}" + &"b".repeat(5000);
    // (seconds later, user agent, the stored part of it)
    let cases = [
        (0, "curl/8.0", "curl/8.0"),
        (3599, "Mozilla/5.0 \"x\" <script>", "Mozilla/5.0 \"x\" <script>"),
        (1, "br\u{e5}wser", "br\u{e5}wser"),
        (86_400, "", ""),
        (60, &long, &long[..255]),
    ];
    let mut expected = Vec::new();
    let times = [
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:59:59Z",
        "2026-11-22T13:00:00Z",
        "2026-11-23T13:00:00Z",
        "2026-11-23T13:01:00Z",
    ];
    for ((seconds, agent, kept), at) in cases.into_iter().zip(times) {
        server.clock.advance(seconds);
        let answer = server.public.send("GET", &path, &[("user-agent", agent)], b"");
        assert_eq!(answer.status, 200, "{agent}");
        expected.push(json!({
            "viewed_at": at, "viewed_by_ip": "127.0.0.1", "viewed_by_user_agent": kept,
        }));
        let found = entry(&server.client, &id);
        assert_eq!(found["views"], json!(expected), "{agent}");
        assert_eq!(found["view_times"], json!(expected.len()));
    }
    // A client without a user agent: no header at all.
    let mut raw = crate::raw::Raw::connect(&server.public);
    raw.send(crate::raw::request(&server.public, "GET", &path, &[]));
    assert_eq!(raw.answer().status, 200);
    expected.push(json!({
        "viewed_at": times[4], "viewed_by_ip": "127.0.0.1", "viewed_by_user_agent": null,
    }));
    assert_eq!(entry(&server.client, &id)["views"], json!(expected));
}

fn nothing_of_the_secret_is_in_it() {
    let server = TestServer::start();
    server.client.create(json!({"password": "planted-password", "max_views": 2}));
    let text = server.client.get("/api/secrets").text();
    let sent = crate::http::secret_with(json!({}));
    for (what, value) in [
        ("ciphertext", sent["ciphertext"].as_str().expect("a text")),
        ("private half", sent["password_part_private"].as_str().expect("a text")),
        ("password", "planted-password"),
        ("alias", "chiffertext"),
        ("alias", "max_visningar"),
        ("hash", "iterations"),
    ] {
        assert!(!text.contains(value), "{what} in {text}");
    }
}

fn delete_whatever_the_state() {
    let server = TestServer::start();
    let create = || server.client.create(json!({"expiration": 1, "max_views": 2, "message": "m"}));
    let [fresh, viewed_once, used_up, expired, swept] = [(); 5].map(|()| create());
    for (id, views) in [(&viewed_once, 1), (&used_up, 2)] {
        (0..views).for_each(|_| assert_eq!(server.public.view(id).status, 200));
    }
    let mut left = 5;
    let mut delete = |id: &str| {
        let answer = server.client.delete(&format!("/api/secrets/{id}"));
        assert_eq!((answer.status, &answer.json()["data"]), (200, &json!(null)), "{id}");
        left -= 1;
        assert_eq!(figures(&answer.json()), (left, 5, 1_000_000));
        assert_eq!(figures(&seen(&server.client)), (left, 5, 1_000_000));
        let again = server.client.delete(&format!("/api/secrets/{id}"));
        assert_eq!(again.error(), (404, json!(null)));
        assert_eq!(server.public.view(id).status, 404);
    };
    delete(&fresh);
    delete(&viewed_once);
    delete(&used_up);
    server.clock.advance(3600);
    delete(&expired);
    super::sweep(&server);
    delete(&swept);
    assert_eq!(seen(&server.client)["data"], json!([]));
    // Their index entries are gone, so later sweeps do not find them.
    server.clock.advance(400 * 24 * 3600);
    super::sweep(&server);
    assert_eq!(figures(&seen(&server.client)), (0, 0, 1_000_000));
}
