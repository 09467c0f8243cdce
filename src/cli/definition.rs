//! The commands, flags and arguments, for the completions and the man page.
//!
//! They are made from the definitions that parse the arguments, so a new command appears everywhere. argh
//! does not tell the names of values, so these are read from the usage lines.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo};

use crate::domain::notify::language::Language;

/// A command, and the commands below it.
pub(crate) struct Definition {
    /// The words to type; the first one is the name of the program.
    pub(crate) path: Vec<&'static str>,
    /// The short form of what follows.
    pub(crate) usage: String,
    pub(crate) description: String,
    pub(crate) flags: Vec<Flag>,
    pub(crate) arguments: Vec<Argument>,
    /// Shell commands.
    pub(crate) examples: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) exit_codes: Vec<(i32, &'static str)>,
    pub(crate) commands: Vec<Definition>,
}

/// A word with dashes.
pub(crate) struct Flag {
    /// With the dashes.
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) description: &'static str,
    /// The value, if the flag takes one.
    pub(crate) value: Option<FlagValue>,
    pub(crate) repeats: bool,
}

/// A word without dashes.
pub(crate) struct Argument {
    pub(crate) value: FlagValue,
    pub(crate) description: &'static str,
    pub(crate) required: bool,
    pub(crate) repeats: bool,
}

/// A placeholder that the user replaces.
pub(crate) struct FlagValue {
    /// The name in usage lines: `NAME`, `FILE`, `private|public`.
    pub(crate) name: String,
    pub(crate) kind: ValueKind,
}

/// What completions can offer for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    File,
    Directory,
    /// One of these words, or another one.
    Words(Vec<String>),
    Unknown,
}

impl Definition {
    /// The program and all of its commands, from its arguments and a function that returns the help of a
    /// command.
    pub(crate) fn program(info: CommandInfoWithArgs, help: &dyn Fn(&[&str]) -> String) -> Self {
        let mut program = Self::new(vec!["sealdrop"], info, help);
        program.flags.push(Flag {
            long: "--version",
            short: Some('V'),
            description: "show the version",
            value: None,
            repeats: false,
        });
        program
    }

    fn new(
        path: Vec<&'static str>,
        info: CommandInfoWithArgs,
        help_of: &dyn Fn(&[&str]) -> String,
    ) -> Self {
        let name = path.join(" ");
        let named = |text: &str| text.replace("{command_name}", &name);
        let help = help_of(path.get(1..).unwrap_or_default());
        let usage = help.lines().next().unwrap_or_default();
        let usage = usage.strip_prefix("Usage: ").unwrap_or(usage);
        let usage = usage.strip_prefix(&name).unwrap_or(usage).trim();
        let takes_value = |word: &str| info.flags.iter().any(|flag| takes_value(flag, word));
        let named_values = values_in(usage, takes_value);

        let mut flags: Vec<Flag> = info
            .flags
            .iter()
            .filter(|flag| !flag.hidden)
            .map(|flag| Flag::new(flag, &named_values))
            .collect();
        // argh puts --help first; it belongs at the end.
        flags.rotate_left(usize::from(info.flags.first().is_some_and(|flag| flag.long == HELP)));
        let words = named_values.iter().filter(|(flag, _)| flag.is_none()).map(|(_, word)| word);
        let arguments = info
            .positionals
            .iter()
            .filter(|argument| !argument.hidden)
            .zip(words.map(Some).chain(std::iter::repeat(None)))
            .map(|(argument, word)| Argument::new(argument, word))
            .collect();
        let commands = info.commands.into_iter().map(|below| {
            let path = path.iter().copied().chain([below.name]).collect();
            Self::new(path, below.command, help_of)
        });
        Self {
            usage: usage.to_owned(),
            description: named(info.description),
            flags,
            arguments,
            examples: info.examples.iter().flat_map(|text| text.lines()).map(named).collect(),
            notes: info.notes.iter().copied().map(named).collect(),
            exit_codes: info.error_codes.iter().map(|told| (told.code, told.description)).collect(),
            commands: commands.collect(),
            path,
        }
    }

    /// The last word of the path.
    pub(crate) fn name(&self) -> &'static str {
        self.path.last().copied().unwrap_or_default()
    }

    /// This command and all below it; each command comes before its own subcommands.
    pub(crate) fn all(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.commands.iter().flat_map(Self::all)).collect()
    }

    /// The first sentence of the description, without its full stop.
    pub(crate) fn summary(&self) -> &str {
        let first = self.description.split(". ").next().unwrap_or_default();
        first.trim_end_matches('.')
    }
}

const HELP: &str = "--help";

impl Flag {
    fn new(flag: &FlagInfo<'static>, named_values: &[(Option<&str>, &str)]) -> Self {
        let value = match flag.kind {
            FlagInfoKind::Switch => None,
            FlagInfoKind::Option { arg_name } => {
                let in_usage = named_values
                    .iter()
                    .find(|(of, _)| of.is_some_and(|word| names(flag, word)))
                    .map(|(_, word)| *word);
                // argh's default name is the flag itself.
                let told = (arg_name != flag.long.trim_start_matches('-')).then_some(arg_name);
                Some(FlagValue::new(told.or(in_usage), arg_name))
            }
        };
        Self {
            long: flag.long,
            // All commands have -h as well; argh reports only --help.
            short: flag.short.or((flag.long == HELP).then_some('h')),
            description: flag.description,
            value,
            repeats: matches!(flag.optionality, Optionality::Repeating | Optionality::Greedy),
        }
    }

    /// The forms to type: `--data`, `-o`.
    pub(crate) fn spellings(&self) -> Vec<String> {
        let short = self.short.map(|short| format!("-{short}"));
        short.into_iter().chain([self.long.to_owned()]).collect()
    }
}

impl Argument {
    fn new(argument: &PositionalInfo<'static>, word: Option<&&str>) -> Self {
        Self {
            value: FlagValue::new(word.copied(), argument.name),
            description: argument.description,
            required: argument.optionality == Optionality::Required,
            repeats: matches!(argument.optionality, Optionality::Repeating | Optionality::Greedy),
        }
    }
}

impl FlagValue {
    /// A value with the name `told`, or with one made from `fallback`.
    fn new(told: Option<&str>, fallback: &str) -> Self {
        let name = match told {
            // argh accepts only literals.
            Some("LANGUAGE") => Language::all().map(Language::tag).collect::<Vec<_>>().join("|"),
            Some(told) => told.to_owned(),
            None => fallback.replace('_', "-").to_uppercase(),
        };
        let choices: Vec<&str> = name.split('|').collect();
        let kind = if choices.iter().any(|choice| choice.ends_with("FILE")) {
            ValueKind::File
        } else if choices.iter().any(|choice| choice.ends_with("DIR")) {
            ValueKind::Directory
        } else {
            // A word in capitals is a placeholder; any other word, such as `pt-BR`, is literal.
            let is_placeholder = |word: &str| {
                word.contains(|c: char| c.is_ascii_uppercase())
                    && !word.contains(|c: char| c.is_ascii_lowercase())
            };
            let words = choices.iter().filter(|word| choices.len() > 1 && !is_placeholder(word));
            match words.map(|word| (*word).to_owned()).collect::<Vec<_>>() {
                none if none.is_empty() => ValueKind::Unknown,
                words => ValueKind::Words(words),
            }
        };
        Self { name, kind }
    }
}

/// Whether `word` is a spelling of `flag`.
fn names(flag: &FlagInfo<'_>, word: &str) -> bool {
    let short = word.strip_prefix('-').and_then(|rest| rest.parse().ok());
    word == flag.long || short.is_some() && short == flag.short
}

fn takes_value(flag: &FlagInfo<'_>, word: &str) -> bool {
    matches!(flag.kind, FlagInfoKind::Option { .. }) && names(flag, word)
}

/// The names of values in a usage line, each with the flag that it follows, or `None` for an argument:
/// `NAME [--data DIR]` has the name of an argument and that of the value of `--data`.
fn values_in(usage: &str, takes_value: impl Fn(&str) -> bool) -> Vec<(Option<&str>, &str)> {
    let mut values = Vec::new();
    let mut flag = None;
    for word in usage.split_whitespace() {
        let word = word.trim_matches(['[', ']', '…', '.', '|']);
        if word.starts_with('-') {
            flag = word.split('|').find(|spelling| takes_value(spelling));
        } else if !word.is_empty() && !word.contains(['<', '>']) {
            // `ID|--all`: the alternative flag is listed separately.
            let word = word.split_once("|--").map_or(word, |(before, _)| before);
            values.push((flag.take(), word));
        }
    }
    values
}
