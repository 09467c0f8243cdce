//! The binary: arguments, one function, an exit code.

use std::{io::Write, path::Path, process::ExitCode};

use sealdrop::{
    admin::{Create, OpenFailure, Opened},
    cli::{Engine, Failure},
    config::Loaded,
};

fn main() -> ExitCode {
    sealdrop::cli::run(std::env::args_os(), &Unwired)
}

/// The seam: stands where the server and the store will be.
struct Unwired;

impl Engine for Unwired {
    fn serve(&self, _: Loaded, _: &mut dyn Write) -> Result<(), Failure> {
        Err(Failure::failed("this build has no server yet"))
    }

    fn open(&self, _: &Path, _: Create) -> Result<Opened, OpenFailure> {
        Err(OpenFailure::Other("this build has no store yet".to_owned()))
    }
}
