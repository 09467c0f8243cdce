//! The whole sequence that the API document describes, with npm's `sjcl` at both ends: one process seals
//! and creates, another views and opens.

use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    daemon::Daemon,
    tools::{Tool, node_modules, trial_with},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial_with(
        "sjcl::one_script_hands_over_and_another_opens_once",
        &[Tool::NodeSjcl],
        one_script_hands_over_and_another_opens_once,
    )]
}

/// Runs a script of `tests/node` with JSON as its only argument; returns its output.
fn node(script: &str, argument: &Value) -> Value {
    let output = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/").to_owned() + script)
        .arg(node_modules())
        .arg(argument.to_string())
        .stderr(Stdio::inherit())
        .output()
        .expect("node");
    assert!(output.status.success(), "{script}");
    serde_json::from_slice(&output.stdout).expect("JSON of the script")
}

fn one_script_hands_over_and_another_opens_once() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut daemon = Daemon::start(&data, &[]);
    let keys = daemon.first_keys();
    let long = "l\u{e5}ng \u{1f511} ".repeat(5_000);
    for text in ["hunter2", "", "\u{e5}\u{e4}\u{f6} \u{1f511}\0\n\"", &long] {
        // Once viewed, and once killed before and after the view.
        for kill in [false, true] {
            let created = node(
                "create.js",
                &json!({ "base": daemon.base, "key": keys.private, "text": text }),
            );
            assert_eq!(created["status"], json!(201), "{created}");
            if kill {
                daemon.kill();
                daemon = Daemon::start(&data, &[]);
            }
            let link = json!({
                "base": daemon.base, "key": keys.public,
                "id": created["id"], "password_part_public": created["password_part_public"],
            });
            let opened = node("open.js", &link);
            assert_eq!((&opened["status"], &opened["text"]), (&json!(200), &json!(text)));
            let gone = json!({ "status": 404 });
            assert_eq!(node("open.js", &link), gone);
            if kill {
                daemon.kill();
                daemon = Daemon::start(&data, &[]);
                let link = {
                    let mut link = link;
                    link["base"] = json!(daemon.base);
                    link
                };
                assert_eq!(node("open.js", &link), gone);
            }
        }
    }
}
