//! `GET /metrics`: the state of all parts of the daemon, in the format of Prometheus.

use std::{fmt, sync::Arc};

use hyper::{Response, header::CONTENT_TYPE};

use super::{ApiError, App, load::work::blocking};
use crate::{
    delivery::DeliveryOutcomeKind,
    domain::{
        census::{Census, outbox_items},
        numbers::Lane,
    },
    http::response::Body,
    metrics::{self, Exposition, definitions as of},
};

/// The answer with all metrics.
///
/// # Errors
///
/// [`ApiError::Internal`] if the text cannot be made.
pub async fn answer(app: &Arc<App>) -> Result<Response<Body>, ApiError> {
    let app = Arc::clone(app);
    let text = blocking(move || {
        let metrics = Arc::clone(&app.metrics);
        metrics::exposition(metrics, move |out| expose(&app, out))
    });
    let text = text.await?.map_err(|error| {
        tracing::error!(%error, "the metrics cannot be written");
        ApiError::Internal
    })?;
    let mut response = Response::new(Body::from(hyper::body::Bytes::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, metrics::CONTENT_TYPE);
    Ok(response)
}

fn expose(app: &App, out: &mut Exposition<'_>) -> fmt::Result {
    secrets(app, out)?;
    load(app, out)?;
    store(app, out)?;
    deliveries(app, out)?;
    environment(app, out)
}

fn secrets(app: &App, out: &mut Exposition<'_>) -> fmt::Result {
    let census = Census::of(&app.store);
    out.counter(&of::SECRETS_CREATED, census.secrets_created)?;
    out.counter(&of::SECRET_VIEWS, census.views)?;
    out.counter(&of::SECRETS_BURNED, census.secrets_burned)?;
    out.counter(&of::LATE_TRIES, app.late_tries.count())?;
    out.gauge(&of::LIVE_SECRETS, census.live_secrets as f64)?;
    out.gauge(&of::LIVE_BOXES, census.live_boxes as f64)?;
    out.gauge(&of::LIVE_MESSAGES, census.live_messages as f64)?;
    out.counter(&of::MESSAGES_CREATED, census.messages_created)
}

fn load(app: &App, out: &mut Exposition<'_>) -> fmt::Result {
    let queues =
        app.load.slow_work.queues().map(|(name, queue)| (name.to_owned(), queue.lengths()));
    let running = queues.iter().map(|(name, (running, _))| ([name.clone()], *running as f64));
    out.gauges(&of::SLOW_WORK_RUNNING, running)?;
    let waiting = queues.iter().map(|(name, (_, waiting))| ([name.clone()], *waiting as f64));
    out.gauges(&of::SLOW_WORK_WAITING, waiting)?;
    let uploads =
        [("attachment", app.load.transfers.lengths()), ("box", app.key_service.uploads.lengths())];
    let uploads = uploads.into_iter().flat_map(|(target, (running, waiting))| {
        [("running", running), ("waiting", waiting)]
            .map(|(state, count)| ([target.to_owned(), state.to_owned()], count as f64))
    });
    out.gauges(&of::UPLOADS, uploads)?;
    out.gauge(&of::KEY_POOL_READY, app.key_service.pool.ready() as f64)?;
    out.gauge(&of::BODY_MEMORY_BYTES, app.load.body_budget.held_bytes() as f64)
}

fn store(app: &App, out: &mut Exposition<'_>) -> fmt::Result {
    let figures = app.store.figures();
    out.gauge(&of::STORE_QUEUE_LENGTH, figures.waiting() as f64)?;
    out.histograms(&of::STORE_COMMIT_CHANGES, [([], figures.commit_changes.values())])?;
    out.histograms(&of::STORE_COMMIT_DURATION_SECONDS, [([], figures.commit_times.values())])?;
    let syncs = [("database", &*figures.database_syncs), ("slots", &figures.slot_syncs)];
    let syncs = syncs.map(|(file, times)| ([file.to_owned()], times.values()));
    out.histograms(&of::STORE_SYNC_DURATION_SECONDS, syncs)?;
    out.gauge(&of::STORE_RECORDS, figures.records() as f64)?;
    // What cannot be read is left out, so that an alert on its absence can tell.
    let size = app.store.size().map_err(|error| {
        tracing::warn!(%error, "the size of the data directory is unknown");
    });
    let parts = size.into_iter().flat_map(|size| {
        [("database", size.database), ("slots", size.slots), ("files", size.files)]
    });
    let parts = parts.map(|(part, bytes)| ([part.to_owned()], bytes as f64));
    out.gauges(&of::STORE_SIZE_BYTES, parts)?;
    let turned = app.store.ring_turned_at().map(|at| ([], at.0 as f64));
    out.gauges(&of::RING_TURNED_TIMESTAMP_SECONDS, turned)?;
    let table = app.store.key_table_time().map(|at| ([], at.0 as f64));
    out.gauges(&of::KEY_TABLE_TIMESTAMP_SECONDS, table)?;
    out.counter(&of::RING_TURN_FAILURES, app.metrics.ring_failures.get())?;
    let space = app.store.space().map_err(|error| {
        tracing::warn!(%error, "the free space of the disk is unknown");
    });
    let space = space.ok();
    let value = |bytes: Option<u64>| bytes.map(|bytes| ([], bytes as f64));
    out.gauges(&of::DISK_FREE_BYTES, value(space.map(|space| space.free)))?;
    out.gauges(&of::DISK_SIZE_BYTES, value(space.map(|space| space.total)))?;
    out.gauges(&of::DISK_RESERVE_BYTES, value(space.map(|space| space.reserve())))
}

fn deliveries(app: &App, out: &mut Exposition<'_>) -> fmt::Result {
    let lanes = [(Lane::Mail, "mail"), (Lane::Webhook, "webhook"), (Lane::GivenUp, "given_up")];
    // What cannot be read is left out, as above.
    let items = lanes.into_iter().filter_map(|(lane, name)| {
        let items = outbox_items(&app.store, lane).map_err(|error| {
            tracing::warn!(%error, "the number of items in the outbox is unknown");
        });
        Some(([name.to_owned()], items.ok()? as f64))
    });
    out.gauges(&of::OUTBOX_ITEMS, items)?;
    let outcomes = lanes.into_iter().filter(|(lane, _)| *lane != Lane::GivenUp);
    out.counters(
        &of::DELIVERIES,
        outcomes.flat_map(|(lane, name)| {
            DeliveryOutcomeKind::ALL.into_iter().map(move |kind| {
                let labels = [name.to_owned(), kind.name().to_owned()];
                (labels, app.deliveries.outcomes(lane, kind))
            })
        }),
    )
}

fn environment(app: &App, out: &mut Exposition<'_>) -> fmt::Result {
    let end = app.metrics.certificate_end().map(|end| ([], end.0 as f64));
    out.gauges(&of::CERTIFICATE_EXPIRY_TIMESTAMP_SECONDS, end)?;
    out.gauge(&of::CLOCK_TIMESTAMP_SECONDS, app.clock.now().0 as f64)?;
    out.gauge(&of::CLOCK_TRUSTED, if app.clock.trouble().is_none() { 1.0 } else { 0.0 })?;
    out.gauge(&of::START_TIMESTAMP_SECONDS, app.metrics.started.0 as f64)?;
    out.gauges(&of::BUILD_INFO, [([env!("CARGO_PKG_VERSION").to_owned()], 1.0)])
}
