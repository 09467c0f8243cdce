//! Periodic work of the daemon: it sweeps expired records and checks the store.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{MissedTickBehavior, interval},
};

use super::ring;
use crate::{
    api::{App, secrets::late_tries, status::write_history},
    domain::{drop_box, notify::outbox, operator, secret::gaps, sweep::sweep},
    store::StoreError,
};

/// The longest delay of a sweep. An expired secret is refused at once anyway.
const SWEEP: Duration = Duration::from_secs(10);
/// The most of the history that a crash can lose.
const HISTORY: Duration = Duration::from_secs(60);
/// The most uses of API keys that a crash can lose.
const KEY_USES: Duration = Duration::from_secs(60);
/// The longest time after which a process knows the API keys that another process has created or revoked.
const SHARED_KEYS: Duration = Duration::from_secs(5);
/// How often it is asked whether a turn of the ring is due, or due again after a failure.
const RING_LOOK: Duration = Duration::from_secs(30);
const TIDY: Duration = Duration::from_secs(3600);

/// Starts the housekeeping; it ends when the set is dropped.
pub(crate) fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let sweeper = Arc::clone(app);
    tasks.spawn(repeat(SWEEP, move || {
        let App { store, clock, rules, key_service, .. } = &*sweeper;
        key_service.tickets.sweep(clock.monotonic());
        if let Err(error) = sweep(store, clock.settled(), rules.keep_log_seconds) {
            tracing::error!(%error, "cannot sweep expired records");
        }
    }));
    let turner = Arc::clone(app);
    let look = RING_LOOK.min(Duration::from_secs(app.rules.ring_turn_seconds));
    let has_failed = AtomicBool::new(false);
    tasks.spawn(repeat(look, move || ring::turn_if_due(&turner, &has_failed)));
    tasks.spawn(late_tries::write_in_background(Arc::clone(app)));
    let used = Arc::clone(app);
    tasks.spawn(repeat(KEY_USES, move || match used.api_keys.write_uses(&used.store) {
        // The daemon stops, and writes the uses itself.
        Ok(()) | Err(StoreError::Closed) => {}
        Err(error) => tracing::error!(%error, "cannot write when API keys were used"),
    }));
    if app.store.process() != 0 {
        let reader = Arc::clone(app);
        tasks.spawn(repeat(SHARED_KEYS, move || {
            if let Err(error) = reader.api_keys.reload(&reader.store) {
                tracing::error!(%error, "cannot read the API keys again");
            }
        }));
    }
    let historian = Arc::clone(app);
    tasks.spawn(repeat(HISTORY, move || {
        match write_history(&historian) {
            // The daemon stops, and has written the history.
            Ok(()) | Err(StoreError::Closed) => {}
            Err(error) => tracing::error!(%error, "cannot write the history"),
        }
    }));
    let tidier = Arc::clone(app);
    tasks.spawn(repeat(TIDY, move || {
        if let Err(error) = operator::finish_deletions(&tidier.store, tidier.clock.now()) {
            tracing::error!(%error, "cannot continue the deletion of accounts");
        }
        if let Err(error) = drop_box::finish_deletions(&tidier.store) {
            tracing::error!(%error, "cannot continue the deletion of boxes");
        }
        match gaps::check(&tidier.store) {
            // The daemon stops, and counts after the next start.
            Ok(()) | Err(StoreError::Closed) => {}
            Err(error) => tracing::error!(%error, "cannot count the lists of secrets"),
        }
        let now = tidier.clock.settled();
        let swept = outbox::sweep_limits(&tidier.store, now)
            .and_then(|()| outbox::sweep_given_up(&tidier.store, now));
        if let Err(error) = swept {
            tracing::error!(%error, "cannot sweep the outbox");
        }
        if let Err(error) = tidier.store.tidy() {
            tracing::error!(error, "the check of the store failed");
        }
    }));
    tasks
}

/// Does `work` on a thread that may block, at once and then regularly, until the future is dropped.
pub(super) async fn repeat(every: Duration, work: impl Fn() + Send + Sync + 'static) {
    let work = Arc::new(work);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let work = Arc::clone(&work);
        if let Err(error) = spawn_blocking(move || work()).await {
            tracing::error!(%error, "housekeeping failed unexpectedly; it will be retried");
        }
    }
}
