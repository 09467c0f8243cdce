//! A change that is on its way to the disk.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::StoreError;

/// The result of a change, available once the change is durable: as a future, or with
/// [`PendingChange::wait`].
pub struct PendingChange<T, E>(pub(super) oneshot::Receiver<Result<T, E>>);

impl<T, E: From<StoreError>> PendingChange<T, E> {
    /// Blocks until the change is durable.
    ///
    /// # Errors
    ///
    /// The error of the change, or [`StoreError::Closed`].
    pub fn wait(self) -> Result<T, E> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

impl<T, E: From<StoreError>> Future for PendingChange<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(StoreError::Closed.into())))
    }
}
