//! The server and the background work beside it, from start to stop.

use std::sync::Arc;

use tokio::{join, sync::oneshot, task::spawn_blocking};

use super::housekeeping;
use crate::{
    api::{App, secrets::late_tries, status::write_history},
    delivery,
    server::{KeptListeners, Server, Stop},
};

/// Serves until `stop` is done, with housekeeping and deliveries beside it. Then it finishes the requests
/// under way as [`Server::run`] does, stops the deliveries and the housekeeping within five seconds, and writes
/// late attempts, uses of API keys and the history down. Returns the listeners that are handed over.
pub async fn serve_until(
    server: Server,
    app: &Arc<App>,
    stop: impl Future<Output = Stop>,
) -> KeptListeners {
    let housekeeping = housekeeping::start(app);
    let deliveries = delivery::start(app.delivery_context());
    let (stopping, stopped) = oneshot::channel();
    let serving = server.run(async {
        let stop = stop.await;
        // Its receiver lives until the deliveries have stopped.
        let _ = stopping.send(());
        stop
    });
    let delivering = async {
        // The sender goes only with `serving`, which is over then.
        let _ = stopped.await;
        join!(deliveries.stop(), housekeeping.stop());
    };
    let (listeners, ()) = join!(serving, delivering);
    late_tries::write(app).await;
    let used = Arc::clone(app);
    match spawn_blocking(move || used.api_keys.write_uses(&used.store)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "cannot write when API keys were used"),
        Err(error) => tracing::error!(%error, "writing the uses of API keys failed unexpectedly"),
    }
    let historian = Arc::clone(app);
    match spawn_blocking(move || write_history(&historian)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "cannot write the history"),
        Err(error) => tracing::error!(%error, "writing the history failed unexpectedly"),
    }
    listeners
}
