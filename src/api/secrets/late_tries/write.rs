//! Writes late attempts to the logs of their secrets.

use std::{mem, sync::Arc, time::Duration};

use tokio::time::sleep;

use super::PendingTry;
use crate::{
    api::App,
    domain::secret::viewing::{self, LateTry},
    store::StoreError,
};

/// How long attempts are collected.
const COLLECTING: Duration = Duration::from_secs(1);
/// How many attempts share a change. A longer change would delay others.
const BATCH: usize = 64;

/// Writes the collected attempts, and returns when they are durable. Returns whether there were any.
pub async fn write(app: &App) -> bool {
    let _writing = app.late_tries.writing.lock().await;
    let PendingTry { tries, dropped, .. } = mem::take(&mut *app.late_tries.pending());
    if dropped > 0 {
        tracing::warn!(
            dropped,
            "late attempts are missing in the logs of their secrets: too many at once"
        );
    }
    if tries.is_empty() {
        return false;
    }
    let (settled, keep_log) = (app.clock.settled(), app.rules.keep_log_seconds);
    let note = |batch: &[LateTry]| {
        let process = app.store.process();
        app.store.change(viewing::tried_after(batch.to_vec(), process, settled, keep_log))
    };
    let changes: Vec<_> = tries.chunks(BATCH).map(note).collect();
    for change in changes {
        match change.await {
            Ok(true) => app.deliveries.wake(),
            Ok(false) | Err(StoreError::Closed) => {}
            Err(error) => tracing::error!(%error, "late attempts cannot be recorded"),
        }
    }
    true
}

/// Writes late attempts until the future is dropped.
pub(crate) async fn write_in_background(app: Arc<App>) {
    loop {
        app.late_tries.arrived.notified().await;
        sleep(COLLECTING).await;
        write(&app).await;
    }
}
