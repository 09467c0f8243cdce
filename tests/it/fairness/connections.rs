//! Floods of connections.

use libtest_mimic::Trial;
use sealdrop::server::ConnectionLimits;

use super::{ATTACKER, by_another, others_are_served, waiting_for_a_body};
use crate::{
    raw::{Raw, request},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("fairness::connections::idle_ones_of_one_client", idle_ones_of_one_client),
        trial("fairness::connections::busy_ones_of_one_client", busy_ones_of_one_client),
        trial("fairness::connections::of_many_clients", of_many_clients),
        trial("fairness::connections::through_a_proxy", through_a_proxy),
    ]
}

fn server(all: usize, of_client: usize) -> TestServer {
    let connections = ConnectionLimits { all, of_client };
    TestServer::with(Options { connections, ..Options::default() })
}

fn idle_ones_of_one_client() {
    let server = server(64, 16);
    let client = &server.client;
    let ask = request(client, "GET", "/health", &[]);
    let mut flood: Vec<Raw> = Vec::new();
    for number in 0..200 {
        let mut raw = Raw::connect_from(client, ATTACKER);
        match number % 3 {
            // Sends nothing, or half a head, or stays connected after an answer.
            0 => {}
            1 => drop(raw.send("GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")),
            _ => assert_eq!(raw.send(&ask).answer().status, 200),
        }
        flood.push(raw);
        if number % 40 == 0 {
            others_are_served(client);
        }
    }
    let newest = flood.split_off(184);
    for mut raw in flood {
        assert_eq!(raw.rest(), b"", "an older one has ended without an answer");
    }
    for (number, mut raw) in (184..).zip(newest) {
        match number % 3 {
            1 => raw.send("\r\n\r\n"),
            _ => raw.send(&ask),
        };
        assert_eq!(raw.answer().status, 200, "number {number} is one of the newest 16");
    }
}

fn busy_ones_of_one_client() {
    let server = server(64, 16);
    let client = &server.client;
    let held: Vec<Raw> = (0..16)
        .map(|_| waiting_for_a_body(client, ATTACKER, &[]).expect("within the share"))
        .collect();
    for _ in 0..50 {
        let mut raw = Raw::connect_from(client, ATTACKER);
        let answer = raw.answer();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        let message = "Busy: your address has too many connections";
        assert_eq!(answer.json()["error"]["message"], message);
        assert_eq!(raw.rest(), b"");
    }
    others_are_served(client);
    drop(held);
}

fn of_many_clients() {
    let server = server(32, 16);
    let client = &server.client;
    // Two addresses hold all places except those for new clients, with requests in progress.
    let mut held = Vec::new();
    for (address, count) in [([127, 0, 1, 1], 16), ([127, 0, 1, 2], 14)] {
        for _ in 0..count {
            held.push(waiting_for_a_body(client, address, &[]).expect("within the share"));
        }
    }
    assert_eq!(Raw::connect_from(client, [127, 0, 1, 2]).answer().status, 503);
    others_are_served(client);
    // Many more are idle: the oldest of them are closed.
    let idle: Vec<Raw> =
        (0..100).map(|number| Raw::connect_from(client, [127, 0, 2, number])).collect();
    others_are_served(client);
    drop((held, idle));
}

fn through_a_proxy() {
    let connections = ConnectionLimits { all: 64, of_client: 4 };
    let trusted_proxies = vec!["127.0.0.2/32"];
    let server = TestServer::with(Options { connections, trusted_proxies, ..Options::default() });
    let client = &server.client;
    let hold =
        |from: &str| waiting_for_a_body(client, ATTACKER, &[&format!("X-Forwarded-For: {from}")]);
    let mut held: Vec<Raw> = Vec::new();
    for number in 1..=5 {
        let from = format!("198.51.100.{number}");
        held.extend((0..4).map(|_| hold(&from).expect("within the share")));
        assert_eq!(hold(&from).err(), Some(503), "a fifth one of the same client");
    }
    // The same /64 is the same client, and the proxy itself has no share.
    for suffix in 0..4 {
        held.push(hold(&format!("2001:db8::{suffix}")).expect("within the share"));
    }
    assert_eq!(hold("2001:db8::ffff").err(), Some(503));
    held.extend((0..8).map(|_| waiting_for_a_body(client, ATTACKER, &[]).expect("no share")));
    assert_eq!(by_another(client, "GET", "/health", "").status, 200);
    others_are_served(client);
    // A request whose answer was received is no longer in progress.
    assert_eq!(held[0].send([b'x'; 1000]).answer().status, 400);
    drop(hold("198.51.100.1").expect("one of its own has been answered"));
}
