//! Boxes, with other programs at the other end: curl, openssl, Python's `cryptography`,
//! and jQuery in a browser.

mod browser;
mod mono;
mod openssl;
mod recipes;

use std::{
    path::Path,
    process::{Command, Output},
};

use libtest_mimic::Trial;
use sealdrop::crypto::{Random, SeededRandom};
use serde_json::Value;

use crate::{
    programs::{printed, run},
    tools::python,
};

pub(crate) fn trials() -> Vec<Trial> {
    [browser::trials(), mono::trials(), openssl::trials(), recipes::trials()]
        .into_iter()
        .flatten()
        .collect()
}

const PASSPHRASE: &str = "korrekt häst batteri";

/// The body of a successful answer to curl.
fn curl(arguments: &[&str]) -> Vec<u8> {
    curl_with(arguments, b"")
}

/// As [`curl`], with input, because arguments cannot be long.
fn curl_with(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    printed(Command::new("curl").args(["-sS", "--fail-with-body"]).args(arguments), input)
}

fn curl_json(arguments: &[&str]) -> Value {
    serde_json::from_slice(&curl(arguments)).expect("JSON")
}

/// `name=value` for curl's `--data-urlencode` and the like.
fn form(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// Runs one of the recipes for client authors.
fn recipe(script: &str, arguments: &[&str], input: &[u8]) -> Output {
    let script = format!("{}/docs/recipes/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python());
    // No compiled copies beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PASSPHRASE", PASSPHRASE);
    run(command.arg(script).args(arguments), input)
}

/// A box that was created online.
struct TestBox {
    service: String,
    key: Value,
}

impl TestBox {
    fn create(base: &str) -> Self {
        let service = format!("{base}/Service");
        let key = curl_json(&["--data-urlencode", &form("passphrase", PASSPHRASE), &service]);
        Self { service, key }
    }

    fn field(&self, name: &str) -> &str {
        self.key[name].as_str().unwrap_or_else(|| panic!("{name} of {}", self.key))
    }

    fn token(&self) -> &str {
        self.field("KeyToken")
    }

    /// Sends a text and files, for the server to seal.
    fn send(&self, text: &str, files: &[&Path]) {
        let token = form("token", self.token());
        let mut arguments = vec!["-X", "PUT", "--form-string", &token, "-F", "message=<-"];
        let files: Vec<_> =
            files.iter().map(|path| format!("files=@\"{}\"", path.display())).collect();
        arguments.extend(files.iter().flat_map(|file| ["-F", file.as_str()]));
        arguments.push(&self.service);
        assert_eq!(curl_with(&arguments, text.as_bytes()), b"true");
    }

    /// The list of messages; `with` has the parameters of the call.
    fn list(&self, with: (&str, &str)) -> Vec<Value> {
        let (token, with) = (form("token", self.token()), form(with.0, with.1));
        let fields = ["--data-urlencode", &token, "--data-urlencode", &with];
        let list = curl_json(&[&["-G"], &fields[..], &[&self.service]].concat());
        list.as_array().expect("a list").clone()
    }

    fn opened(&self) -> Vec<Value> {
        self.list(("passphrase", PASSPHRASE))
    }

    fn sealed(&self) -> Vec<Value> {
        self.list(("privatekeyhash", self.field("PrivateKeyHash")))
    }

    /// The bytes of a file in the list.
    fn fetch(&self, message: &Value) -> Vec<u8> {
        let id = message["TemporaryDownloadId"].as_str().expect("a ticket");
        curl(&[&format!("{}/File/{id}", self.service)])
    }
}

/// Incompressible, and fills several chunks.
fn random_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SeededRandom::new(3).fill(&mut bytes);
    bytes
}

/// Compressible.
fn text_of(lines: usize) -> String {
    (0..lines).map(|line| format!("{line}: the quick brown fox, över ån\n")).collect()
}
