//! From arguments to a subcommand, a text to show, or what is wrong.

use std::ffi::OsString;

use argh::{EarlyExit, FromArgs};

use super::{account::Account, apikey::ApiKey, mail::Mail, serve::Serve, webhook::Webhook};

/// sealdrop hands secrets over: one daemon, one data directory. Without a command it serves.
#[derive(FromArgs)]
#[argh(
    help_triggers("-h", "--help"),
    usage = "[serve] [<flags>] | <command> [<args>] | --version",
    example = "{command_name} --listen 127.0.0.1:8080 --data ./sealdrop-data\n\
               {command_name} account create alice\n\
               {command_name} help apikey create",
    error_code(1, "something failed; the message says what"),
    error_code(64, "the command line or a setting is wrong")
)]
struct Sealdrop {
    #[argh(subcommand)]
    subcommand: Subcommand,
}

/// What can be asked for.
#[derive(FromArgs)]
#[argh(subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value per run; argh can not fill a box")]
pub(super) enum Subcommand {
    /// `serve`, also when nothing is given.
    Serve(Serve),
    /// `account …`
    Account(Account),
    /// `apikey …`
    ApiKey(ApiKey),
    /// `mail …`
    Mail(Mail),
    /// `webhook …`
    Webhook(Webhook),
}

/// What the arguments amount to.
#[expect(clippy::large_enum_variant, reason = "one value per run")]
pub(super) enum Parsed {
    /// Something to do.
    Run(Subcommand),
    /// Something to show: help or the version.
    Text(String),
    /// Nothing that can be done, and why.
    Wrong(String),
}

/// Parses `arguments`, the program's own name first.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Parsed {
    let mut texts = Vec::new();
    for argument in arguments.into_iter().skip(1) {
        match argument.into_string() {
            Ok(text) => texts.push(text),
            Err(bytes) => return Parsed::Wrong(format!("the argument {bytes:?} is not UTF-8")),
        }
    }
    let mut words: Vec<&str> = texts.iter().map(String::as_str).collect();
    let help = match words.first().copied() {
        Some("--version" | "-V") => {
            return Parsed::Text(concat!("sealdrop ", env!("CARGO_PKG_VERSION"), "\n").to_owned());
        }
        Some("help") => {
            words.remove(0);
            true
        }
        Some("--help" | "-h") => true,
        first => {
            if first.is_none_or(|first| first.starts_with('-')) {
                words.insert(0, "serve");
            }
            options(&words).any(|word| matches!(word, "--help" | "-h"))
        }
    };
    // Not left to argh: it passes a `--help` before a subcommand on as a word behind it, where it
    // could become the name of an account.
    if help {
        return Parsed::Text(nearest_help(&words));
    }
    match from_args(&words) {
        Ok(sealdrop) => Parsed::Run(sealdrop.subcommand),
        Err(EarlyExit { output, status: Ok(()) }) => Parsed::Text(output),
        Err(EarlyExit { output, status: Err(()) }) => {
            let help = nearest_help(&words);
            // All of it only where a command is missing: behind 40 lines of flags the message is lost.
            let hint = match help.lines().next() {
                Some(usage) if !help.contains("\nCommands:\n") => {
                    &format!("{usage}\nAdd --help for more.")
                }
                _ => &help,
            };
            Parsed::Wrong(format!("{}\n\n{hint}", output.trim_end()))
        }
    }
}

/// Hands `words` to argh, `--flag=value` as two, which it does not know.
fn from_args(words: &[&str]) -> Result<Sealdrop, EarlyExit> {
    let options = options(words).count();
    let split: Vec<&str> = words
        .iter()
        .enumerate()
        .flat_map(|(position, word)| match word.split_once('=') {
            Some((flag, value)) if position < options && flag.starts_with("--") => {
                [Some(flag), Some(value)]
            }
            _ => [Some(*word), None],
        })
        .flatten()
        .collect();
    Sealdrop::from_args(&["sealdrop"], &split)
}

/// The words before a `--`, behind which nothing is a flag.
fn options<'a>(words: &[&'a str]) -> impl Iterator<Item = &'a str> {
    words.iter().copied().take_while(|word| *word != "--")
}

/// The help of the longest run of leading words that is a command.
fn nearest_help(words: &[&str]) -> String {
    let names = words.iter().take_while(|word| !word.starts_with('-')).count();
    (0..=names)
        .rev()
        .filter_map(|count| words.get(..count))
        .find_map(|path| match from_args(&[path, &["--help"]].concat()) {
            Err(EarlyExit { output, status: Ok(()) }) => Some(output),
            _ => None,
        })
        .unwrap_or_default()
}
