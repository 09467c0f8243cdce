//! Captchas of a real server, solved by the code of the pages.

use std::time::Duration;

use libtest_mimic::Trial;
use sealdrop::crypto::proof_of_work::Challenge;
use serde_json::{Value, json};

use super::Page;
use crate::{
    http::Client,
    server::TestServer,
    tools::{NODE_20, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("web_crypto::a_page_solves_a_captcha", &[NODE_20], || {
            Page::BOTH.into_iter().for_each(a_page_solves_a_captcha);
        }),
        trial_with("web_crypto::a_captcha_can_be_given_up", &[NODE_20], a_captcha_can_be_given_up),
    ]
}

fn a_page_solves_a_captcha(page: Page) {
    let server = TestServer::start();
    let anybody = server.client.with_key("");
    let id = server.client.create(json!({"captcha": true}));
    let challenge = long_challenge(&anybody);
    let solved = page.run_one(json!({"do": "captcha", "challenge": challenge})).expect("solved");
    let path = format!("/api/public/secrets/{id}/view");
    assert_eq!(anybody.post(&path, &json!({"captcha": "e30="})).error(), (422, json!("captcha")));
    let answer = anybody.post(&path, &json!({"captcha": solved["payload"]}));
    assert_eq!(answer.status, 200, "{page:?} {}", answer.text());
    // It reports its progress, and no worker continues.
    let shares: Vec<_> =
        solved["shares"].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).collect();
    assert!(shares.len() > 10 && shares.is_sorted() && shares.last() == Some(&1.0), "{shares:?}");
    assert_eq!(solved["workers"], 0);
}

/// A challenge whose solution takes long enough to report progress.
fn long_challenge(anybody: &Client) -> Value {
    loop {
        let challenge = anybody.get("/api/public/captcha").json();
        let parsed: Challenge = serde_json::from_value(challenge.clone()).expect("a challenge");
        let solution = parsed.solve(Duration::from_secs(60)).expect("a solution in time");
        if solution.counter >= 1000 {
            return challenge;
        }
    }
}

fn a_captcha_can_be_given_up() {
    let server = TestServer::start();
    let mut challenge = server.client.get("/api/public/captcha").json();
    // No counter solves this, so it ends only when it is given up.
    challenge["parameters"]["keyPrefix"] = json!("00".repeat(16));
    let job = json!({"do": "captcha", "challenge": challenge, "abort": true});
    let outcome = Page::Https.run_one(job).expect_err("no solution");
    assert!(outcome.starts_with("TimeoutError: "), "{outcome}");
    for (name, value) in
        [("algorithm", json!("SCRYPT")), ("cost", json!(1e9)), ("nonce", json!("x"))]
    {
        let mut challenge = challenge.clone();
        challenge["parameters"][name] = value;
        let outcome = Page::Https.run_one(json!({"do": "captcha", "challenge": challenge}));
        assert!(outcome.is_err(), "{name}");
    }
}
