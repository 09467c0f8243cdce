//! The command line: one file per subcommand.
//!
//! Nothing is decided here but words and exit codes. What a subcommand needs of the daemon and of the
//! store comes in as an [`Engine`].

mod account;
mod administration;
mod apikey;
mod arguments;
mod columns;
mod mail;
mod serve;
#[cfg(test)]
mod tests;
mod webhook;

use std::{
    ffi::OsString,
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use self::arguments::{Parsed, Subcommand};
use crate::{
    admin::{CommandError, Create, ErrorKind, OpenFailure, Opened},
    config::{BadSetting, Loaded},
};

/// What the command line puts to work.
pub trait Engine {
    /// Runs the daemon until it is told to stop.
    ///
    /// Sets up the log (and logs the warnings), and once requests are answered writes the one line
    /// with the address to `out`.
    ///
    /// # Errors
    ///
    /// [`Exit::Usage`] for settings that can not be used, see [`Loaded::bad`].
    fn serve(&self, loaded: Loaded, out: &mut dyn Write) -> Result<(), Failure>;

    /// Opens the store in the data directory `dir` for one command.
    ///
    /// # Errors
    ///
    /// [`OpenFailure::Locked`] if another process has it.
    fn open(&self, dir: &Path, create: Create) -> Result<Opened, OpenFailure>;
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: something failed.
    Failed,
    /// 64: the command line or a setting is wrong (`EX_USAGE` of sysexits(3)).
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 64,
        })
    }
}

/// Why a subcommand ended early, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// [`Exit::Usage`] or [`Exit::Failed`].
    pub exit: Exit,
    /// What failed and what to do about it; nothing secret.
    pub message: String,
}

impl Failure {
    /// A failure that is not the command line's fault.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }
}

impl From<BadSetting> for Failure {
    fn from(bad: BadSetting) -> Self {
        Self { exit: Exit::Usage, message: bad.to_string() }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let exit = match error.kind {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Failed => Exit::Failed,
        };
        Self { exit, message: error.message }
    }
}

/// The subcommands use `?` on what they read and write themselves: the console.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed(format!("the console can not be used: {error}"))
    }
}

/// Runs the program: `arguments` as the system gives them, its own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>, engine: &dyn Engine) -> ExitCode {
    let stdin = io::stdin();
    let mut context = Context {
        engine,
        environment: std::env::vars_os().collect(),
        interactive: stdin.is_terminal(),
        input: &mut stdin.lock(),
        out: &mut io::stdout(),
        err: &mut io::stderr(),
    };
    dispatch(arguments, &mut context).into()
}

/// The surroundings of one run; a test has its own.
struct Context<'a> {
    engine: &'a dyn Engine,
    environment: Vec<(OsString, OsString)>,
    /// Whether a person is at `input`.
    interactive: bool,
    input: &'a mut dyn BufRead,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

fn dispatch(arguments: impl IntoIterator<Item = OsString>, context: &mut Context<'_>) -> Exit {
    let outcome = match arguments::parse(arguments) {
        Parsed::Run(subcommand) => execute(subcommand, context),
        Parsed::Text(text) => write!(context.out, "{text}").map_err(Failure::from),
        Parsed::Wrong(message) => Err(Failure { exit: Exit::Usage, message }),
    };
    match outcome {
        Ok(()) => Exit::Done,
        Err(Failure { exit, message }) => {
            // Nobody is left to tell if standard error is gone as well.
            let _ = writeln!(context.err, "sealdrop: {}", message.trim_end());
            exit
        }
    }
}

fn execute(subcommand: Subcommand, context: &mut Context<'_>) -> Result<(), Failure> {
    match subcommand {
        Subcommand::Serve(serve) => serve.run(context),
        Subcommand::Account(account) => account.run(context),
        Subcommand::ApiKey(apikey) => apikey.run(context),
        Subcommand::Mail(mail) => mail.run(context),
        Subcommand::Webhook(webhook) => webhook.run(context),
    }
}
