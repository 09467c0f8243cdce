//! `sealdrop completions`: scripts that complete commands and flags in a shell.
//!
//! One file per shell. argh's own generator is not used: in version 0.1.19 its script for bash takes
//! `apikey list` for `account list`, and its script for fish needs a very new fish.

mod bash;
mod fish;
mod zsh;

use std::str::FromStr;

use argh::{ArgsInfo, FromArgs};

use super::{
    Context, Failure,
    definition::{Definition, Flag},
};

/// Print a script that completes the commands and flags of sealdrop in a shell. It is for this version of
/// sealdrop: print it again after an update.
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
    /// the shell
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

/// The first word after the name of the program can also be `help`, which is not a command of argh.
const HELP: (&str, &str) = ("help", "Show the help of a command");

/// The names and summaries of the commands below `definition`.
fn commands(definition: &Definition) -> Vec<(&str, &str)> {
    let below = definition.commands.iter().map(|below| (below.name(), below.summary()));
    let help = (definition.path.len() == 1).then_some(HELP);
    below.chain(help).collect()
}

/// The flags that can follow the path of `definition`; without a command also those of `serve`.
fn flags<'a>(program: &'a Definition, definition: &'a Definition) -> Vec<&'a Flag> {
    let own = definition.flags.iter();
    let serve = program.commands.iter().find(|command| command.name() == "serve");
    let serve = serve.filter(|_| definition.path.len() == 1).map(|serve| serve.flags.iter());
    let known = |long: &str| definition.flags.iter().any(|flag| flag.long == long);
    own.chain(serve.into_iter().flatten().filter(|flag| !known(flag.long))).collect()
}

/// The words that show the help of the command at `path`: `sealdrop help …`.
fn helped(path: &[&str]) -> String {
    let (program, below) = path.split_first().unwrap_or((&"", &[]));
    [&[*program, "help"], below].concat().join(" ")
}
