//! The man page, read by the programs that show and check man pages.

use std::process::{Command, Output};

use libtest_mimic::Trial;

use crate::{
    daemon::sealdrop,
    programs,
    tools::{GROFF, MAN, MANDOC, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("cli::manual::man_shows_the_page", &[MAN], man_shows_the_page),
        trial_with("cli::manual::groff_has_no_complaint", &[GROFF], groff_has_no_complaint),
        trial_with("cli::manual::mandoc_has_no_complaint", &[MANDOC], mandoc_has_no_complaint),
    ]
}

fn man_shows_the_page() {
    let shown = read_by("man", &["--warnings", "-l", "-"]);
    for part in [
        "sealdrop - sends secrets through links",
        "\n   sealdrop account create\n       sealdrop account create NAME [--allowance N]",
        "\n       --public-url URL\n              the public URL of the daemon",
        "sealdrop completions bash > /etc/bash_completion.d/sealdrop\n",
        "\n       64     the command line or a setting is wrong\n",
        "\n       SEALDROP_SERVER\n",
        "\n       ~/.config/sealdrop/config.toml\n",
    ] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
}

fn groff_has_no_complaint() {
    read_by("groff", &["-man", "-ww", "-z", "-T", "ascii"]);
}

fn mandoc_has_no_complaint() {
    // Only the length of source lines is ignored, because readers do not see it.
    let style = "STYLE: input text line longer than 80 bytes";
    let complaints = lines_but(&run_on_the_page("mandoc", &["-T", "lint"]), style);
    assert!(complaints.is_empty(), "{complaints}");
    assert!(read_by("mandoc", &["-T", "ascii"]).contains("sealdrop account create"));
}

fn lines_but(ran: &Output, harmless: &str) -> String {
    let said = [&ran.stdout[..], &ran.stderr[..]].concat();
    let said = String::from_utf8(said).expect("text");
    said.lines().filter(|line| !line.contains(harmless)).collect::<Vec<_>>().join("\n")
}

/// The output of `program` for the page; it must not warn.
fn read_by(program: &str, arguments: &[&str]) -> String {
    let ran = run_on_the_page(program, arguments);
    let err = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && err.is_empty(), "{err}");
    String::from_utf8(ran.stdout).expect("text")
}

fn run_on_the_page(program: &str, arguments: &[&str]) -> Output {
    let page = sealdrop().arg("man").output().expect("the program");
    assert!(page.status.success() && page.stderr.is_empty());
    let mut reader = Command::new(program);
    // The poorest terminal: only ASCII characters.
    reader.args(arguments).env("LC_ALL", "C").env("MANWIDTH", "80");
    programs::run(&mut reader, &page.stdout)
}
