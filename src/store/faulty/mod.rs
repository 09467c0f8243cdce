//! An engine in memory that fails on purpose, for tests. It has two forms:
//!
//! - *exclusive*, like the embedded engine: records that are changed as a whole, slots and files whose
//!   writes may be lost, in any order, until they are synced;
//! - *shared*, like a database server: commits that conflict, or whose outcome is unknown.
//!
//! Every operation that changes the disk is a step. A [`Fault`] happens at one of them.

mod bodies;
mod disk;
mod engine;
mod files;
mod keys;
mod models;
mod recording;

use std::sync::{Arc, atomic::AtomicU64};

use self::{bodies::MemoryBodies, engine::MemoryEngine, keys::keys_of};
pub(crate) use self::{
    disk::{Fault, MemoryDisk},
    models::{
        ModelEngine, ModelStore, crash_everywhere, fail_reads_everywhere, over_engines, sequences,
    },
    recording::CommitLog,
};
use super::{
    Store, StoreFigures,
    commit::Committer,
    group::StoreDisks,
    manifest::Manifest,
    opening::{ReadyStore, begin},
};
use crate::{crypto::Random, metrics::AtomicHistogram};

/// How an engine in memory behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Exclusive,
    Shared,
}

impl Store {
    /// Opens a store on `disk`. Several stores can be open on a shared one.
    ///
    /// # Errors
    ///
    /// What is damaged.
    pub(crate) fn in_memory(disk: &MemoryDisk) -> Result<Self, String> {
        start(disk, disks_in_memory(disk)?)
    }
}

/// Opens a store on the parts of a disk.
fn start(disk: &MemoryDisk, disks: StoreDisks) -> Result<Store, String> {
    static WRITERS: AtomicU64 = AtomicU64::new(1);
    let figures = Arc::new(StoreFigures::new(Arc::new(AtomicHistogram::of_durations())));
    let random: Arc<dyn Random> = Arc::new(disk.random());
    let opened = match disk.sharing() {
        Sharing::Exclusive => begin(disks, figures, random)?.finish().map_err(|e| e.to_string())?,
        Sharing::Shared => {
            let writer = WRITERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let manifest = Manifest::default();
            let committer = Committer::new(disks, Arc::clone(&figures), manifest, writer);
            ReadyStore { committer, figures, random }
        }
    };
    Store::start(opened, None, |what| tracing::debug!(what, "the disk in memory has failed"))
        .map_err(|error| error.to_string())
}

/// The parts of a store on `disk`, for one process.
///
/// # Errors
///
/// What is damaged.
pub(in crate::store) fn disks_in_memory(disk: &MemoryDisk) -> Result<StoreDisks, String> {
    let process = disk.process();
    let engine = Arc::new(MemoryEngine::new(process.clone()));
    let keys = keys_of(process.clone())?;
    Ok(StoreDisks::new(engine, keys, Arc::new(MemoryBodies(process))))
}
