//! Prepared key pairs: a new box needs one at once, and making one takes a second or more.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use rustix::process::setpriority_process;

use crate::crypto::{BoxKey, Random, RsaBits};

/// The lowest priority there is: the pool is filled when nobody else wants the processor.
const NICE: i32 = 19;

/// Keeps some key pairs ready, made in the background. They are nowhere but in memory until a box gets
/// one.
pub struct KeyPool {
    shared: Arc<Shared>,
    bits: RsaBits,
    random: Arc<dyn Random>,
}

struct Shared {
    size: usize,
    ready: Mutex<Ready>,
    taken: Condvar,
}

#[derive(Default)]
struct Ready {
    keys: Vec<BoxKey>,
    is_closed: bool,
}

impl KeyPool {
    /// Begins to fill a pool of `size` pairs, 0 for none.
    #[must_use]
    pub fn start(bits: RsaBits, size: usize, random: Arc<dyn Random>) -> Self {
        let shared = Arc::new(Shared { size, ready: Mutex::default(), taken: Condvar::new() });
        if size > 0 {
            let (filled, source) = (Arc::clone(&shared), Arc::clone(&random));
            let thread = thread::Builder::new().name("key pool".into());
            if let Err(error) = thread.spawn(move || filled.fill(bits, &*source)) {
                tracing::warn!(%error, "no thread for the pool of keys: each box makes its own");
            }
        }
        Self { shared, bits, random }
    }

    /// A key pair: a prepared one, else a new one. Blocks, in the second case for seconds.
    #[must_use]
    pub fn take(&self) -> BoxKey {
        let prepared = self.shared.ready().keys.pop();
        self.shared.taken.notify_one();
        prepared.unwrap_or_else(|| BoxKey::generate(self.bits, &*self.random))
    }

    /// How many pairs are ready.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.shared.ready().keys.len()
    }
}

impl Drop for KeyPool {
    fn drop(&mut self) {
        self.shared.ready().is_closed = true;
        self.shared.taken.notify_one();
    }
}

impl Shared {
    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, bits: RsaBits, random: &dyn Random) {
        // On Linux a priority belongs to a thread.
        if let Err(error) = setpriority_process(None, NICE) {
            tracing::debug!(%error, "the pool of keys is filled at normal priority");
        }
        loop {
            let full = |ready: &mut Ready| ready.keys.len() >= self.size && !ready.is_closed;
            let ready = self.taken.wait_while(self.ready(), full);
            if ready.unwrap_or_else(PoisonError::into_inner).is_closed {
                return;
            }
            let key = BoxKey::generate(bits, random);
            self.ready().keys.push(key);
        }
    }
}
