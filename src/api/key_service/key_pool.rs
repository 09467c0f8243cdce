//! Prepared key pairs, so that a new box gets one at once: generating a pair takes a second or more.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use rustix::process::setpriority_process;

use crate::crypto::{BoxKey, Random, RsaBits};

/// The lowest priority: the pool is filled only when the processor is otherwise idle.
const NICE: i32 = 19;

/// Keeps key pairs ready, generated in the background. They exist only in memory until a box gets them.
pub struct KeyPool {
    shared: Arc<PoolState>,
    bits: RsaBits,
    random: Arc<dyn Random>,
}

struct PoolState {
    size: usize,
    ready: Mutex<ReadyKeys>,
    taken: Condvar,
}

#[derive(Default)]
struct ReadyKeys {
    keys: Vec<BoxKey>,
    is_closed: bool,
}

impl KeyPool {
    /// Starts to fill a pool of `size` pairs; 0 disables it.
    #[must_use]
    pub fn start(bits: RsaBits, size: usize, random: Arc<dyn Random>) -> Self {
        let shared = Arc::new(PoolState { size, ready: Mutex::default(), taken: Condvar::new() });
        if size > 0 {
            let (filled, source) = (Arc::clone(&shared), Arc::clone(&random));
            let thread = thread::Builder::new().name("key pool".into());
            if let Err(error) = thread.spawn(move || filled.fill(bits, &*source)) {
                tracing::warn!(%error, "no thread prepares keys: each new box generates its own");
            }
        }
        Self { shared, bits, random }
    }

    /// Takes a prepared key pair, or generates one. Blocks for seconds if none is prepared.
    #[must_use]
    pub fn take(&self) -> BoxKey {
        let prepared = self.shared.ready().keys.pop();
        self.shared.taken.notify_one();
        prepared.unwrap_or_else(|| BoxKey::generate(self.bits, &*self.random))
    }

    /// The number of prepared pairs.
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

impl PoolState {
    fn ready(&self) -> MutexGuard<'_, ReadyKeys> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, bits: RsaBits, random: &dyn Random) {
        // On Linux, priorities are set for each thread.
        if let Err(error) = setpriority_process(None, NICE) {
            tracing::debug!(%error, "cannot lower the priority of the thread that prepares keys");
        }
        loop {
            let full = |ready: &mut ReadyKeys| ready.keys.len() >= self.size && !ready.is_closed;
            let ready = self.taken.wait_while(self.ready(), full);
            if ready.unwrap_or_else(PoisonError::into_inner).is_closed {
                return;
            }
            let key = BoxKey::generate(bits, random);
            self.ready().keys.push(key);
        }
    }
}
