//! The terminal itself, and the confirmation that commands ask for.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus},
};

use libtest_mimic::Trial;

use super::{Redirected, Terminal};
use crate::{cli::run_well, daemon::sealdrop, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("terminal::an_account_is_deleted_by_its_name", an_account_is_deleted_by_its_name),
        trial("terminal::nothing_is_deleted_without_its_name", nothing_is_deleted_without_its_name),
        trial("terminal::hidden_input_is_seen_as_such", hidden_input_is_seen_as_such),
        trial("terminal::sizes_and_redirections_arrive", sizes_and_redirections_arrive),
    ]
}

/// Runs `account delete x`, and answers its question; returns the exit status, and the output.
fn delete(data: &Path, answer: fn(&mut Terminal)) -> (ExitStatus, String) {
    let mut command = sealdrop();
    command.args(["account", "delete", "x", "--data"]).arg(data);
    let mut terminal = Terminal::start(command);
    terminal.expect("to continue: ");
    assert!(terminal.echoes());
    answer(&mut terminal);
    terminal.finish()
}

fn an_account_is_deleted_by_its_name() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    run_well(&data, &["account", "create", "x"]);
    let (status, shown) = delete(&data, |terminal| terminal.send_line("x"));
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(shown.contains("to continue: x\r\n"), "input is echoed: {shown}");
    assert_eq!(run_well(&data, &["account", "list", "--json"]), "[]\n");
}

fn nothing_is_deleted_without_its_name() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    run_well(&data, &["account", "create", "x"]);
    let before = run_well(&data, &["account", "list", "--json"]);
    let refused = [
        delete(&data, |terminal| terminal.send_line("yes")),
        delete(&data, |terminal| terminal.send_line("")),
        delete(&data, |terminal| terminal.send_control('d')),
    ];
    for (status, shown) in refused {
        assert_eq!(status.code(), Some(1), "{shown}");
        assert!(shown.contains("nothing was deleted"), "{shown}");
    }
    let (status, shown) = delete(&data, |terminal| terminal.send_control('c'));
    assert_eq!(status.signal(), Some(2), "SIGINT: {shown}");
    assert_eq!(run_well(&data, &["account", "list", "--json"]), before);
}

/// The shell, as a program with behaviour that no command of sealdrop has yet.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn hidden_input_is_seen_as_such() {
    let script =
        "printf 'password: '; stty -echo; read -r word; stty echo; echo; echo \"${#word}\"";
    let mut terminal = Terminal::start(shell(script));
    terminal.expect_hidden("password: ");
    assert!(!terminal.echoes());
    terminal.send_line("pässword");
    terminal.expect("\r\n");
    let (status, shown) = terminal.finish();
    assert!(status.success());
    assert!(!shown.contains("ssword\r"), "{shown}");
    assert!(shown.ends_with("\r\n9\r\n") || shown.ends_with("\r\n8\r\n"), "{shown}");
}

fn sizes_and_redirections_arrive() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let file = |name| dir.path().join(name);
    std::fs::write(file("in"), "from the file\n").expect("a file");
    let redirected = Redirected {
        stdin: Some(std::fs::File::open(file("in")).expect("a file")),
        stdout: Some(std::fs::File::create(file("out")).expect("a file")),
    };
    let script = "stty size </dev/tty >&2; cat; read -r word </dev/tty; stty size </dev/tty >&2";
    let mut terminal = Terminal::start_with(shell(script), (20, 61), redirected);
    assert_eq!(terminal.expect("\r\n"), "20 61");
    terminal.resize(30, 100);
    terminal.send_line("go");
    terminal.expect("go\r\n");
    assert_eq!(terminal.expect("\r\n"), "30 100");
    assert!(terminal.finish().0.success());
    assert_eq!(std::fs::read_to_string(file("out")).expect("a file"), "from the file\n");
}
