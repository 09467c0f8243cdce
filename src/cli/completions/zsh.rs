//! For zsh: a function for each command, which passes the words to `_arguments`.

use super::commands;
use crate::cli::definition::{Argument, Definition, Flag, FlagValue, ValueKind};

/// Works as a file in `$fpath` and when it is read by `source`.
const SCRIPT: &str = r#"#compdef sealdrop
# Completions of sealdrop for zsh, made by: sealdrop completions zsh

# Completes one of $below; behind it, what belongs there by the function $1_NAME.
_sealdrop_below() {
    local curcontext="$curcontext" state line ret=1
    local -A opt_args
    _arguments -C -A '-*' "${@:2}" ': :->command' '*:: :->rest' && ret=0
    case $state in
        command)
            _describe -t commands command below && ret=0
            ;;
        rest)
            local function=$1_$words[1]
            curcontext="${curcontext%:*:*}:sealdrop-$words[1]:"
            (( $+functions[$function] )) && $function && ret=0
            ;;
    esac
    return ret
}

# The words behind help are those of a command.
_sealdrop_help() {
    _sealdrop
}
@functions@
if [[ $funcstack[1] == _sealdrop ]]; then
    _sealdrop
else
    compdef _sealdrop sealdrop
fi
"#;

pub(super) fn script(program: &Definition) -> String {
    let functions: Vec<String> = program.all().into_iter().map(function).collect();
    SCRIPT.replace("@functions@", &functions.concat())
}

fn function(definition: &Definition) -> String {
    let name = format!("_{}", definition.path.join("_"));
    let flags: Vec<String> = definition.flags.iter().map(flag).collect();
    let below = commands(definition);
    let lines = if below.is_empty() {
        let arguments = definition.arguments.iter().map(argument);
        let specs: Vec<String> = flags.into_iter().chain(arguments).collect();
        // The caller may pass more specifications.
        format!("    _arguments -S \"$@\" \\\n        {}\n", specs.join(" \\\n        "))
    } else {
        let below: Vec<String> = below
            .iter()
            .map(|(name, does)| format!("        '{name}:{}'\n", escape(does, &['\\', ':'])))
            .collect();
        let flags = flags.join(" ");
        // Flags without a command belong to serve.
        let bare = if definition.path.len() == 1 {
            let own = definition.flags.iter().filter(|flag| flag.long != "--help").map(self::flag);
            let own: Vec<String> = own.collect();
            format!(
                "    if [[ $words[2] == -* ]]; then\n        {name}_serve {}\n        return\n    fi\n",
                own.join(" ")
            )
        } else {
            String::new()
        };
        format!(
            "{bare}    local -a below=(\n{}    )\n    _sealdrop_below {name} {flags}\n",
            below.concat()
        )
    };
    format!("\n{name}() {{\n{lines}}}\n")
}

fn flag(flag: &Flag) -> String {
    let does = escape(flag.description, &['\\', '[', ']']);
    let (equals, takes) = match &flag.value {
        Some(value) => ("=", format!(":{}", message_and_action(value))),
        None => ("", String::new()),
    };
    let long = format!("{}{equals}", flag.long);
    let names = match flag.short {
        Some(short) => format!("{{-{short},{long}}}"),
        None => long,
    };
    // --help and --version exclude everything; repeatable flags exclude nothing; other flags exclude
    // themselves.
    let excluded = if matches!(flag.long, "--help" | "--version") {
        "'(- *)'".to_owned()
    } else if flag.repeats {
        "'*'".to_owned()
    } else {
        format!("'({})'", flag.spellings().join(" "))
    };
    format!("{excluded}{names}'[{does}]{takes}'")
}

fn argument(argument: &Argument) -> String {
    let value = message_and_action(&argument.value);
    match (argument.repeats, argument.required) {
        (true, _) => format!("'*:{value}'"),
        (false, true) => format!("':{value}'"),
        (false, false) => format!("'::{value}'"),
    }
}

/// The message and the action for a value.
fn message_and_action(value: &FlagValue) -> String {
    let action = match &value.kind {
        ValueKind::File => "_files".into(),
        ValueKind::Directory => "_files -/".into(),
        ValueKind::Words(words) => format!("({})", words.join(" ")),
        ValueKind::Unknown => " ".into(),
    };
    format!("{}:{action}", escape(&value.name, &['\\', ':']))
}

/// `text` for single quotes, with backslashes before the special characters of `_arguments` and `_describe`.
fn escape(text: &str, marks: &[char]) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if marks.contains(&letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped.replace('\'', "'\\''")
}
