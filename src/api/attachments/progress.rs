//! Which ranges of an attachment the holder of a lease has fetched. Kept in memory only, because it only
//! decides when the lease ends.

use std::{
    collections::HashMap,
    num::NonZeroU8,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::{
    clock::UnixSeconds,
    domain::numbers::{LeaseToken, SecretNumber},
};

/// The maximum number of separate ranges; more are not recorded.
const MAX_PARTS: usize = 64;

type Which = (SecretNumber, LeaseToken, NonZeroU8);

#[derive(Default)]
pub(super) struct Progress(Mutex<HashMap<Which, ProgressParts>>);

struct ProgressParts {
    /// Sorted, with gaps between them.
    taken: Vec<Range<u64>>,
    /// The entry is not needed after this time.
    until: UnixSeconds,
}

impl Progress {
    /// Records a fetched range. Returns whether the whole attachment has been fetched.
    pub(super) fn note(
        &self,
        which: Which,
        part: Range<u64>,
        total: u64,
        until: UnixSeconds,
        now: UnixSeconds,
    ) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if part == (0..total) {
            all.remove(&which);
            return true;
        }
        if !all.contains_key(&which) {
            all.retain(|_, parts| now < parts.until);
        }
        let parts = all.entry(which).or_insert_with(|| ProgressParts { taken: Vec::new(), until });
        add(&mut parts.taken, part);
        let is_whole = parts.taken.len() == 1 && parts.taken.contains(&(0..total));
        if is_whole {
            all.remove(&which);
        }
        is_whole
    }
}

fn add(taken: &mut Vec<Range<u64>>, mut part: Range<u64>) {
    taken.retain(|other| {
        let touches = other.start <= part.end && part.start <= other.end;
        if touches {
            part = part.start.min(other.start)..part.end.max(other.end);
        }
        !touches
    });
    if !part.is_empty() && taken.len() < MAX_PARTS {
        let at = taken.partition_point(|other| other.start < part.start);
        taken.insert(at, part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_together() {
        let mut taken = Vec::new();
        for part in [10..20, 40..50, 20..30, 0..5, 90..90] {
            add(&mut taken, part);
        }
        assert_eq!(taken, [0..5, 10..30, 40..50]);
        add(&mut taken, 4..45);
        assert_eq!((taken.len(), taken.first()), (1, Some(&(0..50))));
    }
}
