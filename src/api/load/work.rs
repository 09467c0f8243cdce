//! Keeps blocking and slow work away from the async workers.

use std::thread::available_parallelism;

use tokio::task::{JoinHandle, spawn_blocking};

use super::fair_queue::FairQueue;
use crate::api::ApiError;

/// Queues for slow work, milliseconds to seconds each. Each purpose has its own queue, so that one does not
/// delay another.
pub struct SlowWork {
    /// Checks of proofs of work: a fraction of a millisecond each.
    pub proofs: FairQueue,
    /// Passwords of secrets: a few tenths of a second each.
    pub passwords: FairQueue,
    /// Passphrases of boxes: a few tenths of a second each.
    pub passphrases: FairQueue,
    /// Key pairs of new boxes: seconds each, if no prepared pair is available.
    pub key_pairs: FairQueue,
    /// Decryption of messages for the list of a box.
    pub messages: FairQueue,
}

impl Default for SlowWork {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        // Half of the cores for the slowest work, and for work that one client can request in bulk.
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
    /// The queues with their names in the metrics.
    #[must_use]
    pub fn queues(&self) -> [(&'static str, &FairQueue); 5] {
        let Self { proofs, passwords, passphrases, key_pairs, messages } = self;
        [
            ("proofs", proofs),
            ("passwords", passwords),
            ("passphrases", passphrases),
            ("key_pairs", key_pairs),
            ("messages", messages),
        ]
    }

    /// The maximum number of threads in use.
    #[must_use]
    pub fn most_threads(&self) -> usize {
        let Self { proofs, passwords, passphrases, key_pairs, messages } = self;
        let queues = [proofs, passwords, passphrases, key_pairs, messages];
        queues.into_iter().map(FairQueue::most_running).sum()
    }
}

/// Runs work that reads or syncs files, or that processes more than 64 KiB, on a blocking thread.
///
/// # Errors
///
/// [`ApiError::Internal`] if it panics.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    start(work).outcome().await
}

/// Starts the work as [`blocking`] does; the result is awaited later.
pub fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Started<T> {
    Started(spawn_blocking(work))
}

/// Work in progress on a blocking thread. It continues if this is dropped.
pub struct Started<T>(JoinHandle<T>);

impl<T> Started<T> {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// [`ApiError::Internal`] if the work panics.
    pub async fn outcome(self) -> Result<T, ApiError> {
        self.0.await.map_err(|error| {
            tracing::error!(%error, "work on a blocking thread has failed");
            ApiError::Internal
        })
    }
}
