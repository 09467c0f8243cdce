//! Late attempts are recorded in the background, so response times do not reveal whether there was anything
//! to record.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    entry,
    public::{anybody, burn, look, view},
};
use crate::{
    daemon::Daemon,
    http::Client,
    server::{START, TestServer},
    trial,
};
use libtest_mimic::Trial;
use sealdrop::domain::{
    numbers::AccountNumber,
    page::PageStart,
    secret::{event::SecretEventKind, list::list},
};
use serde_json::json;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::late_tries::are_written_by_themselves", are_written_by_themselves),
        trial("api::late_tries::survive_a_stop", survive_a_stop),
        trial("api::late_tries::are_bounded", are_bounded),
        trial("api::late_tries::of_changed_ids_name_nothing", of_changed_ids_name_nothing),
    ]
}

fn kinds(server: &TestServer) -> Vec<SecretEventKind> {
    let account = AccountNumber::new(1).expect("a small number");
    let start = PageStart::Offset(0);
    let listed = list(&server.app.store, account, start, START).expect("a list").entries;
    listed[0].events.iter().map(|event| event.kind).collect()
}

fn are_written_by_themselves() {
    let server = TestServer::start();
    let client = anybody(&server);
    let id = server.client.create(json!({}));
    assert_eq!(server.public.view(&id).status, 200);
    let before = server.app.store.keys(&sealdrop::store::Key::new(b'h')).count();
    for _ in 0..3 {
        assert_eq!(look(&client, &id).status, 404);
    }
    assert_eq!(
        server.app.store.keys(&sealdrop::store::Key::new(b'h')).count(),
        before,
        "not at once"
    );
    // The log is not requested.
    let start = Instant::now();
    while kinds(&server) != [SecretEventKind::TriedAfter; 3] {
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", kinds(&server));
        thread::yield_now();
    }
}

fn survive_a_stop() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let (daemon, client) = Daemon::start_first(&data, &[]);
    let id = client.create(json!({}));
    assert_eq!(client.view(&id).status, 200);
    assert_eq!(look(&client.with_key(""), &id).status, 404);
    assert!(daemon.stop().0.success());
    let daemon = Daemon::start(&data, &[]);
    let client = Client::new(daemon.base.clone(), client.key.clone());
    let events = entry(&client, &id)["events"].clone();
    assert_eq!(events[0]["event"], json!("tried_after"), "{events}");
    assert_eq!(events.as_array().map(Vec::len), Some(1));
}

/// One client cannot fill the log's queue for others, nor memory.
fn are_bounded() {
    let server = TestServer::with(crate::server::Options {
        trusted_proxies: vec!["127.0.0.1/32"],
        ..crate::server::Options::default()
    });
    let ids = [(); 2].map(|()| server.client.create(json!({})));
    for id in &ids {
        assert_eq!(server.public.view(id).status, 200);
    }
    let from = |address: &str, id: &str| {
        let path = format!("/api/public/secrets/{id}");
        let status = server
            .client
            .with_key("")
            .send("GET", &path, &[("x-forwarded-for", address)], b"")
            .status;
        assert_eq!(status, 404);
    };
    for _ in 0..300 {
        from("198.51.100.1", &ids[0]);
    }
    from("198.51.100.2", &ids[1]);
    let late = |id: &str| entry(&server.client, id)["events"].as_array().map(Vec::len);
    assert_eq!((late(&ids[0]), late(&ids[1])), (Some(50), Some(1)), "50 of a kind are kept");
}

/// A changed id identifies no record: no log is written, no view spent, no lease ended.
fn of_changed_ids_name_nothing() {
    let server = TestServer::start();
    let client = anybody(&server);
    let ids: Vec<String> = (0..4).map(|_| server.client.create(json!({}))).collect();
    let before = super::seen(&server.client);
    for place in [0, 1, 7, 15, 22, 29, 30] {
        for digit in ["0", "7", "Z", "a"] {
            let mut changed = ids[0].clone();
            changed.replace_range(place..=place, digit);
            if ids.contains(&changed) {
                continue;
            }
            assert_eq!(look(&client, &changed).status, 404, "{changed}");
            assert_eq!(view(&client, &changed, json!({})).status, 404);
            assert_eq!(burn(&client, &changed, &"x".repeat(22)).status, 404);
            if let Some(parsed) = server.app.ids.parse(&changed) {
                assert_ne!(parsed.number.account, AccountNumber::new(1).unwrap(), "{changed}");
            }
        }
    }
    assert_eq!(super::seen(&server.client), before);
}
