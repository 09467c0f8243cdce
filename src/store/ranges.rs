//! Numbers from counters, which each process takes in ranges: changes of several processes do not meet at the
//! record of a counter, except when a range is used up.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

use super::{Key, Record};

/// The size of a range. A process that ends leaves out the rest of its range.
pub(super) const RANGE: u64 = 256;
/// The number of counters whose ranges a process keeps. Without a bound, each account would take memory.
const MAX_COUNTERS: usize = 10_000;

/// The numbers that are taken and not used, by the key of their counter.
pub(super) type Ranges = BTreeMap<Key, Range<u64>>;

/// A counter: the first number that no process has taken.
#[derive(Serialize, Deserialize)]
pub(super) struct NextNumber(pub(super) u64);

impl Record for NextNumber {
    const VERSION: u8 = 1;
}

/// Keeps what a commit has left of its ranges.
pub(super) fn keep(kept: &mut Ranges, left: Ranges) {
    if kept.len() + left.len() > MAX_COUNTERS {
        kept.clear();
    }
    kept.extend(left);
}
