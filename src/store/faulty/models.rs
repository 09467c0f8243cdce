//! The engines under the random models of the domain: each model runs over all of them, and over one that
//! crashes at every step. This suite is the specification of an engine.

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{Arc, Once},
};

use proptest::prelude::ProptestConfig;

use super::{Fault, MemoryDisk, Sharing};
use crate::{clock::UnixSeconds, crypto::SeededRandom, store::Store};

/// The number of operations of a model between two turns of the ring.
const RING_EVERY: usize = 7;

/// The number of random sequences for a test: `usual`, or more if `SEALDROP_MODEL_FACTOR` is set.
pub(crate) fn sequences(usual: u32) -> ProptestConfig {
    let factor = std::env::var("SEALDROP_MODEL_FACTOR").ok();
    let factor: u32 = factor.map_or(1, |text| text.parse().expect("a number"));
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(usual * factor) }
}

/// The store of a model, and the randomness of what it does.
pub(crate) struct ModelStore {
    place: Place,
    /// Several for a shared engine: each operation uses the next one, as if several daemons were running.
    stores: RefCell<Vec<Store>>,
    turn: Cell<usize>,
    random: Arc<SeededRandom>,
}

enum Place {
    Directory(tempfile::TempDir),
    Memory(MemoryDisk, usize),
}

impl ModelStore {
    /// The embedded engine in a fresh directory.
    pub(crate) fn in_directory(seed: u64) -> Self {
        Self::new(Place::Directory(tempfile::tempdir().unwrap()), seed)
    }

    /// A number of stores on a disk in memory.
    pub(crate) fn in_memory(disk: MemoryDisk, stores: usize, seed: u64) -> Self {
        Self::new(Place::Memory(disk, stores), seed)
    }

    fn new(place: Place, seed: u64) -> Self {
        let (stores, turn) = (RefCell::default(), Cell::new(0));
        let home = Self { place, stores, turn, random: Arc::new(SeededRandom::new(seed)) };
        home.open();
        home
    }

    /// The next store. The ring is turned now and then.
    pub(crate) fn store(&self) -> Store {
        let stores = self.stores.borrow();
        self.turn.set(self.turn.get() + 1);
        let store = stores[self.turn.get() % stores.len()].clone();
        if self.turn.get().is_multiple_of(RING_EVERY) {
            store.turn_ring(UnixSeconds(self.turn.get() as u64)).unwrap();
        }
        store
    }

    pub(crate) fn random(&self) -> Arc<SeededRandom> {
        Arc::clone(&self.random)
    }

    /// Closes all stores and opens them again. Files that no record names are gone then.
    pub(crate) fn reopen(&self) {
        self.close();
        self.open();
    }

    /// Ends when nothing is left to be written.
    fn close(&self) {
        self.stores.take().iter().for_each(Store::close);
    }

    fn open(&self) {
        let stores = match &self.place {
            Place::Directory(dir) => vec![Store::open(dir.path(), 8 << 20).unwrap()],
            Place::Memory(disk, stores) => {
                (0..*stores).map(|_| Store::in_memory(disk).unwrap()).collect()
            }
        };
        stores.iter().for_each(|store| store.tidy().unwrap());
        self.stores.replace(stores);
    }

    /// The numbers of keys of payloads and of payload files. Exact after [`ModelStore::reopen`].
    pub(crate) fn keys_and_files(&self) -> (usize, usize) {
        match &self.place {
            Place::Directory(dir) => in_directory(dir.path()),
            Place::Memory(disk, _) => disk.keys_and_files(),
        }
    }
}

impl Drop for ModelStore {
    fn drop(&mut self) {
        self.close();
    }
}

fn in_directory(dir: &Path) -> (usize, usize) {
    let entries = |path: &str| std::fs::read_dir(dir.join("store").join(path)).unwrap().count();
    assert_eq!(entries("db/blobs"), 0);
    let keys = crate::store::tests::slots_with_keys(&dir.join("store")).len();
    (keys, entries("payloads"))
}

/// The engines under a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelEngine {
    /// The embedded engine.
    Directory,
    /// The same order of steps in memory.
    Memory,
    /// Two processes on one shared engine, whose commits conflict and get lost.
    Restless,
}

impl ModelEngine {
    pub(crate) fn store(self, seed: u64) -> ModelStore {
        match self {
            Self::Directory => ModelStore::in_directory(seed),
            Self::Memory => {
                ModelStore::in_memory(MemoryDisk::new(Sharing::Exclusive, seed), 1, seed)
            }
            Self::Restless => {
                let disk = MemoryDisk::new(Sharing::Shared, seed);
                disk.make_restless();
                ModelStore::in_memory(disk, 2, seed)
            }
        }
    }
}

/// The most crashes, or failed reads, at which one sequence is tried.
const MAX_CRASHES: u64 = 24;

/// Runs a model on an exclusive engine that cannot be read once: at up to [`MAX_CRASHES`] of the reads of the
/// run without a failure, and at all of them over many sequences. The run ends there, unless the model expects
/// nothing else; and the disk has exactly what the last commit has left.
pub(crate) fn fail_reads_everywhere(seed: u64, run: impl Fn(ModelStore)) {
    let disk = MemoryDisk::new(Sharing::Exclusive, seed);
    disk.record_history();
    run(ModelStore::in_memory(disk.clone(), 1, seed));
    let (history, reads) = (disk.history(), disk.reads() as u64);
    let stride = (reads / MAX_CRASHES).max(1);
    for read in (1 + seed % stride..=reads).step_by(usize::try_from(stride).unwrap()) {
        let disk = MemoryDisk::new(Sharing::Exclusive, seed);
        disk.fail_read(usize::try_from(read).unwrap());
        let ended = quietly(|| run(ModelStore::in_memory(disk.clone(), 1, seed)));
        assert!(disk.end_read_fault(), "read {read} is not reached");
        let commits = disk.commits();
        assert!(
            disk.state() == history[commits],
            "after read {read} of {reads}, which failed: {:?} is not {:?}",
            disk.state(),
            history[commits]
        );
        let is_done = commits + 1 == history.len();
        assert!(ended.is_err() || is_done, "nobody notices that read {read} fails");
        Store::in_memory(&disk).unwrap_or_else(|error| panic!("read {read}: {error}")).close();
    }
}

/// Runs a model on an exclusive engine that crashes: at up to [`MAX_CRASHES`] of the steps of the run without
/// a crash, and at all of them over many sequences. After each crash, a start must find what the last commit
/// has left, or less only by what the next commit was burning.
pub(crate) fn crash_everywhere(seed: u64, run: impl Fn(ModelStore)) {
    let disk = MemoryDisk::new(Sharing::Exclusive, seed);
    disk.record_history();
    run(ModelStore::in_memory(disk.clone(), 1, seed));
    let (history, steps) = (disk.history(), disk.steps());
    let stride = (steps / MAX_CRASHES).max(1);
    for step in (1 + seed % stride..=steps).step_by(usize::try_from(stride).unwrap()) {
        for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::DiskError] {
            let disk = MemoryDisk::new(Sharing::Exclusive, seed ^ step);
            disk.draw_keys_from(!seed);
            disk.fail_at(step, fault);
            let ended = quietly(|| run(ModelStore::in_memory(disk.clone(), 1, seed)));
            assert!(disk.has_failed(), "step {step} is not reached");
            let commits = disk.commits();
            // After the last commit, only the end of the process is left.
            let is_done = commits + 1 == history.len();
            assert!(ended.is_err() || is_done, "nobody notices {fault:?} at step {step}");
            let store = Store::in_memory(&disk)
                .unwrap_or_else(|error| panic!("after {fault:?} at step {step}: {error}"));
            let found = disk.state();
            store.close();
            assert!(
                found.is_between(&history[commits], history.get(commits + 1)),
                "after {fault:?} at step {step} of {steps}: {found:?} is not {:?}",
                history[commits]
            );
        }
    }
}

/// Runs something that is expected to panic, without the message.
fn quietly(run: impl FnOnce()) -> std::thread::Result<()> {
    thread_local! {
        static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                usual(info);
            }
        }));
    });
    IS_QUIET.set(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(run));
    IS_QUIET.set(false);
    ended
}

/// Defines the tests of a model over the engines: from a strategy for its operations, and a function that
/// runs them on a [`ModelStore`] and checks them.
macro_rules! over_engines {
    ($operations:expr, $check:expr) => {
        mod over_engines {
            use proptest::prelude::{any, proptest};

            use super::*;
            use crate::store::faulty::{
                ModelEngine, crash_everywhere, fail_reads_everywhere, sequences,
            };

            proptest! {
                #![proptest_config(sequences(32))]

                #[test]
                fn embedded(operations in $operations, seed in any::<u64>()) {
                    $check(operations, ModelEngine::Directory.store(seed));
                }
            }

            proptest! {
                #![proptest_config(sequences(1500))]

                #[test]
                fn in_memory(operations in $operations, seed in any::<u64>()) {
                    $check(operations, ModelEngine::Memory.store(seed));
                }

                #[test]
                fn with_conflicts_and_lost_answers(operations in $operations, seed in any::<u64>()) {
                    $check(operations, ModelEngine::Restless.store(seed));
                }
            }

            proptest! {
                #![proptest_config(sequences(24))]

                #[test]
                fn crashing_at_every_step(operations in $operations, seed in any::<u64>()) {
                    crash_everywhere(seed, |home| $check(operations.clone(), home));
                }
            }

            proptest! {
                #![proptest_config(sequences(12))]

                #[test]
                fn with_a_read_that_fails(operations in $operations, seed in any::<u64>()) {
                    fail_reads_everywhere(seed, |home| $check(operations.clone(), home));
                }
            }
        }
    };
}
pub(crate) use over_engines;
