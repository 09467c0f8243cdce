//! Secrets with a password of their own.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use super::{entry, seen};
use crate::{
    http::{Answer, Client},
    server::{Options, TestServer},
    trial,
};
use libtest_mimic::Trial;
use sealdrop::{
    clock::UnixSeconds,
    domain::{
        limits::client_net::ClientNet, numbers::AccountNumber, secret::viewing::charge_password,
    },
};
use serde_json::json;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::passwords::only_the_right_one_opens", only_the_right_one_opens),
        trial("api::passwords::however_it_is_typed", however_it_is_typed),
        trial("api::passwords::ten_wrong_ones_from_an_address", ten_wrong_ones_from_an_address),
        trial("api::passwords::a_hundred_from_anywhere_lock", a_hundred_from_anywhere_lock),
        trial("api::passwords::right_ones_do_not_count", right_ones_do_not_count),
        trial("api::passwords::a_busy_server_does_not_count", a_busy_server_does_not_count),
        trial("api::passwords::the_wall_clock_frees_nobody", the_wall_clock_frees_nobody),
        trial("api::passwords::right_ones_too_late_do_not_count", right_ones_too_late_do_not_count),
    ]
}

/// The first account of a test server.
const FIRST: u32 = 1;

fn view_with(client: &Client, id: &str, password: &str) -> Answer {
    view_from(client, id, password, "198.51.100.1")
}

/// A request from `address`, if the server trusts this client as a proxy.
fn view_from(client: &Client, id: &str, password: &str, address: &str) -> Answer {
    let headers = [("secret-password", password), ("x-forwarded-for", address)];
    client.send("GET", &format!("/api/secrets/{id}"), &headers, b"")
}

fn behind_proxy() -> TestServer {
    TestServer::with(Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() })
}

/// Each form opens the secrets of the others, by header and by body. Blanks alone are not a password.
fn however_it_is_typed() {
    let server = behind_proxy();
    let forms =
        ["bl\u{e5} h\u{e4}st", "bla\u{30a} ha\u{308}st", " \u{feff}bl\u{e5} ha\u{308}st\r\n"];
    for set in forms {
        let id = server.client.create(json!({"password": set, "max_views": 10}));
        for (at, typed) in forms.into_iter().enumerate() {
            let path = format!("/api/public/secrets/{id}/view");
            let answer = server.client.with_key("").post(&path, &json!({"password": typed}));
            assert_eq!(answer.status, 200, "{set:?} {typed:?}: {}", answer.text());
            // A header cannot contain line ends.
            if at < 2 {
                assert_eq!(view_with(&server.public, &id, typed).status, 200, "{set:?} {typed:?}");
            }
        }
        for wrong in
            ["bla hast", "BL\u{c5} H\u{c4}ST", "bl\u{e5}  h\u{e4}st", "bl\u{e5}\u{a0}h\u{e4}st"]
        {
            let answer = view_with(&server.public, &id, wrong);
            assert_eq!(answer.error(), (403, json!("password")), "{wrong}");
        }
        for blank in ["\u{3000}", "\u{200b}", "\u{a0}\u{feff}"] {
            // More of them than the limit of wrong ones.
            for _ in 0..4 {
                let answer = view_from(&server.public, &id, blank, "198.51.100.2");
                assert_eq!(answer.error(), (403, json!("password")));
                assert!(answer.text().contains("Password is required"), "{}", answer.text());
            }
        }
        let right = view_from(&server.public, &id, forms[0], "198.51.100.2");
        assert_eq!(right.status, 200, "{}", right.text());
        server.clock.advance(3601);
    }
}

fn only_the_right_one_opens() {
    let server = behind_proxy();
    for password in ["p", "corr\u{e9}ct horse \u{1f511}", "  inner  spaces  ".trim()] {
        let id = server.client.create(json!({"password": password}));
        let before = seen(&server.client);
        let path = format!("/api/secrets/{id}");
        let missing = server.public.get(&path);
        assert_eq!(missing.error(), (403, json!("password")));
        assert!(missing.text().contains("Password is required"), "{}", missing.text());
        let nearly = [format!("{password}x"), password[1..].to_owned(), password.to_uppercase()];
        for wrong in nearly.iter().filter(|wrong| *wrong != password) {
            let answer = view_with(&server.public, &id, wrong);
            assert_eq!(answer.error(), (403, json!("password")), "{wrong}");
            let said = if wrong.is_empty() { "Password is required" } else { "Password is wrong" };
            assert!(answer.text().contains(said), "{}", answer.text());
            assert!(!answer.text().contains(password) || password == "p");
        }
        assert_eq!(seen(&server.client), before, "no view was spent");
        let mut raw = crate::raw::Raw::connect(&server.public);
        let request = crate::raw::request(&server.public, "GET", &path, &["Secret-Password: @"]);
        let (head, tail) = request.split_once('@').expect("a place");
        raw.send(head).send(b"\xff\xfe").send(tail);
        let answer = raw.answer();
        assert_eq!((answer.status, &answer.json()["error"]["field"]), (422, &json!("password")));
        assert_eq!(seen(&server.client), before, "no view was spent");

        assert_eq!(view_with(&server.public, &id, password).status, 200);
        assert_eq!(view_with(&server.public, &id, password).status, 404);
        assert_eq!(entry(&server.client, &id)["password"], json!(true));
    }
    // A password for a secret without one changes nothing.
    let id = server.client.create(json!({}));
    assert_eq!(view_with(&server.public, &id, "p").status, 200);
}

fn ten_wrong_ones_from_an_address() {
    let server = behind_proxy();
    let id = server.client.create(json!({"password": "p", "max_views": 9}));
    let (guesser, neighbour, stranger) = ("2001:db8::1", "2001:db8::2:3:4:5", "2001:db8:0:1::1");
    for number in 0..10 {
        server.clock.advance(60);
        let answer = view_from(&server.public, &id, "wrong", guesser);
        assert_eq!(answer.error(), (403, json!("password")), "{number}");
    }
    let refused = |address: &str, password: &str, seconds: &str| {
        let answer = view_from(&server.public, &id, password, address);
        assert_eq!(answer.error(), (429, json!("password")));
        assert_eq!(answer.header("retry-after"), Some(seconds));
    };
    refused(guesser, "wrong", "3060");
    refused(guesser, "p", "3060");
    refused(neighbour, "p", "3060");
    assert_eq!(view_from(&server.public, &id, "p", stranger).status, 200);
    // Secrets without a password open without one.
    let open = server.client.create(json!({}));
    assert_eq!(view_from(&server.public, &open, "p", guesser).status, 200);
    server.clock.advance(3059);
    refused(guesser, "p", "1");
    server.clock.advance(1);
    assert_eq!(view_from(&server.public, &id, "p", guesser).status, 200);
    assert_eq!(entry(&server.client, &id)["view_times"], json!(2));
}

fn the_wall_clock_frees_nobody() {
    let server = behind_proxy();
    let id = server.client.create(json!({"password": "p", "max_views": 9, "expiration": 350}));
    for _ in 0..10 {
        assert_eq!(view_with(&server.public, &id, "wrong").status, 403);
    }
    server.clock.advance(600);
    let now = server.clock.now();
    // (the wall clock, seconds that pass then, the wait)
    for (wall, passes, wait) in [
        (now.plus(4 * 3600), 0, "3000"),
        (now.plus(4 * 3600), 1000, "2000"),
        (UnixSeconds(now.0 - 4 * 3600), 0, "2000"),
        (now, 1999, "1"),
    ] {
        server.clock.set(wall);
        server.clock.advance(passes);
        let answer = view_with(&server.public, &id, "p");
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some(wait)), "{wall}");
    }
    server.clock.advance(1);
    assert_eq!(view_with(&server.public, &id, "p").status, 200);
}

/// Several people open the last view at once with the right password: one gets it, and none of the
/// others is counted as a wrong attempt.
fn right_ones_too_late_do_not_count() {
    let server = behind_proxy();
    let id = server.client.create(json!({"password": "p"}));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let view = || view_with(&server.public, &id, "p").status;
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(view)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 404, 503].contains(status)), "{statuses:?}");
    let other = server.client.create(json!({"password": "p"}));
    for _ in 0..10 {
        assert_eq!(view_with(&server.public, &other, "wrong").status, 403);
    }
    assert_eq!(view_with(&server.public, &other, "p").status, 429);
}

/// Counts wrong passwords as the API does, without a tenth of a second for each.
fn count_wrong(server: &TestServer, id: &str, times: u32) {
    let account = AccountNumber::new(FIRST).expect("a small number");
    let parsed = server.app.ids.parse(id).expect("an id");
    for _ in 0..times {
        let change = charge_password(account, parsed, None, server.clock.now());
        server.app.store.change(change).wait().expect("a wrong try");
    }
}

fn a_hundred_from_anywhere_lock() {
    let server = behind_proxy();
    let id = server.client.create(json!({"password": "p", "max_views": 9, "message": "m"}));
    count_wrong(&server, &id, 98);
    assert_eq!(view_from(&server.public, &id, "wrong", "198.51.100.1").status, 403);
    assert_eq!(entry(&server.client, &id)["locked"], json!(false));
    // The hundredth attempt is right, and so is the next: 99 wrong ones do not lock.
    for address in ["198.51.100.2", "198.51.100.3"] {
        let answer = view_from(&server.public, &id, "p", address);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(entry(&server.client, &id)["locked"], json!(false));
    assert_eq!(view_from(&server.public, &id, "wrong", "198.51.100.4").status, 403);
    let locked = entry(&server.client, &id);
    assert_eq!((&locked["locked"], &locked["view_times"]), (&json!(true), &json!(2)));
    for password in ["p", "wrong"] {
        let answer = view_from(&server.public, &id, password, "198.51.100.5");
        assert_eq!(answer.error(), (403, json!("password")), "{password}");
        assert!(answer.text().contains("locked"), "{}", answer.text());
    }
    assert_eq!(entry(&server.client, &id), locked);
    assert_eq!(server.client.delete(&format!("/api/secrets/{id}")).status, 200);
}

fn right_ones_do_not_count() {
    let server = behind_proxy();
    let id = server.client.create(json!({"password": "p", "max_views": 100}));
    // More right ones than the limit of wrong ones for an address; between them, the limit of wrong ones.
    for _ in 0..9 {
        assert_eq!(view_with(&server.public, &id, "p").status, 200);
        assert_eq!(view_with(&server.public, &id, "wrong").status, 403);
    }
    for _ in 0..3 {
        assert_eq!(view_with(&server.public, &id, "p").status, 200);
    }
    assert_eq!(view_with(&server.public, &id, "wrong").status, 403);
    assert_eq!(view_with(&server.public, &id, "p").status, 429);
    count_wrong(&server, &id, 89);
    assert_eq!(entry(&server.client, &id)["locked"], json!(false));
    count_wrong(&server, &id, 1);
    assert_eq!(entry(&server.client, &id)["locked"], json!(true));
}

/// Fills the queue for password checks. While it is full, no password is checked, so none may be reported
/// as wrong.
fn a_busy_server_does_not_count() {
    let server = behind_proxy();
    let id = server.client.create(json!({"password": "p"}));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("a runtime");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // The address of the client of `view_with`.
    let client = ClientNet::of([198, 51, 100, 1].into());
    let queue = &server.app.load.slow_work.passwords;
    // The share of one client.
    let held: Vec<_> = (1..cores.max(2)).map(|_| runtime.block_on(queue.turn(client))).collect();
    assert!(held.iter().all(Result::is_ok), "a turn for each running check");
    let (refused, refusals) = mpsc::channel();
    for _ in 0..32 * cores {
        let (app, refused) = (Arc::clone(&server.app), refused.clone());
        runtime.spawn(async move {
            if app.load.slow_work.passwords.turn(client).await.is_err() {
                let _ = refused.send(());
            }
        });
    }
    refusals.recv().expect("a full queue");
    let answer = view_with(&server.public, &id, "p");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    for _ in 0..12 {
        assert_eq!(view_with(&server.public, &id, "p").status, 503);
    }
    drop(held);
    let answer = loop {
        let answer = view_with(&server.public, &id, "p");
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!(answer.status, 200, "{}", answer.text());
}
