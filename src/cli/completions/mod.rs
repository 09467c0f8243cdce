//! `sealdrop completions`: what a shell needs to complete what is typed.
//!
//! One file per shell. argh's own generator of completions is not used: in version 0.1.19 its bash takes
//! `apikey list` for `account list`, and its fish needs a fish that few have yet.

mod bash;
mod fish;
mod zsh;

use std::str::FromStr;

use argh::{ArgsInfo, FromArgs};

use super::{
    Context, Failure,
    definition::{Definition, Flag},
};

/// Print the script that completes the commands and flags of sealdrop in a shell. It is made for this
/// version of sealdrop: make it again after an update.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "completions",
    help_triggers("-h", "--help"),
    usage = "bash|zsh|fish",
    example = "{command_name} bash > /etc/bash_completion.d/sealdrop\n\
               {command_name} zsh > /usr/local/share/zsh/site-functions/_sealdrop\n\
               {command_name} fish > ~/.config/fish/completions/sealdrop.fish"
)]
pub(super) struct CompletionsCommand {
    /// the shell that reads it
    #[argh(positional)]
    shell: Shell,
}

enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl FromStr for Shell {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            _ => Err("there are completions for bash, zsh and fish"),
        }
    }
}

impl CompletionsCommand {
    pub(super) fn run(
        self,
        program: &Definition,
        context: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let script = match self.shell {
            Shell::Bash => bash::script(program),
            Shell::Zsh => zsh::script(program),
            Shell::Fish => fish::script(program),
        };
        Ok(write!(context.out, "{script}")?)
    }
}

/// What can stand behind the program's name: its commands and, as the arguments are parsed, `help`.
const HELP: (&str, &str) = ("help", "Show how a command is used");

/// The names of the commands below `definition`, and what each does.
fn commands(definition: &Definition) -> Vec<(&str, &str)> {
    let below = definition.commands.iter().map(|below| (below.name(), below.summary()));
    let help = (definition.path.len() == 1).then_some(HELP);
    below.chain(help).collect()
}

/// The flags that can follow the path of `definition`: without a command those of `serve`, too.
fn flags<'a>(program: &'a Definition, definition: &'a Definition) -> Vec<&'a Flag> {
    let own = definition.flags.iter();
    let serve = program.commands.iter().find(|command| command.name() == "serve");
    let serve = serve.filter(|_| definition.path.len() == 1).map(|serve| serve.flags.iter());
    let known = |long: &str| definition.flags.iter().any(|flag| flag.long == long);
    own.chain(serve.into_iter().flatten().filter(|flag| !known(flag.long))).collect()
}

/// The words by which `sealdrop help` is asked about the command at `path`.
fn helped(path: &[&str]) -> String {
    let (program, below) = path.split_first().unwrap_or((&"", &[]));
    [&[*program, "help"], below].concat().join(" ")
}
