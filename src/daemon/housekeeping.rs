//! Periodic work of the daemon: it sweeps expired records and checks the store.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::{JoinSet, spawn_blocking},
    time::{MissedTickBehavior, interval, timeout},
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
/// How long a stop waits for work that has begun. What takes longer ends when the store is closed.
const STOP: Duration = Duration::from_secs(5);

/// The running housekeeping; it also ends when it is dropped, but the work that has begun goes on for a while.
pub(crate) struct Housekeeping {
    tasks: JoinSet<()>,
    /// Ends when no work goes on any more.
    done: mpsc::Receiver<()>,
}

/// Work that goes on: it is over when this is dropped.
type Working = mpsc::Sender<()>;

impl Housekeeping {
    /// Begins no more work, and waits for the work that has begun, five seconds at most.
    pub(crate) async fn stop(mut self) {
        drop(self.tasks);
        if timeout(STOP, self.done.recv()).await.is_err() {
            tracing::info!("housekeeping is still at work; it will go on after the next start");
        }
    }
}

/// Starts the housekeeping.
pub(crate) fn start(app: &Arc<App>) -> Housekeeping {
    let (working, done) = mpsc::channel(1);
    let working = || Some(working.clone());
    let mut tasks = JoinSet::new();
    let sweeper = Arc::clone(app);
    tasks.spawn(repeat(SWEEP, working(), move || {
        let App { store, clock, rules, key_service, .. } = &*sweeper;
        key_service.tickets.sweep(clock.monotonic());
        if let Err(error) = sweep(store, clock.settled(), rules.keep_log_seconds) {
            tracing::error!(%error, "cannot sweep expired records");
        }
    }));
    let turner = Arc::clone(app);
    let look = RING_LOOK.min(Duration::from_secs(app.rules.ring_turn_seconds));
    let has_failed = AtomicBool::new(false);
    tasks.spawn(repeat(look, working(), move || ring::turn_if_due(&turner, &has_failed)));
    tasks.spawn(late_tries::write_in_background(Arc::clone(app)));
    let used = Arc::clone(app);
    tasks.spawn(repeat(KEY_USES, working(), move || match used.api_keys.write_uses(&used.store) {
        // The daemon stops, and writes the uses itself.
        Ok(()) | Err(StoreError::Closed) => {}
        Err(error) => tracing::error!(%error, "cannot write when API keys were used"),
    }));
    if app.store.process() != 0 {
        let reader = Arc::clone(app);
        tasks.spawn(repeat(SHARED_KEYS, working(), move || {
            if let Err(error) = reader.api_keys.reload(&reader.store) {
                tracing::error!(%error, "cannot read the API keys again");
            }
        }));
    }
    let historian = Arc::clone(app);
    tasks.spawn(repeat(HISTORY, working(), move || {
        match write_history(&historian) {
            // The daemon stops, and has written the history.
            Ok(()) | Err(StoreError::Closed) => {}
            Err(error) => tracing::error!(%error, "cannot write the history"),
        }
    }));
    let tidier = Arc::clone(app);
    tasks.spawn(repeat(TIDY, working(), move || {
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
    Housekeeping { tasks, done }
}

/// Does `work` on a thread that may block, at once and then regularly, until the future is dropped. `working` is
/// dropped when the work that has begun by then is over.
pub(super) async fn repeat(
    every: Duration,
    working: Option<Working>,
    work: impl Fn() + Send + Sync + 'static,
) {
    let work = Arc::new(work);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (work, working) = (Arc::clone(&work), working.clone());
        let run = move || {
            work();
            // What it uses is free again before anybody is told that it is over.
            drop(work);
            drop(working);
        };
        if let Err(error) = spawn_blocking(run).await {
            tracing::error!(%error, "housekeeping failed unexpectedly; it will be retried");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::channel,
    };

    use tokio::{spawn, sync::Notify, task::yield_now};

    use super::*;

    #[tokio::test]
    async fn a_stop_waits_for_work_that_has_begun() {
        let (begun, ended) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let (go_on, gate) = channel::<()>();
        let (gate, begins, ends) = (Mutex::new(gate), Arc::clone(&begun), Arc::clone(&ended));
        let (working, done) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        tasks.spawn(repeat(TIDY, Some(working), move || {
            begins.notify_one();
            gate.lock().unwrap().recv().unwrap();
            ends.store(true, Ordering::Relaxed);
        }));
        begun.notified().await;
        let stop = spawn(Housekeeping { tasks, done }.stop());
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(!stop.is_finished());
        go_on.send(()).unwrap();
        stop.await.unwrap();
        assert!(ended.load(Ordering::Relaxed));
    }
}
