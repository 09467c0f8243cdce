//! Calls verified by other programs: the npm package `standardwebhooks`, and the recipe in the docs.

use std::process::Command;

use libtest_mimic::Trial;
use serde_json::{Map, Value, json};

use super::{commands::add, receiver::Receiver};
use crate::{
    cli::run_well,
    daemon::Daemon,
    programs::printed,
    tools::{PYTHON, Tool, node_modules, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    const NEEDED: &[Tool] = &[Tool::StandardWebhooks, PYTHON];
    vec![trial_with("webhook::verified::others_agree", NEEDED, others_agree)]
}

fn others_agree() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let receiver = Receiver::start();
    let daemon = Daemon::start(&data, &["--webhook-private", "true"]);
    let mut calls = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..3 {
        let (id, key) = add(&data, "default", &receiver.url());
        run_well(&data, &["webhook", "test", &id]);
        let call = receiver.call();
        let headers: Map<String, Value> =
            call.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        calls.push(json!({"key": key, "headers": headers, "body": call.body}));
        keys.push(key);
    }
    assert!(daemon.stop().0.success());

    let call = calls[0].clone();
    let changed = |change: fn(&mut Value)| {
        let mut call = call.clone();
        change(&mut call);
        call
    };
    calls
        .push(changed(|call| call["body"] = json!(format!("{} ", call["body"].as_str().unwrap()))));
    calls.push(changed(|call| call["headers"]["webhook-id"] = json!("test_0")));
    calls.push(changed(|call| {
        let time: u64 = call["headers"]["webhook-timestamp"].as_str().unwrap().parse().unwrap();
        call["headers"]["webhook-timestamp"] = json!((time + 1).to_string());
    }));
    let mut call = call;
    call["key"] = json!(keys[1]);
    calls.push(call);

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/verify_webhook.js");
    let mut node = Command::new("node");
    let outcomes = verify(node.arg(script).env("NODE_PATH", node_modules()), &calls);
    for (call, outcome) in calls.iter().zip(&outcomes).take(3) {
        let body: Value = serde_json::from_str(call["body"].as_str().unwrap()).unwrap();
        assert_eq!(outcome["payload"], body, "{outcome}");
        assert_eq!(body["type"], "test");
    }
    for outcome in &outcomes[3..] {
        assert_eq!(outcome["error"], "No matching signature found", "{outcome}");
    }
    assert_eq!(outcomes.len(), 7);

    let mut python = Command::new("python3");
    let outcomes = verify(python.args(["-c", &recipe()]), &calls);
    let agreed: Vec<bool> = outcomes.iter().map(|outcome| *outcome == json!(null)).collect();
    assert_eq!(agreed, [true, true, true, false, false, false, false], "{outcomes:?}");
    assert!(outcomes[3..].iter().all(|outcome| *outcome == "not signed by sealdrop"));
}

/// The Python of `docs/webhooks.md`, with the same input and output as the script for node.
fn recipe() -> String {
    let docs = include_str!("../../../docs/webhooks.md");
    let mut blocks = docs.split("```python\n").filter_map(|rest| rest.split("```").next());
    let verify = blocks.find(|block| block.contains("def verify(")).expect("a recipe");
    format!(
        "{verify}
import json, sys
outcomes = []
for call in json.load(sys.stdin):
    try:
        outcomes.append(verify(call['key'], call['headers'], call['body'].encode()))
    except ValueError as error:
        outcomes.append(str(error))
json.dump(outcomes, sys.stdout)
"
    )
}

/// The result of `program` for each call.
fn verify(program: &mut Command, calls: &[Value]) -> Vec<Value> {
    let output = printed(program, json!(calls).to_string().as_bytes());
    serde_json::from_slice(&output).expect("JSON")
}
