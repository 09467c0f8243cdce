//! The open connections: their owners, and which one ends when a place is needed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

use super::open_connection::{FIRST_MOMENT, OpenConnection};
use crate::domain::limits::client_net::ClientNet;

/// One of this many places is reserved for clients without a connection.
const PLACES_PER_RESERVED: usize = 16;
const MAX_RESERVED: usize = 64;

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
                    let since = connection.can_end_since()?;
                    Some(((owner == Owner::Proxies, since), owner, connection))
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

impl ConnectionPermit {
    pub(super) fn connection(&self) -> &Arc<OpenConnection> {
        &self.connection
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
        first.connection.written();
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
        assert_eq!(place.connection.written(), None);
        place.connection.answered();
        assert_eq!(connections.admit(client(1)).err(), Some(Refused::Share));
        let idle = place.connection.written().unwrap();
        place.connection.not_written(idle);
        assert_eq!(connections.admit(client(1)).err(), Some(Refused::Share));
        let idle = place.connection.written().unwrap();
        assert!(connections.admit(client(1)).is_ok());
        assert!(is_ended(&place) && !place.connection.is_cut());
        place.connection.not_written(idle);
        assert!(place.connection.is_cut());
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
