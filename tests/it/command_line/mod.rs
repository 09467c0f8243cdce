//! The command line as a client, in cases that scripts (`tests/scripts`) cannot test: at a terminal, and
//! over connections that break.

mod boxes;
mod broken;
mod front;
mod informational;
mod prompts;
mod proxies;
mod too_large;
mod wire;

use std::{path::Path, process::Command};

use libtest_mimic::Trial;
use sealdrop::config::SecretCreation;

use crate::{
    daemon::sealdrop,
    server::{Options, TestServer},
};

pub(crate) fn trials() -> Vec<Trial> {
    [
        prompts::trials(),
        broken::trials(),
        boxes::trials(),
        informational::trials(),
        front::trials(),
        proxies::trials(),
        too_large::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A server that accepts secrets without an account.
fn server() -> TestServer {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    TestServer::with(options)
}

/// The program with these arguments, for the server at `base`, in `dir`, which is its home, too.
fn command(base: &str, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = sealdrop();
    command.args(arguments).current_dir(dir).env("HOME", dir).env_remove("XDG_CONFIG_HOME");
    command.env("SEALDROP_SERVER", base);
    command
}
