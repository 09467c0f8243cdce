//! Concurrent requests: never more views than allowed, and never fewer.

use std::sync::Barrier;

use libtest_mimic::Trial;
use serde_json::json;

use super::{entry, figures, seen};
use crate::{
    http::secret_with,
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::races::n_views_are_n_views", n_views_are_n_views),
        trial("api::races::n_views_with_passwords", n_views_with_passwords),
        trial("api::races::the_allowance_is_exact", the_allowance_is_exact),
        trial("api::races::views_and_a_deletion", views_and_a_deletion),
        trial("api::races::wrong_passwords_at_once", wrong_passwords_at_once),
    ]
}

/// Runs `request` in `threads` threads at once; returns the statuses.
pub(super) fn at_once(threads: usize, request: impl Fn(usize) -> u16 + Sync) -> Vec<u16> {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|number| {
                let (barrier, request) = (&barrier, &request);
                scope.spawn(move || {
                    barrier.wait();
                    request(number)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    })
}

pub(super) fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|found| **found == status).count()
}

fn n_views_are_n_views() {
    let server = TestServer::start();
    for views in [1, 7, 64] {
        for _ in 0..3 {
            let id = server.client.create(json!({"max_views": views}));
            let statuses = at_once(64, |number| {
                // Each with a connection of its own.
                let key = if number % 2 == 0 { &server.client.key } else { &server.public.key };
                let client = crate::http::Client::new(server.client.base.clone(), key);
                client.view(&id).status
            });
            assert_eq!(count(&statuses, 200), views, "{statuses:?}");
            assert_eq!(count(&statuses, 404), 64 - views, "{statuses:?}");
            let entry = entry(&server.client, &id);
            assert_eq!(entry["view_times"], json!(views));
            assert_eq!(entry["views"].as_array().map(Vec::len), Some(views));
        }
    }
}

fn n_views_with_passwords() {
    let options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
    let server = TestServer::with(options);
    let id = server.client.create(json!({"max_views": 5, "password": "p"}));
    let path = format!("/api/secrets/{id}");
    let statuses = at_once(20, |number| {
        let address = format!("198.51.100.{number}");
        let password = if number % 2 == 0 { "p" } else { "wrong" };
        let headers = [("secret-password", password), ("x-forwarded-for", address.as_str())];
        server.public.send("GET", &path, &headers, b"").status
    });
    assert_eq!(count(&statuses, 200), 5, "{statuses:?}");
    for (number, status) in statuses.iter().enumerate() {
        let expected: &[u16] = if number % 2 == 0 { &[200, 404] } else { &[403, 404] };
        assert!(expected.contains(status), "{statuses:?}");
    }
    assert_eq!(entry(&server.client, &id)["view_times"], json!(5));
}

fn the_allowance_is_exact() {
    let server = TestServer::with(Options { allowance: 20, ..Options::default() });
    let body = secret_with(json!({}));
    let statuses = at_once(48, |_| server.client.post("/api/secrets", &body).status);
    assert_eq!((count(&statuses, 201), count(&statuses, 403)), (20, 28));
    assert_eq!(figures(&seen(&server.client)), (20, 20, 20));
}

fn views_and_a_deletion() {
    let server = TestServer::start();
    for _ in 0..5 {
        let id = server.client.create(json!({"max_views": 100}));
        let path = format!("/api/secrets/{id}");
        let statuses = at_once(32, |number| match number {
            16 | 17 => server.client.delete(&path).status + 1000,
            _ => server.public.view(&id).status,
        });
        assert_eq!((count(&statuses, 1200), count(&statuses, 1404)), (1, 1), "{statuses:?}");
        assert_eq!(count(&statuses, 200) + count(&statuses, 404), 30, "{statuses:?}");
        assert_eq!(server.public.view(&id).status, 404);
    }
    assert_eq!(figures(&seen(&server.client)), (0, 5, 1_000_000));
}

/// Concurrent attempts get no more attempts than sequential ones.
fn wrong_passwords_at_once() {
    let server = TestServer::start();
    let id = server.client.create(json!({"password": "p"}));
    let path = format!("/api/secrets/{id}");
    let statuses = at_once(30, |_| {
        server.public.send("GET", &path, &[("secret-password", "wrong")], b"").status
    });
    assert_eq!((count(&statuses, 403), count(&statuses, 429)), (10, 20), "{statuses:?}");
    assert_eq!(entry(&server.client, &id)["view_times"], json!(0));
}
