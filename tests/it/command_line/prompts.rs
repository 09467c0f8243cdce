//! Prompts at a terminal.

use std::{fs, os::unix::process::ExitStatusExt};

use libtest_mimic::Trial;

use super::{
    command, server,
    wire::{Fate, Wire},
};
use crate::{
    server::TestServer,
    terminal::{Redirected, Terminal},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("command_line::a_text_is_typed", a_text_is_typed),
        trial("command_line::a_password_is_typed_unseen", a_password_is_typed_unseen),
        trial("command_line::ctrl_c_leaves_nothing_behind", ctrl_c_leaves_nothing_behind),
        trial("command_line::a_view_is_spent_by_yes_only", a_view_is_spent_by_yes_only),
        trial(
            "command_line::wrong_passwords_are_asked_for_again",
            wrong_passwords_are_asked_for_again,
        ),
        trial("command_line::a_key_that_is_missing_or_wrong", a_key_that_is_missing_or_wrong),
        trial(
            "command_line::controls_do_not_reach_the_terminal",
            controls_do_not_reach_the_terminal,
        ),
        trial("command_line::burning_is_asked_for", burning_is_asked_for),
        trial("command_line::a_bar_shows_how_far_it_is", a_bar_shows_how_far_it_is),
    ]
}

/// The program at a terminal.
fn at_terminal(server: &TestServer, dir: &tempfile::TempDir, arguments: &[&str]) -> Terminal {
    Terminal::start(command(&server.client.base, dir.path(), arguments))
}

/// Sends without a terminal; returns the link.
fn sent(server: &TestServer, dir: &tempfile::TempDir, arguments: &[&str]) -> String {
    let arguments = [&["send", "--json"], arguments].concat();
    let output =
        command(&server.client.base, dir.path(), &arguments).output().expect("the program");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    shown["link"].as_str().expect("a link").to_owned()
}

fn set_up() -> (TestServer, tempfile::TempDir) {
    (server(), tempfile::tempdir().expect("a fresh directory"))
}

fn a_text_is_typed() {
    let (server, dir) = set_up();
    let link = fs::File::create(dir.path().join("link")).unwrap();
    let redirected = Redirected { stdout: Some(link), ..Redirected::default() };
    let send = command(&server.client.base, dir.path(), &["send"]);
    let mut terminal = Terminal::start_with(send, (24, 80), redirected);
    terminal.expect("Ctrl-D");
    terminal.send_line("typed");
    terminal.send_control('d');
    let (status, shown) = terminal.finish();
    assert!(status.success() && shown.contains("Can be viewed once"), "{shown}");
    let link = fs::read_to_string(dir.path().join("link")).unwrap();
    let opened = command(&server.client.base, dir.path(), &["open", link.trim_end()]).output();
    assert_eq!(opened.unwrap().stdout, b"typed\n");
}

fn a_password_is_typed_unseen() {
    let (server, dir) = set_up();
    let ask = |second: &str| {
        let mut terminal = at_terminal(&server, &dir, &["send", "-t", "x", "--password"]);
        terminal.expect_hidden("Password: ");
        terminal.send_line("hunter2");
        terminal.expect_hidden("Password again: ");
        terminal.send_line(second);
        terminal.finish()
    };
    let (status, shown) = ask("hunter2");
    assert!(status.success() && shown.contains("/#") && !shown.contains("hunter2"), "{shown}");
    let (status, shown) = ask("hunter3");
    assert_eq!(status.code(), Some(64), "{shown}");
    assert!(shown.contains("entries differ") && !shown.contains("hunter"), "{shown}");
}

fn ctrl_c_leaves_nothing_behind() {
    let (server, dir) = set_up();
    let mut terminal = at_terminal(&server, &dir, &["send", "-t", "x", "--password"]);
    terminal.expect_hidden("Password: ");
    terminal.send_control('c');
    terminal.expect("interrupted");
    assert!(terminal.echoes(), "later input is echoed again");
    assert_eq!(terminal.finish().0.code(), Some(130));

    // In the middle of a file, over a connection that stalls.
    fs::write(dir.path().join("large"), vec![7; 2 << 20]).unwrap();
    fs::create_dir(dir.path().join("out")).unwrap();
    let link = sent(&server, &dir, &["large"]);
    let wire = Wire::to(&server.client.base, |head| match head.contains("/attachments/1 HTTP") {
        true => Fate::Halts(1 << 20),
        false => Fate::Passes,
    });
    let arguments = ["open", "--yes", &link, "--server", &wire.base, "-o", "out"];
    let mut terminal = Terminal::start(command(&wire.base, dir.path(), &arguments));
    terminal.expect("Fetching [");
    // Noticed when data arrives; a second Ctrl-C ends the program at once.
    terminal.send_control('c');
    terminal.send_control('c');
    let (status, shown) = terminal.finish();
    assert!(status.signal() == Some(2) || status.code() == Some(130), "{shown}");
    assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 0);
}

fn a_view_is_spent_by_yes_only() {
    let (server, dir) = set_up();
    let link = sent(&server, &dir, &["-t", "hush"]);
    for answer in ["n", "", "never"] {
        let mut terminal = at_terminal(&server, &dir, &["open", &link]);
        terminal.expect("It can be viewed once, until ");
        terminal.expect("[y/N] ");
        terminal.send_line(answer);
        let (status, shown) = terminal.finish();
        assert_eq!(status.code(), Some(1), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
    }
    // Also if standard input is not the terminal.
    fs::write(dir.path().join("link"), &link).unwrap();
    for (answer, code) in [("n", 1), ("y", 0)] {
        let stdin = Some(fs::File::open(dir.path().join("link")).unwrap());
        let open = command(&server.client.base, dir.path(), &["open", "-"]);
        let redirected = Redirected { stdin, ..Redirected::default() };
        let mut terminal = Terminal::start_with(open, (24, 80), redirected);
        terminal.expect("[y/N] ");
        terminal.send_line(answer);
        let (status, shown) = terminal.finish();
        assert_eq!(status.code(), Some(code), "{shown}");
        assert_eq!(shown.contains("hush"), code == 0, "{shown}");
    }
}

fn wrong_passwords_are_asked_for_again() {
    let (server, dir) = set_up();
    fs::write(dir.path().join("password"), "öppna dig\n").unwrap();
    let link = sent(&server, &dir, &["-t", "hush", "--password-file", "password", "--captcha"]);
    let mut terminal = at_terminal(&server, &dir, &["open", "--yes", &link]);
    terminal.expect_hidden("Password: ");
    terminal.send_line("öppna");
    terminal.expect("No view was spent");
    terminal.expect_hidden("Password: ");
    terminal.send_line("öppna dig");
    terminal.expect("hush");
    assert!(terminal.finish().0.success());
}

fn a_key_that_is_missing_or_wrong() {
    let (server, dir) = set_up();
    let link = sent(&server, &dir, &["-t", "hush", "--views", "2"]);
    let (address, key) = link.split_once('#').unwrap();
    let mut terminal = at_terminal(&server, &dir, &["open", "--yes", address]);
    terminal.expect_hidden("after #): ");
    terminal.send_line(key);
    terminal.expect("hush");
    assert!(terminal.finish().0.success());

    let wrong = format!("{address}#QUFBQUFBQUFBQUFBQUFBQUFB");
    let mut terminal = at_terminal(&server, &dir, &["open", "--yes", &wrong]);
    terminal.expect_hidden("Enter another key: ");
    terminal.send_line(key);
    terminal.expect("hush");
    let (status, shown) = terminal.finish();
    assert!(status.success() && !shown.contains(key), "{shown}");
    let gone = command(&server.client.base, dir.path(), &["open", &link]).output().unwrap();
    assert_eq!(gone.status.code(), Some(2), "each was viewed once");
}

fn controls_do_not_reach_the_terminal() {
    let (server, dir) = set_up();
    let link = sent(&server, &dir, &["-t", "a\u{1b}]0;title\u{7}b", "--message", "m\u{9b}2J"]);
    let terminal = at_terminal(&server, &dir, &["open", "--yes", &link]);
    let (status, shown) = terminal.finish();
    assert!(status.success() && shown.contains("a\\u{1b}]0;title\\u{7}b\r\n"), "{shown:?}");
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{shown:?}");
}

fn burning_is_asked_for() {
    let (server, dir) = set_up();
    let link = sent(&server, &dir, &["-t", "hush"]);
    let key = server.client.key.clone();
    let sender = |arguments: &[&str]| {
        let mut command = command(&server.client.base, dir.path(), arguments);
        command.env("SEALDROP_KEY", &key);
        command
    };
    let output = sender(&["send", "-t", "mine", "--json"]).output().unwrap();
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = made["id"].as_str().unwrap();
    for (answer, code) in [("n", 1), ("y", 0)] {
        let mut terminal = Terminal::start(sender(&["burn", id]));
        terminal.expect("Burn it? [y/N] ");
        terminal.send_line(answer);
        let (status, shown) = terminal.finish();
        assert_eq!(status.code(), Some(code), "{shown}");
    }
    // A secret of another account cannot be burned.
    assert_eq!(sender(&["burn", "--yes", &link]).output().unwrap().status.code(), Some(2));
}

fn a_bar_shows_how_far_it_is() {
    let (server, dir) = set_up();
    fs::write(dir.path().join("large"), vec![7; 20 << 20]).unwrap();
    let link = fs::File::create(dir.path().join("link")).unwrap();
    let redirected = Redirected { stdout: Some(link), ..Redirected::default() };
    let send = command(&server.client.base, dir.path(), &["send", "large"]);
    let mut terminal = Terminal::start_with(send, (24, 100), redirected);
    terminal.expect("Sending [");
    let bar = terminal.expect(" left");
    assert!(bar.contains(" of 20 MiB, ") && bar.contains("/s, "), "{bar:?}");
    assert!(terminal.finish().0.success());
    let link = fs::read_to_string(dir.path().join("link")).unwrap();
    let mut terminal = at_terminal(&server, &dir, &["open", "--yes", link.trim_end()]);
    terminal.expect("Fetching [");
    terminal.expect(" left");
    terminal.expect("Saved ./large");
    assert!(terminal.finish().0.success());
}
