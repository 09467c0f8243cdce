//! `sealdrop man`: one manual page for all commands.

use argh::{ArgsInfo, FromArgs};
use roff::{Inline, Roff, bold, italic, roman};

use super::{Context, Failure, definition::Definition};

/// Print the manual page, for man(1).
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "man",
    help_triggers("-h", "--help"),
    example = "{command_name} | man -l -\n\
               {command_name} > /usr/local/share/man/man1/sealdrop.1"
)]
pub(crate) struct ManCommand {}

impl ManCommand {
    pub(crate) fn run(
        self,
        program: &Definition,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        Ok(write!(context.out, "{}", page(program))?)
    }
}

/// The date of the last change of the page. Not that of the build: builds are reproducible.
const DATE: &str = "2026-11-29";

/// The environment variables, besides the settings of `serve`.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("SEALDROP_SERVER", "The address of the server, as --server."),
    (
        "SEALDROP_KEY",
        "An API key. There is no flag for it, because all users of the machine can see flags.",
    ),
    ("SEALDROP_KEY_FILE", "A file with the API key, as --key-file."),
    ("SEALDROP_DIALECT", "The API of the server, as --dialect: sealdrop or password.link."),
    (
        "SEALDROP_DATA",
        "The data directory, as --data. Every flag of sealdrop serve has such a variable: \
         --public-url is SEALDROP_PUBLIC_URL.",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "Set by systemd for a service with credentials. A credential with the name of a setting, such as \
         tls_key, is the file of this setting, unless a flag or a variable sets it.",
    ),
];

const FILES: [(&str, &str); 2] = [
    (
        "~/.config/sealdrop/config.toml",
        "The server and the key: server, key, key_file, dialect, header and cacert have the meaning of the \
         variables. Below $XDG_CONFIG_HOME, if it is set.",
    ),
    ("./sealdrop-data", "The data directory of the daemon, unless --data names another one."),
];

fn page(program: &Definition) -> String {
    let mut page = Roff::new();
    let version = concat!("sealdrop ", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["SEALDROP", "1", DATE, version]);
    // No hyphenation, which would look like part of a flag, and no justification, which would leave wide
    // gaps.
    page.control("nh", []).control("ad", ["l"]);

    page.control("SH", ["NAME"]);
    let summary = program.summary().trim_start_matches("sealdrop ");
    page.text([roman(format!("sealdrop - {}", plain(summary)))]);

    page.control("SH", ["SYNOPSIS"]);
    page.text(usage("sealdrop help", "[<command>]"));
    for line in program.usage.split(" | ") {
        paragraph(&mut page, usage("sealdrop", line));
    }

    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(plain(&program.description))]);
    details(&mut page, program);

    page.control("SH", ["COMMANDS"]);
    for command in program.all().into_iter().skip(1) {
        let name = command.path.join(" ");
        page.control("SS", [name.as_str()]);
        page.text(usage(&name, &command.usage));
        paragraph(&mut page, vec![roman(plain(&command.description))]);
        details(&mut page, command);
    }

    page.control("SH", ["EXIT STATUS"]);
    page.control("TP", []).text([bold("0")]).text([roman("done")]);
    for (code, means) in exit_codes(program) {
        page.control("TP", []).text([bold(code.to_string())]).text([roman(plain(means))]);
    }
    for (title, entries) in [("ENVIRONMENT", &ENVIRONMENT[..]), ("FILES", &FILES[..])] {
        page.control("SH", [title]);
        for (name, means) in entries {
            page.control("TP", []).text([bold(*name)]).text([roman(*means)]);
        }
    }
    page.render()
}

/// Arguments, flags, notes, exit codes and examples of `command`.
fn details(page: &mut Roff, command: &Definition) {
    for argument in &command.arguments {
        let name = italic(plain(&argument.value.name));
        page.control("TP", []).text([name]).text([roman(plain(argument.description))]);
    }
    let whole = command.path.len() == 1;
    // --help, which every command has, is listed once.
    for flag in command.flags.iter().filter(|flag| whole || flag.long != "--help") {
        let mut tag = Vec::new();
        for spelling in flag.spellings() {
            if !tag.is_empty() {
                tag.push(roman(", "));
            }
            tag.push(bold(spelling));
        }
        if let Some(value) = &flag.value {
            tag.extend([roman(" "), italic(plain(&value.name))]);
        }
        page.control("TP", []).text(tag).text([roman(plain(flag.description))]);
    }
    for note in &command.notes {
        paragraph(page, vec![roman(plain(note))]);
    }
    // The exit codes of the program have their own section.
    for (code, means) in command.exit_codes.iter().filter(|_| !whole) {
        let code = bold(code.to_string());
        paragraph(page, vec![roman("Exit status "), code, roman(format!(": {}", plain(means)))]);
    }
    if command.examples.is_empty() {
        return;
    }
    paragraph(page, vec![roman("Examples:")]);
    page.control("PP", []).control("RS", ["4"]).control("nf", []);
    for example in &command.examples {
        page.text([roman(ascii(example))]);
    }
    page.control("fi", []).control("RE", []);
}

/// The exit codes of the program and of its commands, in order.
fn exit_codes(program: &Definition) -> Vec<(i32, &'static str)> {
    let all = program.all();
    let mut codes: Vec<_> = all.iter().flat_map(|command| command.exit_codes.clone()).collect();
    // The sort is stable and the program comes first, so its texts take precedence.
    codes.sort_by_key(|(code, _)| *code);
    codes.dedup_by_key(|(code, _)| *code);
    codes
}

fn usage(command: &str, rest: &str) -> Vec<Inline> {
    let rest = if rest.is_empty() { String::new() } else { format!(" {}", plain(rest)) };
    vec![bold(command), roman(rest)]
}

fn paragraph(page: &mut Roff, text: Vec<Inline>) {
    page.control("PP", []).text(text);
}

/// Prose as one line: troff would keep line breaks.
fn plain(text: &str) -> String {
    ascii(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Replaces ellipses: man warns about them on a terminal without UTF-8.
fn ascii(text: &str) -> String {
    text.replace('…', "...")
}
