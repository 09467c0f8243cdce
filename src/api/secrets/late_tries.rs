//! Tries that came too late: collected in memory, and written down in the background.
//!
//! A try on a secret that is over belongs into its log; one on an id that never was leaves nothing. Written
//! at once, the first costs a sync, which the next request on the connection feels. So both are put aside
//! alike, and what has come within a second is written in one go, by a change that is committed whether
//! any of them was real or not.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use crate::{
    api::{App, Client},
    domain::{
        limits::client_net::ClientNet,
        numbers::SecretId,
        secret::viewing::{self, LateTry},
    },
    store::StoreError,
};

/// About 1 MiB. What comes above it before the next second is counted, and left out of the logs.
const MAX_PENDING: usize = 4096;
/// Of one client, so that nobody keeps the tries of others out of the logs.
const MAX_OF_CLIENT: u32 = 256;
/// How long tries are collected.
const COLLECTING: Duration = Duration::from_secs(1);
/// So many share a change: short enough that nobody waits for it.
const BATCH: usize = 64;

/// Tries that are not written down yet.
#[derive(Default)]
pub struct LateTries {
    pending: Mutex<Pending>,
    arrived: Notify,
    /// Held while some are written: whoever asks for a log waits for them.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Pending {
    tries: Vec<LateTry>,
    of_clients: HashMap<ClientNet, u32>,
    dropped: u64,
}

impl LateTries {
    /// Puts a try aside.
    pub(super) fn add(&self, client: Client, late: LateTry) {
        self.pending().add(client, late);
        self.arrived.notify_one();
    }

    /// Whether a try on this id waits to be written.
    pub(crate) fn holds(&self, id: SecretId) -> bool {
        self.pending().tries.iter().any(|late| late.id == id)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
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

/// Writes down what has been collected, and returns once it is durable; says whether there was any.
pub async fn write(app: &App) -> bool {
    let _writing = app.late_tries.writing.lock().await;
    let Pending { tries, dropped, .. } = mem::take(&mut *app.late_tries.pending());
    if dropped > 0 {
        tracing::warn!(
            dropped,
            "tries that came too late are left out of the logs: too many at once"
        );
    }
    if tries.is_empty() {
        return false;
    }
    let (settled, keep_log) = (app.clock.settled(), app.rules.keep_log_seconds);
    let note = |batch: &[LateTry]| {
        app.store.change(viewing::tried_after(batch.to_vec(), settled, keep_log))
    };
    let changes: Vec<_> = tries.chunks(BATCH).map(note).collect();
    for change in changes {
        match change.await {
            Ok(true) => app.deliveries.wake(),
            Ok(false) | Err(StoreError::Closed) => {}
            Err(error) => tracing::error!(%error, "late tries can not be noted"),
        }
    }
    true
}

/// Writes them down for as long as it is polled.
pub(crate) async fn write_in_background(app: Arc<App>) {
    loop {
        app.late_tries.arrived.notified().await;
        sleep(COLLECTING).await;
        write(&app).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixSeconds,
        domain::{
            numbers::{AccountNumber, SecretNumber},
            secret::{view::View, viewing::Visit},
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
        let mut pending = Pending::default();
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
