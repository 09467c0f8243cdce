//! Numbers from counters, which each process takes in ranges: changes of several processes do not meet at the
//! record of a counter, except when a range is used up.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

use super::{Key, Record, StoreError, Transaction};

/// The size of a range. A process that ends leaves out the rest of its range.
const RANGE: u64 = 256;
/// The number of counters whose ranges a process keeps. Without a bound, each account would take memory.
const MAX_COUNTERS: usize = 10_000;

/// The numbers that are taken and not used, by the key of their counter.
pub(super) type Ranges = BTreeMap<Key, Range<u64>>;

/// A counter: the first number that no process has taken.
#[derive(Serialize, Deserialize)]
struct NextNumber(u64);

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

impl Transaction<'_, '_> {
    /// A number that no other change gets from the counter at `key`, in any process. `first` finds the first one
    /// of a counter without a record.
    ///
    /// Numbers are taken in ranges. Those of one process grow; those of several processes interleave, and
    /// each process leaves some out when it ends. A change that is not committed gives its numbers back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the numbers are used up, and the errors of [`Transaction::get`] and of `first`.
    pub fn number(
        &mut self,
        key: &Key,
        first: impl FnOnce(&Self) -> Result<u64, StoreError>,
    ) -> Result<u64, StoreError> {
        let known = self.effects.ranges.get(key).cloned().or_else(|| self.group.range(key));
        let mut range = match known.filter(|range| !range.is_empty()) {
            Some(range) => range,
            None => {
                let start = match self.get::<NextNumber>(key)? {
                    Some(NextNumber(next)) => next,
                    None => first(self)?,
                };
                let end = start.checked_add(RANGE);
                let end = end.ok_or(StoreError::Damaged("a counter is at its end"))?;
                self.put(key, &NextNumber(end))?;
                start..end
            }
        };
        let number = range.start;
        range.start += 1;
        self.effects.ranges.insert(key.clone(), range);
        Ok(number)
    }
}
