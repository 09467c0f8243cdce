//! Faults: the daemon is killed, loses power, runs out of disk, finds flipped bits; and what it must
//! have kept, and must have forgotten, all the same.
//!
//! Each runs a bounded number of rounds; an environment variable sets another number.

mod kill;
mod load;
mod power;

use libtest_mimic::Trial;
use sealdrop::crypto::{SystemRandom, random_array};

use crate::{
    tools::{PYTHON, Tool, trial_with},
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
    ]
}

/// This binary is also the program that runs while the power is cut, and the one that looks
/// afterwards. Returns whether it was started as one of them.
pub(crate) fn ran_as_helper() -> bool {
    power::ran_as_helper()
}

/// How often: `default`, or what the environment says.
fn rounds(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |rounds| rounds.parse().expect("a number of rounds"))
}

/// A random number below `end`.
fn below(end: u64) -> u64 {
    u64::from_le_bytes(random_array(&SystemRandom)) % end
}
