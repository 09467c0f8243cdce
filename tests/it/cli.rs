//! The real binary: starting and stopping it, its settings, its subcommands.

mod administration;
mod first_start;
mod life;
mod manual;
mod settings;
mod shells;
mod signals;

use std::{
    path::Path,
    process::{Command, Output},
};

use libtest_mimic::Trial;

use crate::daemon::sealdrop;

pub(crate) fn trials() -> Vec<Trial> {
    [
        administration::trials(),
        first_start::trials(),
        life::trials(),
        manual::trials(),
        settings::trials(),
        shells::trials(),
        signals::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Runs a subcommand on the data directory.
pub(crate) fn run(data: &Path, arguments: &[&str]) -> Output {
    let mut command: Command = sealdrop();
    command.args(arguments).arg("--data").arg(data).output().expect("the program")
}

/// As [`run`], if it must succeed; returns its standard output.
pub(crate) fn run_well(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {err}");
    assert_eq!(err, "", "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}
