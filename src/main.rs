//! The binary: arguments, one function, an exit code.

use std::process::ExitCode;

use sealdrop::{cli, daemon::Daemon};

fn main() -> ExitCode {
    cli::run(std::env::args_os(), &Daemon)
}
