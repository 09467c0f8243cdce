//! Signals that end a process by default, but not the daemon; and warnings for operators.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{
    daemon::{Daemon, sealdrop},
    http::secret_with,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("cli::signals::hang_up_reads_again", hang_up_reads_again),
        trial(
            "cli::signals::a_proxy_that_is_not_trusted_is_named_once",
            untrusted_proxies_are_named,
        ),
        trial("cli::signals::the_look_is_read_again", the_look_is_read_again),
        trial("cli::signals::the_named_header_is_believed", the_named_header_is_believed),
    ]
}

/// Waits until the log has `text` for the `count`th time.
fn wait_for(log: &Path, text: &str, count: usize) {
    let start = Instant::now();
    loop {
        let found = fs::read_to_string(log).expect("the log");
        if found.matches(text).count() >= count {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{text:?} is not in {found}");
        std::thread::yield_now();
    }
}

fn hang_up_reads_again() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let templates = dir.path().join("templates");
    fs::create_dir(&templates).expect("a directory");
    let password = dir.path().join("password");
    fs::write(&password, "first").expect("a file");
    let paths = [&templates, &password].map(|path| path.to_str().expect("a path").to_owned());
    let flags = [
        "--key-pool",
        "0",
        "--mail-templates",
        &paths[0],
        "--smtp-password-file",
        &paths[1],
        "--smtp-url",
        "smtp://user@127.0.0.1:9",
        "--mail-from",
        "a@example.org",
        "--public-url",
        "https://example.org",
    ];
    let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &flags);
    daemon.signal(Signal::USR1);
    wait_for(&daemon.log, "SIGUSR1: ignored", 1);
    daemon.signal(Signal::HUP);
    wait_for(&daemon.log, "SIGHUP: read the password", 1);
    // A wrong file is reported, which shows that it is read; and no setting is lost.
    fs::remove_file(&password).expect("a file");
    daemon.signal(Signal::HUP);
    wait_for(&daemon.log, "SIGHUP: nothing was changed error=smtp_password_file", 1);
    fs::write(&password, "second").expect("a file");
    fs::write(templates.join("no-such-mail.en.txt"), "?").expect("a file");
    daemon.signal(Signal::HUP);
    wait_for(&daemon.log, "SIGHUP: nothing was changed error=mail_templates", 1);
    fs::remove_file(templates.join("no-such-mail.en.txt")).expect("a file");
    daemon.signal(Signal::HUP);
    wait_for(&daemon.log, "SIGHUP: read the password", 2);
    assert_eq!(client.post("/api/secrets", &secret_with(serde_json::json!({}))).status, 201);
    assert!(!fs::read_to_string(&daemon.log).expect("the log").contains("second"));
    let (status, _) = daemon.stop();
    assert!(status.success(), "{status}");
}

/// The logo and the style sheet are read at the start and at SIGHUP; a wrong file is named, and changes nothing.
fn the_look_is_read_again() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (css, logo) = (dir.path().join("own.css"), dir.path().join("logo.svg"));
    fs::write(&css, "/* first */").expect("a file");
    fs::write(&logo, "<svg xmlns='first'/>").expect("a file");
    let paths = [&css, &logo].map(|path| path.to_str().expect("a path"));
    let flags = ["--key-pool", "0", "--custom-css", paths[0], "--site-logo", paths[1]];
    let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &flags);
    wait_for(&daemon.log, "custom_css can hide warnings", 1);
    // Unlike answers of the APIs, pages and files may be kept, which the client of these tests refuses.
    let get = |path: &str| {
        let mut answer = ureq::get(format!("{}{path}", client.base)).call().expect("an answer");
        answer.body_mut().read_to_string().expect("a text")
    };
    // The part before the first `end`, from the quotation mark on.
    let address = |html: &str, end: &str| {
        let before = html.split(end).next().expect("a start");
        before.rsplit_once('"').expect("a link").1.to_owned()
    };
    // The content of the linked file.
    let served = |name: &str| get(&format!("/{}{name}", address(&get("/"), name)));
    let module = |html: &str| address(html, "js/create/main.js");
    let before = get("/");
    assert_eq!(served("custom.css"), "/* first */");
    assert_eq!(served("logo.svg"), "<svg xmlns='first'/>");

    fs::write(&css, "/* second */").expect("a file");
    fs::write(&logo, "<svg xmlns='other'/>").expect("a file");
    daemon.signal(Signal::HUP);
    wait_for(&daemon.log, "SIGHUP: read the password", 1);
    assert_eq!(served("custom.css"), "/* second */");
    assert_eq!(served("logo.svg"), "<svg xmlns='other'/>");
    // Pages that are open load our modules from the same addresses as before.
    let after = get("/");
    assert_eq!(module(&after), module(&before));
    assert_ne!(after, before);

    fs::write(&css, "<style>").expect("a file");
    daemon.signal(Signal::HUP);
    wait_for(&daemon.log, "SIGHUP: nothing was changed error=custom_css", 1);
    assert_eq!(served("custom.css"), "/* second */");
    let output = sealdrop()
        .args(["serve", "--check", "--data"])
        .arg(dir.path().join("data"))
        .args(["--custom-css", paths[0]])
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(
        said.contains("custom_css (from --custom-css)") && said.contains("begins with <"),
        "{said}"
    );
}

fn untrusted_proxies_are_named() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let flags = ["--key-pool", "0", "--trusted-proxy", "192.0.2.0/24"];
    let (daemon, client) = Daemon::start_first(&dir.path().join("data"), &flags);
    let names = ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip"];
    assert_eq!(client.get("/health").status, 200);
    for name in names {
        assert_eq!(client.send("GET", "/health", &[(name, "for=203.0.113.9")], b"").status, 200);
    }
    let log = daemon.log.clone();
    assert!(daemon.stop().0.success());
    let log = fs::read_to_string(log).expect("the log");
    let warnings: Vec<&str> =
        log.lines().filter(|line| line.contains("not a trusted proxy")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for part in ["WARN", "x-forwarded-for", "127.0.0.1", "--trusted-proxy 127.0.0.1"] {
        assert!(warnings[0].contains(part), "{part}: {}", warnings[0]);
    }
    assert!(!log.contains("203.0.113.9"), "{log}");
}

fn the_named_header_is_believed() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = [
        "--key-pool",
        "0",
        "--trusted-proxy",
        "127.0.0.1",
        "--client-ip-header",
        "CF-Connecting-IP",
    ];
    let (daemon, client) = Daemon::start_first(&data, &flags);
    let id = client.create(serde_json::json!({"max_views": 2}));
    let path = format!("/api/secrets/{id}");
    let named = [("cf-connecting-ip", "203.0.113.9"), ("x-forwarded-for", "6.6.6.6")];
    assert_eq!(client.send("GET", &path, &named, b"").status, 200);
    let listed = client.get("/api/secrets").json();
    assert_eq!(listed["data"][0]["views"][0]["viewed_by_ip"], "203.0.113.9");
    drop(daemon);
    for wrong in ["X Real IP", "a:b", "h\u{e5}kan"] {
        let ended = Daemon::try_start(&data, &["--client-ip-header", wrong]);
        let said = ended.err().unwrap_or_default();
        assert!(
            said.contains("exit status: 64") && said.contains("client_ip_header"),
            "{wrong}: {said}"
        );
    }
}
