//! The open connections: their owners, and which one ends when a place is needed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::domain::limits::client_net::ClientNet;

/// One of this many places is reserved for clients without a connection.
const PLACES_PER_RESERVED: usize = 16;
const MAX_RESERVED: usize = 64;
/// The most requests in a row over HTTP/2 that a client may take back before their answers are read.
const MAX_ABANDONED: u64 = 100;

/// The limits for open connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// For all connections together.
    pub all: usize,
    /// For the connections of one client, and for its concurrent requests through trusted proxies and over
    /// HTTP/2.
    pub of_client: usize,
}

/// The owner of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Client(ClientNet),
    /// A trusted proxy, which has no limit because it carries the requests of many clients.
    Proxies,
}

/// Why a connection, or a request, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The client has used up its share.
    Share,
    /// All places are taken, and none is idle.
    Full,
}

/// All open connections.
pub(super) struct Connections {
    limits: ConnectionLimits,
    /// Counts the moments at which connections became idle, from [`FIRST_MOMENT`].
    moments: Arc<AtomicU64>,
    table: Mutex<ConnectionTable>,
}

#[derive(Default)]
struct ConnectionTable {
    open: usize,
    connections: HashMap<Owner, Vec<Arc<OpenConnection>>>,
    /// The requests in progress that are counted: those through proxies, and over HTTP/2.
    requests: HashMap<ClientNet, usize>,
}

/// No request is in progress, and the last answer is not written yet. The number of requests in progress
/// follows.
const ANSWERED: u64 = 0;
/// From here, a phase is the moment at which a connection became idle.
const FIRST_MOMENT: u64 = 1 << 32;
/// It was idle and had to end.
const ENDED: u64 = u64::MAX;

/// One open connection. It is idle until the head of its first request is complete, and between an answer
/// and the head of the next request.
pub(super) struct OpenConnection {
    /// [`ANSWERED`], the number of requests in progress, the moment at which it became idle, or [`ENDED`].
    phase: AtomicU64,
    moments: Arc<AtomicU64>,
    /// Whether too many abandoned requests end it.
    limits_abandoned: AtomicBool,
    /// The number of requests so far.
    requests: AtomicU64,
    /// The number of requests, since the last whole answer, that ended before all of theirs was read.
    abandoned: AtomicU64,
    /// It was ended while the last part of an answer was being written, and some of that is lost.
    is_cut: AtomicBool,
    ended: Notify,
}

/// The permit of a connection, released on drop.
pub(super) struct ConnectionPermit {
    connections: Arc<Connections>,
    owner: Owner,
    connection: Arc<OpenConnection>,
}

/// The permit of a request that is counted for its client, released on drop.
pub(super) struct RequestPlace {
    connections: Arc<Connections>,
    client: ClientNet,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let moments = Arc::new(AtomicU64::new(FIRST_MOMENT));
        Arc::new(Self { limits, moments, table: Mutex::default() })
    }

    /// A permit for a new connection. If none is free, the oldest idle connection ends: one of the same
    /// client if that has used up its share.
    ///
    /// # Errors
    ///
    /// [`Refused`]: a request is in progress on each connection in question.
    pub(super) fn admit(self: &Arc<Self>, owner: Owner) -> Result<ConnectionPermit, Refused> {
        let mut table = self.table();
        let own = table.connections.get(&owner).map_or(0, Vec::len);
        let has_share = matches!(owner, Owner::Client(_)) && own >= self.limits.of_client;
        if has_share && !table.end_oldest_idle(Some(owner)) {
            return Err(Refused::Share);
        }
        let reserved = (self.limits.all / PLACES_PER_RESERVED).min(MAX_RESERVED);
        let places = self.limits.all - if own == 0 { 0 } else { reserved };
        if table.open >= places && !table.end_oldest_idle(None) {
            return Err(Refused::Full);
        }
        let connection = Arc::new(OpenConnection::new(&self.moments));
        table.open += 1;
        table.connections.entry(owner).or_default().push(Arc::clone(&connection));
        Ok(ConnectionPermit { connections: Arc::clone(self), owner, connection })
    }

    /// A permit for a request of `client` that the number of its connections does not bound: one that a
    /// trusted proxy forwards, or one over HTTP/2.
    ///
    /// # Errors
    ///
    /// [`Refused::Share`].
    pub(super) fn admit_request(
        self: &Arc<Self>,
        client: ClientNet,
    ) -> Result<RequestPlace, Refused> {
        let mut table = self.table();
        let under_way = table.requests.entry(client).or_default();
        if *under_way >= self.limits.of_client {
            return Err(Refused::Share);
        }
        *under_way += 1;
        Ok(RequestPlace { connections: Arc::clone(self), client })
    }

    /// Ends the oldest idle connection, if there is one: the system has no room for another.
    pub(super) fn make_room(&self) {
        self.table().end_oldest_idle(None);
    }

    fn table(&self) -> MutexGuard<'_, ConnectionTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionTable {
    /// Ends the oldest idle connection, of `owner` or of all; those of proxies only if no other is idle.
    /// Returns false if there is none.
    ///
    /// Examines all connections in question, so that a request costs no more than a store to an atomic:
    /// this runs only when places are short.
    fn end_oldest_idle(&mut self, owner: Option<Owner>) -> bool {
        loop {
            let owners = self.connections.iter();
            let oldest = owners
                .filter(|(found, _)| owner.is_none_or(|owner| owner == **found))
                .flat_map(|(owner, open)| open.iter().map(move |connection| (*owner, connection)))
                .filter_map(|(owner, connection)| {
                    let since = connection.phase.load(Ordering::Acquire);
                    let is_idle = (FIRST_MOMENT..ENDED).contains(&since);
                    is_idle.then_some(((owner == Owner::Proxies, since), owner, connection))
                })
                .min_by_key(|(age, ..)| *age);
            let Some(((_, since), owner, connection)) = oldest else { return false };
            // If a request has arrived in the meantime, another connection is the oldest.
            if connection.end(since) {
                let connection = Arc::clone(connection);
                self.remove(owner, &connection);
                return true;
            }
        }
    }

    fn remove(&mut self, owner: Owner, connection: &Arc<OpenConnection>) {
        let Some(open) = self.connections.get_mut(&owner) else { return };
        let Some(at) = open.iter().position(|found| Arc::ptr_eq(found, connection)) else { return };
        open.swap_remove(at);
        if open.is_empty() {
            self.connections.remove(&owner);
        }
        self.open -= 1;
    }
}

impl OpenConnection {
    fn new(moments: &Arc<AtomicU64>) -> Self {
        Self {
            phase: AtomicU64::new(moments.fetch_add(1, Ordering::Relaxed)),
            moments: Arc::clone(moments),
            limits_abandoned: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            ended: Notify::new(),
        }
    }

    /// Records a new request. Returns false if the connection had to end before.
    pub(super) fn begin_request(&self) -> bool {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let busy = |phase| match phase {
            ENDED => None,
            FIRST_MOMENT.. => Some(1),
            requests => Some(requests + 1),
        };
        self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, busy).is_ok()
    }

    /// The number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether it waits for a request, and no answer is being written.
    pub(super) fn is_idle(&self) -> bool {
        self.idle_since().is_some()
    }

    /// The moment at which it became idle; `None` if it is not.
    pub(super) fn idle_since(&self) -> Option<u64> {
        Some(self.phase.load(Ordering::Acquire)).filter(|phase| *phase >= FIRST_MOMENT)
    }

    /// Records that an answer is complete.
    pub(super) fn answered(&self) {
        let fewer = |phase| match phase {
            ANSWERED | FIRST_MOMENT.. => None,
            requests => Some(requests - 1),
        };
        // It fails for a connection that had ended before the request began.
        let _ = self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
    }

    /// Whether all answers are complete, and the last one is not written yet.
    pub(super) fn is_answered(&self) -> bool {
        self.phase.load(Ordering::Acquire) == ANSWERED
    }

    /// Records that all of an answer was read.
    pub(super) fn keep_request(&self) {
        self.abandoned.store(0, Ordering::Release);
    }

    /// Records that a request ended without a whole answer. Too many in a row may end the connection.
    pub(super) fn abandon_request(&self) {
        let is_limited = self.limits_abandoned.load(Ordering::Relaxed);
        if is_limited && self.abandoned.fetch_add(1, Ordering::AcqRel) >= MAX_ABANDONED {
            self.ended.notify_one();
        }
    }

    /// Whether too many requests in a row ended without a whole answer.
    pub(super) fn has_abandoned_many(&self) -> bool {
        self.abandoned.load(Ordering::Acquire) > MAX_ABANDONED
    }

    /// Too many abandoned requests will end the connection.
    pub(super) fn limit_abandoned(&self) {
        self.limits_abandoned.store(true, Ordering::Relaxed);
    }

    fn next_moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::Relaxed)
    }

    /// Ends the connection, if it is still idle since that moment.
    pub(super) fn end(&self, idle_since: u64) -> bool {
        let ended =
            self.phase.compare_exchange(idle_since, ENDED, Ordering::AcqRel, Ordering::Relaxed);
        if ended.is_ok() {
            self.ended.notify_one();
        }
        ended.is_ok()
    }
}

impl ConnectionPermit {
    pub(super) fn connection(&self) -> &Arc<OpenConnection> {
        &self.connection
    }

    /// Records that all data was written, or is about to be: when a client has read an answer, its
    /// connection counts as idle. Returns the moment at which it became idle, if it was not before.
    pub(super) fn written(&self) -> Option<u64> {
        let phase = &self.connection.phase;
        if phase.load(Ordering::Acquire) != ANSWERED {
            return None;
        }
        let idle = self.connection.next_moment();
        let changed = phase.compare_exchange(ANSWERED, idle, Ordering::AcqRel, Ordering::Relaxed);
        changed.is_ok().then_some(idle)
    }

    /// Corrects `written`, which returned `since`: not all data was written.
    pub(super) fn not_written(&self, since: u64) {
        let phase = &self.connection.phase;
        let changed = phase.compare_exchange(since, ANSWERED, Ordering::AcqRel, Ordering::Relaxed);
        if changed.is_err() {
            self.connection.is_cut.store(true, Ordering::Release);
        }
    }

    /// Returns once the connection must end.
    pub(super) async fn ended(&self) {
        self.connection.ended.notified().await;
    }

    /// Whether the connection ended while the last part of an answer was being written, and some of it is
    /// lost.
    pub(super) fn is_cut(&self) -> bool {
        self.connection.is_cut.load(Ordering::Acquire)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connections.table().remove(self.owner, &self.connection);
    }
}

impl Drop for RequestPlace {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        if let Some(under_way) = table.requests.get_mut(&self.client) {
            *under_way -= 1;
            if *under_way == 0 {
                table.requests.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all: usize, of_client: usize) -> Arc<Connections> {
        Connections::new(ConnectionLimits { all, of_client })
    }

    fn client(number: u8) -> Owner {
        Owner::Client(ClientNet::of([192, 0, 2, number].into()))
    }

    fn is_ended(place: &ConnectionPermit) -> bool {
        !place.connection.begin_request()
    }

    fn busy(place: Result<ConnectionPermit, Refused>) -> ConnectionPermit {
        let place = place.unwrap();
        assert!(place.connection.begin_request());
        place
    }

    #[test]
    fn a_client_has_a_share_and_ends_its_own_idle_ones_first() {
        let connections = connections(100, 2);
        let stranger = connections.admit(client(2)).unwrap();
        let (first, second) =
            (connections.admit(client(1)).unwrap(), connections.admit(client(1)).unwrap());
        // The first one has been used since, so it is younger.
        assert!(first.connection.begin_request());
        first.connection.answered();
        first.written();
        let third = busy(connections.admit(client(1)));
        assert!(is_ended(&second) && !is_ended(&first) && !is_ended(&stranger));
        assert_eq!(connections.admit(client(1)).err(), Some(Refused::Share));
        drop(third);
        assert!(connections.admit(client(1)).is_ok());
        drop((first, second, stranger));
        assert_eq!(connections.table().open, 0);
        assert!(connections.table().connections.is_empty());
    }

    #[test]
    fn an_answer_that_is_not_written_yet_is_not_idle() {
        let connections = connections(10, 1);
        let place = busy(connections.admit(client(1)));
        assert_eq!(place.written(), None);
        place.connection.answered();
        assert_eq!(connections.admit(client(1)).err(), Some(Refused::Share));
        let idle = place.written().unwrap();
        place.not_written(idle);
        assert_eq!(connections.admit(client(1)).err(), Some(Refused::Share));
        let idle = place.written().unwrap();
        assert!(connections.admit(client(1)).is_ok());
        assert!(is_ended(&place) && !place.is_cut());
        place.not_written(idle);
        assert!(place.is_cut());
    }

    #[test]
    fn a_few_places_are_for_new_clients() {
        let connections = connections(32, 32);
        let held: Vec<_> = (0..30).map(|_| busy(connections.admit(client(1)))).collect();
        assert_eq!(connections.admit(client(1)).err(), Some(Refused::Full));
        let new = [busy(connections.admit(client(2))), busy(connections.admit(client(3)))];
        assert_eq!(connections.admit(client(4)).err(), Some(Refused::Full));
        assert_eq!(connections.admit(client(2)).err(), Some(Refused::Full));
        drop(held);
        assert!(connections.admit(client(2)).is_ok());
        drop(new);
    }

    #[test]
    fn the_oldest_idle_one_of_all_ends_and_that_of_a_proxy_last() {
        let connections = connections(3, 3);
        let proxy = connections.admit(Owner::Proxies).unwrap();
        let old = connections.admit(client(1)).unwrap();
        let young = connections.admit(client(2)).unwrap();
        let _a = busy(connections.admit(client(3)));
        assert!(is_ended(&old));
        let _b = busy(connections.admit(client(4)));
        assert!(is_ended(&young));
        let _c = busy(connections.admit(client(5)));
        assert!(is_ended(&proxy));
        assert_eq!(connections.admit(client(6)).err(), Some(Refused::Full));
    }

    #[test]
    fn behind_a_proxy_each_client_has_a_share_of_the_requests() {
        let connections = connections(8, 2);
        let net = |number: u8| ClientNet::of([192, 0, 2, number].into());
        let held = [connections.admit_request(net(1)), connections.admit_request(net(1))];
        assert_eq!(connections.admit_request(net(1)).err(), Some(Refused::Share));
        assert!(connections.admit_request(net(2)).is_ok());
        let proxies: Vec<_> = (0..8).map(|_| busy(connections.admit(Owner::Proxies))).collect();
        assert_eq!(proxies.len(), 8, "a proxy has no limit");
        drop(held);
        assert!(connections.admit_request(net(1)).is_ok());
        assert!(connections.table().requests.is_empty());
    }
}
