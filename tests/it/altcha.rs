//! Our proof of work against ALTCHA's own library, in both directions.

use std::{process::Command, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::{
    clock::{Clock, TimeRecord, UnixSeconds},
    crypto::{
        Random,
        proof_of_work::{Challenge, ProofOfWork},
    },
};
use serde_json::{Value, json};

use crate::{
    programs::printed,
    tools::{NODE_20, trial_with},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial_with("altcha::both_ways", &[NODE_20], both_ways)]
}

/// All bytes are this letter.
struct Letters;

impl Random for Letters {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(b'k');
    }
}

fn both_ways() {
    // The key is a text, as the library requires.
    let key = "k".repeat(32);
    let work = ProofOfWork::new([b'k'; 32]);
    // The library uses the system's clock.
    let now = Clock::system(TimeRecord::default()).now().0;
    let challenge: Value =
        serde_json::from_str(&work.challenge(&Letters, UnixSeconds(now + 600))).expect("JSON");

    let done = node(&[], &json!({"key": key, "challenge": challenge}));
    assert_eq!(done["verified"], json!(true), "{done}");
    let payload = json!({"challenge": challenge, "solution": done["solution"]}).to_string();
    let solved = work.check(&STANDARD.encode(payload), UnixSeconds(now)).expect("a good solution");
    assert_eq!((solved.challenge, solved.expires_at), ([b'k'; 16], UnixSeconds(now + 600)));

    let theirs: Challenge = serde_json::from_value(done["theirs"].clone()).expect("a challenge");
    let solution = theirs.solve(Duration::from_secs(60)).expect("a solution");
    let mut payload = json!({"challenge": theirs, "solution": solution});
    assert_eq!(node(&["verify"], &json!({"key": key, "payload": payload})), json!(true));
    // Signed under the same key, so it is as valid as one of ours.
    let ours = STANDARD.encode(payload.to_string());
    assert!(work.check(&ours, UnixSeconds(now)).is_ok());

    let counter = payload["solution"]["counter"].as_u64().expect("a number");
    payload["solution"]["counter"] = json!(counter + 1);
    assert_eq!(node(&["verify"], &json!({"key": key, "payload": payload})), json!(false));
    let wrong = STANDARD.encode(payload.to_string());
    assert!(work.check(&wrong, UnixSeconds(now)).is_err(), "another counter");
}

fn node(arguments: &[&str], given: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/altcha.mjs");
    let output =
        printed(Command::new("node").arg(script).args(arguments), given.to_string().as_bytes());
    serde_json::from_slice(&output).expect("JSON")
}
