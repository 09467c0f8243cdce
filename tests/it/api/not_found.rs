//! Unknown, expired, used up, deleted, of another account: always the same 404.

use libtest_mimic::Trial;
use serde_json::json;

use super::sweep;
use crate::{
    http::{Answer, Client},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("api::not_found::all_reasons_look_the_same", all_reasons_look_the_same)]
}

/// Status, headers and body.
pub(super) type Whole = (u16, Vec<(String, Vec<u8>)>, Vec<u8>);

/// The whole answer except its date and the id of the request.
pub(super) fn whole(answer: &Answer) -> Whole {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "date" && *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.body.clone())
}

fn all_reasons_look_the_same() {
    let server = TestServer::start();
    let other = server.other_account();
    let client = &server.client;
    let never = client.get("/api/secrets/none");
    assert_eq!(never.json(), json!({"error": {"message": "Not found", "field": null}}));
    let never = whole(&never);

    let create = |more| client.create(more);
    let expired = create(json!({"expiration": 1}));
    let expired_with_password = create(json!({"expiration": 1, "password": "p"}));
    let swept = create(json!({"expiration": 1, "message": "m"}));
    let used_up = create(json!({"expiration": 9}));
    let deleted = create(json!({"expiration": 9}));
    let foreign = other.create(json!({}));
    let foreign_with_password = other.create(json!({"password": "p"}));
    let live = create(json!({"max_views": 100}));
    assert_eq!(client.view(&used_up).status, 200);
    assert_eq!(client.delete(&format!("/api/secrets/{deleted}")).status, 200);
    server.clock.advance(3600);

    let changed = |at: usize| {
        let mut id = live.clone().into_bytes();
        id[at] = if id[at] == b'x' { b'y' } else { b'x' };
        String::from_utf8(id).expect("letters")
    };
    let mut gone = vec![
        ("expired", expired.clone()),
        ("expired, with a password", expired_with_password.clone()),
        ("used up", used_up),
        ("deleted", deleted.clone()),
        ("another account's", foreign.clone()),
        ("another account's, with a password", foreign_with_password.clone()),
        ("too short", live[..30].to_owned()),
        ("too long", format!("{live}0")),
        ("too large a number", "z".repeat(31)),
        ("zero", "0".repeat(31)),
        ("no letters", "%00..%2f".to_owned()),
        ("long", "a".repeat(8000)),
        ("in another case", live.chars().rev().collect()),
    ];
    gone.extend([0, 1, 10, 15, 20, 29, 30].map(|at| ("one letter off", changed(at))));
    let headers: [&[(&str, &str)]; 4] = [
        &[],
        &[("secret-password", "p")],
        &[("secret-password", "wrong")],
        &[("accept", "text/html")],
    ];
    let check = |client: &Client, what: &str, id: &str| {
        for headers in headers {
            let answer = client.send("GET", &format!("/api/secrets/{id}"), headers, b"");
            assert_eq!(whole(&answer), never, "{what}: {id} with {headers:?}");
        }
    };
    for (what, id) in &gone {
        check(client, what, id);
        check(&server.public, what, id);
    }
    sweep(&server);
    for (what, id) in [("swept", &swept), ("swept, with a password", &expired_with_password)] {
        check(&server.public, what, id);
    }
    // Deleting a secret that is not in the list gets the same answer, before and after.
    for id in [&deleted, &foreign, &foreign_with_password, &changed(5), "none"] {
        assert_eq!(whole(&client.delete(&format!("/api/secrets/{id}"))), never, "{id}");
    }
    assert_eq!(server.public.view(&live).status, 200);
    assert_eq!(other.view(&foreign).status, 200);
}
