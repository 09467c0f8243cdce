//! Faults: the daemon is killed, loses power, runs out of disk, finds flipped bits. It must still have all
//! acknowledged data, and none of the burned data.
//!
//! Each runs a bounded number of rounds; an environment variable sets another number.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests fail by panicking and say what they have counted; their numbers are small"
)]

mod attachments;
mod boxes;
mod burned;
mod changes;
mod failed_calls;
mod flips;
mod full;
mod io_threads;
mod kill;
mod leftovers;
mod load;
mod power;
mod requests;
mod sealed_values;
mod syncs;

pub(crate) use self::{flips::large_ciphertext, full::Disk};

use libtest_mimic::Trial;
use sealdrop::crypto::{SystemRandom, random_array};

use crate::{
    tools::{PYTHON, STRACE, Tool, trial_with},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("faults::kill_9_loses_nothing", kill::loses_nothing),
        trial_with(
            "faults::a_power_cut_loses_nothing",
            &[Tool::LoopDevices, PYTHON, Tool::Shared],
            power::loses_nothing,
        ),
        trial_with(
            "faults::a_full_disk_stops_creations_only",
            &[Tool::LoopDevices],
            full::stops_creations_only,
        ),
        trial("faults::a_flipped_bit_is_refused_or_harmless", flips::refused_or_harmless),
        trial_with("faults::calls_that_fail_lose_nothing", &[STRACE], failed_calls::lose_nothing),
        trial("faults::kill_9_in_a_change_leaves_old_or_new", changes::old_or_new),
        trial("faults::three_threads_write_the_database", io_threads::three_write),
        trial("faults::nothing_on_disk_opens_what_is_burned", burned::nothing_opens),
        trial("faults::nothing_on_disk_opens_a_burned_box", boxes::nothing_opens),
        trial(
            "faults::nothing_on_disk_reads_what_is_deleted",
            sealed_values::unreadable_once_deleted,
        ),
        trial("faults::kill_9_in_an_upload_leaves_nothing", boxes::kill_in_an_upload),
        trial(
            "faults::kill_9_in_an_attachment_keeps_what_was_told",
            attachments::kill_in_an_upload,
        ),
        trial("faults::kill_9_in_a_burn_leaves_no_attachment", attachments::kill_in_a_burn),
        trial("faults::kill_9_makes_nothing_twice", requests::kill_while_answering),
        trial_with(
            "faults::a_full_disk_takes_no_messages",
            &[Tool::LoopDevices],
            full::takes_no_messages,
        ),
        trial("faults::a_crash_leaves_nothing_in_the_way", leftovers::nothing_in_the_way),
        trial("faults::a_second_daemon_ends_at_once", leftovers::a_second_daemon_ends),
        trial_with("faults::syncs_come_before_the_answer", &[STRACE], syncs::before_the_answer),
        trial_with("faults::a_group_syncs_twice_at_most", &[STRACE], syncs::shared_by_a_group),
    ]
}

/// This binary is also the program that runs while the power is cut, and the one that verifies
/// afterwards. Returns whether it was started as one of them.
pub(crate) fn ran_as_helper() -> bool {
    power::ran_as_helper()
}

/// The number of rounds: `default`, or the value in the environment.
pub(crate) fn rounds(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |rounds| rounds.parse().expect("a number of rounds"))
}

/// A random number below `end`.
pub(crate) fn below(end: u64) -> u64 {
    u64::from_le_bytes(random_array(&SystemRandom)) % end
}
