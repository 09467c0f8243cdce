//! The real daemon and a mail server with TLS and a login.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::Trial;
use serde_json::json;

use super::smtp::{Smtp, parse_one};
use crate::{
    daemon::{Daemon, sealdrop},
    http::Client,
    tools::{OPENSSL, Tool, trial_with},
};

pub(super) const TOOLS: &[Tool] = &[Tool::Aiosmtpd, OPENSSL];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("mail::tls::starttls_and_a_login", TOOLS, starttls),
        trial_with("mail::tls::from_the_first_byte", TOOLS, implicit),
        trial_with("mail::tls::a_certificate_signed_by_itself", TOOLS, signed_by_itself),
        trial_with("mail::tls::nothing_is_sent_where_it_is_wrong", TOOLS, wrong),
        trial_with("mail::tls::killed_before_sending_it_sends_after_its_start", TOOLS, killed),
    ]
}

/// The settings beside the server's.
pub(super) const FLAGS: [&str; 8] = [
    "--mail-from",
    "no-reply@example.org",
    "--public-url",
    "https://example.org",
    "--key-pool",
    "0",
    "--log",
    "trace",
];

/// A certificate authority of the test, and a server certificate that it has signed.
pub(super) struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let extensions = "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n";
        std::fs::write(dir.path().join("extensions"), extensions).expect("a file");
        std::fs::write(dir.path().join("password"), "s3cret\n").expect("a file");
        let new = ["req", "-newkey", "rsa:2048", "-nodes"];
        let ca =
            ["-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ours"];
        let server = ["-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost"];
        let sign = [
            "x509",
            "-req",
            "-in",
            "request.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "extensions",
            "-out",
            "cert.pem",
        ];
        for arguments in [[&new[..], &ca].concat(), [&new[..], &server].concat(), sign.to_vec()] {
            let made = Command::new("openssl").args(&arguments).current_dir(dir.path()).output();
            assert!(made.expect("openssl").status.success(), "{arguments:?}");
        }
        Self { dir }
    }

    /// A self-signed certificate, created as most are: it says that it is an authority.
    fn of_itself() -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        std::fs::write(dir.path().join("password"), "s3cret\n").expect("a file");
        let name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
        let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
        let files = ["-keyout", "key.pem", "-out", "ca.pem"];
        let arguments = [&make[..], &name, &files].concat();
        let made = Command::new("openssl").args(arguments).current_dir(dir.path()).output();
        assert!(made.expect("openssl").status.success());
        std::fs::copy(dir.path().join("ca.pem"), dir.path().join("cert.pem")).expect("a file");
        Self { dir }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn server(&self, what: &[&str]) -> Smtp {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        let files =
            ["--cert", cert.to_str().expect("UTF-8"), "--key", key.to_str().expect("UTF-8")];
        Smtp::start(&[&files[..], what].concat())
    }

    /// A daemon that trusts this authority.
    pub(super) fn daemon(&self, data: &Path, url: &str) -> Daemon {
        let password = self.path("password");
        let mut flags = [&["--smtp-url", url], &FLAGS[..]].concat();
        if url.contains('@') {
            flags.extend(["--smtp-password-file", password.to_str().expect("UTF-8")]);
        }
        self.daemon_with(data, &flags)
    }

    /// A daemon with these flags that trusts this authority.
    pub(super) fn daemon_with(&self, data: &Path, flags: &[&str]) -> Daemon {
        let environment = [("SSL_CERT_FILE", self.path("ca.pem"))];
        Daemon::start_with(data, flags, &environment)
    }
}

/// Runs a subcommand on `data`; returns whether it succeeded, and its whole output.
pub(super) fn run(data: &Path, arguments: &[&str]) -> (bool, String) {
    let output = sealdrop().args(arguments).arg("--data").arg(data).output().expect("the program");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

/// Creates a secret, and views it.
pub(super) fn view(client: &Client) {
    let id = client.create(json!({}));
    assert_eq!(client.view(&id).status, 200);
}

fn delivers(smtp: &mut Smtp, authority: &Authority, url: &str) {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut daemon = authority.daemon(&data, url);
    let client = Client::new(daemon.base.clone(), daemon.first_keys().private);
    let (done, said) =
        run(&data, &["account", "set", "default", "--notify-email", "owner@example.com"]);
    assert!(done && !said.contains("warning"), "{said}");
    view(&client);
    let mail = smtp.mail();
    assert_eq!((&mail["tls"], &mail["user"]), (&json!(true), &json!("post")));
    assert_eq!(parse_one(&mail).header("to"), Some("owner@example.com"));
    let (done, said) = run(&data, &["mail", "test", "me@example.com"]);
    assert!(done && said.contains("250 2.0.0 queued as 4711"), "{said}");
    assert_eq!(smtp.mail()["to"][0], "me@example.com");
    let log = daemon.log.clone();
    assert!(daemon.stop().0.success());
    let log = std::fs::read_to_string(log).expect("a log");
    for value in ["s3cret", "owner@example.com", "me@example.com", "unsubscribe"] {
        assert!(!log.contains(value), "{value:?} in the log:\n{log}");
    }
}

fn starttls() {
    let authority = Authority::new();
    let mut smtp = authority.server(&["starttls", "auth"]);
    let url = format!("smtp://post@localhost:{}", smtp.port);
    delivers(&mut smtp, &authority, &url);
}

fn implicit() {
    let authority = Authority::new();
    let mut smtp = authority.server(&["implicit", "auth"]);
    let url = format!("smtps://post@localhost:{}", smtp.port);
    delivers(&mut smtp, &authority, &url);
}

fn signed_by_itself() {
    let authority = Authority::of_itself();
    let mut smtp = authority.server(&["implicit", "auth"]);
    let url = format!("smtps://post@localhost:{}", smtp.port);
    delivers(&mut smtp, &authority, &url);
}

fn wrong() {
    let (ours, other) = (Authority::new(), Authority::new());
    // (server, its authority, URL, a part of the error)
    let starttls: &[&str] = &["starttls", "auth"];
    let cases = [
        (&other, starttls, "smtp://post@localhost:PORT", "TLS: invalid peer certificate"),
        (
            &other,
            &["implicit", "auth"],
            "smtps://post@localhost:PORT",
            "TLS: invalid peer certificate",
        ),
        // Another name than that of the certificate.
        (&ours, starttls, "smtp://post@127.0.0.1:PORT", "TLS: invalid peer certificate"),
        (&ours, &["auth"], "smtp://post@localhost:PORT", "STARTTLS: the server does not offer it"),
        (
            &ours,
            &["auth"],
            "smtp://post@localhost:PORT?tls=opportunistic",
            "AUTH: the connection is not encrypted, so the password is not sent",
        ),
    ];
    for (authority, what, url, part) in cases {
        let mut smtp = authority.server(what);
        let dir = tempfile::tempdir().expect("a fresh directory");
        let data = dir.path().join("data");
        let daemon = ours.daemon(&data, &url.replace("PORT", &smtp.port.to_string()));
        let (done, said) = run(&data, &["mail", "test", "me@example.com"]);
        assert!(!done && said.contains(part), "{url}: {said}");
        smtp.no_mail();
        drop(daemon);
    }
    // Opportunistic, without a login: any server is accepted.
    for (what, tls) in [(&["starttls"][..], true), (&[], false)] {
        let mut smtp = ours.server(what);
        let dir = tempfile::tempdir().expect("a fresh directory");
        let data = dir.path().join("data");
        let url = format!("smtp://localhost:{}?tls=opportunistic", smtp.port);
        let daemon = ours.daemon(&data, &url);
        assert!(run(&data, &["mail", "test", "me@example.com"]).0);
        assert_eq!(smtp.mail()["tls"], tls);
        drop(daemon);
    }
}

fn killed() {
    let authority = Authority::new();
    let mut smtp = authority.server(&["starttls", "auth"]);
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    // No server listens there.
    let mut daemon = authority.daemon(&data, "smtp://localhost:1");
    let client = Client::new(daemon.base.clone(), daemon.first_keys().private);
    assert!(run(&data, &["account", "set", "default", "--notify-email", "o@example.com"]).0);
    view(&client);
    daemon.kill();
    let (done, list) = run(&data, &["mail", "list"]);
    assert!(done && list.contains("viewed") && list.contains("o@example.com"), "{list}");
    // As an attempt after the pause would, if the daemon had made one.
    assert!(run(&data, &["mail", "retry", "--all"]).0);
    let daemon = authority.daemon(&data, &format!("smtp://post@localhost:{}", smtp.port));
    assert_eq!(smtp.mail()["to"][0], "o@example.com");
    assert!(daemon.stop().0.success());
    let (done, list) = run(&data, &["mail", "list", "--json"]);
    assert!(done && list == "[]\n", "{list}");
}
