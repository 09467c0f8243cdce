//! The ring with the real daemon: its turns, its copies, the master key, and directories of older formats.

mod formats;
mod image;
mod keyless;
mod places;

use std::{path::Path, process::Output};

use libtest_mimic::Trial;

use crate::{
    daemon::sealdrop,
    tools::{Tool, trial_with},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("ring::a_directory_of_format_1_is_upgraded", formats::upgraded),
        trial("ring::a_directory_of_format_2_opens", formats::present),
        trial("ring::backups_of_each_format_are_restored", formats::backups),
        trial_with(
            "ring::the_disk_has_no_key_of_an_older_epoch",
            &[Tool::LoopDevices],
            image::nothing_is_left,
        ),
        trial("ring::it_turns_by_itself_and_says_when", places::turns),
        trial("ring::a_copy_in_a_directory_or_by_a_command", places::copies),
        trial("ring::a_backup_without_keys_brings_back_what_lives", keyless::comes_back),
        trial("ring::the_store_is_checked_copied_and_compacted", places::store_commands),
        trial("ring::a_master_key_is_made_used_and_changed", places::master_key),
    ]
}

/// Runs a command of the operator on a data directory.
fn run(words: &[&str], data: &Path) -> Output {
    sealdrop().args(words).arg("--data").arg(data).output().expect("the program")
}

/// The standard output of a command that must not fail.
fn shown(words: &[&str], data: &Path) -> String {
    let output = run(words, data);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {error}");
    String::from_utf8(output.stdout).expect("text")
}

/// The standard error of a command that must fail.
fn refused(words: &[&str], data: &Path) -> String {
    let output = run(words, data);
    assert!(!output.status.success(), "{words:?} does not fail");
    String::from_utf8(output.stderr).expect("text")
}
