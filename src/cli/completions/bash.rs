//! For bash: the offered words depend on the command so far, on a flag without its value yet, and on the
//! number of arguments.

use super::{commands, flags, helped};
use crate::cli::definition::{Definition, ValueKind};

/// Reads the words up to the cursor. `value` is the kind of the value that comes next.
///
/// readline completes file names, because it knows quotes and `~`. For bash an equals sign is a separate
/// word, so `--data=/var` has three.
const SCRIPT: &str = r#"# Completions of sealdrop for bash, made by: sealdrop completions bash

_sealdrop() {
    local current=${COMP_WORDS[COMP_CWORD]} command=sealdrop
    local value= ended= place=0 word i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == = ]]; then
            continue
        elif [[ -n $value ]]; then
            value=
            continue
        elif [[ -n $ended ]]; then
            place=$((place + 1))
            continue
        elif [[ $command == sealdrop && $word == -* ]]; then
            command='sealdrop serve'
        fi
        case "$command $word" in
@words@
            *' --') ended=yes ;;
            *' -'*) ;;
            *) place=$((place + 1)) ;;
        esac
    done
    [[ $current == = ]] && current=
    if [[ -n $value ]]; then
        :
    elif [[ -z $ended && $current == -* ]]; then
        case $command in
@flags@
        esac
    else
        case "$command $place" in
@places@
        esac
    fi
    case $value in
        file) compopt -o default ;;
        directory) compopt -o dirnames ;;
        'words '*) COMPREPLY=($(compgen -W "${value#words }" -- "$current")) ;;
    esac
}

complete -F _sealdrop sealdrop
"#;

pub(super) fn script(program: &Definition) -> String {
    let (mut words, mut dashed, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for definition in program.all() {
        let (path, helped) = (definition.path.join(" "), helped(&definition.path));
        let names: Vec<&str> = commands(definition).iter().map(|(name, _)| *name).collect();
        for name in &names {
            words.push(format!("'{path} {name}' | '{helped} {name}') command+=\" $word\""));
        }
        if !names.is_empty() {
            places.push(format!("'{path} 0' | '{helped} 0') value='words {}'", names.join(" ")));
        }
        for flag in &definition.flags {
            let Some(value) = &flag.value else { continue };
            let value = kind(&value.kind);
            for spelling in flag.spellings() {
                words.push(format!("'{path} {spelling}') value='{value}'"));
            }
        }
        let spellings: Vec<String> =
            flags(program, definition).iter().flat_map(|flag| flag.spellings()).collect();
        dashed.push(format!("'{path}') value='words {}'", spellings.join(" ")));
        for (place, argument) in definition.arguments.iter().enumerate() {
            let value = kind(&argument.value.kind);
            let place = if argument.repeats { "'*".into() } else { format!("{place}'") };
            places.push(format!("'{path} {place}) value='{value}'"));
        }
    }
    let cases = |cases: &[String]| {
        let lines: Vec<String> =
            cases.iter().map(|case| format!("            {case} ;;")).collect();
        lines.join("\n")
    };
    SCRIPT
        .replace("@words@", &cases(&words))
        .replace("@flags@", &cases(&dashed))
        .replace("@places@", &cases(&places))
}

/// The name of the kind in the script.
fn kind(kind: &ValueKind) -> String {
    match kind {
        ValueKind::File => "file".into(),
        ValueKind::Directory => "directory".into(),
        ValueKind::Words(words) => format!("words {}", words.join(" ")),
        ValueKind::Unknown => "unknown".into(),
    }
}
