//! Uploads that begin and stall.

use std::{thread::scope, time::Duration};

use libtest_mimic::Trial;
use serde_json::json;

use super::{ATTACKER, BYSTANDER, others_are_served};
use crate::{
    api::attachments::{Draft, sealed_file},
    http::Client,
    raw::{Raw, request},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("fairness::uploads::stalled_ones_give_their_places_back", stalled_ones)]
}

/// An upload from `source`, up to its head.
fn upload(client: &Client, source: [u8; 4], draft: &Draft, n: u8, headers: &[&str]) -> Raw {
    let token = format!("Upload-Token: {}", draft.token);
    let mut raw = Raw::connect_from(client, source);
    raw.send(request(client, "PUT", &draft.path(n), &[&[&*token], headers].concat()));
    raw
}

/// The number of uploads that one client may have in progress.
const SHARE: usize = 32;
/// The number of further uploads that it tries to start.
const MORE: usize = 20;
const SOON: Duration = Duration::from_millis(100);

fn stalled_ones() {
    let server = TestServer::start();
    let client = &server.client;
    let whole = sealed_file(200_000);
    let length = format!("Content-Length: {}", whole.len());
    let headers = [&*length, "Expect: 100-continue"];
    let drafts: Vec<Draft> = (0..14).map(|_| Draft::create(client, 10, json!({}))).collect();
    let mut files = drafts.iter().flat_map(|draft| (1..=10).map(move |n| (draft, n)));
    // Each has sent a part, and none is complete: all places of one client.
    let mut stalled: Vec<_> = files
        .by_ref()
        .take(SHARE)
        .map(|(draft, n)| {
            let mut raw = upload(client, ATTACKER, draft, n, &headers);
            assert_eq!(raw.head().status, 100);
            raw.send(&whole[..100_000]);
            (draft, n, raw)
        })
        .collect();
    let other = Draft::create(client, 1, json!({}));
    scope(|scope| {
        // More of them wait, and another client does not.
        let waiting: Vec<_> = files
            .take(MORE)
            .map(|(draft, n)| {
                let (headers, whole) = (&headers, &whole);
                scope.spawn(move || {
                    let mut raw = upload(client, ATTACKER, draft, n, headers);
                    assert_eq!(raw.head().status, 100);
                    raw.send(whole).answer().status
                })
            })
            .collect();
        let mut raw = upload(client, BYSTANDER, &other, 1, &[&*length]);
        assert_eq!(raw.send(&whole).answer().status, 200);
        others_are_served(client);
        // The waiting uploads get the places of those that stall.
        for waiting in waiting {
            assert_eq!(waiting.join().expect("a status"), 200);
        }
    });
    // The stalled uploads have kept the received bytes, and continue later.
    let mut ended = stalled
        .iter_mut()
        .filter_map(|(draft, n, raw)| raw.answers_within(SOON).then_some((draft, *n, raw)));
    let (draft, n, raw) = ended.next().expect("some have released their places");
    assert_eq!(raw.answer().status, 408);
    let (offset, is_complete) = draft.offset(client, n);
    assert!(offset > 0 && offset <= 100_000 && !is_complete, "{offset} bytes are kept");
    let rest = draft.put_part(client, n, &whole, offset..whole.len());
    assert_eq!(rest.status, 200, "{}", rest.text());
    assert_eq!(draft.offset(client, n), (whole.len(), true));
}
