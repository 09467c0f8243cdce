//! The pages in Chromium, and their main ways in Firefox: each trial runs one script of `tests/node/browser` against two servers of its
//! own, whose clocks the script moves. Screenshots go to `target/screenshots`, or where
//! `SEALDROP_SCREENSHOTS` says; if it is empty, there are none.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use libtest_mimic::Trial;
use sealdrop::{
    config::{Boxes, Color, Link, NamedLink, SecretCreation},
    web::PageLook,
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    server::{Options, START, TestServer},
    tools::{CHROMIUM, FIREFOX, OPENSSL, Tool, trial_with},
};

const NEEDED: &[Tool] = &[Tool::Playwright, CHROMIUM];
const NEEDED_BY_BOXES: &[Tool] = &[Tool::Playwright, CHROMIUM, OPENSSL];

const NEEDED_BY_FIREFOX: &[Tool] = &[Tool::Playwright, FIREFOX];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_with("browser::access", NEEDED, || run("access")),
        trial_with("browser::ask", NEEDED, || run("ask")),
        trial_with("browser::claim", NEEDED, || run("claim")),
        trial_with("browser::app", NEEDED, || run("app")),
        trial_with("browser::firefox", NEEDED_BY_FIREFOX, || {
            run_in("firefox", "firefox", Options::default());
        }),
        trial_with("browser::brand", NEEDED, || run_with("brand", branded())),
        trial_with("browser::docs", NEEDED, || run("docs")),
        trial_with("browser::frame", NEEDED, || run("frame")),
        trial_with("browser::languages", NEEDED, || run("languages")),
        trial_with("browser::looks", NEEDED, || run("looks")),
        trial_with("browser::stakes", NEEDED, || run("stakes")),
        trial_with("browser::box", NEEDED_BY_BOXES, || run("box")),
        trial_with("browser::box_faults", NEEDED, || run("box_faults")),
        trial_with("browser::box_looks", NEEDED, || run("box_looks")),
        trial_with("browser::view", NEEDED, || run("view")),
        trial_with("browser::view_tabs", NEEDED, || run("view_tabs")),
        trial_with("browser::view_files", NEEDED, || run("view_files")),
        trial_with("browser::view_hostile", NEEDED, || run("view_hostile")),
        trial_with("browser::view_pdf", NEEDED, || run("view_pdf")),
        trial_with("browser::view_pdf_in_firefox", NEEDED_BY_FIREFOX, || {
            run_in("firefox", "view_pdf", Options::default());
        }),
        trial_with("browser::view_texts", NEEDED, || run("view_texts")),
        trial_with("browser::view_links", NEEDED, || run("view_links")),
        trial_with("browser::command_line", NEEDED, || run("command_line")),
        trial_with("browser::create", NEEDED, || run("create")),
        trial_with("browser::recorded", NEEDED, || run("recorded")),
        trial_with("browser::reply", NEEDED, || run("reply")),
        trial_with("browser::request", NEEDED, || run("request")),
        trial_with("browser::screens", NEEDED, screens),
        trial_with("browser::status", NEEDED, || run("status")),
        trial_with("browser::upload", NEEDED, || run("upload")),
        trial_with("browser::weight", NEEDED, || run("weight")),
        trial_with("browser::manage", NEEDED, || run("manage")),
        trial_with("browser::manage_keys", NEEDED, || run("manage_keys")),
        trial_with("browser::manage_requests", NEEDED, || run("manage_requests")),
        trial_with("browser::manage_server", NEEDED, || run("manage_server")),
        trial_with("browser::manage_account", NEEDED, || {
            let mut account = Options::default();
            account.rules.webhook_private = true;
            run_with("manage_account", account);
        }),
    ]
}

/// A request of a script, for one of its servers.
#[derive(Deserialize)]
struct Request {
    server: String,
    /// Moves the clock ahead. Without it, the answer is the token of a new claim link.
    seconds: Option<u64>,
}

/// A part of the pictures of all pages, which `tests/node/screens.mjs` makes with this program.
fn screens() {
    let folder = tempfile::tempdir().expect("a fresh directory");
    let program = std::env::current_exe().expect("its path");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/screens.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(program)
        .arg(folder.path())
        .args(["--looks", "desktop-en-light,narrow-sv-dark", "--only", "claim"])
        .env_remove("SEALDROP_FLOWS")
        .output()
        .expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = |ending: &str| -> Vec<String> {
        let files = std::fs::read_dir(&folder).expect("the folder");
        let names =
            files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
        names.filter(|name| name.ends_with(ending)).collect()
    };
    let pictures = names(".png");
    assert!(!pictures.is_empty() && pictures.len() % 2 == 0, "{pictures:?}");
    let index = std::fs::read_to_string(folder.path().join("index.html")).expect("the index");
    for picture in pictures {
        assert!(index.contains(&picture), "{picture} is not in the index");
    }
}

fn run(script: &str) {
    run_with(script, Options::default());
}

fn run_with(script: &str, account: Options) {
    run_in("chromium", script, account);
}

/// A server with everything that an operator can set of the look.
fn branded() -> Options {
    let mut look = PageLook::default();
    look.site.name = "Example Vault".to_owned();
    look.site.color = Color([0x1d, 0x4e, 0x89]);
    look.site.text = Some(
        "Run by Example Ltd. for its staff. Questions? Ask the help desk, ext. 112.".to_owned(),
    );
    look.site.imprint = Some(Link::parse("https://example.org/imprint").unwrap());
    let links = [("Contact", "mailto:help@example.org"), ("Status", "https://status.example.org/")];
    look.site.links = links
        .map(|(name, url)| NamedLink { name: name.to_owned(), link: Link::parse(url).unwrap() })
        .into();
    look.css = Some(include_str!("../node/browser/brand.css").to_owned());
    Options { look, ..Options::default() }
}

/// `account` has the settings of the server with this name, besides its mail server.
fn run_in(browser: &str, script: &str, account: Options) {
    let mut look = PageLook::default();
    look.site.name = "Drop & Söner".to_owned();
    look.site.color = Color([0x7c, 0x2d, 0x92]);
    look.site.imprint = Some(Link::parse("https://example.org/imprint").unwrap());
    let mut options = Options { look, ..Options::default() };
    options.rules.create = SecretCreation::Open;
    // No server listens at the address of its mail server: mails wait, which is all that a page sees of them.
    let mailer = Some(crate::mail::mailer(1, &[]));
    let mut account = Options { mailer, ..account };
    account.service_rules.creation = Boxes::Account;
    let account = TestServer::with(account);
    let open = TestServer::with(options);
    let told = |server: &TestServer| {
        json!({
            "url": server.client.base,
            "key": server.client.key,
            "public_key": server.public.key,
            "time": START.0,
        })
    };
    let servers = json!({ "account": told(&account), "open": told(&open) });
    let shots = std::env::var_os("SEALDROP_SCREENSHOTS")
        .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots").into());
    let file = format!("{}/tests/node/browser/{script}.mjs", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new("node")
        .arg(file)
        .args(std::env::var("SEALDROP_FLOWS").iter().flat_map(|flows| flows.split(',')))
        .env("SEALDROP_BROWSER", browser)
        .env("SEALDROP_SERVERS", servers.to_string())
        .env("SEALDROP_SCREENSHOTS", shots)
        .env("SEALDROP_PROGRAM", env!("CARGO_BIN_EXE_sealdrop"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node");
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut said = String::new();
    for line in BufReader::new(output).lines() {
        let line = line.expect("UTF-8");
        let Some(request) = line.strip_prefix('!') else {
            said += &line;
            said.push('\n');
            continue;
        };
        let Request { server, seconds } = serde_json::from_str(request).expect("a request");
        let server = if server == "account" { &account } else { &open };
        let answer = seconds.map_or_else(
            || server.claim().expose_secret().to_owned(),
            |seconds| {
                server.clock.advance(seconds);
                "ok".to_owned()
            },
        );
        writeln!(input, "{answer}").expect("a script that waits");
    }
    let status = child.wait().expect("its end");
    assert!(status.success(), "{script}:\n{said}");
    // If only pictures are wanted, a script may have none.
    let is_empty = std::env::var_os("SEALDROP_LOOKS").is_none() && !said.contains("ok ");
    assert!(!is_empty, "{script} ran nothing");
}
