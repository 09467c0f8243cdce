//! Late attempts: collected in memory, and written to the logs in the background.
//!
//! An attempt on a secret that has ended belongs in its log; an attempt on an unknown id is not logged. If
//! the first kind were written at once, its sync would delay the next request on the connection, which
//! would reveal that the secret existed. So both kinds are collected for a second and written together, in
//! a change that is committed even if no attempt was on an existing secret.

mod write;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

pub use self::write::write;
pub(crate) use self::write::write_in_background;

use crate::{
    api::Client,
    domain::{limits::client_net::ClientNet, numbers::SecretId, secret::viewing::LateTry},
    metrics::EventCount,
};

/// About 1 MiB. More attempts within one second are counted, and not logged.
const MAX_PENDING: usize = 4096;
/// The maximum for one client, so that it cannot displace the attempts of others.
const MAX_OF_CLIENT: u32 = 256;
/// Late attempts that are not written yet.
#[derive(Default)]
pub struct LateTries {
    pending: Mutex<PendingTry>,
    arrived: Notify,
    /// The number of all attempts.
    count: EventCount,
    /// Held during a write, so that a reader of a log waits for it.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct PendingTry {
    tries: Vec<LateTry>,
    of_clients: HashMap<ClientNet, u32>,
    dropped: u64,
}

impl LateTries {
    /// Adds a late attempt.
    pub(super) fn add(&self, client: Client, late: LateTry) {
        self.count.add_one();
        self.pending().add(client, late);
        self.arrived.notify_one();
    }

    /// The number of late attempts since the start, on existing and on unknown ids.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// Whether an attempt on this id waits to be written.
    pub(crate) fn holds(&self, id: SecretId) -> bool {
        self.pending().tries.iter().any(|late| late.id == id)
    }

    fn pending(&self) -> MutexGuard<'_, PendingTry> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingTry {
    fn add(&mut self, client: Client, late: LateTry) {
        if self.tries.len() < MAX_PENDING {
            let of_client = self.of_clients.entry(ClientNet::of(client.address)).or_default();
            if *of_client < MAX_OF_CLIENT {
                *of_client += 1;
                self.tries.push(late);
                return;
            }
        }
        self.dropped += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixSeconds,
        domain::{
            numbers::{AccountNumber, SecretNumber},
            secret::viewing::Visit,
            view::View,
        },
    };

    #[test]
    fn memory_is_bounded_and_one_client_leaves_room_for_others() {
        let late = || LateTry {
            id: SecretId {
                number: SecretNumber { account: AccountNumber::NOBODY, sequence: 1 },
                random: [0; 15],
            },
            visitor: View::new(UnixSeconds(0), None, None),
            what: Visit::WithKey,
        };
        let client = |text: String| Client { address: text.parse().unwrap() };
        let mut pending = PendingTry::default();
        for number in 0..1000 {
            pending.add(client(format!("2001:db8::{number:x}")), late());
        }
        assert_eq!((pending.tries.len(), pending.dropped), (256, 744), "one network");
        pending.add(client("192.0.2.1".to_owned()), late());
        assert_eq!((pending.tries.len(), pending.dropped), (257, 744));
        for number in 0..10_000_u32 {
            let [_, a, b, c] = number.to_be_bytes();
            pending.add(client(format!("10.{a}.{b}.{c}")), late());
        }
        assert_eq!((pending.tries.len(), pending.dropped), (4096, 744 + 10_000 - 3839));
        assert_eq!(pending.of_clients.len(), 2 + 3839);
    }
}
