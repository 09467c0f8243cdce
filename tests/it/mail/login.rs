//! Logins at a mail server, by the mechanisms that it offers.

use std::{fs, path::Path};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{
    smtp::Smtp,
    tls::{Authority, FLAGS, TOOLS, run},
};
use crate::{
    daemon::{Daemon, sealdrop},
    tools::trial_with,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("mail::login::a_token_is_read_at_each_login", TOOLS, read_at_each_login),
        trial_with("mail::login::the_server_chooses_the_mechanism", TOOLS, the_server_chooses),
        trial_with("mail::login::what_is_offered_is_listed", TOOLS, what_is_offered_is_listed),
        trial_with("mail::login::secrets_are_not_repeated", TOOLS, secrets_are_not_repeated),
        trial_with("mail::login::files_are_read_as_they_are_meant", TOOLS, as_they_are_meant),
    ]
}

/// Sends a test mail. Returns whether it was sent, and the output.
fn test(data: &Path) -> (bool, String) {
    run(data, &["mail", "test", "me@example.com"])
}

/// A daemon whose user logs in with the content of `file`.
fn daemon(authority: &Authority, data: &Path, port: u16, flag: &str, file: &Path) -> Daemon {
    let url = format!("smtp://post@localhost:{port}");
    let file = file.to_str().expect("UTF-8");
    authority.daemon_with(data, &[&["--smtp-url", &url, flag, file], &FLAGS[..]].concat())
}

fn offering(authority: &Authority, mechanisms: &str) -> Smtp {
    authority.server(&["starttls", "auth", "--mechanisms", mechanisms])
}

/// Checks that the next login was right, by this mechanism, in this many lines.
fn logged_in(smtp: &mut Smtp, mechanism: &str, lines: Option<u64>) {
    let login = smtp.event("auth");
    assert_eq!(
        (&login["mechanism"], &login["right"]),
        (&json!(mechanism), &json!(true)),
        "{login}"
    );
    assert_eq!(login["lines"].as_u64(), lines, "{login}");
    assert_eq!(smtp.mail()["user"], "post");
}

fn read_at_each_login() {
    let authority = Authority::new();
    for (mechanism, acknowledged, status) in
        [("XOAUTH2", "", "status 400"), ("OAUTHBEARER", "01", "status invalid_token")]
    {
        let mut smtp = offering(&authority, mechanism);
        let (data, file) = (authority.path(mechanism), authority.path("token"));
        let _ = fs::remove_file(&file);
        // The program that refreshes the token may start later.
        let daemon = daemon(&authority, &data, smtp.port, "--smtp-token-file", &file);
        let (done, said) = test(&data);
        assert!(
            !done && said.contains("smtp_token_file") && said.contains("token: No such file"),
            "{said}"
        );
        fs::write(&file, "t0ken-1\r\n").expect("a file");
        assert!(test(&data).0);
        logged_in(&mut smtp, mechanism, Some(1));
        // From now on the server accepts another one; it refuses the old one in the way of the mechanism.
        let long = format!("t0ken-{}==", "x".repeat(2000));
        smtp.tell(&format!("token {long}"));
        let (done, said) = test(&data);
        assert!(!done && said.contains("AUTH: the server answered 535"), "{said}");
        assert!(said.contains(status) && said.contains("still valid?"), "{said}");
        assert_eq!(smtp.event("acknowledged")["how"], acknowledged);
        // Replaced as programs replace files; too long for a command of SMTP.
        fs::write(authority.path("new"), &long).expect("a file");
        fs::rename(authority.path("new"), &file).expect("a file");
        let (done, said) = test(&data);
        assert!(done, "{said}");
        logged_in(&mut smtp, mechanism, Some(2));
        let log = daemon.log.clone();
        assert!(daemon.stop().0.success());
        let log = fs::read_to_string(log).expect("a log");
        assert!(log.contains("no mail can be sent until this file exists"), "{log}");
        assert!(!log.contains("t0ken") && !log.contains("xxxxxx"), "{log}");
    }
}

fn the_server_chooses() {
    let authority = Authority::new();
    // (offered, flag, content of the file, accepted)
    let cases = [
        ("LOGIN PLAIN CRAM-MD5", "--smtp-password-file", "s3cret", ("PLAIN", None)),
        ("LOGIN XOAUTH2", "--smtp-password-file", "s3cret", ("LOGIN", None)),
        ("PLAIN XOAUTH2 OAUTHBEARER", "--smtp-token-file", "t0ken-1", ("OAUTHBEARER", Some(1))),
        ("PLAIN XOAUTH2", "--smtp-token-file", "t0ken-1", ("XOAUTH2", Some(1))),
    ];
    for (at, (offered, flag, secret, (mechanism, lines))) in cases.into_iter().enumerate() {
        let mut smtp = offering(&authority, offered);
        let (data, file) = (authority.path(&at.to_string()), authority.path("secret"));
        fs::write(&file, secret).expect("a file");
        let _daemon = daemon(&authority, &data, smtp.port, flag, &file);
        let (done, said) = test(&data);
        assert!(done, "{offered}: {said}");
        logged_in(&mut smtp, mechanism, lines);
    }
}

fn what_is_offered_is_listed() {
    let authority = Authority::new();
    let (password, token) = ("--smtp-password-file", "--smtp-token-file");
    let cases: [(&str, &str, &[&str]); 4] = [
        (
            "CRAM-MD5",
            password,
            &["offers CRAM-MD5; with a password sealdrop can do PLAIN and LOGIN"],
        ),
        (
            "CRAM-MD5 XOAUTH2",
            password,
            &["offers CRAM-MD5, XOAUTH2;", "give smtp_token_file instead of smtp_password_file"],
        ),
        (
            "LOGIN PLAIN",
            token,
            &[
                "offers LOGIN, PLAIN; with a token sealdrop can do OAUTHBEARER and XOAUTH2",
                "give smtp_password_file instead of smtp_token_file",
            ],
        ),
        ("", password, &["offers no login here", "leave the user out"]),
    ];
    for (at, (offered, flag, parts)) in cases.into_iter().enumerate() {
        let mut smtp = offering(&authority, offered);
        let (data, file) = (authority.path(&at.to_string()), authority.path("secret"));
        fs::write(&file, "planted").expect("a file");
        let _daemon = daemon(&authority, &data, smtp.port, flag, &file);
        let (done, said) = test(&data);
        assert!(!done && parts.iter().all(|part| said.contains(part)), "{said}");
        smtp.no_mail();
    }
}

fn secrets_are_not_repeated() {
    let authority = Authority::new();
    for (mechanism, flag) in [
        ("PLAIN", "--smtp-password-file"),
        ("LOGIN", "--smtp-password-file"),
        ("XOAUTH2", "--smtp-token-file"),
        ("OAUTHBEARER", "--smtp-token-file"),
    ] {
        let mut smtp = offering(&authority, mechanism);
        smtp.tell("echo");
        let (data, file) = (authority.path(mechanism), authority.path("secret"));
        fs::write(&file, "planted-secret").expect("a file");
        let daemon = daemon(&authority, &data, smtp.port, flag, &file);
        let (done, said) = test(&data);
        assert!(!done && said.contains(&format!("({mechanism})")), "{said}");
        assert!(said.contains("535 5.7.8 no: "), "{said}");
        let log = daemon.log.clone();
        assert!(daemon.stop().0.success());
        let said = said + &fs::read_to_string(log).expect("a log");
        // The words, and their base64 as each mechanism sends it.
        for part in
            ["planted", "AHBvc3QAcGxhbnR", "cGxhbnRlZC1zZWNyZXQ", "dXNlcj1wb3N0", "bixhPXBvc3"]
        {
            assert!(!said.contains(part), "{part} in:\n{said}");
        }
    }
}

fn as_they_are_meant() {
    let authority = Authority::new();
    let mut smtp = offering(&authority, "PLAIN");
    let file = authority.path("secret");
    let data = authority.path("data");
    fs::write(&file, "\u{feff} s3cret \r\n").expect("a file");
    // Variables, too, as a file of them gives them.
    let environment = [
        ("SEALDROP_SMTP_URL", format!(" smtp://post@localhost:{}\r", smtp.port).into()),
        ("SEALDROP_SMTP_PASSWORD_FILE", format!("\u{feff}{}\t", file.display()).into()),
        ("SEALDROP_TRUSTED_PROXY", "  \r".into()),
        ("SSL_CERT_FILE", authority.path("ca.pem")),
    ];
    let daemon = Daemon::start_with(&data, &FLAGS, &environment);
    let (done, said) = test(&data);
    assert!(done, "{said}");
    logged_in(&mut smtp, "PLAIN", None);
    drop(daemon);
    // A file that is not text is reported by name, at the start and by --check.
    let utf_16: Vec<u8> = "s3cret\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (content, problem) in
        [(&utf_16[..], "UTF-16"), (b"\xff", "not UTF-8"), (b" \n", "it is empty")]
    {
        fs::write(&file, content).expect("a file");
        for flag in ["--smtp-password-file", "--smtp-token-file"] {
            let path = file.to_str().expect("UTF-8");
            let mut check = sealdrop();
            check.args(["serve", "--check", "--smtp-url", "smtp://post@localhost", flag, path]);
            let output = check.args(FLAGS).output().expect("the program");
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(64), "{error}");
            assert!(error.contains(problem) && error.contains(flag), "{error}");
        }
    }
    let json: Value = json!({"access_token": "planted"});
    fs::write(&file, json.to_string()).expect("a file");
    let mut check = sealdrop();
    check.args(["serve", "--check", "--smtp-url", "smtp://post@localhost", "--smtp-token-file"]);
    let output = check.arg(&file).args(FLAGS).output().expect("the program");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("no JSON around it") && !error.contains("planted"), "{error}");
}
