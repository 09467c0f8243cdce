//! Probes for supervisors and load balancers: whether the process is running, and whether it accepts
//! secrets.

use std::{borrow::Cow, sync::Arc, time::Duration};

use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::{App, load::work::blocking};
use crate::{
    http::response::{Body, json as answer},
    store::StoreError,
};

/// A writer that does not answer within this time is stuck or overloaded.
const WRITER_TIMEOUT: Duration = Duration::from_secs(2);

/// `GET /health`: 200 while the process can answer.
#[must_use]
pub fn health() -> Response<Body> {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

/// `GET /ready`: 200 while secrets can be created and the clock is right, otherwise 503 with the reason.
pub async fn ready(app: &Arc<App>) -> Response<Body> {
    match trouble(app).await {
        None => answer(StatusCode::OK, &json!({"status": "ready"})),
        Some(reason) => {
            let body = json!({"status": "not ready", "reason": reason});
            answer(StatusCode::SERVICE_UNAVAILABLE, &body)
        }
    }
}

/// The reason why secrets cannot be created now.
async fn trouble(app: &Arc<App>) -> Option<Cow<'static, str>> {
    match store_trouble(app).await {
        Some(reason) => Some(reason.into()),
        None => {
            let app = Arc::clone(app);
            // The error is already in the log.
            let unknown = Some("the free space of the disk is unknown".into());
            blocking(move || obstacle(&app)).await.unwrap_or(unknown)
        }
    }
}

/// The reason why the store cannot be used: the process needs a restart.
pub async fn store_trouble(app: &App) -> Option<&'static str> {
    // An empty change costs no commit. It waits for the commit in progress.
    let turn = app.store.change(|_| Ok::<_, StoreError>(()));
    match timeout(WRITER_TIMEOUT, turn).await {
        Err(_) => Some("the store does not answer"),
        Ok(Err(_)) => Some("the store is closed"),
        Ok(Ok(())) => None,
    }
}

/// The reason why secrets cannot be created now although the store answers. Blocks.
#[must_use]
pub fn obstacle(app: &App) -> Option<Cow<'static, str>> {
    match app.store.space() {
        Ok(space) if space.allows_creation() => {}
        Ok(_) => {
            return Some(
                "the disk is nearly full: views and deletions work, creations do not".into(),
            );
        }
        Err(_) => return Some("the free space of the disk is unknown".into()),
    }
    app.clock.trouble().map(|trouble| trouble.to_string().into())
}
