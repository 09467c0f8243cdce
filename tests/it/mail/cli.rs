//! `sealdrop mail`, and the settings of mails.

use libtest_mimic::Trial;
use serde_json::Value;

use super::{
    smtp::Smtp,
    tls::{run, view},
    until,
};
use crate::{
    daemon::{Daemon, sealdrop},
    tools::{Tool, trial_with},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("mail::cli::list_retry_and_drop", &[Tool::Aiosmtpd], list_retry_and_drop),
        trial("mail::cli::a_test_needs_the_daemon_and_a_server", a_test_needs_both),
        trial("mail::cli::check_reads_the_files", check_reads_the_files),
    ]
}

fn flags(port: u16) -> Vec<String> {
    let url = format!("smtp://127.0.0.1:{port}?tls=none");
    let flags = [
        "--smtp-url",
        &url,
        "--mail-from",
        "a@example.org",
        "--public-url",
        "http://x",
        "--key-pool",
        "0",
    ];
    flags.map(str::to_owned).to_vec()
}

fn list_retry_and_drop() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let mut smtp = Smtp::start(&[]);
    let flags = flags(smtp.port);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    smtp.tell("greylist 2");
    let (daemon, client) = Daemon::start_first(&data, &flags);
    assert!(run(&data, &["account", "set", "default", "--notify-email", "o@example.com"]).0);
    view(&client);
    view(&client);
    let list = || -> Vec<Value> {
        let (done, text) = run(&data, &["mail", "list", "--json"]);
        assert!(done, "{text}");
        serde_json::from_str(&text).expect("JSON")
    };
    until("both were tried", || list().iter().all(|row| row["attempts"] == 1));
    let rows = list();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!((&row["kind"], &row["state"]), (&"viewed".into(), &"waiting".into()));
        assert!(row["error"].as_str().is_some_and(|error| error.contains("450 4.2.0")), "{row}");
    }
    let (_, text) = run(&data, &["mail", "list"]);
    let header = text.split_whitespace().take(4);
    assert!(header.eq(["ID", "KIND", "TO", "STATE"]), "{text}");

    let [first, second] = [0, 1].map(|place| rows[place]["id"].to_string());
    let (done, text) = run(&data, &["mail", "drop", &first]);
    assert!(done && text == format!("dropped {first}\n"), "{text}");
    for again in [["mail", "drop"], ["mail", "retry"]] {
        let (done, text) = run(&data, &[&again[..], &[&first]].concat());
        assert!(!done && text.contains("see sealdrop mail list"), "{text}");
    }
    let (done, text) = run(&data, &["mail", "retry", &second]);
    assert!(done && text == "items to retry now: 1\n", "{text}");
    smtp.mail();
    until("it is delivered", || list().is_empty());

    // Also without a daemon.
    smtp.tell("greylist 1");
    view(&client);
    until("it was tried", || list().iter().any(|row| row["attempts"] == 1));
    assert!(daemon.stop().0.success());
    assert_eq!(list().len(), 1);
    let (done, text) = run(&data, &["mail", "retry", "--all", "--json"]);
    assert!(done && text == "{\"count\":1}\n", "{text}");
    let id = list()[0]["id"].to_string();
    assert!(run(&data, &["mail", "drop", &id]).0);
    assert!(list().is_empty());
}

fn a_test_needs_both() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let daemon = Daemon::start(&data, &["--key-pool", "0"]);
    let (done, text) = run(&data, &["mail", "test", "me@example.com"]);
    assert!(!done && text.contains("mail is not set up"), "{text}");
    let (done, text) = run(&data, &["mail", "test", "nobody"]);
    assert!(!done && text.contains("the address \"nobody\""), "{text}");
    let (done, text) =
        run(&data, &["account", "set", "default", "--notify-email", "o@example.com"]);
    assert!(done && text.contains("warning: this daemon has no mail server"), "{text}");
    let (done, text) = run(&data, &["account", "set", "nobody", "--notify-email", "none"]);
    assert!(!done && text.contains("there is no account nobody"), "{text}");
    daemon.stop();
    let (done, text) = run(&data, &["mail", "test", "me@example.com"]);
    assert!(!done && text.contains("no daemon runs here"), "{text}");
    // No server listens there.
    let flags = flags(1);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let daemon = Daemon::start(&data, &flags);
    let (done, text) = run(&data, &["mail", "test", "me@example.com"]);
    assert!(!done && text.contains("cannot connect to 127.0.0.1 port 1: "), "{text}");
    drop(daemon);
}

fn check_reads_the_files() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(path("texts")).expect("a directory");
    std::fs::write(path("texts/secret.en.txt"), "Subject: x\n\n{{ lnik }}\n").expect("a file");
    std::fs::write(path("empty"), "\n").expect("a file");
    std::fs::write(path("password"), "planted\n").expect("a file");
    let user = "smtp://joe@127.0.0.1?tls=none";
    let rest = ["--mail-from", "a@example.org", "--public-url", "http://x"];
    // (arguments, parts of the message)
    let cases = [
        (vec!["--smtp-url", "smtps://joe:planted@h"], ["smtp_url (from --smtp-url)", "in a file"]),
        (vec!["--smtp-url", "smtp://127.0.0.1"], ["mail_from (from the default)", "--smtp-url"]),
        (
            [&["--smtp-url", user, "--smtp-password-file", &path("none")], &rest[..]].concat(),
            ["smtp_password_file (from --smtp-password-file)", "No such file"],
        ),
        (
            [&["--smtp-url", user, "--smtp-password-file", &path("empty")], &rest[..]].concat(),
            ["smtp_password_file (from --smtp-password-file)", "it is empty"],
        ),
        (
            vec!["--mail-templates", &path("texts")],
            ["mail_templates (from --mail-templates)", "secret.en.txt, line 3"],
        ),
        (vec!["--mail-templates", &path("none")], ["mail_templates", "No such file"]),
    ]
    .map(|(arguments, parts)| {
        (arguments.into_iter().map(str::to_owned).collect::<Vec<_>>(), parts)
    });
    for (arguments, parts) in cases {
        for check in [&["--check"][..], &[]] {
            let mut command = sealdrop();
            command.args(["serve", "--data", &path("data"), "--listen", "127.0.0.1:0"]);
            let output = command.args(&arguments).args(check).output().expect("the program");
            let err = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(64), "{arguments:?} {err}");
            assert!(parts.iter().all(|part| err.contains(part)), "{arguments:?} {err}");
            assert!(!err.contains("planted"), "{err}");
        }
    }
    let right = ["--smtp-url", user, "--smtp-password-file", &path("password")];
    let mut command = sealdrop();
    command.args(["serve", "--check", "--data", &path("data")]).args(right).args(rest);
    assert_eq!(command.output().expect("the program").stdout, b"settings are valid\n");
}
