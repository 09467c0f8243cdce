//! The limits on the calls of one address within a period: their settings, and the text of a refusal.

use libtest_mimic::Trial;
use sealdrop::config::{SecretCreation, TryLimits};
use serde_json::json;

use crate::{
    http::{Answer, secret_with},
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::limits::a_429_says_what_and_when", a_429_says_what_and_when),
        trial("api::limits::zero_is_no_limit", zero_is_no_limit),
    ]
}

fn with(limits: TryLimits) -> TestServer {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    options.rules.limits = limits;
    TestServer::with(options)
}

/// Calls `act` until it is refused; returns the number of successful calls, and the refusal.
fn until_refused(most: u32, act: impl Fn() -> Answer) -> (u32, Option<Answer>) {
    for number in 0..most {
        let answer = act();
        if answer.status == 429 {
            return (number, Some(answer));
        }
    }
    (most, None)
}

/// A limited call, and a function that makes it once.
type Kind<'a> = (&'static str, Box<dyn Fn() -> Answer + 'a>);

fn kinds<'a>(server: &'a TestServer, ids: &'a [String; 3]) -> [Kind<'a>; 4] {
    let anybody = server.client.with_key("");
    let [secret, asked, token] = ids;
    let (other, third, fourth) = (anybody.clone(), anybody.clone(), anybody.clone());
    [
        (
            "creations",
            Box::new(move || anybody.post("/api/public/secrets", &secret_with(json!({})))),
        ),
        (
            "answers",
            Box::new(move || {
                let path = format!("/api/public/secret_requests/{asked}/secrets");
                other.post(&path, &secret_with(json!({})))
            }),
        ),
        (
            "passwords",
            Box::new(move || {
                let path = format!("/api/public/secrets/{secret}/view");
                third.post(&path, &json!({"password": "wrong"}))
            }),
        ),
        (
            "passphrases",
            Box::new(move || {
                let headers = [("token", token.as_str()), ("privatekeyhash", "00")];
                fourth.send("GET", "/Service", &headers, b"")
            }),
        ),
    ]
}

fn prepare(server: &TestServer) -> [String; 3] {
    let asked = json!({"limit": 40});
    let asked = server.client.post("/api/secret_requests", &asked).json();
    let made = server.client.send("POST", "/Service", &[], b"passphrase=correct-horse").json();
    [
        server.client.create(json!({"password": "right"})),
        asked["data"]["id"].as_str().expect("an id").to_owned(),
        made["KeyToken"].as_str().expect("a token").to_owned(),
    ]
}

fn a_429_says_what_and_when() {
    let limits = TryLimits {
        creations: 2,
        answers: 3,
        passwords: 4,
        passphrases: 1,
        ..TryLimits::default()
    };
    let server = with(limits);
    let ids = prepare(&server);
    // (kind, limit, counted, window, wait after 10 minutes, in seconds and in words)
    let expected = [
        ("creations", 2, "Too many secrets created or changed from your address: 2 within 1 hour"),
        ("answers", 3, "Too many answers to requests from your address: 3 within 1 hour"),
        ("passwords", 4, "Too many wrong passwords from your address: 4 within 1 hour"),
        (
            "passphrases",
            1,
            "Too many wrong passphrases or hashes from your address: 1 within 1 minute",
        ),
    ];
    for ((kind, act), (expected_kind, most, told)) in kinds(&server, &ids).into_iter().zip(expected)
    {
        assert_eq!(kind, expected_kind);
        let (done, refused) = until_refused(10, act);
        assert_eq!(done, most, "{kind}");
        let refused = refused.expect("a refusal");
        let (seconds, words) =
            if kind == "passphrases" { ("60", "1 minute") } else { ("3600", "1 hour") };
        assert_eq!(refused.header("retry-after"), Some(seconds), "{kind}");
        let text = match refused.json() {
            serde_json::Value::String(text) => text,
            json => json["error"]["message"].as_str().expect("a text").to_owned(),
        };
        assert_eq!(text, format!("{told} are allowed. Try again in {words}"));
    }
    // The wait becomes shorter with time; in XML, too.
    server.clock.advance(30);
    let again = |accept| {
        let headers = [("token", ids[2].as_str()), ("privatekeyhash", "00"), ("accept", accept)];
        server.client.send("GET", "/Service", &headers, b"")
    };
    for accept in ["application/json", "application/xml"] {
        let answer = again(accept);
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("30")), "{accept}");
        assert!(answer.text().contains("Try again in 30 seconds"), "{}", answer.text());
    }
}

fn zero_is_no_limit() {
    let limits = TryLimits {
        creations: 0,
        answers: 0,
        passwords: 0,
        passphrases: 0,
        ..TryLimits::default()
    };
    let server = with(limits);
    let ids = prepare(&server);
    let often = [35, 35, 12, 12];
    for ((kind, act), often) in kinds(&server, &ids).into_iter().zip(often) {
        let (done, refused) = until_refused(often, act);
        assert!(refused.is_none(), "{kind}: refused after {done}");
    }
}
