//! Completions, tested in each shell at a terminal of its own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::Trial;

use crate::{
    daemon::sealdrop,
    tools::{FISH, PYTHON, Tool, ZSH, python, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    const BASH: Tool = Tool::Program("bash", &["--version"]);
    vec![
        trial_with("cli::shells::bash_completes", &[BASH, PYTHON], || completes("bash")),
        trial_with("cli::shells::zsh_completes", &[ZSH, PYTHON], || completes("zsh")),
        trial_with("cli::shells::fish_completes", &[FISH], || completes("fish")),
    ]
}

/// The typed part of a line, and the expected completions.
type Case = (String, BTreeSet<String>);

fn completes(shell: &str) {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let script = dir.path().join("script");
    fs::write(&script, printed(&["completions", shell])).expect("a script");
    fs::create_dir_all(dir.path().join("here/store")).expect("a directory");
    fs::write(dir.path().join("here/settings"), "").expect("a file");

    let mut cases = Vec::new();
    cases_from_help(&[], &mut cases);
    assert!(cases.len() >= 28, "only {} cases: is the help parsed correctly?", cases.len());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let by_hand: [(&str, &[&str]); 26] = [
        ("acc", &["account"]),
        ("account cr", &["create"]),
        // The same name in two places, and names as values.
        ("apikey l", &["list"]),
        ("account list --data account --j", &["--json"]),
        ("account create list --a", &["--allowance"]),
        ("apikey create --account list --kind pu", &["public"]),
        ("apikey create --kind ", &["private", "public"]),
        ("apikey create --kind=pu", &["public"]),
        ("account set x --notify-email ", &["none"]),
        ("completions ", &["bash", "fish", "zsh"]),
        ("send here/", &["here/settings", "here/store"]),
        ("open x --dialect pass", &["password.link"]),
        ("request cr", &["create"]),
        // Files are completed for values that are files, and only there.
        ("serve --config here/", &["here/settings", "here/store"]),
        ("serve --config=here/se", &["here/settings"]),
        ("account create x --data here/", &["here/store"]),
        ("account create here/", &[]),
        ("serve --listen here/", &[]),
        ("here/", &[]),
        // Without a command.
        ("--lis", &["--listen"]),
        ("--vers", &["--version"]),
        ("--check --log d", &["debug"]),
        ("--check acc", &[]),
        // After help there are commands, after -- no flags.
        ("help acc", &["account"]),
        ("help account cr", &["create"]),
        ("account create -- --a", &[]),
    ];
    cases.extend(by_hand.map(|(line, offers)| (format!("sealdrop {line}"), words(offers))));
    let lines: Vec<&str> = cases.iter().map(|(line, _)| line.as_str()).collect();
    let offered = match shell {
        "fish" => offered_by_fish(dir.path(), &script, &lines),
        _ => offered_at_a_terminal(shell, dir.path(), &script, &lines),
    };
    assert_eq!(offered.len(), cases.len());
    for ((line, expected), offered) in cases.iter().zip(offered) {
        assert_eq!(&offered, expected, "{shell}: {line:?}");
    }
}

/// Every command and every flag, as `sealdrop help` lists them.
fn cases_from_help(path: &[&str], cases: &mut Vec<Case>) {
    let help = printed(&[&["help"], path].concat());
    let listed = |title: &str| -> Vec<String> {
        let section = help.split(&format!("\n{title}:\n")).nth(1).unwrap_or_default();
        let lines = section.lines().take_while(|line| !line.is_empty());
        let words = lines.filter_map(|line| {
            // Further indented lines continue a description.
            let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
            line.split_whitespace()
                .map(|word| word.trim_end_matches(','))
                .find(|word| word.len() > 2)
        });
        words.map(str::to_owned).collect()
    };
    let line = [&["sealdrop"], path].concat().join(" ");
    let commands = listed("Commands");
    if !commands.is_empty() {
        let help = path.is_empty().then(|| "help".to_owned());
        cases.push((format!("{line} "), commands.iter().cloned().chain(help).collect()));
    }
    let mut flags: BTreeSet<String> = listed("Options").into_iter().collect();
    assert!(flags.contains("--help"), "{line}");
    if path.is_empty() {
        flags.insert("--version".into());
        let serve = printed(&["help", "serve"]);
        let lines = serve.lines().filter_map(|line| line.strip_prefix("  --"));
        flags.extend(lines.filter_map(|line| Some(format!("--{}", line.split(' ').next()?))));
    }
    cases.push((format!("{line} --"), flags));
    for command in &commands {
        cases_from_help(&[path, &[command.as_str()]].concat(), cases);
    }
}

fn printed(arguments: &[&str]) -> String {
    let ran = sealdrop().args(arguments).output().expect("the program");
    assert!(ran.status.success() && ran.stderr.is_empty(), "{arguments:?}");
    String::from_utf8(ran.stdout).expect("text")
}

/// bash and zsh need typed input.
fn offered_at_a_terminal(
    shell: &str,
    dir: &Path,
    script: &Path,
    lines: &[&str],
) -> Vec<BTreeSet<String>> {
    let driver = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/shells/complete.py");
    let mut typing = Command::new(python());
    typing.arg(driver).arg(shell).arg(script).args(lines).current_dir(dir);
    let ran = typing.output().expect("python");
    let err = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{err}");
    let out = String::from_utf8(ran.stdout).expect("text");
    let became = out.lines().zip(lines).map(|(became, line)| {
        if became == line.trim_end() && !line.ends_with(char::is_alphanumeric) {
            return BTreeSet::new();
        }
        // Everything from the incomplete word on.
        let start = line.rfind([' ', '=']).map_or(0, |space| space + 1);
        let offered: BTreeSet<String> =
            became.get(start..).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let typed = line.get(start..).unwrap_or_default();
        if offered.iter().eq([typed]) { BTreeSet::new() } else { offered }
    });
    became.collect()
}

fn offered_by_fish(dir: &Path, script: &Path, lines: &[&str]) -> Vec<BTreeSet<String>> {
    let ask = "source $argv[1]\nfor line in $argv[2..-1]\necho '>'\ncomplete -C $line\nend";
    let mut fish = Command::new("fish");
    fish.args(["--no-config", "-c", ask]).arg(script).args(lines).current_dir(dir).env("HOME", dir);
    let ran = fish.output().expect("fish");
    let err = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && err.is_empty(), "{err}");
    let out = String::from_utf8(ran.stdout).expect("text");
    let offered = out.split(">\n").skip(1).map(|part| {
        let words = part.lines().map(|line| {
            let (word, description) = line.split_once('\t').unwrap_or((line, ""));
            assert!(
                !description.is_empty() || !word.starts_with('-') || word.contains('='),
                "{word} has no description"
            );
            let value = word.split_once('=').map_or(word, |(_, value)| value);
            value.trim_end_matches('/').to_owned()
        });
        words.collect()
    });
    offered.collect()
}
