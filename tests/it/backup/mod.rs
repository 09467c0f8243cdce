//! `sealdrop backup` with the real daemon: beside its work, and back again.
#![expect(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "tests say what they have counted; their numbers are small"
)]

mod broken;
mod commands;
mod history;
mod resume;
mod since;
mod state;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use age::{secrecy::ExposeSecret, x25519};
use libtest_mimic::Trial;

use crate::{
    daemon::sealdrop,
    tools::{Tool, trial_with},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("backup::everything_comes_back", state::everything_comes_back),
        trial("backup::beside_work_it_is_one_state", history::one_state),
        trial("backup::a_client_that_dies_leaves_nothing", broken::a_dead_client),
        trial("backup::a_daemon_that_dies_leaves_nothing", broken::a_dead_daemon),
        trial("backup::a_daemon_that_stops_says_so", broken::a_stopping_daemon),
        trial("backup::what_was_changed_is_refused", broken::changed_files),
        trial_with("backup::a_full_disk_leaves_nothing", &[Tool::LoopDevices], broken::full_disks),
        trial("backup::the_commands_tell_what_is_wrong", commands::wrong),
        trial("backup::passphrases_and_other_programs", commands::passphrases),
        trial("backup::a_chain_equals_a_full_one", since::equals_a_full_one),
        trial("backup::a_broken_chain_is_refused", since::broken),
        trial("backup::a_killed_link_leaves_nothing", since::killed),
        trial("backup::an_interrupted_one_is_continued", resume::goes_on),
        trial("backup::a_chain_is_pruned_as_a_whole", since::pruned),
        trial("backup::old_ones_are_listed_and_pruned", commands::listed_and_pruned),
    ]
}

/// A key pair, as `age-keygen` makes it, in a directory of its own.
pub(crate) struct KeyPair {
    dir: tempfile::TempDir,
    recipient: String,
}

impl KeyPair {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let identity = x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        let text = format!("# public key: {recipient}\n{}\n", identity.to_string().expose_secret());
        fs::write(dir.path().join("key.txt"), text).expect("a file");
        Self { dir, recipient }
    }

    fn identity(&self) -> String {
        self.dir.path().join("key.txt").display().to_string()
    }
}

/// `sealdrop backup …`
fn backup(arguments: &[&str]) -> Command {
    let mut command = sealdrop();
    command.arg("backup").args(arguments);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must succeed; returns what it printed.
fn well(mut command: Command) -> String {
    let output = command.output().expect("the program");
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a command that must fail with this exit code, and say this.
fn badly(mut command: Command, code: i32, says: &str) {
    let output = command.output().expect("the program");
    let error = said(&output);
    assert!(output.status.code() == Some(code), "{command:?}: {} {error}", output.status);
    assert!(error.contains(says), "{command:?}: {error}");
}

/// The arguments of `backup create` for `data` and the recipient of `keys`.
pub(crate) fn create(destination: &str, data: &Path, keys: &KeyPair) -> Command {
    let mut command = backup(&["create", destination, "--with-keys", "--recipient"]);
    command.arg(&keys.recipient).arg("--data").arg(data);
    command
}

/// Makes a backup of `data` in a file with this name beside it.
fn created(name: &str, data: &Path, keys: &KeyPair) -> PathBuf {
    let file = data.with_file_name(name);
    well(create(&file.display().to_string(), data, keys));
    file
}

/// Verifies a backup that must be good.
pub(crate) fn verify(file: &Path, keys: &KeyPair) {
    let mut command = backup(&["verify", &file.display().to_string()]);
    command.args(["--identity", &keys.identity()]);
    well(command);
}

/// Restores `file` into a new directory with this name beside it.
fn restored(file: &Path, name: &str, keys: &KeyPair) -> PathBuf {
    let data = file.with_file_name(name);
    let mut command = backup(&["restore", &file.display().to_string()]);
    command.args(["--identity", &keys.identity()]).arg("--data").arg(&data);
    well(command);
    data
}

/// The names in a directory.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
