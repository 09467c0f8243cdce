//! One lane of the outbox: fetches a few numbers of due items at a time, and tries a few at once.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    task::{Id, JoinError, JoinSet, spawn_blocking},
    time::{Instant, sleep, timeout},
};

use super::{
    DeliveryContext,
    attempt::{Attempted, DeliveryOutcome, attempt, give_up_old, settle},
};
use crate::{
    clock::{MonotonicSeconds, UnixSeconds},
    domain::{
        notify::outbox::{self, Outgoing},
        numbers::{Lane, OutboxNumber},
    },
    store::{FoundPayload, StoreError},
};

/// The number of items that are fetched at a time.
const BATCH: usize = 256;
/// The outcomes that may wait for the disk at once. They share commits.
const MAX_NOTING: usize = 64;
/// The longest time between two looks.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// The shortest time between two looks, however often the loop is woken.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How often unused connections are looked for.
const BETWEEN_TIDIES: Duration = Duration::from_secs(1);
/// The pause of the lane when no delivery is possible; doubled each time.
const FIRST_PAUSE_SECONDS: u64 = 60;
const LONGEST_PAUSE_SECONDS: u64 = 15 * 60;

/// How long deliveries in progress may continue after a signal to stop. Unfinished ones are repeated after
/// the next start.
const GRACE: Duration = Duration::from_secs(5);

/// Delivers the items of a lane.
pub(super) trait Courier: Send + Sync + 'static {
    /// The lane.
    const LANE: Lane;
    /// The number of concurrent attempts.
    const PLACES: usize;
    /// What an item is called in messages, as in "a mail".
    const WHAT: &'static str;
    /// Whether all items go to one server, so that one is tried before the others.
    const IS_ONE_SERVER: bool;

    /// Makes one attempt.
    fn deliver(
        &self,
        number: OutboxNumber,
        outgoing: Outgoing,
        payload: Option<FoundPayload>,
    ) -> impl Future<Output = DeliveryOutcome> + Send;

    /// Ends all pauses, on the operator's request.
    fn try_now(&self);

    /// Whether [`Courier::rest`] will have something to release soon.
    fn holds(&self) -> bool;

    /// Called regularly, and with `is_end` after the last attempt: releases unused connections.
    fn rest(&self, is_end: bool) -> impl Future<Output = ()> + Send;
}

/// Delivers the items in the lane of `courier`, until the other end of `stop` is dropped.
pub(super) async fn run<C: Courier>(
    context: Arc<DeliveryContext>,
    courier: Arc<C>,
    mut stop: watch::Receiver<()>,
) {
    let mut state = LaneState::new(context, courier);
    let deliveries = Arc::clone(&state.context.deliveries);
    let Some(bell) = deliveries.bell(C::LANE) else { return };
    loop {
        if bell.try_now.swap(false, Ordering::AcqRel) {
            state.pause = None;
            state.courier.try_now();
        }
        state.fill().await;
        let rest = state.rest();
        tokio::select! {
            biased;
            _ = stop.changed() => break,
            Some(tried) = state.trying.join_next_with_id() => state.note(tried),
            Some(noted) = state.noting.join_next() => state.noted(noted),
            () = bell.ring.notified() => state.is_woken = true,
            () = sleep(rest) => {}
        }
        state.tidy().await;
    }
    // Attempts that wait for a place are not started any more.
    state.sending.close();
    let ended = async {
        while let Some(tried) = state.trying.join_next_with_id().await {
            state.note(tried);
        }
        while let Some(noted) = state.noting.join_next().await {
            state.noted(noted);
        }
    };
    if timeout(GRACE, ended).await.is_err() {
        tracing::warn!(
            "{} was interrupted by the stop, and is sent again after the next start",
            C::WHAT
        );
        state.trying.abort_all();
    }
    state.courier.rest(true).await;
}

struct LaneState<C> {
    context: Arc<DeliveryContext>,
    courier: Arc<C>,
    /// Due, and not tried yet.
    queue: VecDeque<OutboxNumber>,
    /// Twice as many as may be sent at once, so that sending does not wait for the store.
    trying: JoinSet<Attempted>,
    numbers: HashMap<Id, OutboxNumber>,
    sending: Arc<Semaphore>,
    /// Outcomes that are being written to the disk. Their places are already free.
    noting: JoinSet<(OutboxNumber, Result<(), StoreError>)>,
    /// The numbers of these items.
    unnoted: HashSet<OutboxNumber>,
    /// Records that cannot be read, which would stay due.
    unreadable: HashSet<OutboxNumber>,
    /// The end of the pause, and its length.
    pause: Option<(MonotonicSeconds, u64)>,
    /// Whether the last attempt has reached the server.
    is_up: bool,
    is_woken: bool,
    look_again: Instant,
    tidy_again: Instant,
    next_due: Option<UnixSeconds>,
}

impl<C: Courier> LaneState<C> {
    fn new(context: Arc<DeliveryContext>, courier: Arc<C>) -> Self {
        Self {
            context,
            courier,
            queue: VecDeque::new(),
            trying: JoinSet::new(),
            numbers: HashMap::new(),
            sending: Arc::new(Semaphore::new(C::PLACES)),
            noting: JoinSet::new(),
            unnoted: HashSet::new(),
            unreadable: HashSet::new(),
            pause: None,
            is_up: false,
            is_woken: true,
            look_again: Instant::now(),
            tidy_again: Instant::now(),
            next_due: None,
        }
    }

    fn now(&self) -> UnixSeconds {
        self.context.clock.now()
    }

    /// How many attempts may be in progress now: one to find out whether the server answers, then all
    /// places, and as many that wait for one.
    fn places(&self) -> usize {
        match self.pause {
            Some((until, _)) if self.context.clock.monotonic() < until => 0,
            _ if self.noting.len() >= MAX_NOTING => 0,
            _ if self.is_up || !C::IS_ONE_SERVER => 2 * C::PLACES,
            _ => 1,
        }
    }

    /// Starts attempts for due items, as far as there are places.
    async fn fill(&mut self) {
        while self.trying.len() < self.places() {
            if self.queue.is_empty() {
                if Instant::now() < self.look_again {
                    self.is_woken = true;
                    return;
                }
                self.look().await;
            }
            let Some(number) = self.queue.pop_front() else { return };
            let (courier, sending) = (Arc::clone(&self.courier), Arc::clone(&self.sending));
            let attempt = attempt(Arc::clone(&self.context), courier, sending, number);
            let task = self.trying.spawn(attempt);
            self.numbers.insert(task.id(), number);
        }
    }

    async fn look(&mut self) {
        self.is_woken = false;
        self.look_again = Instant::now() + BETWEEN_LOOKS;
        let busy = self.numbers.values().chain(&self.unnoted).chain(&self.unreadable);
        let busy: HashSet<OutboxNumber> = busy.copied().collect();
        let (store, now) = (self.context.store.clone(), self.now());
        let read = move || {
            let mut listed = HashSet::new();
            let is_busy = |number| {
                let is_busy = busy.contains(&number);
                if is_busy {
                    listed.insert(number);
                }
                is_busy
            };
            let due = outbox::due(&store, C::LANE, now, BATCH, is_busy);
            due.map(|(found, next_due)| (found, next_due, listed))
        };
        match spawn_blocking(read).await {
            Ok(Ok((found, next_due, listed))) => {
                if found.len() < BATCH {
                    // Others have been deleted, such as those that another process has delivered.
                    self.unreadable.retain(|number| listed.contains(number));
                }
                self.queue.extend(found);
                self.next_due = next_due;
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the outbox cannot be read");
                self.is_woken = true;
            }
            Err(error) => tracing::error!(%error, "reading the outbox broke off"),
        }
    }

    /// Releases unused connections, at most once in an interval, however often the loop is woken.
    async fn tidy(&mut self) {
        let now = Instant::now();
        if now >= self.tidy_again {
            self.tidy_again = now + BETWEEN_TIDIES;
            self.courier.rest(false).await;
        }
    }

    /// The time until the next regular action.
    fn rest(&self) -> Duration {
        let places = self.places();
        if self.is_woken && self.trying.len() < places {
            return self.look_again.saturating_duration_since(Instant::now());
        }
        let seconds = match (places, self.pause) {
            (0, pause) => pause.map(|(until, _)| until.since(self.context.clock.monotonic())),
            _ => self.next_due.map(|next| next.0.saturating_sub(self.now().0)),
        };
        let seconds = seconds.unwrap_or(u64::MAX);
        let longest = if self.courier.holds() { BETWEEN_TIDIES } else { LONGEST_REST };
        Duration::from_secs(seconds.max(1)).min(longest)
    }

    /// Records the outcome of an attempt. The item is not tried again before the outcome is on disk.
    fn note(&mut self, tried: Result<(Id, Attempted), JoinError>) {
        let (id, attempted) = match tried {
            Ok((id, attempted)) => (id, attempted),
            Err(error) => {
                tracing::error!(%error, "sending failed unexpectedly");
                let text = "sending failed unexpectedly: see the log of the daemon".to_owned();
                (error.id(), Attempted::With(DeliveryOutcome::Later(text)))
            }
        };
        let Some(number) = self.numbers.remove(&id) else { return };
        match attempted {
            // The item is not read again while the index still lists it.
            Attempted::Nothing => drop(self.unreadable.insert(number)),
            // It is due again when the other process has failed, or let go of it.
            Attempted::Elsewhere => {}
            Attempted::With(DeliveryOutcome::Down(error)) => self.down(number, error),
            Attempted::With(outcome) => {
                if !matches!(outcome, DeliveryOutcome::Pointless | DeliveryOutcome::NotBefore(..)) {
                    (self.is_up, self.pause) = (true, None);
                }
                let context = Arc::clone(&self.context);
                self.spawn_noting(number, async move {
                    let now = context.clock.now();
                    settle::<C>(&context, number, outcome, now).await
                });
            }
        }
    }

    fn noted(&mut self, noted: Result<(OutboxNumber, Result<(), StoreError>), JoinError>) {
        match noted {
            Ok((number, done)) => {
                self.unnoted.remove(&number);
                self.check(number, done);
            }
            // Its number stays among those that are not tried again.
            Err(error) => tracing::error!(%error, "recording an outcome failed unexpectedly"),
        }
    }

    /// An item whose outcome is not on disk is still due, and would be tried again and again.
    fn check(&mut self, number: OutboxNumber, done: Result<(), StoreError>) {
        if let Err(error) = done {
            self.unreadable.insert(number);
            if !matches!(error, StoreError::Closed) {
                tracing::error!(outbox = number.0, %error, "the outbox cannot be changed");
            }
        }
    }

    /// No delivery is possible: the lane pauses, and the item of the failed attempt is tried again later.
    /// Other attempts of the same moment are not affected.
    fn down(&mut self, number: OutboxNumber, error: String) {
        let was_up = std::mem::replace(&mut self.is_up, false);
        let (now, monotonic) = (self.now(), self.context.clock.monotonic());
        if self.pause.is_some_and(|(until, _)| monotonic < until) {
            return;
        }
        self.queue.clear();
        let seconds = match self.pause {
            Some((_, seconds)) => (seconds * 2).min(LONGEST_PAUSE_SECONDS),
            None => FIRST_PAUSE_SECONDS,
        };
        self.pause = Some((monotonic.plus(seconds), seconds));
        if was_up || seconds == FIRST_PAUSE_SECONDS {
            tracing::warn!(error, "nothing can be sent: trying again in {seconds} seconds");
        }
        let context = Arc::clone(&self.context);
        self.spawn_noting(number, async move {
            settle::<C>(&context, number, DeliveryOutcome::Down(error.clone()), now).await?;
            // The failure is not caused by this item.
            if let Err(error) = give_up_old::<C>(&context, &error).await {
                tracing::error!(%error, "items that are too old cannot be given up");
            }
            Ok(())
        });
    }

    fn spawn_noting(
        &mut self,
        number: OutboxNumber,
        noting: impl Future<Output = Result<(), StoreError>> + Send + 'static,
    ) {
        self.unnoted.insert(number);
        self.noting.spawn(async move { (number, noting.await) });
    }
}
