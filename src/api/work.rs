//! Slow work, away from the async workers and never more at once than the machine has cores for.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinHandle, spawn_blocking},
};

use super::ApiError;

/// So many password checks may wait for each one that runs; a check takes some tenths of a second.
const QUEUE_PER_CORE: usize = 16;

/// Turns for what costs a core milliseconds to tenths of a second each: PBKDF2, RSA.
pub struct SlowWork {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
}

impl Default for SlowWork {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            running: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            max_waiting: cores * QUEUE_PER_CORE,
        }
    }
}

impl SlowWork {
    /// Waits for a turn.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] at once where too many wait already.
    pub async fn turn(&self) -> Result<Turn, ApiError> {
        let place = Place::take(&self.waiting, self.max_waiting).ok_or(ApiError::Busy)?;
        let turn = self.later_turn().await;
        drop(place);
        turn
    }

    /// Waits for a turn, however many wait already: for what goes on with an answer that has begun.
    ///
    /// # Errors
    ///
    /// None in practice: the semaphore is never closed.
    pub async fn later_turn(&self) -> Result<Turn, ApiError> {
        let turn = Arc::clone(&self.running).acquire_owned().await;
        turn.map(Turn).map_err(|_| ApiError::Internal)
    }
}

/// The right to run one piece of slow work now.
pub struct Turn(OwnedSemaphorePermit);

impl Turn {
    /// Runs `work` on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`ApiError::Internal`] where it panicked.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        // The turn goes with the work: it ends with it even where the asker hangs up.
        blocking(move || {
            let Self(_permit) = self;
            work()
        })
        .await
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

/// A place in the queue, given back when it is dropped, also by an asker who hangs up.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < max).then_some(n + 1))
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
