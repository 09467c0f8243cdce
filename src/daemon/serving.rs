//! The server and the background work beside it, from start to stop.

use std::sync::Arc;

use tokio::{join, sync::oneshot, task::spawn_blocking};

use super::housekeeping;
use crate::{
    api::{App, secrets::late_tries, status::write_history},
    delivery,
    server::Server,
};

/// Serves until `stop` is done, with housekeeping and deliveries beside it. Then it finishes the requests
/// under way within 10 seconds, stops the deliveries within five, and writes late attempts and the history down.
pub async fn serve_until(server: Server, app: &Arc<App>, stop: impl Future<Output = ()>) {
    let housekeeping = housekeeping::start(app);
    let deliveries = delivery::start(app.delivery_context());
    let (stopping, stopped) = oneshot::channel();
    let serving = server.run(async {
        stop.await;
        drop(housekeeping);
        // Its receiver lives until the deliveries have stopped.
        let _ = stopping.send(());
    });
    let delivering = async {
        // The sender goes only with `serving`, which is over then.
        let _ = stopped.await;
        deliveries.stop().await;
    };
    join!(serving, delivering);
    late_tries::write(app).await;
    let historian = Arc::clone(app);
    match spawn_blocking(move || write_history(&historian)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "cannot write the history"),
        Err(error) => tracing::error!(%error, "writing the history failed unexpectedly"),
    }
}
