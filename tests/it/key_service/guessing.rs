//! Clients that guess are slowed down, and no others.

use libtest_mimic::Trial;

use super::{PASSPHRASE, TestBox, assert_refused, at_once};
use crate::{
    http::{Answer, Client},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::guessing::five_wrong_ones_a_minute", five_wrong_ones_a_minute),
        trial("key_service::guessing::by_address_behind_a_proxy", by_address_behind_a_proxy),
        trial("key_service::guessing::many_at_once_gain_nothing", many_at_once_gain_nothing),
        trial("key_service::guessing::a_box_has_a_limit_too", a_box_has_a_limit_too),
    ]
}

fn ask(own: &TestBox, method: &str, pair: (&str, &str), from: &str) -> Answer {
    let headers = [("token", &*own.token), pair, ("x-forwarded-for", from)];
    own.client.send(method, "/Service", &headers, b"")
}

#[track_caller]
fn assert_slowed(answer: &Answer, seconds: &str) {
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some(seconds));
    let text = answer.message();
    assert!(text.contains("Too many wrong passphrases or hashes"), "{text}");
    assert!(text.contains(" within 1 minute are allowed. Try again in "), "{text}");
}

fn five_wrong_ones_a_minute() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let other = TestBox::new(&own.client);
    own.send("hi");
    let ask = |pair| ask(&own, "GET", pair, "");
    let good = [("passphrase", "correct horse \u{e5}\u{e4}\u{f6}"), ("privatekeyhash", &*own.hash)];
    let wrong = [("passphrase", "wrong"), ("privatekeyhash", "wrong")];
    let told: Vec<_> = wrong.map(|pair| ask(pair).message()).to_vec();
    assert_eq!(told[0], told[1], "the error does not reveal the wrong one");
    // Right ones are not counted, and do not reset the count.
    for _ in 0..6 {
        good.iter().for_each(|pair| assert_eq!(ask(*pair).status, 200));
    }
    assert_eq!(good[0].1, PASSPHRASE);
    server.clock.advance(59);
    assert_refused(&ask(wrong[0]), "wrong");
    assert_refused(&ask_delete(&own), "wrong");
    // For another box: the count is that of the address.
    assert_refused(&self::ask(&other, "GET", wrong[0], ""), "wrong");
    for pair in good.iter().chain(&wrong) {
        assert_slowed(&ask(*pair), "1");
    }
    assert_slowed(&own.delete(), "1");
    // Calls without a passphrase still work.
    own.send("still taken");
    server.clock.advance(1);
    for pair in good {
        assert_eq!(ask(pair).status, 200);
    }
    // A new minute, with a count of its own.
    for _ in 0..5 {
        assert_refused(&ask(wrong[1]), "wrong");
    }
    assert_slowed(&ask(wrong[0]), "60");
}

fn by_address_behind_a_proxy() {
    let options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
    let server = TestServer::with(options);
    let own = TestBox::new(&server.client.with_key(""));
    own.send("hi");
    let guess = |from: &str| ask(&own, "GET", ("privatekeyhash", "wrong"), from);
    let read = |from: &str| ask(&own, "GET", ("privatekeyhash", &own.hash), from);
    // (the guesser, an address of the same customer, another client)
    for (guesser, same, other) in [
        ("203.0.113.1", "198.51.100.7, 203.0.113.1", "203.0.113.2"),
        ("2001:db8:1:1::1", "2001:db8:1:1:ffff::9", "2001:db8:1:2::1"),
    ] {
        for _ in 0..5 {
            assert_refused(&guess(guesser), "wrong");
        }
        assert_slowed(&guess(guesser), "60");
        assert_slowed(&read(guesser), "60");
        assert_slowed(&read(same), "60");
        assert_eq!(read(other).status, 200);
        assert_refused(&guess(other), "wrong");
    }
    // A client that is not a trusted proxy is counted under its own address.
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    for number in 0..5 {
        let from = format!("203.0.113.{number}");
        assert_refused(&ask(&own, "GET", ("privatekeyhash", "wrong"), &from), "wrong");
    }
    assert_slowed(&ask(&own, "GET", ("privatekeyhash", "wrong"), "203.0.113.99"), "60");
}

fn many_at_once_gain_nothing() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let statuses = std::sync::Mutex::new(Vec::new());
    at_once(16, |number| {
        let own = TestBox { client: Client::new(own.client.base.clone(), ""), ..own.clone() };
        let guess = format!("guess {number}");
        let pair =
            if number % 2 == 0 { ("passphrase", &*guess) } else { ("privatekeyhash", &*guess) };
        let status = ask(&own, "GET", pair, "").status;
        statuses.lock().expect("no panic").push(status);
    });
    let statuses = statuses.into_inner().expect("no panic");
    let checked = statuses.iter().filter(|status| **status == 400).count();
    assert_eq!(checked, 5, "{statuses:?}");
    assert!(statuses.iter().all(|status| [400, 429, 503].contains(status)), "{statuses:?}");
}

fn a_box_has_a_limit_too() {
    let options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
    let server = TestServer::with(options);
    let [own, other] = [(); 2].map(|()| TestBox::new(&server.client.with_key("")));
    other.send("hi");
    for number in 0..600 {
        let from = format!("10.1.{}.{}", number / 200, number % 200);
        assert_refused(&ask(&own, "GET", ("privatekeyhash", "wrong"), &from), "wrong");
    }
    assert_slowed(&ask(&own, "GET", ("privatekeyhash", "wrong"), "10.2.0.1"), "60");
    // The limit of the box is reached, not that of the address.
    let read = |own: &TestBox| ask(own, "GET", ("privatekeyhash", &own.hash), "10.2.0.1").status;
    assert_eq!(read(&other), 200);
    server.clock.advance(60);
    assert_eq!(read(&own), 304);
}

fn ask_delete(own: &TestBox) -> Answer {
    ask(own, "DELETE", ("passphrase", "wrong"), "")
}
