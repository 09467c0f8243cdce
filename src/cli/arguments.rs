//! Parses the arguments: a subcommand, a text to show, or an error.

use std::{collections::BTreeSet, ffi::OsString};

use argh::{ArgsInfo, CommandInfoWithArgs, EarlyExit, FlagInfoKind, FromArgs};

use super::{
    box_::BoxCommand,
    completions::CompletionsCommand,
    context::STANDARD_INPUT,
    definition::Definition,
    doctor::DoctorCommand,
    key::AccountKeyCommand,
    man::ManCommand,
    operator::{
        account::AccountCommand, apikey::ApiKeyCommand, backup::BackupCommand, claim::ClaimCommand,
        first_keys::FirstKeysCommand, mail::MailCommand, master_key::MasterKeyCommand,
        ring::RingCommand, store::StoreCommand, webhook::WebhookCommand,
    },
    probe::ProbeCommand,
    request::{RequestCommand, answer::RequestAnswerCommand},
    secret::{
        burn::BurnCommand, list::SecretListCommand, open::OpenCommand, send::SendCommand,
        set::SetCommand, status::StatusCommand,
    },
    serve::ServeCommand,
    suggestion,
};

/// sealdrop sends secrets through links that open a limited number of times. It is the server and its command
/// line. Without a command it runs the server.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    help_triggers("-h", "--help"),
    usage = "[serve] [<flags>] | <command> [<args>] | --version",
    example = "{command_name} --listen 127.0.0.1:8080 --data ./sealdrop-data\n\
               {command_name} account create alice\n\
               echo hush | {command_name} send --server https://drop.example.org\n\
               {command_name} help apikey create\n\
               {command_name} man | man -l -",
    error_code(0, "done"),
    error_code(1, "failed; the message has the reason"),
    error_code(2, "it is gone: viewed, expired, burned, or unknown"),
    error_code(3, "a key, a password or a passphrase is missing or wrong"),
    error_code(64, "the command line or a setting is wrong"),
    error_code(65, "a link, its secret or box, or the data directory is damaged"),
    error_code(69, "the server cannot be reached"),
    error_code(75, "the server is busy, or the daemon cannot start now; try again later"),
    error_code(130, "interrupted by Ctrl-C"),
    error_code(141, "the output was closed early, for example by head (SIGPIPE)")
)]
struct Sealdrop {
    #[argh(subcommand)]
    subcommand: Subcommand,
}

/// The commands.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
pub(crate) enum Subcommand {
    /// `serve`, also without a command.
    Serve(ServeCommand),
    /// `send`
    Send(SendCommand),
    /// `open`
    Open(OpenCommand),
    /// `status`
    Status(StatusCommand),
    /// `set`
    Set(SetCommand),
    /// `burn`
    Burn(BurnCommand),
    /// `list`
    List(SecretListCommand),
    /// `request …`
    Request(RequestCommand),
    /// `answer`
    Answer(RequestAnswerCommand),
    /// `key …`
    Key(AccountKeyCommand),
    /// `probe`
    Probe(ProbeCommand),
    /// `doctor`
    Doctor(DoctorCommand),
    /// `box …`
    Box(BoxCommand),
    /// `account …`
    Account(AccountCommand),
    /// `apikey …`
    ApiKey(ApiKeyCommand),
    /// `claim`
    Claim(ClaimCommand),
    /// `first-keys`
    FirstKeys(FirstKeysCommand),
    /// `mail …`
    Mail(MailCommand),
    /// `webhook …`
    Webhook(WebhookCommand),
    /// `backup …`
    Backup(BackupCommand),
    /// `master-key …`
    MasterKey(MasterKeyCommand),
    /// `ring …`
    Ring(RingCommand),
    /// `store …`
    Store(StoreCommand),
    /// `completions`
    Completions(CompletionsCommand),
    /// `man`
    Man(ManCommand),
}

/// The result of parsing the arguments.
#[expect(clippy::large_enum_variant, reason = "one value per run")]
pub(crate) enum Parsed {
    /// A command to run.
    Run(Subcommand),
    /// A text to show: help or the version.
    Text(String),
    /// An error message.
    Wrong(String),
}

/// Parses `arguments`; the first one is the name of the program.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Parsed {
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
    // argh does not handle this: it passes a `--help` before a subcommand on as a word after it, where it
    // could become the name of an account.
    if help {
        return Parsed::Text(nearest_help(&words));
    }
    match from_args(&words) {
        Ok(sealdrop) => Parsed::Run(sealdrop.subcommand),
        Err(EarlyExit { output, status: Ok(()) }) => Parsed::Text(output),
        Err(EarlyExit { output, status: Err(()) }) => {
            let help = nearest_help(&words);
            let output = output.trim_end();
            let meant = suggestion::for_message(output, &words, &program());
            let is_answered = meant.is_some();
            let output = match meant {
                Some(meant) => format!("{output}. {meant}"),
                None => output.to_owned(),
            };
            // The whole help only if a command is missing: 40 lines of flags would hide the message.
            let hint = match help.lines().next() {
                Some(usage) if is_answered || !help.contains("\nCommands:\n") => {
                    &format!("{usage}\nAdd --help for all flags.")
                }
                _ => &help,
            };
            Parsed::Wrong(format!("{output}\n\n{hint}"))
        }
    }
}

/// Passes `words` to argh, which knows neither `--flag=value` nor `-`: the first becomes two words, the
/// second [`STANDARD_INPUT`]. The value of a flag stays as it is.
fn from_args(words: &[&str]) -> Result<Sealdrop, EarlyExit> {
    let valued = flags_with_values(&Sealdrop::get_args_info());
    let options = options(words).count();
    let mut split: Vec<&str> = Vec::with_capacity(words.len());
    let mut is_value = false;
    for (position, word) in words.iter().enumerate() {
        if is_value || position >= options {
            split.push(word);
            is_value = false;
            continue;
        }
        match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => split.extend([flag, value]),
            _ if *word == "-" => split.push(STANDARD_INPUT),
            _ => {
                split.push(word);
                is_value = valued.contains(*word);
            }
        }
    }
    Sealdrop::from_args(&["sealdrop"], &split)
}

/// The flags of all commands that take a value, such as `--text` and `-t`.
fn flags_with_values(command: &CommandInfoWithArgs) -> BTreeSet<String> {
    let mut flags = BTreeSet::new();
    for flag in command.flags {
        if matches!(flag.kind, FlagInfoKind::Option { .. }) {
            flags.insert(flag.long.to_owned());
            flags.extend(flag.short.map(|short| format!("-{short}")));
        }
    }
    flags.extend(command.commands.iter().flat_map(|command| flags_with_values(&command.command)));
    flags
}

/// The words before a `--`; no word after it is a flag.
fn options<'a>(words: &[&'a str]) -> impl Iterator<Item = &'a str> {
    words.iter().copied().take_while(|word| *word != "--")
}

/// The definition of the program and of all commands, for help, completions and the man page.
pub(crate) fn program() -> Definition {
    Definition::program(Sealdrop::get_args_info(), &nearest_help)
}

/// The help of the command that the longest run of leading words names.
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
