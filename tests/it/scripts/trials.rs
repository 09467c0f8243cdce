//! The tests of the scripts: wrong results are detected, and reported in a helpful way.

use libtest_mimic::Trial;

use super::{run, script::Script};
use crate::trial;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("scripts::every_expectation_can_fail", every_expectation_can_fail),
        trial("scripts::what_can_not_be_meant_fails", what_can_not_be_meant_fails),
        trial("scripts::a_failure_says_where_and_what", a_failure_says_where_and_what),
    ]
}

fn failure(text: &str) -> Option<String> {
    Script::parse("x.txt".into(), text).and_then(|script| run::run(&script)).err()
}

fn every_expectation_can_fail() {
    // (command, a line that is true, one that is not, the error)
    let cases = [
        ("sh -c 'exit 3'", "exit 3", "exit 4", "expected exit code 4"),
        ("sh -c 'exit 3'", "exit 3", "stdout empty", "expected exit code 0"),
        ("sh -c 'echo a'", "stderr empty", "stdout empty", "expected nothing"),
        ("sh -c 'echo a >&2'", "stdout empty", "stderr empty", "expected nothing"),
        ("sh -c 'echo a'", "stdout line a", "stdout is a", "expected exactly \"a\""),
        ("sh -c 'printf a'", "stdout is a", "stdout line a", "expected exactly \"a\\n\""),
        ("sh -c 'echo a; echo b'", "stdout matches ^b$", "stdout matches ^ab", "a match of ^ab"),
        ("sh -c 'echo a; echo b'", "stdout lacks ^ab", "stdout lacks ^b$", "no match of ^b$"),
        ("sh -c 'echo \"{\\\"a\\\":[1]}\"'", "stdout json /a/0 1", "stdout json /a/0 2", "not 1"),
        ("sh -c 'echo [\\\"x\\\"]'", "stdout json /0 x", "stdout json /1 x", "no field /1"),
        ("sh -c 'echo a'", "stdout json '' 1", "stdout json '' 1", "no JSON"),
        ("sh -c 'echo a >b; chmod 600 b'", "file b mode 0600", "file b mode 0644", "not 0600"),
        ("sh -c 'echo a >b'", "file b exists", "file c exists", "No such file"),
        ("sh -c 'echo a >b'", "file c absent", "file b absent", "expected no b"),
        ("sh -c 'echo a >b'", "file b line a", "file b line b", "\nb:\na\n"),
        ("sh -c 'echo a >b; cp b c'", "file b same c", "file b same key", "No such file"),
        ("sh -c 'echo a >b; echo b >c'", "file b exists", "file b same c", "what is in c:\nb\n"),
        ("sh -c 'echo a'", "stdout capture X line 1", "stdout capture X line 2", "no line 2"),
        ("sh -c 'echo a'", "stdout capture X match a", "stdout capture X match b", "match of b"),
        ("sh -c 'echo []'", "stdout capture X json ''", "stdout capture X json /0", "no field"),
    ];
    for (command, held, failed, says) in cases {
        let script = |line| format!("{command}\n{line}\nsh -c :\nstdout empty\n");
        // An output that is not JSON has no fields.
        if held != failed {
            assert_eq!(failure(&script(held)), None, "{held}");
        }
        let message = failure(&script(failed)).unwrap_or_else(|| panic!("{failed} held"));
        assert!(message.contains(says), "{failed}: {message}");
    }
}

fn what_can_not_be_meant_fails() {
    // (script, text of the error)
    let cases = [
        ("", "expects nothing"),
        ("sealdrop --version\nstdout capture X line 1\n", "expects nothing"),
        ("sealdrop --version\n-- a --\nstdout empty\n", "expects nothing"),
        ("sealdrip --version\nstdout empty\n", "no such word"),
        ("curl --version\nstdout empty\n", "no such word"),
        ("needs sealdrip\nstdout empty\n", "x.txt:1: no tool sealdrip"),
        ("sealdrop '--version\nstdout empty\n", "a quote is not closed"),
        ("stdout empty\n", "no command before it"),
        ("sealdrop --version\nstdout blank\n", "nothing that can be expected"),
        ("sealdrop --version\nstdout matches '('\n", "unclosed group"),
        ("sealdrop $NAME\nstdout empty\n", "no variable NAME"),
        ("sealdrop --version\nstdout capture X word 1\nexit 0\n", "nothing that can be captured"),
        ("sealdrop account list < none\nstdout empty\n", "none: No such file"),
        ("sealdrop --version\nstdout capture x line 1\nexit 0\n", "in capitals"),
        ("stop\nfile a absent\n", "no daemon runs"),
        ("serve\nserve\nfile a absent\n", "runs already"),
        ("serve --allowance -1\nfile a absent\n", "allowance"),
    ];
    for (script, says) in cases {
        let message = failure(script).unwrap_or_else(|| panic!("{script} held"));
        assert!(message.contains(says), "{script}: {message}");
    }
}

fn a_failure_says_where_and_what() {
    let script = "# a comment\n\nsh -c 'echo a; echo b >&2'\nstdout line b\n";
    let expected = "x.txt:4: stdout line b\n\
                    expected exactly \"b\\n\"\n\
                    what came in line 3: sh -c 'echo a; echo b >&2'\n\
                    exit status: 0\n\
                    stdout, 2 bytes:\n  a\n\
                    stderr, 2 bytes:\n  b\n";
    assert_eq!(failure(script).as_deref(), Some(expected));
}
