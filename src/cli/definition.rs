//! The commands, flags and arguments, for the completions and the man page.
//!
//! They are made from the definitions that parse the arguments, so a new command appears everywhere. argh has
//! no names of values: they are read from the usage lines.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo};

use crate::domain::notify::language::Language;

/// A command, and the commands below it.
pub(crate) struct Definition {
    /// What to type, the program's own name first.
    pub(crate) path: Vec<&'static str>,
    /// What comes behind that, in short.
    pub(crate) usage: String,
    pub(crate) description: String,
    pub(crate) flags: Vec<Flag>,
    pub(crate) arguments: Vec<Argument>,
    /// Lines for a shell.
    pub(crate) examples: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) exit_codes: Vec<(i32, &'static str)>,
    pub(crate) commands: Vec<Definition>,
}

/// A word with dashes, and what it means.
pub(crate) struct Flag {
    /// With its dashes.
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) description: &'static str,
    /// Its value, if it has one.
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
    /// What usage lines call it: `NAME`, `FILE`, `private|public`.
    pub(crate) name: String,
    pub(crate) kind: ValueKind,
}

/// What completions know about a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    File,
    Directory,
    /// One of these, or another word.
    Words(Vec<String>),
    Unknown,
}

impl Definition {
    /// The program itself, with everything below it: from its arguments, and a function that returns the help
    /// of a command.
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
        // argh puts its own one first; who looks for a flag looks for another.
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

    /// The name by which it stands among its neighbours.
    pub(crate) fn name(&self) -> &'static str {
        self.path.last().copied().unwrap_or_default()
    }

    /// This command and all below it, each before those below it.
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
                // What argh calls it unless it is told: the flag itself.
                let told = (arg_name != flag.long.trim_start_matches('-')).then_some(arg_name);
                Some(FlagValue::new(told.or(in_usage), arg_name))
            }
        };
        Self {
            long: flag.long,
            // All commands have both, which argh only tells of the long one.
            short: flag.short.or((flag.long == HELP).then_some('h')),
            description: flag.description,
            value,
            repeats: matches!(flag.optionality, Optionality::Repeating | Optionality::Greedy),
        }
    }

    /// As it is typed: `--data`, `-o`.
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
    /// A value with the name `told`, else one made from `fallback`.
    fn new(told: Option<&str>, fallback: &str) -> Self {
        let name = match told {
            // argh takes only words that stand in the source.
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
            // A word in capitals stands for something; any other is meant as it is.
            let words = choices.iter().filter(|_| choices.len() > 1);
            let words = words.filter(|word| !word.contains(|c: char| c.is_ascii_uppercase()));
            match words.map(|word| (*word).to_owned()).collect::<Vec<_>>() {
                none if none.is_empty() => ValueKind::Unknown,
                words => ValueKind::Words(words),
            }
        };
        Self { name, kind }
    }
}

/// Whether `word` is how the user types `flag`.
fn names(flag: &FlagInfo<'_>, word: &str) -> bool {
    let short = word.strip_prefix('-').and_then(|rest| rest.parse().ok());
    word == flag.long || short.is_some() && short == flag.short
}

fn takes_value(flag: &FlagInfo<'_>, word: &str) -> bool {
    matches!(flag.kind, FlagInfoKind::Option { .. }) && names(flag, word)
}

/// The words for values in a usage line, each with the flag that it follows; with none, it is an
/// argument's: `NAME [--data DIR]` names an argument and what `--data` takes.
fn values_in(usage: &str, takes_value: impl Fn(&str) -> bool) -> Vec<(Option<&str>, &str)> {
    let mut values = Vec::new();
    let mut flag = None;
    for word in usage.split_whitespace() {
        let word = word.trim_matches(['[', ']', '…', '.', '|']);
        if word.starts_with('-') {
            flag = word.split('|').find(|spelling| takes_value(spelling));
        } else if !word.is_empty() && !word.contains(['<', '>']) {
            // `ID|--all`: the flag that can be there instead is told of on its own.
            let word = word.split_once("|--").map_or(word, |(before, _)| before);
            values.push((flag.take(), word));
        }
    }
    values
}
