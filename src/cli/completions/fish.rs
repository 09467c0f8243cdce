//! For fish: a line for each word, with the command that it belongs to.

use super::{commands, flags, helped};
use crate::cli::definition::{Definition, FlagValue, ValueKind};

/// Tests whether the words before the cursor are one of these commands, and whether the next argument is
/// within a range of places.
///
/// Old and new versions of fish accept `commandline -opc`.
const SCRIPT: &str = r#"# Completions of sealdrop for fish, made by: sealdrop completions fish

function __sealdrop_words
    set -l command sealdrop
    set -l place 0
    set -l value no
    set -l ended no
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test $value = yes
            set value no
            continue
        else if test $ended = yes
            set place (math $place + 1)
            continue
        else if test "$command" = sealdrop; and string match -q -- '-*' $word
            set command 'sealdrop serve'
        end
        switch "$command $word"
            case @commands@
                set command "$command $word"
            case @values@
                set value yes
            case '* --'
                set ended yes
            case '* -*'
            case '*'
                set place (math $place + 1)
        end
    end
    printf '%s\n' $command $place
end

function __sealdrop_at
    set -l words (__sealdrop_words)
    contains -- $words[1] $argv
end

function __sealdrop_in_place
    set -l words (__sealdrop_words)
    test "$words[1]" = "$argv[1]"
    and test $words[2] -ge $argv[2]
    and test $words[2] -le $argv[3]
end

complete -c sealdrop -f
"#;

/// More arguments than users type.
const MANY: usize = 9999;

pub(super) fn script(program: &Definition) -> String {
    let (mut paths, mut values, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for definition in program.all() {
        let path = definition.path.join(" ");
        let helped = helped(&definition.path);
        for (name, does) in commands(definition) {
            paths.extend([format!("'{path} {name}'"), format!("'{helped} {name}'")]);
            let does = escape(does);
            let at = format!("\"__sealdrop_at '{path}' '{helped}'\"");
            lines.push(format!("complete -c sealdrop -n {at} -a {name} -d '{does}'"));
        }
        for flag in &definition.flags {
            if flag.value.is_some() {
                let spellings = flag.spellings().into_iter();
                values.extend(spellings.map(|spelling| format!("'{path} {spelling}'")));
            }
        }
        for flag in flags(program, definition) {
            let long = flag.long.trim_start_matches('-');
            let short = flag.short.map(|short| format!(" -s {short}")).unwrap_or_default();
            let takes = flag.value.as_ref().map(|value| format!(" -r{}", offers(value)));
            let takes = takes.unwrap_or_default();
            let does = escape(flag.description);
            lines.push(format!(
                "complete -c sealdrop -n \"__sealdrop_at '{path}'\" -l {long}{short}{takes} -d '{does}'"
            ));
        }
        for (place, argument) in definition.arguments.iter().enumerate() {
            let last = if argument.repeats { MANY } else { place };
            let offers = offers(&argument.value);
            let at = format!("\"__sealdrop_in_place '{path}' {place} {last}\"");
            lines.push(format!("complete -c sealdrop -n {at}{offers}"));
        }
    }
    let script =
        SCRIPT.replace("@commands@", &paths.join(" ")).replace("@values@", &values.join(" "));
    format!("{script}{}\n", lines.join("\n"))
}

/// The completions of a value; file names only if it is a file.
fn offers(value: &FlagValue) -> String {
    match &value.kind {
        ValueKind::File => " -F".into(),
        ValueKind::Directory => " -f -a '(__fish_complete_directories)'".into(),
        ValueKind::Words(words) => format!(" -f -a '{}'", words.join(" ")),
        ValueKind::Unknown => " -f".into(),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
