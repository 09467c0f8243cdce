//! The binary: parses arguments, calls one function, and returns its exit code.

use std::process::ExitCode;

use sealdrop::{
    cli::{self, DaemonCalls},
    daemon,
};

fn main() -> ExitCode {
    let calls = DaemonCalls {
        serve: &daemon::serve,
        open_store: &daemon::open_store,
        open_backup: &daemon::open_backup,
        protect: &daemon::protect,
    };
    cli::run(std::env::args_os(), &calls)
}
