//! The state of the daemon: for its operator at the administration socket, and for the owner's page.

use super::App;
use crate::{
    clock::UnixSeconds,
    domain::{
        census::{Census, outbox_items},
        history::{HourCounts, HourRecord, StoredLevels},
        numbers::Lane,
        server_status::{
            DiskStatus, HourItem, QueueStatus, SecretsStatus, ServerStatus, StatusWarning,
        },
    },
    store::StoreError,
};

/// The events since the start, and the present levels. Blocks.
fn counted(app: &App) -> (HourCounts, StoredLevels) {
    let census = Census::of(&app.store);
    let events = HourCounts {
        created: census.secrets_created,
        views: census.views,
        burned: census.secrets_burned,
        late_tries: app.late_tries.count(),
        refusals: app.metrics.refusals.total(),
    };
    let stored_bytes = app.store.size().map_or(0, |size| size.total());
    (events, StoredLevels { live_secrets: census.live_secrets, stored_bytes })
}

/// Writes the history. Blocks.
///
/// # Errors
///
/// [`StoreError`] if it cannot be written.
pub fn write_history(app: &App) -> Result<(), StoreError> {
    let (events, levels) = counted(app);
    app.history.write(&app.store, events, levels, app.clock.settled())
}

/// The state of the daemon. Blocks.
///
/// # Errors
///
/// [`StoreError`] if the history or the outbox cannot be read.
pub fn status(app: &App) -> Result<ServerStatus, StoreError> {
    let (events, levels) = counted(app);
    let now = app.clock.now();
    let hours = app.history.read(&app.store, events, levels, app.clock.settled())?;
    let census = Census::of(&app.store);
    let certificate = app.metrics.certificate_end();
    let mut status = ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: app.metrics.started.to_string(),
        uptime_seconds: now.0.saturating_sub(app.metrics.started.0),
        secrets: today(&hours, levels, now),
        boxes: census.live_boxes,
        messages: census.live_messages,
        disk: disk(app, levels),
        queues: queues(app)?,
        connections: app.metrics.connections.now_open(),
        certificate_ends_at: certificate.map(|end| end.to_string()),
        ring_turned_at: app
            .store
            .ring_turned_at()
            .filter(|at| *at != UnixSeconds::default())
            .map(|at| at.to_string()),
        key_table_at: app.store.key_table_time().map(|at| at.to_string()),
        warnings: Vec::new(),
        history: hours.iter().map(item).collect(),
    };
    let clock = app.clock.trouble().map(|trouble| trouble.to_string());
    let warnings: Vec<StatusWarning> = status.warnings(certificate, clock, app.mail_ready(), now);
    status.warnings = warnings;
    Ok(status)
}

fn today(
    hours: &[(UnixSeconds, HourRecord)],
    levels: StoredLevels,
    now: UnixSeconds,
) -> SecretsStatus {
    let day = now.day();
    let mut sum = HourCounts::default();
    for (_, hour) in hours.iter().filter(|(at, _)| at.day() == day) {
        sum += hour.events;
    }
    SecretsStatus {
        live: levels.live_secrets,
        created_today: sum.created,
        views_today: sum.views,
        burned_today: sum.burned,
        late_tries_today: sum.late_tries,
        refusals_today: sum.refusals,
    }
}

fn disk(app: &App, levels: StoredLevels) -> DiskStatus {
    let space = app.store.space().ok();
    DiskStatus {
        free_bytes: space.map(|space| space.free),
        size_bytes: space.map(|space| space.total),
        reserve_bytes: space.map(|space| space.reserve()),
        used_bytes: Some(levels.stored_bytes).filter(|bytes| *bytes > 0),
    }
}

fn queues(app: &App) -> Result<QueueStatus, StoreError> {
    let waiting = app.load.slow_work.queues().map(|(_, queue)| queue.lengths().1 as u64);
    Ok(QueueStatus {
        changes: app.store.figures().waiting(),
        slow_work: waiting.into_iter().sum(),
        mails: outbox_items(&app.store, Lane::Mail)?,
        webhook_calls: outbox_items(&app.store, Lane::Webhook)?,
        given_up: outbox_items(&app.store, Lane::GivenUp)?,
    })
}

fn item((at, hour): &(UnixSeconds, HourRecord)) -> HourItem {
    let HourRecord { events, levels } = hour;
    HourItem {
        at: at.to_string(),
        created: events.created,
        views: events.views,
        burned: events.burned,
        late_tries: events.late_tries,
        refusals: events.refusals,
        live_secrets: levels.live_secrets,
        stored_bytes: levels.stored_bytes,
    }
}
