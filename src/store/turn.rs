//! The turn of the ring of an open store.

use std::{
    io,
    sync::{MutexGuard, PoisonError},
};

use super::{
    Store, StoreError,
    group::Group,
    local::key_table::{KEY_TABLE, key_table_of, key_table_time},
    payload_keys::{KeyRing, TurnFailure},
};
use crate::clock::UnixSeconds;

/// The most rounds over all buckets before the last one. Under load, buckets become dirty again meanwhile.
const MAX_ROUNDS: usize = 3;

/// Why the ring was not turned. The store goes on, and what was burned is gone for all callers; it may be
/// in older copies until the next turn succeeds.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The disk, or a copy of the ring, cannot be written.
    #[error("{what}: {source}")]
    Io {
        /// What failed.
        what: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// The store is closed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TurnError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl Store {
    /// The time of the last turn of the ring; 0 before the first one, `None` without a ring.
    #[must_use]
    pub fn ring_turned_at(&self) -> Option<UnixSeconds> {
        self.shared.disks.keys.ring().map(KeyRing::turned_at)
    }

    /// The time of the key table; `None` if there is none.
    #[must_use]
    pub fn key_table_time(&self) -> Option<UnixSeconds> {
        self.shared.keys_out.as_ref().and_then(|dir| key_table_time(&dir.join(KEY_TABLE)))
    }

    /// Turns the ring, so that nothing that was burned until now can be opened with an older copy of the
    /// store, without the ring of its time. Changes continue meanwhile. Blocks, also while another turn runs.
    ///
    /// # Errors
    ///
    /// [`TurnError`].
    pub fn turn_ring(&self, now: UnixSeconds) -> Result<(), TurnError> {
        let Some(ring) = self.shared.disks.keys.ring() else { return Ok(()) };
        let mut is_unfinished = self.turning();
        self.finish_if(&mut is_unfinished)?;
        let first = self.step(|ring| ring.rekey())?;
        let mut left = first;
        let mut done = 0;
        while left > 0 && done < MAX_ROUNDS * first {
            left = self.step(|ring| ring.rekey())?;
            done += 1;
        }
        ring.begin_epoch().map_err(TurnError::io("the ring or a copy of it cannot be written"))?;
        self.step(move |ring| ring.end_epoch(now))?;
        *is_unfinished = true;
        self.finish_if(&mut is_unfinished)
    }

    /// Finishes the last turn, if it may be unfinished, as after an opening: writes the key table of the present
    /// epoch, forgets other epochs, and writes the copies of the ring. Only who has these places may call it.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// [`TurnError`]
    pub fn finish_turn(&self) -> Result<(), TurnError> {
        self.finish_if(&mut self.turning())
    }

    fn finish_if(&self, is_unfinished: &mut bool) -> Result<(), TurnError> {
        let Some(ring) = self.shared.disks.keys.ring().filter(|_| *is_unfinished) else {
            return Ok(());
        };
        if let Some(dir) = &self.shared.keys_out
            && key_table_of(&dir.join(KEY_TABLE)) != Some((ring.turned_at(), ring.epoch()))
        {
            // Before the old key is overwritten: the table that is there needs it until now.
            ring.write_table(dir).map_err(TurnError::io("the key table cannot be written"))?;
        }
        ring.forget_epochs().map_err(TurnError::io(
            "the old key in the ring or in a copy of it cannot be overwritten",
        ))?;
        *is_unfinished = false;
        Ok(())
    }

    /// Whether the last turn may be unfinished. Held during a turn.
    fn turning(&self) -> MutexGuard<'_, bool> {
        self.shared.turning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a step between two commits.
    fn step<T: Send + 'static>(
        &self,
        step: impl FnOnce(&dyn KeyRing) -> Result<T, TurnFailure> + Send + 'static,
    ) -> Result<T, TurnError> {
        let work = |group: &mut Group<'_>| {
            let ring = group.disks().keys.ring().ok_or(StoreError::Closed)?;
            let done = step(ring);
            match done {
                Ok(value) => Ok(value),
                Err(TurnFailure::Harmless(error)) => {
                    Err(TurnError::io("the keys of payloads cannot be written again")(error))
                }
                Err(TurnFailure::Disk(failure)) => {
                    group.failure = Some(failure);
                    Err(StoreError::Closed.into())
                }
            }
        };
        self.between_commits(work)?
    }
}
