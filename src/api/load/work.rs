//! Work that is kept away from the async workers: what blocks, and what takes a core for long.

use std::thread::available_parallelism;

use tokio::task::{JoinHandle, spawn_blocking};

use super::fair_queue::FairQueue;
use crate::api::ApiError;

/// Turns for what costs a core milliseconds to seconds each, in a queue for each purpose: how much there
/// is to do for one does not delay another.
pub struct SlowWork {
    /// Checking proofs of work: a fraction of a millisecond each.
    pub proofs: FairQueue,
    /// Passwords of secrets: some tenths of a second each.
    pub passwords: FairQueue,
    /// Passphrases of boxes: some tenths of a second each.
    pub passphrases: FairQueue,
    /// Key pairs of new boxes: seconds each, where none is prepared.
    pub key_pairs: FairQueue,
    /// Messages of boxes, which are opened for a list.
    pub messages: FairQueue,
}

impl Default for SlowWork {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        // Half of the cores for what takes longest, and for what one client has enough of at once.
        let half = cores.div_ceil(2);
        Self {
            proofs: FairQueue::for_short_work(half),
            passwords: FairQueue::for_long_work(cores),
            passphrases: FairQueue::for_long_work(cores),
            key_pairs: FairQueue::for_long_work(half),
            messages: FairQueue::for_short_work(cores),
        }
    }
}

impl SlowWork {
    /// How many threads it takes at most.
    #[must_use]
    pub fn most_threads(&self) -> usize {
        let Self { proofs, passwords, passphrases, key_pairs, messages } = self;
        let queues = [proofs, passwords, passphrases, key_pairs, messages];
        queues.into_iter().map(FairQueue::most_running).sum()
    }
}

/// Runs what reads or syncs files, or works on more than 64 KiB.
///
/// # Errors
///
/// [`ApiError::Internal`] where it panicked.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    start(work).outcome().await
}

/// Begins what [`blocking`] runs at once, to be waited for later.
pub fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Started<T> {
    Started(spawn_blocking(work))
}

/// Work that is under way on a blocking thread. Dropped, it goes on.
pub struct Started<T>(JoinHandle<T>);

impl<T> Started<T> {
    /// Waits for it.
    ///
    /// # Errors
    ///
    /// [`ApiError::Internal`] where it panicked.
    pub async fn outcome(self) -> Result<T, ApiError> {
        self.0.await.map_err(|error| {
            tracing::error!(%error, "work on a blocking thread ended badly");
            ApiError::Internal
        })
    }
}
