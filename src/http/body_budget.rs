//! Bounds the memory of large bodies: of all together, and of each client.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::error::HttpError;
use crate::domain::limits::client_net::{Client, ClientNet};

/// Bodies up to this size need no share of the [`BodyBudget`](super::body_budget::BodyBudget).
pub(crate) const SMALL_BYTES: usize = 64 << 10;
/// What all large bodies together may hold in memory.
const ALL_KIB: usize = 64 << 10;
/// Of that, so much is for those who have shown a valid API key.
const KEPT_FOR_KEYS_KIB: usize = 16 << 10;
/// What the bodies of one client may hold: the longest body that a setting allows, with its other fields. A
/// host with an IPv4 and an IPv6 address is two clients, and must not hold all that is there without a key.
const OF_CLIENT_KIB: usize = (16 << 10) + 2 * STEP_KIB;
/// Memory is asked for in steps of this size.
const STEP_KIB: usize = 64;
/// A body that waits for memory longer than this is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// The memory for large bodies. A body that needs more than there is waits.
#[derive(Clone, Default)]
pub struct BodyBudget(Arc<Budget>);

#[derive(Default)]
struct Budget {
    held: Mutex<Held>,
    freed: Notify,
}

/// What is held, in KiB.
#[derive(Default)]
struct Held {
    all: usize,
    without_key: usize,
    clients: HashMap<ClientNet, usize>,
}

/// Who pays for a body.
#[derive(Clone)]
pub struct Payer {
    budget: BodyBudget,
    client: ClientNet,
    has_key: bool,
}

/// Memory that a body holds, given back when it is dropped. It grows as bytes arrive: a body that is
/// announced and does not come holds nothing.
pub(crate) struct Share {
    payer: Payer,
    kib: usize,
}

impl BodyBudget {
    /// For the bodies of a client that has shown no valid API key.
    #[must_use]
    pub fn anybody(&self, client: Client) -> Payer {
        Payer { budget: self.clone(), client: client.net(), has_key: false }
    }

    /// For the bodies of a client that has shown a valid API key.
    #[must_use]
    pub(crate) fn with_key(&self, client: Client) -> Payer {
        Payer { has_key: true, ..self.anybody(client) }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Payer {
    /// A share that covers nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share { payer: self.clone(), kib: 0 }
    }
}

impl Share {
    /// One of the same payer that covers nothing.
    pub(crate) fn without_memory(&self) -> Self {
        self.payer.share()
    }

    /// Whether it covers anything: a few bytes need no share.
    pub(crate) fn is_empty(&self) -> bool {
        self.kib == 0
    }

    /// Has it cover `bytes` in all; waits where others hold what there is.
    ///
    /// # Errors
    ///
    /// [`HttpError::Busy`] where it waited too long.
    pub(crate) async fn cover(&mut self, bytes: usize) -> Result<(), HttpError> {
        if bytes <= SMALL_BYTES.max(self.kib << 10) {
            return Ok(());
        }
        let more = bytes.div_ceil(STEP_KIB << 10) * STEP_KIB - self.kib;
        let deadline = Instant::now() + PATIENCE;
        let budget = Arc::clone(&self.payer.budget.0);
        loop {
            let mut freed = std::pin::pin!(budget.freed.notified());
            // Before the look, so that nothing that is freed after it is missed.
            freed.as_mut().enable();
            if self.payer.budget.held().take(&self.payer, more) {
                self.kib += more;
                return Ok(());
            }
            timeout_at(deadline, freed).await.map_err(|_| HttpError::Busy)?;
        }
    }
}

impl Held {
    fn take(&mut self, payer: &Payer, kib: usize) -> bool {
        let own = self.clients.get(&payer.client).copied().unwrap_or(0);
        let fits = own + kib <= OF_CLIENT_KIB
            && self.all + kib <= ALL_KIB
            && (payer.has_key || self.without_key + kib <= ALL_KIB - KEPT_FOR_KEYS_KIB);
        if fits {
            self.all += kib;
            self.without_key += if payer.has_key { 0 } else { kib };
            *self.clients.entry(payer.client).or_default() += kib;
        }
        fits
    }

    fn give_back(&mut self, payer: &Payer, kib: usize) {
        self.all -= kib;
        self.without_key -= if payer.has_key { 0 } else { kib };
        if let Some(own) = self.clients.get_mut(&payer.client) {
            *own -= kib;
            if *own == 0 {
                self.clients.remove(&payer.client);
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.kib > 0 {
            self.payer.budget.held().give_back(&self.payer, self.kib);
            self.payer.budget.0.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn client(number: u8) -> Client {
        Client { address: [192, 0, 2, number].into() }
    }

    async fn covered(payer: &Payer, bytes: usize) -> Option<Share> {
        let mut share = payer.share();
        share.cover(bytes).await.is_ok().then_some(share)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_a_share_and_keys_have_a_part_of_their_own() {
        let budget = BodyBudget::default();
        // The longest body that can be allowed fits into one client's share.
        let first = covered(&budget.anybody(client(1)), 16 * MIB + SMALL_BYTES).await.unwrap();
        assert!(covered(&budget.anybody(client(1)), MIB).await.is_none());
        // A host with two addresses leaves room for others.
        let second = covered(&budget.anybody(client(2)), 16 * MIB).await.unwrap();
        assert!(covered(&budget.anybody(client(3)), 15 * MIB).await.is_some());
        // Those without a key have their 48 MiB, but for a little.
        assert!(covered(&budget.anybody(client(3)), 16 * MIB).await.is_none());
        let third = covered(&budget.with_key(client(3)), 16 * MIB).await.unwrap();
        let fourth = covered(&budget.with_key(client(4)), 15 * MIB).await.unwrap();
        assert!(covered(&budget.with_key(client(5)), 2 * MIB).await.is_none());
        assert!(covered(&budget.anybody(client(4)), SMALL_BYTES).await.unwrap().is_empty());
        drop((first, second, third, fourth));
        let held = budget.held();
        assert_eq!((held.all, held.without_key, held.clients.len()), (0, 0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_grows_in_steps_and_waits_for_what_is_freed() {
        let budget = BodyBudget::default();
        let payer = budget.with_key(client(1));
        let mut share = payer.share();
        for (bytes, kib) in [(1, 0), (SMALL_BYTES, 0), (SMALL_BYTES + 1, 128), (2 * MIB, 2048)] {
            share.cover(bytes).await.unwrap();
            assert_eq!((share.kib, budget.held().all), (kib, kib), "{bytes} bytes");
        }
        let full = covered(&payer, 14 * MIB).await.unwrap();
        let waiting = tokio::spawn(async move {
            let mut share = share;
            share.cover(3 * MIB).await.map(|()| share.kib)
        });
        tokio::time::sleep(PATIENCE / 2).await;
        drop(full);
        assert_eq!(waiting.await.unwrap().ok(), Some(3 << 10));
        assert_eq!(budget.held().all, 0);
    }
}
