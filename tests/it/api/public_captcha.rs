//! Secrets whose viewers solve a proof of work first.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::crypto::proof_of_work::Challenge;
use serde_json::{Value, json};

use super::{
    entry,
    public::{anybody, look, token, view},
    races::{at_once, count},
};
use crate::{
    http::Client,
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::public::a_captcha_opens_once", a_captcha_opens_once),
        trial("api::public::a_bad_captcha_is_named", a_bad_captcha_is_named),
        trial("api::public::one_captcha_is_one_guess", one_captcha_is_one_guess),
        trial("api::public::a_captcha_in_many_windows", a_captcha_in_many_windows),
    ]
}

fn challenge(client: &Client) -> Value {
    let answer = client.get("/api/public/captcha");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Solves a challenge as the widget does.
fn solve(challenge: &Value) -> Value {
    let challenge: Challenge = serde_json::from_value(challenge.clone()).expect("a challenge");
    let solution = challenge.solve(Duration::from_secs(60)).expect("a solution in time");
    serde_json::to_value(solution).expect("JSON")
}

fn payload(challenge: &Value, solution: &Value) -> String {
    STANDARD.encode(json!({"challenge": challenge, "solution": solution}).to_string())
}

fn solved(client: &Client) -> String {
    let challenge = challenge(client);
    payload(&challenge, &solve(&challenge))
}

fn a_captcha_opens_once() {
    let server = TestServer::start();
    let client = anybody(&server);
    let [id, other] = [(); 2].map(|()| server.client.create(json!({"captcha": true})));
    assert_eq!(look(&client, &id).json()["data"]["captcha"], json!(true));
    let asked = challenge(&client);
    assert_eq!(asked["parameters"]["expiresAt"], json!(server.clock.now().0 + 600));
    assert_eq!(asked["parameters"]["algorithm"], json!("PBKDF2/SHA-256"));
    let captcha = payload(&asked, &solve(&asked));
    server.clock.advance(599);
    let viewed = view(&client, &id, json!({"captcha": captcha}));
    let lease = token(&viewed);
    // With the lease, no captcha is needed.
    assert_eq!(view(&client, &id, json!({"lease": lease})).body, viewed.body);
    let replayed = view(&client, &other, json!({"captcha": captcha}));
    assert_eq!(replayed.error(), (422, json!("captcha")));
    assert!(replayed.text().contains("used already"), "{}", replayed.text());
    assert_eq!(entry(&server.client, &other)["view_times"], json!(0));
    // A client with an API key needs no captcha.
    assert_eq!(server.public.view(&other).status, 200);
    // If the secret requires none, none is used up.
    let captcha = solved(&client);
    let [open, asking] =
        [false, true].map(|captcha| server.client.create(json!({"captcha": captcha})));
    assert_eq!(view(&client, &open, json!({"captcha": captcha})).status, 200);
    assert_eq!(view(&client, &asking, json!({"captcha": captcha})).status, 200);
}

fn a_bad_captcha_is_named() {
    let server = TestServer::start();
    let client = anybody(&server);
    let id = server.client.create(json!({"captcha": true}));
    let asked = challenge(&client);
    let solution = solve(&asked);
    let forged = |path: &str, value: Value| {
        let mut forged = asked.clone();
        *forged.pointer_mut(path).expect("a field") = value;
        payload(&forged, &solution)
    };
    let mut wrong = solution.clone();
    wrong["derivedKey"] = json!("00".repeat(32));
    let foreign = challenge(&anybody(&TestServer::start()));
    let cases = [
        ("missing", json!(null), "required"),
        ("empty", json!(""), "required"),
        ("no base64", json!("*"), "no solution"),
        ("no JSON", json!(STANDARD.encode("hello")), "no solution"),
        ("wrong", json!(payload(&asked, &wrong)), "no solution"),
        ("signature", json!(forged("/signature", json!("0".repeat(64)))), "no solution"),
        ("later", json!(forged("/parameters/expiresAt", json!(u64::MAX))), "no solution"),
        ("easier", json!(forged("/parameters/cost", json!(1))), "no solution"),
        ("another server's", json!(payload(&foreign, &solve(&foreign))), "no solution"),
    ];
    for (what, captcha, reason) in cases {
        let answer = view(&client, &id, json!({"captcha": captcha}));
        assert_eq!(answer.error(), (422, json!("captcha")), "{what}");
        assert!(answer.text().contains(reason), "{what}: {}", answer.text());
    }
    server.clock.advance(600);
    let stale = view(&client, &id, json!({"captcha": payload(&asked, &solution)}));
    assert_eq!(stale.error(), (422, json!("captcha")));
    assert!(stale.text().contains("too old"), "{}", stale.text());
    assert_eq!(entry(&server.client, &id)["view_times"], json!(0));
}

fn one_captcha_is_one_guess() {
    let options = Options { trusted_proxies: vec!["127.0.0.1/32"], ..Options::default() };
    let server = TestServer::with(options);
    let client = anybody(&server);
    let id = server.client.create(json!({"captcha": true, "password": "p", "max_views": 2}));
    let captcha = solved(&client);
    // A missing password does not use the captcha up.
    let answer = view(&client, &id, json!({"captcha": captcha}));
    assert_eq!(answer.error(), (403, json!("password")));
    let answer = view(&client, &id, json!({"password": "p"}));
    assert_eq!(answer.error(), (422, json!("captcha")));
    // Neither does a request that is refused with 429.
    let guarded = server.client.create(json!({"password": "p"}));
    (0..10).for_each(|_| {
        assert_eq!(view(&client, &guarded, json!({"password": "wrong"})).status, 403);
    });
    let both = json!({"captcha": captcha, "password": "p"});
    assert_eq!(view(&client, &id, both.clone()).error(), (429, json!("password")));
    server.clock.advance(599);
    let path = format!("/api/public/secrets/{id}/view");
    let from_elsewhere = |body: &Value| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", "198.51.100.9")];
        client.send("POST", &path, &headers, body.to_string().as_bytes())
    };
    assert_eq!(from_elsewhere(&both).status, 200);
    // Each guess costs a captcha, right or wrong, and a used captcha is not a guess.
    let captcha = solved(&client);
    let wrong = json!({"captcha": captcha, "password": "wrong"});
    assert_eq!(from_elsewhere(&wrong).error(), (403, json!("password")));
    for password in ["wrong", "p"] {
        let answer = from_elsewhere(&json!({"captcha": captcha, "password": password}));
        assert_eq!(answer.error(), (422, json!("captcha")), "{password}");
    }
    assert_eq!(entry(&server.client, &id)["view_times"], json!(1));
}

fn a_captcha_in_many_windows() {
    let server = TestServer::start();
    let id = server.client.create(json!({"captcha": true, "max_views": 9}));
    let captcha = solved(&anybody(&server));
    let statuses = at_once(10, |_| {
        let client = Client::new(server.client.base.clone(), "");
        view(&client, &id, json!({"captcha": captcha})).status
    });
    assert_eq!((count(&statuses, 200), count(&statuses, 422)), (1, 9), "{statuses:?}");
}
