//! `sealdrop doctor`: healthy set-ups, where it is silent, and broken ones, each of which it names.

mod directory;
mod outside;
mod proxies;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::tools::free_port;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::daemon::sealdrop;

pub(crate) fn trials() -> Vec<Trial> {
    [directory::trials(), outside::trials(), proxies::trials()].into_iter().flatten().collect()
}

/// What the machine of the tests decides: each has a test of its own.
const SKIPPED: [&str; 6] = ["--skip", "file-system", "--skip", "disk-speed", "--skip", "swap"];
/// Boxes are not used here.
const DAEMON: [&str; 2] = ["--key-pool", "0"];

/// The result of one run.
struct Examined {
    checks: BTreeSet<String>,
    json: Value,
    text: String,
}

/// `sealdrop doctor` on a data directory.
fn doctor(data: &Path, flags: &[&str]) -> Command {
    let mut command = sealdrop();
    command.args(["doctor", "--json", "--data"]).arg(data).args(flags);
    command
}

/// Runs a doctor that prints JSON.
fn run(command: &mut Command) -> Examined {
    let Output { status, stdout, stderr } = command.output().expect("the program");
    let text = String::from_utf8(stdout).expect("text");
    let error = String::from_utf8_lossy(&stderr);
    assert_eq!(error, "", "{text}");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let findings = json["findings"].as_array().expect("a list");
    let name = |finding: &Value| {
        for field in ["problem", "remedy"] {
            assert!(finding[field].as_str().is_some_and(|text| text.len() > 10), "{finding}");
        }
        finding["check"].as_str().expect("a name").to_owned()
    };
    let checks: BTreeSet<String> = findings.iter().map(name).collect();
    assert_eq!(status.code(), Some(i32::from(!checks.is_empty())), "{text}");
    assert_eq!(json["ok"], checks.is_empty(), "{text}");
    Examined { checks, json, text }
}

/// Runs the doctor without the checks that the machine decides.
fn examine(data: &Path, flags: &[&str]) -> Examined {
    run(doctor(data, flags).args(SKIPPED))
}

impl Examined {
    /// Checks that these checks found something, and no others, with these words.
    fn finds(&self, case: &str, checks: &[&str], words: &str) {
        let expected: BTreeSet<String> = checks.iter().map(|check| (*check).to_owned()).collect();
        assert_eq!(self.checks, expected, "{case}: {}", self.text);
        assert!(self.text.contains(words), "{case}: {words} in {}", self.text);
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A certificate for 127.0.0.1 that was made this many days ago for this many, with its key.
fn certificate(dir: &Path, name: &str, days_ago: u32, days: u32, host: &str) -> [PathBuf; 2] {
    let [chain, key] = ["crt", "key"].map(|end| dir.join(format!("{name}.{end}")));
    let made = Command::new("openssl")
        .env("LD_PRELOAD", crate::tools::faketime().expect("libfaketime"))
        .env("FAKETIME", format!("-{days_ago}d"))
        .args(["req", "-x509", "-nodes", "-subj", "/CN=doctor", "-days", &days.to_string()])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-addext"])
        .arg(format!("subjectAltName={host}"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    [chain, key]
}
