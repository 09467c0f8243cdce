//! Limits the memory for large bodies, in total and for each client.

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

/// Bodies up to this size need no share of the [`BodyBudget`].
pub(crate) const SMALL_BYTES: usize = 64 << 10;
/// The memory for all large bodies together.
const ALL_KIB: usize = 64 << 10;
/// The part of it that is reserved for clients with a valid API key.
const KEPT_FOR_KEYS_KIB: usize = 16 << 10;
/// The memory for the bodies of one client: the longest body that a setting allows, with its other fields.
/// A host with an IPv4 and an IPv6 address counts as two clients, and must not hold all the memory for
/// clients without a key.
const OF_CLIENT_KIB: usize = (16 << 10) + 2 * STEP_KIB;
/// Memory is allocated in steps of this size.
const STEP_KIB: usize = 64;
/// A body that waits longer than this for memory is rejected.
const PATIENCE: Duration = Duration::from_secs(10);

/// The memory for large bodies. A body that needs more than is free waits.
#[derive(Clone, Default)]
pub struct BodyBudget(Arc<Budget>);

#[derive(Default)]
struct Budget {
    held: Mutex<HeldMemory>,
    freed: Notify,
}

/// The memory in use, in KiB.
#[derive(Default)]
struct HeldMemory {
    all: usize,
    without_key: usize,
    clients: HashMap<ClientNet, usize>,
}

/// The client that the memory of a body is counted for.
#[derive(Clone)]
pub struct Payer {
    budget: BodyBudget,
    client: ClientNet,
    has_key: bool,
}

/// The memory of a body, freed on drop. It grows as bytes arrive, so a declared length alone uses no
/// memory.
pub(crate) struct BudgetShare {
    payer: Payer,
    kib: usize,
}

impl BodyBudget {
    /// For the bodies of a client without a valid API key.
    #[must_use]
    pub fn anybody(&self, client: Client) -> Payer {
        Payer { budget: self.clone(), client: client.net(), has_key: false }
    }

    /// For the bodies of a client with a valid API key.
    #[must_use]
    pub(crate) fn with_key(&self, client: Client) -> Payer {
        Payer { has_key: true, ..self.anybody(client) }
    }

    /// The memory in use, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        (self.held().all as u64) << 10
    }

    fn held(&self) -> MutexGuard<'_, HeldMemory> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Payer {
    /// An empty share.
    pub(crate) fn share(&self) -> BudgetShare {
        BudgetShare { payer: self.clone(), kib: 0 }
    }
}

impl BudgetShare {
    /// An empty share of the same payer.
    pub(crate) fn without_memory(&self) -> Self {
        self.payer.share()
    }

    /// Whether the share is empty. Bodies of up to [`SMALL_BYTES`] have an empty share.
    pub(crate) fn is_empty(&self) -> bool {
        self.kib == 0
    }

    /// Enlarges the share to `bytes` in total; waits if the memory is in use.
    ///
    /// # Errors
    ///
    /// [`HttpError::Busy`] if the memory is not free in time.
    pub(crate) async fn cover(&mut self, bytes: usize) -> Result<(), HttpError> {
        if bytes <= SMALL_BYTES.max(self.kib << 10) {
            return Ok(());
        }
        let more = bytes.div_ceil(STEP_KIB << 10) * STEP_KIB - self.kib;
        let deadline = Instant::now() + PATIENCE;
        let budget = Arc::clone(&self.payer.budget.0);
        loop {
            let mut freed = std::pin::pin!(budget.freed.notified());
            // Enabled before the check, so that memory freed after the check is noticed.
            freed.as_mut().enable();
            if self.payer.budget.held().take(&self.payer, more) {
                self.kib += more;
                return Ok(());
            }
            timeout_at(deadline, freed).await.map_err(|_| HttpError::Busy)?;
        }
    }
}

impl HeldMemory {
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

impl Drop for BudgetShare {
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

    async fn covered(payer: &Payer, bytes: usize) -> Option<BudgetShare> {
        let mut share = payer.share();
        share.cover(bytes).await.is_ok().then_some(share)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_a_share_and_keys_have_a_part_of_their_own() {
        let budget = BodyBudget::default();
        // The longest body that a setting can allow fits into one client's share.
        let first = covered(&budget.anybody(client(1)), 16 * MIB + SMALL_BYTES).await.unwrap();
        assert!(covered(&budget.anybody(client(1)), MIB).await.is_none());
        // A host with two addresses leaves memory for others.
        let second = covered(&budget.anybody(client(2)), 16 * MIB).await.unwrap();
        assert!(covered(&budget.anybody(client(3)), 15 * MIB).await.is_some());
        // Clients without a key can use their 48 MiB, except for less than one step.
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
