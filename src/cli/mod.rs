//! The command line: one file per subcommand.
//!
//! A command parses arguments, calls, and prints; exit codes are decided here. `main` passes the functions of
//! the daemon and of the store as [`DaemonCalls`]. Commands that talk to a server use
//! [`client`](crate::client).

mod arguments;
mod box_;
mod columns;
mod completions;
mod connection;
mod context;
mod definition;
mod doctor;
mod failure;
mod flags;
mod headers;
mod interrupt;
mod key;
mod man;
pub mod operator;
mod probe;
mod progress;
mod prompt;
pub(crate) mod qr;
mod request;
pub mod secret;
mod serve;
mod suggestion;
mod terminal_text;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    os::{fd::AsFd, unix::fs::MetadataExt},
    process::ExitCode,
};

use rustix::fs::OFlags;
use signal_hook::{consts::SIGPIPE, low_level::emulate_default_handler};

use self::arguments::{Parsed, Subcommand};
pub(crate) use self::context::Context;
pub use self::{
    context::{DaemonCalls, Output},
    failure::{Exit, Failure},
};

/// Runs the program. `arguments` are those of the system; the first one is the name of the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>, daemon: &DaemonCalls<'_>) -> ExitCode {
    let stdin = io::stdin();
    let mut context = Context {
        daemon,
        environment: std::env::vars_os().collect(),
        interactive: stdin.is_terminal(),
        asks_at_tty: !stdin.is_terminal() && io::stderr().is_terminal(),
        out_is_terminal: io::stdout().is_terminal(),
        out_is_closed: is_closed(&io::stdout()),
        input: &mut stdin.lock(),
        out: &mut io::stdout(),
        err: &mut io::stderr(),
    };
    let exit = dispatch(arguments, &mut context);
    if exit == Exit::ClosedPipe {
        // Ends by the signal, like `cat`; Rust ignores it by default. This call does not return.
        let _ = emulate_default_handler(SIGPIPE);
    }
    exit.into()
}

/// Whether `out` was closed when the program started: std then opens `/dev/null` for reading and writing,
/// which no shell does.
fn is_closed(out: &impl AsFd) -> bool {
    let is_null = rustix::fs::fstat(out).is_ok_and(|file| {
        std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == file.st_rdev)
    });
    let mode = rustix::fs::fcntl_getfl(out).map(|flags| flags & OFlags::RWMODE);
    is_null && mode == Ok(OFlags::RDWR)
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
            if !message.is_empty() {
                // If standard error is closed as well, there is no place for the message.
                let _ = writeln!(context.err, "sealdrop: {}", message.trim_end());
            }
            exit
        }
    }
}

fn execute(subcommand: Subcommand, context: &mut Context<'_>) -> Result<(), Failure> {
    match subcommand {
        Subcommand::Serve(serve) => serve.run(context).map_err(|failure| match failure.exit {
            // The reader of a daemon does not close the output on purpose, so this is an error.
            Exit::ClosedPipe => {
                Failure::failed("standard output is closed, so the daemon cannot print its address")
            }
            _ => failure,
        }),
        Subcommand::Send(send) => send.run(context),
        Subcommand::Open(open) => open.run(context),
        Subcommand::Status(status) => status.run(context),
        Subcommand::Set(set) => set.run(context),
        Subcommand::Burn(burn) => burn.run(context),
        Subcommand::List(list) => list.run(context),
        Subcommand::Request(request) => request.run(context),
        Subcommand::Answer(answer) => answer.run(context),
        Subcommand::Key(key) => key.run(context),
        Subcommand::Probe(probe) => probe.run(context),
        Subcommand::Doctor(doctor) => doctor.run(context),
        Subcommand::Box(subcommand) => subcommand.run(context),
        Subcommand::Account(account) => account.run(context),
        Subcommand::ApiKey(apikey) => apikey.run(context),
        Subcommand::Claim(claim) => claim.run(context),
        Subcommand::FirstKeys(first_keys) => first_keys.run(context),
        Subcommand::Mail(mail) => mail.run(context),
        Subcommand::Webhook(webhook) => webhook.run(context),
        Subcommand::Backup(backup) => backup.run(context),
        Subcommand::MasterKey(master_key) => master_key.run(context),
        Subcommand::Ring(ring) => ring.run(context),
        Subcommand::Store(store) => store.run(context),
        Subcommand::Completions(completions) => completions.run(&arguments::program(), context),
        Subcommand::Man(man) => man.run(&arguments::program(), context),
    }
}
