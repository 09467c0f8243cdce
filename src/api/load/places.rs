//! Places for uploads, each of which needs about a megabyte. The number is limited for each client, and for
//! each account or box.

use std::{
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{api::ApiError, domain::limits::client_net::ClientNet};

/// The maximum number of uploads in progress.
const ALL: usize = 128;
/// The maximum for one client.
const OF_CLIENT: usize = 32;
/// The maximum for one account or box.
const TO_ONE: usize = 64;
/// An upload that waits longer than this for a place is rejected.
const PATIENCE: Duration = Duration::from_secs(10);

/// An upload: its client, and the account or box (`T`) that it goes to.
type UploadClaim<T> = (ClientNet, T);

/// Places for uploads to accounts or boxes.
pub(crate) struct Places<T>(Arc<SharedPlaces<T>>);

struct SharedPlaces<T> {
    state: Mutex<PlacesState<T>>,
    freed: Notify,
    wanted: Notify,
}

struct PlacesState<T> {
    taken: Vec<UploadClaim<T>>,
    waiting: Vec<Waiting<T>>,
    /// The number of the next waiting upload, to tell them apart.
    next: u64,
}

struct Waiting<T> {
    number: u64,
    upload: UploadClaim<T>,
    /// Whether a place is already being released for this upload.
    is_helped: bool,
}

/// The place of one upload, released on drop.
pub(crate) struct UploadPlace<T: Copy + Eq + Hash> {
    shared: Arc<SharedPlaces<T>>,
    upload: UploadClaim<T>,
    /// The number of the waiting upload that this place is being released for.
    helps: Mutex<Option<u64>>,
}

/// An upload that waits for a place.
struct PlaceWait<'a, T: Copy + Eq + Hash> {
    shared: &'a SharedPlaces<T>,
    number: u64,
}

impl<T> Places<T> {
    /// The numbers of uploads that have a place, and of those that wait for one.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        let state = self.0.state();
        (state.taken.len(), state.waiting.len())
    }
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        let state = Mutex::new(PlacesState { taken: Vec::new(), waiting: Vec::new(), next: 0 });
        Self(Arc::new(SharedPlaces { state, freed: Notify::new(), wanted: Notify::new() }))
    }
}

impl<T: Copy + Eq + Hash> Places<T> {
    /// Waits for a place.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] if no place becomes free in time.
    pub(crate) async fn place(&self, client: ClientNet, to: T) -> Result<UploadPlace<T>, ApiError> {
        let (shared, upload) = (&self.0, (client, to));
        let deadline = Instant::now() + PATIENCE;
        let mut wait = None;
        loop {
            let mut freed = std::pin::pin!(shared.freed.notified());
            // Enabled before the check, so that a place released after the check is noticed.
            freed.as_mut().enable();
            if shared.state().take(upload) {
                return Ok(UploadPlace {
                    shared: Arc::clone(shared),
                    upload,
                    helps: Mutex::default(),
                });
            }
            wait.get_or_insert_with(|| PlaceWait::begin(shared, upload)).ask_for_help();
            timeout_at(deadline, freed).await.map_err(|_| ApiError::Busy)?;
        }
    }
}

impl<T: Copy + Eq + Hash> UploadPlace<T> {
    /// Returns when another upload waits for this place, which should then be released.
    pub(crate) async fn wanted(&self) {
        loop {
            let mut wanted = std::pin::pin!(self.shared.wanted.notified());
            wanted.as_mut().enable();
            let helped = self.shared.state().help(self.upload);
            if helped.is_some() {
                *self.helps.lock().unwrap_or_else(PoisonError::into_inner) = helped;
                return;
            }
            wanted.await;
        }
    }
}

impl<T> SharedPlaces<T> {
    fn state(&self) -> MutexGuard<'_, PlacesState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Copy + Eq> PlacesState<T> {
    fn take(&mut self, upload: UploadClaim<T>) -> bool {
        let fits = self.fits(upload, None);
        if fits {
            self.taken.push(upload);
        }
        fits
    }

    /// Whether a place for `upload` exists after one like `freed` is released.
    fn fits(&self, (client, to): UploadClaim<T>, freed: Option<UploadClaim<T>>) -> bool {
        let most = |is_one: &dyn Fn(&UploadClaim<T>) -> bool| {
            let taken = self.taken.iter().filter(|taken| is_one(taken)).count();
            taken - usize::from(freed.as_ref().is_some_and(is_one))
        };
        most(&|_| true) < ALL
            && most(&|taken| taken.0 == client) < OF_CLIENT
            && most(&|taken| taken.1 == to) < TO_ONE
    }

    /// A waiting upload that can start when `taken` is released, and that no other place is being released
    /// for.
    fn help(&mut self, taken: UploadClaim<T>) -> Option<u64> {
        let helped = self
            .waiting
            .iter()
            .position(|waiting| !waiting.is_helped && self.fits(waiting.upload, Some(taken)));
        let waiting = helped.and_then(|at| self.waiting.get_mut(at))?;
        waiting.is_helped = true;
        Some(waiting.number)
    }
}

impl<'a, T: Copy + Eq + Hash> PlaceWait<'a, T> {
    fn begin(shared: &'a SharedPlaces<T>, upload: UploadClaim<T>) -> Self {
        let mut state = shared.state();
        let number = state.next;
        state.next += 1;
        state.waiting.push(Waiting { number, upload, is_helped: false });
        Self { shared, number }
    }

    /// Asks the stalled uploads to release a place. One release for each waiting upload is enough.
    fn ask_for_help(&self) {
        self.shared.wanted.notify_waiters();
    }
}

impl<T: Copy + Eq + Hash> Drop for PlaceWait<'_, T> {
    fn drop(&mut self) {
        self.shared.state().waiting.retain(|waiting| waiting.number != self.number);
    }
}

impl<T: Copy + Eq + Hash> Drop for UploadPlace<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let Some(at) = state.taken.iter().position(|taken| *taken == self.upload) {
            state.taken.swap_remove(at);
        }
        // If another upload takes the place, the waiting one needs help again.
        let helped = self.helps.lock().unwrap_or_else(PoisonError::into_inner).take();
        let waiting = state.waiting.iter_mut().find(|waiting| Some(waiting.number) == helped);
        if let Some(waiting) = waiting {
            waiting.is_helped = false;
        }
        drop(state);
        self.shared.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn client(number: u8) -> ClientNet {
        ClientNet::of([192, 0, 2, number].into())
    }

    async fn some(
        places: &Places<u8>,
        client_number: u8,
        to: u8,
        count: usize,
    ) -> Vec<UploadPlace<u8>> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(places.place(client(client_number), to).await.unwrap());
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_and_an_account_have_a_share() {
        let places = Places::default();
        let first = some(&places, 1, 1, OF_CLIENT).await;
        assert!(places.place(client(1), 2).await.is_err(), "the client's share");
        let second = some(&places, 2, 1, TO_ONE - OF_CLIENT).await;
        assert!(places.place(client(3), 1).await.is_err(), "the account's share");
        let others = [some(&places, 3, 2, OF_CLIENT).await, some(&places, 4, 2, OF_CLIENT).await];
        assert!(places.place(client(5), 3).await.is_err(), "all places");
        drop(others);
        assert!(places.place(client(5), 3).await.is_ok());
        drop((first, second));
        assert!(places.0.state().taken.is_empty() && places.0.state().waiting.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waits_breaks_off_one_upload() {
        let places = Arc::new(Places::default());
        let mut own = some(&places, 1, 1, OF_CLIENT).await;
        let other = some(&places, 2, 2, 1).await;
        let waits = Arc::clone(&places);
        let waiting = tokio::spawn(async move { waits.place(client(1), 1).await.is_ok() });
        tokio::task::yield_now().await;
        own[0].wanted().await;
        // The other place is released too, but it does not help the waiting upload.
        drop(other);
        let is_wanted = timeout(Duration::from_secs(1), own[1].wanted()).await.is_ok();
        assert!(!is_wanted, "the first is still being given back");
        own.remove(0);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_wanted_only_by_those_whom_it_helps() {
        let places = Arc::new(Places::default());
        let mut own = some(&places, 1, 1, OF_CLIENT).await;
        let other = some(&places, 2, 1, 1).await;
        let is_wanted = async |place: &UploadPlace<u8>| {
            timeout(Duration::from_secs(1), place.wanted()).await.is_ok()
        };
        assert!(!is_wanted(&own[0]).await);
        let waits = Arc::clone(&places);
        let waiting = tokio::spawn(async move { waits.place(client(1), 1).await.is_ok() });
        assert!(!is_wanted(&other[0]).await);
        assert!(is_wanted(&own[0]).await);
        assert!(!is_wanted(&own[1]).await, "one is given back already");
        own.pop();
        assert!(waiting.await.unwrap());
        assert!(!is_wanted(&own[0]).await);
    }
}
