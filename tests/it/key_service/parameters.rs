//! The sources of parameters, and the errors about wrong and missing ones.

use libtest_mimic::Trial;
use serde_json::json;

use super::{
    MULTIPART, PASSPHRASE, Part, TestBox, assert_done, assert_refused, call, form, list,
    shared_key, texts, urlencoded,
};
use crate::{
    http::{Answer, Client},
    raw::{Raw, request},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::parameters::each_way_for_each_verb", each_way_for_each_verb),
        trial("key_service::parameters::the_nearest_source_wins", the_nearest_source_wins),
        trial("key_service::parameters::twice_is_wrong_if_different", twice_is_wrong_if_different),
        trial("key_service::parameters::wrong_and_missing_ones", wrong_and_missing_ones),
    ]
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
pub(super) const PARTS: (&str, &str) = ("content-type", MULTIPART);

/// The ways in which parameters are passed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    Headers,
    Query,
    Form,
    FormWithoutType,
    Parts,
    Json,
}

const WAYS: [Way; 6] =
    [Way::Headers, Way::Query, Way::Form, Way::FormWithoutType, Way::Parts, Way::Json];

/// `fOo`: every second letter of a name in upper case.
fn odd_case(name: &str) -> String {
    let letter =
        |(place, c): (usize, char)| if place % 2 == 1 { c.to_ascii_uppercase() } else { c };
    name.chars().enumerate().map(letter).collect()
}

pub(super) fn send(client: &Client, way: Way, method: &str, pairs: &[(&str, &str)]) -> Answer {
    let named: Vec<(String, &str)> =
        pairs.iter().map(|(name, value)| (odd_case(name), *value)).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, value)| (&**name, *value)).collect();
    let send = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        client.send(method, path, headers, body)
    };
    match way {
        Way::Headers => send("/Service", &named, b""),
        Way::Query => send(&format!("/Service?{}", urlencoded(&named)), &[], b""),
        Way::Form => send("/Service", &[FORM], urlencoded(&named).as_bytes()),
        Way::FormWithoutType => send("/Service", &[], urlencoded(&named).as_bytes()),
        Way::Parts => {
            let parts: Vec<_> = named.iter().map(|(name, value)| Part::text(name, value)).collect();
            send("/Service", &[PARTS], &form(&parts))
        }
        Way::Json => {
            let fields = named.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
            let body = serde_json::Value::Object(fields.collect()).to_string();
            send("/Service", &[JSON], body.as_bytes())
        }
    }
}

fn each_way_for_each_verb() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let (_, [_, _, hash]) = shared_key();
    for way in WAYS {
        let passphrase = match way {
            // As bytes, as clients send it.
            Way::Headers => "hö\u{e4} p",
            _ => "hö\u{e4}\u{1f511} \"p+%&=\r\n\0",
        };
        let key = send(&client, way, "POST", &[("passphrase", passphrase)]);
        assert_eq!(key.status, 200, "{way:?} {}", key.text());
        let key = key.json();
        let token = ("token", key["KeyToken"].as_str().expect("a token"));
        let own_hash = ("privatekeyhash", key["PrivateKeyHash"].as_str().expect("a hash"));
        for pair in [("message", "a m+%&= ☃"), ("encryptedmessage", "an e")] {
            let more = [token, pair, ("encryptionkey", "k")];
            let used = if pair.0 == "message" { &more[..2] } else { &more[..] };
            assert_done(&send(&client, way, "PUT", used));
        }
        let read = send(&client, way, "GET", &[token, ("passphrase", passphrase)]);
        assert_eq!(texts(&list(&read)), ["a m+%&= ☃", "an e"], "{way:?}");
        let page = [token, own_hash, ("offset", "1"), ("limit", "1"), ("since", "0")];
        let read = send(&client, way, "GET", &page);
        assert_eq!(texts(&list(&read)), ["an e"], "{way:?}");
        let wrong = send(&client, way, "DELETE", &[token, ("privatekeyhash", hash)]);
        assert_refused(&wrong, "wrong");
        // Wrong ones are counted.
        server.clock.advance(60);
        let deleted = send(&client, way, "DELETE", &[token, ("passphrase", passphrase)]);
        assert_eq!(deleted.message(), "Deleted.", "{way:?}");
    }
}

fn the_nearest_source_wins() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let query = |message: &str| format!("/Service?{}", urlencoded(&[("message", message)]));
    let put = |headers: &[(&str, &str)], body: &[u8]| {
        let headers = [headers, &[("token", &*own.token)]].concat();
        assert_done(&own.client.send("PUT", &query("of query"), &headers, body));
    };
    put(&[], b"");
    put(&[FORM], b"message=of+body");
    put(&[JSON], br#"{"message":"of JSON"}"#);
    put(&[PARTS], &form(&[Part::text("message", "of part")]));
    put(&[FORM, ("message", "of header")], b"message=of+body");
    // An empty value counts as missing, in each of them.
    put(&[FORM, ("message", "")], b"message=of+body");
    put(&[FORM, ("message", "")], b"message=");
    put(&[JSON], br#"{"message":null}"#);
    let expected = [
        "of query",
        "of body",
        "of JSON",
        "of part",
        "of header",
        "of body",
        "of query",
        "of query",
    ];
    assert_eq!(texts(&own.messages()), expected);
}

fn twice_is_wrong_if_different() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let token = urlencoded(&[("token", &own.token)]);
    let twice = |first: &str, second: &str| -> [Answer; 4] {
        let parts = form(&[
            Part::text("token", &own.token),
            Part::text("message", first),
            Part::text("Message", second),
        ]);
        let pairs = format!("message={first}&MESSAGE={second}");
        let json =
            format!(r#"{{"token":"{}","message":"{first}","mesSage":"{second}"}}"#, own.token);
        let send = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
            own.client.send("PUT", path, headers, body)
        };
        [
            send(&format!("/Service?{token}&{pairs}"), &[], b""),
            send(&format!("/Service?{token}"), &[FORM], pairs.as_bytes()),
            send("/Service", &[PARTS], &parts),
            send("/Service", &[JSON], json.as_bytes()),
        ]
    };
    twice("same", "same").iter().for_each(assert_done);
    for answer in twice("one", "two") {
        assert_refused(&answer, "message is given twice");
    }
    // Headers of one name, as bytes: the client of the tests would join them.
    let mut raw = Raw::connect(&own.client);
    let message = |first: &str, second: &str| {
        let lines = [
            &format!("Token: {}", own.token),
            &format!("Message: {first}"),
            &format!("message: {second}"),
            "Content-Length: 0",
        ];
        request(&own.client, "PUT", "/Service", &lines)
    };
    assert_eq!(raw.send(message("one", "two")).answer().status, 400);
    assert_eq!(raw.send(message("same", "same")).answer().status, 200);
    assert_eq!(texts(&own.messages()), ["same"; 5]);
}

fn wrong_and_missing_ones() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let own = TestBox::new(&client);
    own.send("one");
    let (_, [public, private, hash]) = shared_key();
    let token = ("token", &*own.token);
    let (hash, public) = (("privatekeyhash", &**hash), ("publickey", &**public));
    let passphrase = ("passphrase", PASSPHRASE);
    let message = ("message", "m");
    // (method, parameters, words of the answer)
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case; 42] = [
        ("POST", &[], &["passphrase", "publickey", "privatekeyhash", "missing"]),
        ("POST", &[("passphrase", "")], &["passphrase", "missing"]),
        ("POST", &[hash], &["publickey", "missing"]),
        ("POST", &[public], &["privatekeyhash", "missing"]),
        ("POST", &[public, ("privatekey", private)], &["privatekeyhash", "missing"]),
        ("POST", &[public, hash, passphrase], &["passphrase", "publickey", "not both"]),
        ("POST", &[passphrase, ("releasedate", "tomorrow")], &["releasedate", "date"]),
        ("POST", &[passphrase, ("releasedate", "1795348800")], &["releasedate", "date"]),
        ("POST", &[passphrase, ("lockdate", "2026-13-01")], &["lockdate", "date"]),
        (
            "POST",
            &[passphrase, ("deletemessagesafterreading", "maybe")],
            &["deletemessagesafterreading", "true or false"],
        ),
        (
            "POST",
            &[passphrase, ("deletekeyafterreading", "2")],
            &["deletekeyafterreading", "true or false"],
        ),
        ("POST", &[passphrase, ("v", "2")], &["v must be 1"]),
        ("POST", &[passphrase, ("format", "yaml")], &["format", "json or xml"]),
        ("GET", &[], &["token", "missing"]),
        ("GET", &[passphrase], &["token", "missing"]),
        ("GET", &[token], &["passphrase", "privatekeyhash", "missing"]),
        ("GET", &[token, ("passphrase", "")], &["passphrase", "missing"]),
        ("GET", &[("token", "x"), passphrase], &["There is no key with this token"]),
        ("GET", &[token, ("passphrase", "a guess")], &["passphrase", "hash", "wrong"]),
        ("GET", &[token, ("privatekeyhash", "a guess")], &["passphrase", "hash", "wrong"]),
        ("GET", &[token, hash, ("passphrase", "a guess")], &["passphrase", "hash", "wrong"]),
        ("GET", &[token, hash, ("offset", "-1")], &["offset", "whole number"]),
        ("GET", &[token, hash, ("offset", "+1")], &["offset", "whole number"]),
        ("GET", &[token, hash, ("limit", "1.5")], &["limit", "whole number"]),
        ("GET", &[token, hash, ("limit", "0")], &["limit", "at least 1"]),
        ("GET", &[token, hash, ("limit", "ten")], &["limit", "whole number"]),
        ("GET", &[token, hash, ("since", "99999999999999999999")], &["since", "whole number"]),
        ("GET", &[token, hash, ("v", "1.1")], &["v must be 1"]),
        ("GET", &[token, hash, ("format", "html")], &["format", "json or xml"]),
        ("PUT", &[], &["token", "missing"]),
        ("PUT", &[message], &["token", "missing"]),
        ("PUT", &[token], &["message", "files", "encryptedmessage", "missing"]),
        ("PUT", &[token, ("message", "")], &["message", "missing"]),
        ("PUT", &[token, ("encryptionkey", "k")], &["message", "missing"]),
        ("PUT", &[token, ("encryptedmessage", "e")], &["encryptionkey", "missing"]),
        ("PUT", &[token, message, ("encryptedmessage", "e")], &["encryptionkey", "missing"]),
        ("PUT", &[token, message, ("v", "0")], &["v must be 1"]),
        ("PUT", &[token, message, ("format", "x")], &["format", "json or xml"]),
        ("DELETE", &[hash], &["token", "missing"]),
        ("DELETE", &[token], &["passphrase", "privatekeyhash", "missing"]),
        ("DELETE", &[token, ("privatekeyhash", "a guess")], &["passphrase", "hash", "wrong"]),
        ("DELETE", &[token, hash, ("v", "2")], &["v must be 1"]),
    ];
    for (method, parameters, words) in cases {
        // Wrong passphrases are counted, and this test is not about that.
        server.clock.advance(60);
        for way in [Way::Json, Way::Parts] {
            let answer = send(&client, way, method, parameters);
            for word in words {
                assert_refused(&answer, word);
            }
            let named: Vec<_> = parameters.iter().filter(|(_, value)| value.len() > 3).collect();
            for (name, value) in named {
                let told = answer.message();
                assert!(!told.contains(*value), "{name} is repeated: {told}");
            }
        }
    }
    let long = "k".repeat(2049);
    let parameters = [token, ("encryptedmessage", "e"), ("encryptionkey", &long)];
    assert_refused(&call(&client, "PUT", &parameters), "encryptionkey is too long");
    // The existing version, and unknown names.
    let extra = [("v", "1"), ("colour", "red"), ("passphrases", "x")];
    assert_eq!(texts(&list(&own.read(&extra))), ["one"], "refused ones have changed nothing");
    for body in [r#"{"message":1.5}"#, r#"{"message":["x"]}"#, r#"{"message":{"x":1}}"#] {
        let headers = [JSON, token];
        let answer = client.send("PUT", "/Service", &headers, body.as_bytes());
        assert_refused(&answer, "message must be a string");
    }
    for query in ["message=%ff", "message=a%C3"] {
        let answer = client.send("PUT", &format!("/Service?{query}"), &[token], b"");
        assert_refused(&answer, "message must be UTF-8");
    }
}
