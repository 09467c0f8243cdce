//! The terms of the owner of a box: when it opens and closes, and what reading deletes.

use std::{collections::BTreeSet, sync::Mutex};

use libtest_mimic::Trial;
use serde_json::json;

use super::{
    PASSPHRASE, Part, TestBox, assert_done, assert_refused, at_once, call, eventually, fetch, list,
    payload_files, shared_key, text, texts,
};
use crate::{http::Client, server::TestServer, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::terms::a_time_lock", a_time_lock),
        trial("key_service::terms::a_closing_date", a_closing_date),
        trial("key_service::terms::they_are_shown", they_are_shown),
        trial("key_service::terms::senders_are_told", senders_are_told),
        trial("key_service::terms::readers_are_told_who_can_open_it", readers_are_told),
        trial("key_service::terms::messages_go_when_they_are_read", messages_go),
        trial(
            "key_service::terms::each_message_goes_to_one_reader",
            each_message_goes_to_one_reader,
        ),
        trial("key_service::terms::the_key_goes_when_all_is_read", the_key_goes),
        trial("key_service::terms::the_key_goes_page_by_page", the_key_goes_page_by_page),
        trial("key_service::terms::the_key_goes_once", the_key_goes_once),
        trial("key_service::terms::two_readers_and_a_deleter", two_readers_and_a_deleter),
    ]
}

const BURN_MESSAGES: (&str, &str) = ("deletemessagesafterreading", "true");
const BURN_KEY: (&str, &str) = ("deletekeyafterreading", "1");

/// The same server through a connection of its own.
fn of_its_own(own: &TestBox) -> TestBox {
    TestBox { client: Client::new(own.client.base.clone(), ""), ..own.clone() }
}

fn senders_are_told() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let told = |token: &str| {
        let url = format!("{}/Service/{token}/terms", client.base);
        let request = ureq::get(url).config().http_status_as_error(false);
        let mut response = request.build().call().expect("an answer");
        let body = response.body_mut().read_to_string().expect("a body");
        (response.status().as_u16(), serde_json::from_str(&body).expect("JSON"))
    };
    let plain = TestBox::new(&client);
    let mut expected = json!({
        "LockDate": null, "IsLocked": false,
        "DeleteMessagesAfterReading": false, "DeleteKeyAfterReading": false, "HasPrivateKey": true,
    });
    assert_eq!(told(&plain.token), (200, expected.clone()));
    // Only readers learn when it can be read.
    let lock = [("lockdate", "2026-11-22T12:01:00Z"), ("releasedate", "2026-11-23")];
    let own = TestBox::with(&client, &[BURN_MESSAGES, BURN_KEY, lock[0], lock[1]]);
    expected = json!({
        "LockDate": "2026-11-22T12:01:00Z", "IsLocked": false,
        "DeleteMessagesAfterReading": true, "DeleteKeyAfterReading": true, "HasPrivateKey": true,
    });
    assert_eq!(told(&own.token), (200, expected.clone()));
    server.clock.advance(60);
    expected["IsLocked"] = json!(true);
    assert_eq!(told(&own.token), (200, expected));
    plain.delete();
    assert_eq!(told(&plain.token), (400, json!("There is no key with this token")));
    assert_eq!(told("x").0, 400);
}

/// A passphrase opens something on the server only if `HasPrivateKey` is true.
fn readers_are_told() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let (_, [public, private, hash]) = shared_key();
    let scrypt = include_str!("../../vectors/keys/rsa2048.scrypt.pem");
    let sha512 = include_str!("../../vectors/keys/rsa2048.sha512-aes128.pem");
    let uploaded = [("publickey", &**public), ("privatekeyhash", hash)];
    let key = |pem| [&uploaded[..], &[("privatekey", pem)]].concat();
    // (the parameters of the box, whether the server has its key)
    let cases = [
        (vec![("passphrase", PASSPHRASE)], true),
        (key(private), true),
        (key(scrypt), true),
        (key(sha512), true),
        (uploaded.to_vec(), false),
    ];
    for (parameters, expected) in cases {
        let made = call(&client, "POST", &parameters).json();
        let token = text(&made["KeyToken"]);
        let terms = client.get(&format!("/Service/{token}/terms")).json();
        assert_eq!(terms["HasPrivateKey"], json!(expected), "{made}");
        let read = call(&client, "GET", &[("token", &token), ("passphrase", PASSPHRASE)]);
        // 304: it has opened the box, and the list is empty.
        assert_eq!(read.status, if expected { 304 } else { 400 }, "{}", read.text());
    }
}

fn a_time_lock() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    // A minute from now, in another zone; fractions of a second are ignored.
    let own = TestBox::with(&client, &[("releasedate", "2026-11-22T14:01:00.9+02:00")]);
    own.send("for later");
    let refused = || {
        for answer in [own.read(&[]), own.read_sealed(&[]), own.read(&[("since", "1")])] {
            assert_refused(&answer, "2026-11-22T12:01:00Z");
        }
        // A client that may not read does not learn the time.
        let wrong = call(&client, "GET", &[("token", &own.token), ("privatekeyhash", "x")]);
        assert_refused(&wrong, "wrong");
    };
    refused();
    server.clock.advance(59);
    refused();
    server.clock.advance(1);
    assert_eq!(texts(&own.messages()), ["for later"]);
    assert_eq!(list(&own.read_sealed(&[])).len(), 1);
    // Deleting is not reading.
    let own = TestBox::with(&client, &[("releasedate", "2030-01-01"), BURN_MESSAGES, BURN_KEY]);
    own.send("never read");
    assert_refused(&own.read(&[]), "2030-01-01T00:00:00Z");
    assert_eq!(own.delete().message(), "Deleted.");
}

fn a_closing_date() {
    let server = TestServer::start();
    let own = TestBox::with(&server.client.with_key(""), &[("lockdate", "2026-11-22 12:01")]);
    server.clock.advance(59);
    own.send("in time");
    own.send_file("f", b"f");
    server.clock.advance(1);
    for answer in [
        own.put(&[("message", "late")]),
        own.put(&[("encryptedmessage", "late"), ("encryptionkey", "k")]),
        own.put_parts(&[Part::file("file", "late", b"late")]),
    ] {
        assert_refused(&answer, "2026-11-22T12:01:00Z");
    }
    assert_eq!(own.messages().len(), 2);
    assert_eq!(own.delete().status, 200);
}

fn they_are_shown() {
    let server = TestServer::start();
    let (_, [public, _, hash]) = shared_key();
    // (the sent form, both shown values)
    for (flag, shown) in [("TRUE", true), ("on", true), ("yes", true), ("0", false), ("no", false)]
    {
        let parameters = [
            ("publickey", &**public),
            ("privatekeyhash", hash),
            ("releasedate", "2026-12-24"),
            ("lockdate", "2026-12-24T18:00:00+01:00"),
            ("deletemessagesafterreading", flag),
            ("deletekeyafterreading", flag),
        ];
        let key = call(&server.client, "POST", &parameters).json();
        assert_eq!(key["ReleaseDate"], json!("2026-12-24T00:00:00Z"));
        assert_eq!(key["LockDate"], json!("2026-12-24T17:00:00Z"));
        assert_eq!(key["DeleteMessagesAfterReading"], json!(shown), "{flag}");
        assert_eq!(key["DeleteKeyAfterReading"], json!(shown), "{flag}");
    }
}

fn messages_go() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let large = "l".repeat(100_000);
    for online in [true, false] {
        let own = TestBox::with(&client, &[BURN_MESSAGES]);
        let read = |more: &[(&str, &str)]| match online {
            true => own.read(more),
            false => own.read_sealed(more),
        };
        let sent = ["one", &large, "three", "four"];
        sent.iter().for_each(|message| own.send(message));
        own.send_file("f", b"file");
        // Two large ones: the text, which takes little space compressed but is no longer a small one
        // if it is incompressible, and the file.
        let first = list(&read(&[("limit", "2")]));
        assert_eq!(first.len(), 2);
        let rest = list(&read(&[]));
        if online {
            assert_eq!(texts(&first), sent[..2]);
            assert_eq!(texts(&rest[..2]), sent[2..]);
        }
        let ids: Vec<_> = rest.iter().map(|message| message["MessageId"].clone()).collect();
        assert_eq!(ids, [json!(3), json!(4), json!(5)]);
        // The file stays until it is fetched, and is fetched once, by the first client.
        let again = list(&read(&[]));
        assert_eq!(again.len(), 1);
        assert!(again[0]["FileName"].is_string());
        let tickets = [&again[0], &rest[2]].map(|message| text(&message["TemporaryDownloadId"]));
        assert_eq!(payload_files(&server), 1);
        assert_eq!(fetch(&client, &tickets[0]).status, 200);
        eventually("its file is gone", || payload_files(&server) == 0);
        for ticket in &tickets {
            assert_refused(&fetch(&client, ticket), "no file");
        }
        assert_eq!(read(&[]).status, 304);
        own.send("a new one");
        let new = list(&read(&[]));
        assert_eq!(new[0]["MessageId"], json!(6), "numbers are not given twice");
        assert_eq!(read(&[]).status, 304);
        assert_eq!(own.delete().status, 200);
    }
}

fn each_message_goes_to_one_reader() {
    const MESSAGES: usize = 300;
    let server = TestServer::start();
    let client = server.client.with_key("");
    for round in 0..4 {
        let own = TestBox::with(&client, &[BURN_MESSAGES]);
        for number in 0..MESSAGES {
            // Some of them are files on disk.
            let length = if number % 10 == 0 { 5000 } else { 10 };
            let message = format!("{number} {}", "x".repeat(length));
            assert_done(&own.put(&[("encryptedmessage", &message), ("encryptionkey", "k")]));
        }
        let read = Mutex::new(Vec::new());
        at_once(4, |number| {
            let own = of_its_own(&own);
            let mut is_over = false;
            while !is_over {
                let answer = if number % 2 == 0 { own.read(&[]) } else { own.read_sealed(&[]) };
                let messages = list(&answer);
                assert!(read.lock().unwrap().len() <= MESSAGES, "messages come again");
                is_over = messages.is_empty();
                let ids: Vec<_> =
                    messages.iter().map(|message| message["MessageId"].as_u64().unwrap()).collect();
                assert!(ids.is_sorted(), "{ids:?}");
                for message in &messages {
                    let data = text(&message["MessageData"]);
                    assert_eq!(
                        data.len(),
                        if data.split(' ').next().unwrap().parse::<u64>().unwrap() % 10 == 0 {
                            5000
                        } else {
                            10
                        } + data.find(' ').unwrap()
                            + 1
                    );
                }
                read.lock().unwrap().extend(ids);
            }
        });
        let mut read = read.into_inner().unwrap();
        read.sort_unstable();
        let all: Vec<u64> = (1..=MESSAGES as u64).collect();
        assert_eq!(read, all, "round {round}");
        eventually("no file is left", || payload_files(&server) == 0);
    }
}

fn the_key_goes() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    for online in [true, false] {
        for more in [&[BURN_KEY][..], &[BURN_KEY, BURN_MESSAGES]] {
            let own = TestBox::with(&client, more);
            assert_eq!(own.read(&[]).status, 304, "nothing was read yet");
            own.send("one");
            own.send_file("f", b"file");
            let answer = if online { own.read(&[]) } else { own.read_sealed(&[]) };
            let messages = list(&answer);
            assert_eq!(messages.len(), 2);
            for answer in [own.read(&[]), own.put(&[("message", "m")]), own.delete()] {
                assert_refused(&answer, "There is no key with this token");
            }
            eventually("its file is gone", || payload_files(&server) == 0);
            // Listed files can still be fetched, from memory and an open file.
            let ticket = text(&messages[1]["TemporaryDownloadId"]);
            let file = fetch(&client, &ticket);
            assert_eq!(file.status, 200, "{}", file.text());
            if online {
                assert_eq!(file.body, b"file");
            }
            assert_refused(&fetch(&client, &ticket), "no file");
        }
    }
}

fn the_key_goes_page_by_page() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let filled = |count: usize| {
        let own = TestBox::with(&client, &[BURN_KEY]);
        for number in 1..=count {
            assert_done(
                &own.put(&[("encryptedmessage", &number.to_string()), ("encryptionkey", "k")]),
            );
        }
        own
    };
    let page = |own: &TestBox, more: &[(&str, &str)], first: usize, last: usize| {
        let expected: Vec<_> = (first..=last).map(|number| number.to_string()).collect();
        assert_eq!(texts(&list(&own.read_sealed(more))), expected, "{more:?}");
    };
    let is_gone = |own: &TestBox| own.read_sealed(&[]).status == 400;
    // At most 64 at once, and messages that were read are returned again on request.
    let own = filled(150);
    page(&own, &[], 1, 64);
    page(&own, &[], 1, 64);
    page(&own, &[("since", "64")], 65, 128);
    page(&own, &[("offset", "128"), ("limit", "10")], 129, 138);
    page(&own, &[("since", "138"), ("limit", "1000")], 139, 150);
    assert!(is_gone(&own));
    // The last page alone is not everything: only messages that were read in order count.
    let own = filled(10);
    page(&own, &[("since", "5")], 6, 10);
    page(&own, &[("offset", "9")], 10, 10);
    page(&own, &[("limit", "5")], 1, 5);
    assert_done(&own.put(&[("encryptedmessage", "11"), ("encryptionkey", "k")]));
    page(&own, &[("since", "5"), ("limit", "5")], 6, 10);
    page(&own, &[("since", "10")], 11, 11);
    assert!(is_gone(&own));
}

fn the_key_goes_once() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    for _ in 0..10 {
        let own = TestBox::with(&client, &[BURN_KEY]);
        for number in 0..20 {
            own.send(&number.to_string());
        }
        let statuses = Mutex::new(Vec::new());
        at_once(4, |number| {
            let own = of_its_own(&own);
            let answer = if number % 2 == 0 { own.read(&[]) } else { own.read_sealed(&[]) };
            if answer.status == 200 {
                assert_eq!(list(&answer).len(), 20);
            } else if answer.status == 400 {
                assert_refused(&answer, "There is no key with this token");
            } else {
                // It arrived when the box existed and its messages did not.
                assert_eq!(answer.status, 304);
            }
            statuses.lock().unwrap().push(answer.status);
        });
        let statuses = statuses.into_inner().unwrap();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    }
}

fn two_readers_and_a_deleter() {
    const MESSAGES: usize = 200;
    let server = TestServer::start();
    let client = server.client.with_key("");
    let mut seen = BTreeSet::new();
    for round in 0..8_u64 {
        let more: &[(&str, &str)] = match round % 4 {
            3 => &[BURN_MESSAGES],
            _ => &[],
        };
        let own = TestBox::with(&client, more);
        let parts: Vec<String> = (0..MESSAGES)
            .map(|number| format!("{number}").repeat(if number % 20 == 0 { 2000 } else { 1 }))
            .collect();
        for part in &parts {
            assert_done(&own.put(&[("encryptedmessage", part), ("encryptionkey", "k")]));
        }
        let lengths = Mutex::new(Vec::new());
        let answers = std::sync::atomic::AtomicU64::new(0);
        at_once(3, |number| {
            use std::sync::atomic::Ordering::Relaxed;
            let own = of_its_own(&own);
            if number == 2 {
                eventually("they read", || answers.load(Relaxed) >= round * 3);
                assert_eq!(own.delete().message(), "Deleted.");
                return;
            }
            loop {
                let answer = if number == 0 { own.read(&[]) } else { own.read_sealed(&[]) };
                answers.fetch_add(1, Relaxed);
                if answer.status == 400 {
                    assert_refused(&answer, "There is no key with this token");
                    return;
                }
                // Complete and valid, although shorter than announced.
                let messages = list(&answer);
                for message in &messages {
                    let id = usize::try_from(message["MessageId"].as_u64().unwrap()).unwrap();
                    assert_eq!(message["MessageData"], json!(parts[id - 1]));
                }
                lengths.lock().unwrap().push(messages.len());
            }
        });
        assert_refused(&own.read(&[]), "There is no key with this token");
        eventually("no file is left", || payload_files(&server) == 0);
        seen.extend(lengths.into_inner().unwrap());
    }
    assert!(seen.contains(&MESSAGES), "{seen:?}");
}
