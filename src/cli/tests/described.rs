//! What is made from the definitions of the command line has all of it, and nothing else.

use super::*;
use crate::{
    cli::{arguments::program, definition::ValueKind},
    domain::notify::language::Language,
};

const DESCRIBED: [&str; 4] = ["completions bash", "completions zsh", "completions fish", "man"];

#[test]
fn every_command_is_described_and_has_an_example() {
    let program = program();
    for command in program.all() {
        let path = command.path.join(" ");
        assert!(!command.summary().is_empty() && !command.summary().contains('\n'), "{path}");
        assert!(!command.examples.is_empty(), "{path}");
        // What can be pasted: the program, with what goes before it in a shell.
        assert!(command.examples.iter().any(|line| line.contains(&path)), "{path}");
        assert!(command.arguments.iter().all(|told| !told.description.is_empty()), "{path}");
        assert!(command.flags.iter().all(|flag| !flag.description.is_empty()), "{path}");
        assert!(command.flags.iter().any(|flag| flag.spellings() == ["-h", "--help"]), "{path}");
    }
}

#[test]
fn every_command_and_flag_appears_everywhere() {
    let program = program();
    for line in DESCRIBED {
        let outcome = run(line);
        assert_eq!((outcome.exit, &*outcome.err), (Exit::Done, ""), "{line}");
        let text = outcome.out.replace("\\-", "-").replace("\\fR", "").replace("\\fB", "");
        for command in program.all() {
            let path = command.path.join(" ");
            let command_at = match line {
                "completions zsh" => format!("_{}() {{\n", command.path.join("_")),
                "man" => format!("{path} {}", command.usage).trim_end().replace('…', "..."),
                _ => format!("'{path}'"),
            };
            let program_itself = line == "man" && command.path.len() == 1;
            assert!(program_itself || text.contains(&command_at), "{line}: {command_at}");
            for flag in &command.flags {
                // fish has its own way to say that a word has dashes.
                let word = match line {
                    "completions fish" => format!("-l {}", flag.long.trim_start_matches('-')),
                    _ => flag.long.to_owned(),
                };
                assert!(text.contains(&word), "{line}: {path} {word}");
            }
            for (_, means) in &command.exit_codes {
                assert!(line != "man" || text.contains(means), "{path}: {means}");
            }
        }
    }
}

#[test]
fn nothing_appears_that_is_not_for_users() {
    for line in DESCRIBED {
        let text = run(line).out;
        // Places to fill in, and what argh and the source call things.
        let unwanted = ["{command_name}", "@commands@", "@flags@", "@functions@", "@places@"];
        for unwanted in unwanted.iter().chain(&["@values@", "@words@", "enum of", "Sealdrop"]) {
            let found = text.lines().find(|line| line.contains(unwanted));
            assert!(found.is_none(), "{line}: {found:?}");
        }
        // Not every terminal has more.
        assert!(line != "man" || text.is_ascii(), "{line}");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{line}");
    }
}

#[test]
fn values_are_called_what_the_usage_line_calls_them() {
    let program = program();
    let words =
        |words: &[&str]| ValueKind::Words(words.iter().map(|word| (*word).to_owned()).collect());
    let tags: Vec<&str> = Language::all().map(Language::tag).collect();
    let languages = tags.join("|");
    // (command, flag, name, what is known of it)
    let cases = [
        ("account create", "--data", "DIR", ValueKind::Directory),
        ("account create", "--config", "FILE", ValueKind::File),
        ("account create", "--allowance", "N", ValueKind::Unknown),
        ("account set", "--notify-email", "ADDRESS|none", words(&["none"])),
        ("apikey create", "--kind", "private|public", words(&["private", "public"])),
        ("serve", "--language", &languages, words(&tags)),
        ("serve", "--listen", "ADDR", ValueKind::Unknown),
        ("serve", "--smtp-password-file", "FILE", ValueKind::File),
        ("serve", "--mail-templates", "DIR", ValueKind::Directory),
        ("serve", "--rsa-bits", "2048|3072|4096", words(&["2048", "3072", "4096"])),
    ];
    let find = |path: &str| {
        let path = format!("sealdrop {path}");
        program.all().into_iter().find(|command| command.path.join(" ") == path).expect("it")
    };
    for (path, long, name, kind) in cases {
        let flag = find(path).flags.iter().find(|flag| flag.long == long).expect("the flag");
        let value = flag.value.as_ref().expect("a value");
        assert_eq!((&*value.name, &value.kind), (name, &kind), "{path} {long}");
    }
    // (command, name of its argument, whether it is needed)
    for (path, name, required) in [
        ("account create", "NAME", true),
        ("mail retry", "ID", false),
        ("completions", "bash|zsh|fish", true),
    ] {
        let argument = find(path).arguments.first().expect("an argument");
        assert_eq!((&*argument.value.name, argument.required), (name, required), "{path}");
    }
    // Whatever is in a usage line is understood: a flag is told of with what it takes there.
    for command in program.all() {
        for word in command.usage.split([' ', '[', ']', '|']).filter(|word| word.starts_with("--"))
        {
            let known = command.flags.iter().any(|flag| flag.long == word);
            assert!(known, "{:?}: {word} is in the usage line only", command.path);
        }
    }
}
