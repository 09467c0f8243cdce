//! A login or a gateway in front of a server, and the destination of credentials.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use libtest_mimic::Trial;

use super::{
    command, server,
    wire::{Fate, Wire, header},
};
use crate::{server::TestServer, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("command_line::headers_get_past_a_login", headers_get_past_a_login),
        trial("command_line::headers_go_to_their_own_server", headers_go_to_their_own_server),
        trial("command_line::what_answers_in_front_is_told", what_answers_in_front_is_told),
        trial("command_line::waits_are_told_in_words", waits_are_told_in_words),
    ]
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// A login that accepts requests with this header.
fn login(server: &TestServer, name: &'static str, value: &'static str) -> Wire {
    Wire::to(&server.client.base, move |head| match header(head, name) == Some(value) {
        true => Fate::Passes,
        false => Fate::Answered("401 Unauthorized", "WWW-Authenticate: Basic realm=x"),
    })
}

fn headers_get_past_a_login() {
    let server = server();
    let dir = tempfile::tempdir().expect("a fresh directory");
    std::fs::write(dir.path().join("headers"), "X-Other: 1\n\nX-Token: sesame\n").expect("a file");
    let wire = login(&server, "X-Token", "sesame");
    let with = |arguments: &[&str], variable: &str| {
        let mut command = command(&wire.base, dir.path(), arguments);
        run(command.env("SEALDROP_HEADER", variable))
    };
    for (flags, variable) in [
        (&["--header", "X-Token: sesame"][..], ""),
        (&["--header=x-token:sesame", "--header", "X-Other: 2"], ""),
        (&["--header", "@headers"], ""),
        (&[], "X-Other: 1\nX-Token:sesame"),
        (&[], "@headers"),
        // A flag has priority over the variable.
        (&["--header", "X-Token: sesame"], "X-Token: wrong"),
    ] {
        let sent = with(&[&["send", "-t", "text"], flags].concat(), variable);
        assert!(sent.status.success(), "{flags:?} {variable:?}: {}", text(&sent.stderr));
        let opened = with(&[&["open", &text(&sent.stdout), "--yes"], flags].concat(), variable);
        assert_eq!(text(&opened.stdout), "text", "{}", text(&opened.stderr));
    }
    let sent = with(&["send", "-t", "text", "--header", "X-Token: wrong"], "");
    let said = text(&sent.stderr);
    assert_eq!(sent.status.code(), Some(3), "{said}");
    assert!(said.contains("something in front of 127.0.0.1:") && said.contains("401 Unauthorized"));
    assert!(said.contains("--header") && !said.contains("wrong"), "{said}");

    // The login in the address, alone, and with an API key, which is then in another header.
    let wire = login(&server, "authorization", "Basic YWxpY2U6b3BlbjpzZXNhbWU=");
    let root = wire.base.replacen("://", "://alice:open%3Asesame@", 1);
    for key in ["", &*server.client.key] {
        let mut sending = command(&root, dir.path(), &["send", "-t", "text", "--json"]);
        let sent = run(sending.env("SEALDROP_KEY", key));
        assert!(sent.status.success(), "{}", text(&sent.stderr));
        for said in [&sent.stdout, &sent.stderr] {
            assert!(
                !text(said).contains("sesame") && !text(said).contains("alice"),
                "{}",
                text(said)
            );
        }
        assert!(text(&sent.stdout).contains(&format!("{}/", wire.base)), "{}", text(&sent.stdout));
    }
    let listed = run(command(&root, dir.path(), &["list"]).env("SEALDROP_KEY", &server.client.key));
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    let heads = wire.heard();
    assert!(heads.iter().any(|head| header(head, "x-api-key") == Some(&*server.client.key)));
}

/// Headers in the environment are for the server that the environment names, not for that of a link.
fn headers_go_to_their_own_server() {
    let server = server();
    let dir = tempfile::tempdir().expect("a fresh directory");
    let own = Wire::to(&server.client.base, |_| Fate::Passes);
    let other = Wire::to(&server.client.base, |_| Fate::Passes);
    let root = own.base.replacen("://", "://alice:sesame@", 1);
    let send =
        |base: &str| text(&run(&mut command(base, dir.path(), &["send", "-t", "text"])).stdout);
    let open = |link: &str, flags: &[&str]| {
        let mut command = command(&root, dir.path(), &[&["open", link, "--yes"], flags].concat());
        let opened = run(command.env("SEALDROP_HEADER", "X-Token: sesame"));
        assert_eq!(text(&opened.stdout), "text", "{}", text(&opened.stderr));
    };
    open(&send(&own.base), &[]);
    let heads = own.heard();
    let of_open: Vec<_> =
        heads.iter().filter(|head| !head.contains("POST /api/public/secrets ")).collect();
    assert!(!of_open.is_empty());
    for head in of_open {
        assert_eq!(header(head, "x-token"), Some("sesame"), "{head}");
        assert_eq!(header(head, "authorization"), Some("Basic YWxpY2U6c2VzYW1l"), "{head}");
    }
    open(&send(&other.base), &["--header", "X-Flag: 1"]);
    let heads = other.heard();
    assert!(!heads.concat().contains("sesame") && !heads.concat().contains("YWxpY2U6c2VzYW1l"));
    assert!(
        heads.concat().to_lowercase().contains("x-flag: 1"),
        "a flag is for the server of the command line"
    );
    // They do not follow a redirect, either.
    let elsewhere = other.base.clone();
    let location: &'static str = format!("Location: {elsewhere}/api/public/secrets").leak();
    let redirect = Wire::to(&server.client.base, move |_| Fate::Answered("307 Moved", location));
    let before = other.heard().len();
    let sent = run(&mut command(
        &redirect.base,
        dir.path(),
        &["send", "-t", "x", "--header", "X-Token: sesame"],
    ));
    assert!(!sent.status.success() && other.heard().len() == before);
}

fn what_answers_in_front_is_told() {
    let server = server();
    let dir = tempfile::tempdir().expect("a fresh directory");
    let say = |status: &'static str, dir: &Path| {
        let wire = Wire::to(&server.client.base, move |_| Fate::Answered(status, "Server: front"));
        // One attempt: the probe does not retry.
        let probed = run(&mut command(&wire.base, dir, &["probe", &wire.base]));
        (probed.status.code(), text(&probed.stderr))
    };
    for (status, code) in [
        ("401 Unauthorized", 3),
        ("403 Forbidden", 3),
        ("407 Proxy Authentication Required", 3),
        ("502 Bad Gateway", 75),
        ("503 Service Unavailable", 75),
        ("504 Gateway Timeout", 75),
        ("520 Web Server Returned an Unknown Error", 1),
    ] {
        let (exit, said) = say(status, dir.path());
        assert_eq!(exit, Some(code), "{status}: {said}");
        assert!(said.contains("something in front of ") && said.contains(&status[..3]), "{said}");
        assert!(said.contains("--header") || status.starts_with("407"), "{said}");
    }
    // Errors of sealdrop are reported as such.
    let probed = run(command(&server.client.base, dir.path(), &["probe", &server.client.base])
        .env("SEALDROP_KEY", "private_key_of_nobody"));
    let said = text(&probed.stderr);
    assert!(probed.status.code() == Some(3) && !said.contains("in front"), "{said}");
    // The page of a login, with 200.
    let wire = Wire::to(&server.client.base, |_| Fate::Says("<html>Log in</html>"));
    let probed = run(&mut command(&wire.base, dir.path(), &["probe", &wire.base]));
    assert!(text(&probed.stderr).contains("--header"), "{}", text(&probed.stderr));
}

fn waits_are_told_in_words() {
    let server = server();
    let dir = tempfile::tempdir().expect("a fresh directory");
    for (wait, words) in
        [("Retry-After: 700", "try again in 12 minutes"), ("Retry-After: 86000", "24 hours")]
    {
        let wire = Wire::to(&server.client.base, move |_| Fate::Answered("429 Too Many", wait));
        let sent = run(&mut command(&wire.base, dir.path(), &["send", "-t", "x"]));
        assert_eq!(sent.status.code(), Some(75), "{}", text(&sent.stderr));
        assert!(text(&sent.stderr).contains(words), "{}", text(&sent.stderr));
    }
}
