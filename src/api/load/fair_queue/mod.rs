//! Queues for slow work, fair by client: the clients in a queue take turns, and each one has a limited
//! share of the running and the queued work.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::sleep};

use super::work::blocking;
use crate::{api::ApiError, domain::limits::client_net::ClientNet};

/// How many jobs of one client may wait for each job that can run.
const WAITING_OF_CLIENT: usize = 16;
/// How many jobs of all clients may wait for each job that can run.
const WAITING: usize = 128;

/// The pause before a client is rejected because its share of the queue is full. Without the pause,
/// immediate retries would cost as much CPU time as the rejected work.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);

/// A queue for one kind of work.
#[derive(Clone)]
pub struct FairQueue(Arc<Queue>);

struct Queue {
    most_running: usize,
    most_of_client: usize,
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    running: usize,
    waiting: usize,
    clients: HashMap<ClientNet, OneClient>,
    /// Clients with queued jobs, the next one first.
    rotation: VecDeque<ClientNet>,
}

#[derive(Default)]
struct OneClient {
    running: usize,
    waiting: VecDeque<oneshot::Sender<QueueTurn>>,
}

/// The reason why a client cannot enter the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// The client's share of the queue is full.
    OfClient,
    /// The queue is full, or another client has taken this job's place.
    OfAll,
}

/// The right to run one job, returned to the queue on drop.
pub struct QueueTurn {
    /// `None` after the return.
    queue: Option<Arc<Queue>>,
    client: ClientNet,
}

impl FairQueue {
    /// A queue for slow work. One client can run at most `most_running - 1` jobs at once (or 1 if
    /// `most_running` is 1), so that a place is free for another client.
    pub(super) fn for_long_work(most_running: usize) -> Self {
        Self::new(most_running, most_running.saturating_sub(1).max(1))
    }

    /// A queue for short work: one client can use all `most_running` places.
    pub(super) fn for_short_work(most_running: usize) -> Self {
        Self::new(most_running, most_running)
    }

    fn new(most_running: usize, most_of_client: usize) -> Self {
        Self(Arc::new(Queue { most_running, most_of_client, state: Mutex::default() }))
    }

    /// The numbers of running and of queued jobs.
    #[must_use]
    pub fn lengths(&self) -> (usize, usize) {
        let state = self.0.state();
        (state.running, state.waiting)
    }

    /// The maximum number of threads in use.
    pub(super) fn most_running(&self) -> usize {
        self.0.most_running
    }

    /// Waits for a turn.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] if the queue is full, or if the client's share is full (after half a second).
    pub async fn turn(&self, client: ClientNet) -> Result<QueueTurn, ApiError> {
        match self.bounded_turn(client).await {
            Ok(turn) => Ok(turn),
            Err(full) => {
                if full == Full::OfClient {
                    sleep(REFUSAL_DELAY).await;
                }
                Err(ApiError::Busy)
            }
        }
    }

    async fn bounded_turn(&self, client: ClientNet) -> Result<QueueTurn, Full> {
        let Queue { most_running, .. } = *self.0;
        let limits = (WAITING_OF_CLIENT * most_running, WAITING * most_running);
        self.wait(client, Some(limits)).await
    }

    /// Waits for a turn without a limit on the queue's length, for an answer that has already begun.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`], in theory only: a job in an unlimited queue is not rejected.
    pub(crate) async fn later_turn(&self, client: ClientNet) -> Result<QueueTurn, ApiError> {
        self.wait(client, None).await.map_err(|_| ApiError::Busy)
    }

    async fn wait(
        &self,
        client: ClientNet,
        limits: Option<(usize, usize)>,
    ) -> Result<QueueTurn, Full> {
        let turn = {
            let mut state = self.0.state();
            if state.may_run(client, &self.0) {
                state.begin(client);
                return Ok(QueueTurn { queue: Some(Arc::clone(&self.0)), client });
            }
            if let Some((of_client, of_all)) = limits {
                state.make_room(client, of_client, of_all)?;
            }
            let (sender, receiver) = oneshot::channel();
            state.push(client, sender);
            receiver
        };
        // The sender is dropped only if a client with fewer queued jobs takes the place.
        turn.await.map_err(|_| Full::OfAll)
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn back, and gives free turns to the next clients.
    fn give_back(self: &Arc<Self>, client: ClientNet) {
        let mut state = self.state();
        state.end(client);
        let mut looked_at = 0;
        while state.running < self.most_running && looked_at < state.rotation.len() {
            let Some(next) = state.rotation.pop_front() else { return };
            let Some(queue) = state.clients.get_mut(&next) else { continue };
            if queue.running >= self.most_of_client {
                state.rotation.push_back(next);
                looked_at += 1;
                continue;
            }
            let waiter = queue.waiting.pop_front();
            if !queue.waiting.is_empty() {
                state.rotation.push_back(next);
            }
            let Some(waiter) = waiter else { continue };
            state.waiting -= 1;
            state.begin(next);
            looked_at = 0;
            let turn = QueueTurn { queue: Some(Arc::clone(self)), client: next };
            if let Err(mut unclaimed) = waiter.send(turn) {
                // The client has disconnected. Dropping the turn unchanged would lock the state again.
                unclaimed.queue = None;
                state.end(next);
            }
        }
    }
}

impl QueueState {
    fn may_run(&self, client: ClientNet, queue: &Queue) -> bool {
        // If a place is free, the queued clients already run their maximum, so this client does not
        // overtake them.
        let own = self.clients.get(&client).map_or(0, |own| own.running);
        self.running < queue.most_running && own < queue.most_of_client
    }

    fn begin(&mut self, client: ClientNet) {
        self.running += 1;
        self.clients.entry(client).or_default().running += 1;
    }

    fn end(&mut self, client: ClientNet) {
        self.running -= 1;
        if let Some(own) = self.clients.get_mut(&client) {
            own.running -= 1;
        }
        self.forget_idle(client);
    }

    fn push(&mut self, client: ClientNet, waiter: oneshot::Sender<QueueTurn>) {
        let own = self.clients.entry(client).or_default();
        if own.waiting.is_empty() {
            self.rotation.push_back(client);
        }
        own.waiting.push_back(waiter);
        self.waiting += 1;
    }

    /// Whether the client may queue a job. If the queue is full, the client with the most queued jobs loses
    /// its last one to a client with fewer.
    fn make_room(
        &mut self,
        client: ClientNet,
        of_client: usize,
        of_all: usize,
    ) -> Result<(), Full> {
        if self.waiting_of(client) >= of_client || self.waiting >= of_all {
            self.forget_hung_up();
        }
        let own = self.waiting_of(client);
        if own >= of_client {
            return Err(Full::OfClient);
        }
        if self.waiting < of_all {
            return Ok(());
        }
        let longest = self.rotation.iter().copied().max_by_key(|other| self.waiting_of(*other));
        let longest = longest.filter(|longest| self.waiting_of(*longest) > own + 1);
        let longest = longest.ok_or(Full::OfAll)?;
        if let Some(queue) = self.clients.get_mut(&longest) {
            queue.waiting.pop_back();
            self.waiting -= 1;
        }
        Ok(())
    }

    fn waiting_of(&self, client: ClientNet) -> usize {
        self.clients.get(&client).map_or(0, |own| own.waiting.len())
    }

    fn forget_hung_up(&mut self) {
        for own in self.clients.values_mut() {
            let before = own.waiting.len();
            own.waiting.retain(|waiter| !waiter.is_closed());
            self.waiting -= before - own.waiting.len();
        }
        let clients = &mut self.clients;
        self.rotation
            .retain(|client| clients.get(client).is_some_and(|own| !own.waiting.is_empty()));
        clients.retain(|_, own| own.running > 0 || !own.waiting.is_empty());
    }

    fn forget_idle(&mut self, client: ClientNet) {
        let is_idle = |own: &OneClient| own.running == 0 && own.waiting.is_empty();
        if self.clients.get(&client).is_some_and(is_idle) {
            self.clients.remove(&client);
        }
    }
}

impl QueueTurn {
    /// Runs `work` on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`ApiError::Internal`] if `work` panics.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        // The turn is held until the end of the work, even if the client disconnects.
        blocking(move || {
            let _turn = self;
            work()
        })
        .await
    }
}

impl Drop for QueueTurn {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.give_back(self.client);
        }
    }
}
