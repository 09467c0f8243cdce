//! `GET /api/secret_requests`: its order, its pages, its end.

use libtest_mimic::Trial;
use serde_json::json;

use super::{
    ids,
    races::{at_once, count},
    secret_requests::{PATH, figures, handed_over, list, request},
    sweep,
};
use crate::{
    server::{Options, START, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::requests::newest_first_and_fifty_at_most", newest_first_and_fifty_at_most),
        trial("api::requests::the_list_has_an_end", the_list_has_an_end),
        trial("api::requests::ended_ones_leave_the_list_in_time", ended_ones_leave_in_time),
    ]
}

fn newest_first_and_fifty_at_most() {
    let server = TestServer::start();
    let other = server.other_account();
    let mut newest_first = Vec::new();
    for number in 0..103 {
        if number % 11 == 0 {
            request(&other, json!({}));
        }
        newest_first.insert(0, request(&server.client, json!({})));
    }
    // (query, from, to)
    let cases = [
        ("", 0, 50),
        ("?offset=1", 1, 51),
        ("?offset=50", 50, 100),
        ("?x=1&offset=100&y", 100, 103),
        ("?offset=103", 103, 103),
        ("?offset=18446744073709551615", 103, 103),
    ];
    for (query, from, to) in cases {
        let listed = server.client.get(&format!("{PATH}{query}")).json();
        assert_eq!(ids(&listed), newest_first[from..to], "{query}");
        assert_eq!(figures(&listed), (0, 0, 103), "{query}");
    }
    for offset in ["1.5", "-1", "x", "1&offset=2"] {
        let answer = server.client.get(&format!("{PATH}?offset={offset}"));
        assert_eq!(answer.error(), (422, json!("offset")), "{offset}");
    }
    let deleted = newest_first.remove(2);
    let answer = server.client.delete(&format!("{PATH}/{deleted}"));
    assert_eq!((answer.status, &answer.json()["data"]), (200, &json!(null)));
    assert_eq!(figures(&answer.json()), (0, 0, 102));
    assert_eq!(ids(&list(&server.client)), newest_first[..50]);
}

fn the_list_has_an_end() {
    let mut options = Options::default();
    options.rules.request_allowance = 20;
    let server = TestServer::with(options);
    let statuses = at_once(32, |_| server.client.post(PATH, &json!({})).status);
    assert_eq!((count(&statuses, 201), count(&statuses, 403)), (20, 12), "{statuses:?}");
    let full = server.client.post(PATH, &json!({}));
    assert_eq!(full.error(), (403, json!(null)));
    assert!(full.text().contains("20 are allowed"), "{}", full.text());
    let listed = list(&server.client);
    assert_eq!(listed["metadata"]["secret_requests_total"], json!(20));
    assert_eq!(listed["metadata"]["secret_requests_allowance"], json!(20));
    // Deleting one makes space for one.
    let path = format!("{PATH}/{}", ids(&listed)[7]);
    assert_eq!(server.client.delete(&path).status, 200);
    request(&server.client, json!({}));
    assert_eq!(server.client.post(PATH, &json!({})).status, 403);
    // Each account has its own.
    request(&server.other_account(), json!({}));
}

fn ended_ones_leave_in_time() {
    let mut options = Options::default();
    options.rules.keep_log_seconds = 24 * 3600;
    let server = TestServer::with(options);
    let expired = request(&server.client, json!({"expiration": 2}));
    let used_up = request(&server.client, json!({"expiration": 350}));
    let secret = handed_over(&server, &used_up);
    let open = request(&server.client, json!({"expiration": 350}));
    let (day, hours) = (24 * 3600, 2 * 3600);
    // (seconds since the start, what is listed)
    let steps = [
        (0, vec![&open, &used_up, &expired]),
        (hours, vec![&open, &used_up, &expired]),
        (day - 1, vec![&open, &used_up, &expired]),
        (day, vec![&open, &expired]),
        (day + hours - 1, vec![&open, &expired]),
        (day + hours, vec![&open]),
    ];
    for (at, expected) in steps {
        server.clock.advance(START.0 + at - server.clock.now().0);
        sweep(&server);
        let listed = list(&server.client);
        assert_eq!(ids(&listed).iter().collect::<Vec<_>>(), expected, "after {at} s");
        assert_eq!(figures(&listed), (1, 1, expected.len() as u64));
    }
    assert_eq!(server.public.view(&secret).status, 200, "the secret has its own life");
}
