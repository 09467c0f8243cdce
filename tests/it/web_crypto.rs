//! The cryptography of the pages: the modules that browsers load, run by node, against the Rust side,
//! npm's `sjcl` and the `openssl` program.

mod boxes;
mod captcha;
mod files;
mod secrets;

use std::{path::Path, process::Command};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    programs::{printed, run},
    tools::{NODE_20, Tool, node_modules, trial_with},
};

pub(crate) fn trials() -> Vec<Trial> {
    let own = vec![
        trial_with("web_crypto::modules_keep_their_promises", &[NODE_20], || units(Page::Https)),
        trial_with("web_crypto::modules_keep_their_promises_over_plain_http", &[NODE_20], || {
            units(Page::PlainHttp)
        }),
        trial_with("web_crypto::a_camera_reads_qr_codes", &[NODE_20, Tool::NodeQr], qr_codes),
        trial_with("web_crypto::sjcl_is_what_npm_has", &[NODE_20, Tool::NodeSjcl], || {
            vendored("vendor_sjcl.mjs", "sjcl.js", &[]);
        }),
        trial_with("web_crypto::lean_qr_is_what_npm_has", &[NODE_20, Tool::NodeQr], || {
            vendored("vendor_qr.mjs", "lean_qr.js", &[]);
        }),
        trial_with("web_crypto::marked_is_what_npm_has", &[NODE_20, Tool::NodeTexts], || {
            vendored("vendor_marked.mjs", "marked.js", &[]);
        }),
        trial_with("web_crypto::highlight_js_is_what_npm_has", &[NODE_20, Tool::NodeTexts], || {
            // It runs in a worker, which has no document, so it never calls its parts for elements.
            vendored("vendor_highlight.mjs", "highlight.js", &["innerHTML", "document."]);
        }),
    ];
    [own, boxes::trials(), captcha::trials(), files::trials(), secrets::trials()]
        .into_iter()
        .flatten()
        .collect()
}

/// How a page was transferred: browsers have WebCrypto only if no attacker could change the page on its way.
#[derive(Clone, Copy, Debug)]
enum Page {
    Https,
    PlainHttp,
    /// With WebCrypto, and with values that it does not accept: IVs shorter than 12 bytes.
    HttpsWithSjcl,
}

impl Page {
    const BOTH: [Self; 2] = [Self::Https, Self::PlainHttp];

    /// Node, ready for modules of `src/web/js`.
    fn node(self) -> Command {
        let mut node = Command::new("node");
        node.current_dir(env!("CARGO_MANIFEST_DIR"));
        node.args(["--import", "./tests/node/web_loader.mjs"]);
        node.env_remove("SEALDROP_PLAIN_HTTP").env_remove("SEALDROP_SJCL_TOO");
        match self {
            Self::Https => &mut node,
            Self::PlainHttp => node.env("SEALDROP_PLAIN_HTTP", "1"),
            Self::HttpsWithSjcl => node.env("SEALDROP_SJCL_TOO", "1"),
        };
        node
    }

    /// The result of each job: see `tests/node/web_jobs.mjs`.
    fn run(self, jobs: &[Value]) -> Vec<Result<Value, String>> {
        let input = serde_json::to_vec(jobs).expect("JSON");
        let output = printed(self.node().arg("tests/node/web_jobs.mjs"), &input);
        let outcomes: Vec<Value> = serde_json::from_slice(&output).expect("JSON of the script");
        assert_eq!(outcomes.len(), jobs.len());
        let outcome = |outcome: Value| match outcome.get("error") {
            Some(error) => Err(error.as_str().expect("a text").to_owned()),
            None => Ok(outcome.get("ok").expect("an outcome").clone()),
        };
        outcomes.into_iter().map(outcome).collect()
    }

    fn run_one(self, job: Value) -> Result<Value, String> {
        self.run(&[job]).remove(0)
    }
}

/// The tests that need no other program.
fn units(page: Page) {
    for file in [
        "web_units.mjs",
        "web_box_units.mjs",
        "web_typed_units.mjs",
        "web_link_units.mjs",
        "web_locale_units.mjs",
        "web_secret_units.mjs",
        "web_answer_units.mjs",
        "web_text_units.mjs",
    ] {
        let file = format!("tests/node/{file}");
        let output = run(page.node().args(["--test-reporter=tap", "--test"]).arg(&file), b"");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{file}, {page:?}:\n{said}");
        // Without any file there would be no failure, either.
        assert!(said.contains("\n# pass ") && !said.contains("\n# pass 0\n"), "{said}");
    }
}

/// A script creates the vendored file from the package that `package.json` pins. `unused` is what the file has,
/// and a page never calls.
fn vendored(script: &str, file: &str, unused: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = Command::new("node");
    let made = printed(node.arg(root.join("tests/node").join(script)).arg(node_modules()), b"");
    let path = root.join("src/web/js/vendor").join(file);
    let there = std::fs::read(&path).expect("a vendored file");
    assert!(made == there, "{} differs from the output of {script}", path.display());
    // Our Content-Security-Policy and Trusted Types disable all of these.
    let text = String::from_utf8(there).expect("UTF-8");
    for never in ["eval(", "Function(", "innerHTML", "outerHTML", "document.", "import("] {
        assert!(unused.contains(&never) || !text.contains(never), "{never} in {}", path.display());
    }
}

fn qr_codes() {
    let texts = [
        "x".to_owned(),
        "https://box.example.org/AbCdEfGhIjKlMnOpQrStUvWxYz01234/#Q01ScWtTRXdDdnBobkxzT0V1".into(),
        "åäö 🔑".into(),
        "https://example.org/".to_owned() + &"long/".repeat(300),
    ];
    let jobs: Vec<_> = texts.iter().map(|text| json!({"do": "qr", "text": text})).collect();
    for (text, drawn) in texts.iter().zip(Page::PlainHttp.run(&jobs)) {
        let drawn = drawn.expect("a code");
        assert_eq!(drawn["text"], *text);
        assert_eq!(drawn["names"], json!(["rect", "path"]));
        assert_eq!(drawn["fills"], json!(["#fff", "currentColor"]));
        assert_eq!(drawn["attributes"]["role"], "img");
    }
    let too_long = json!({"do": "qr", "text": "x".repeat(3000)});
    assert!(Page::Https.run_one(too_long).is_err());
}
