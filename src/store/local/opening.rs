//! Opening a data directory.

use std::{path::Path, sync::Arc};

use super::{
    directory::DataDirectory,
    key_files::{KeyDirectory, open_in_place},
    payload_files::PayloadFiles,
    ring::RingFile,
    sled_engine::{Database, SledEngine},
    slot_form::SlotLayout,
    slots::{OpenKeysError, SlotFile},
    sync_hook,
};
use crate::{
    crypto::SystemRandom,
    store::{
        StoreFigures, StoreOpenError, StoreOptions,
        group::StoreDisks,
        opening::{ReadyStore, begin},
    },
};

/// Opens the store in `root`, or creates it, and checks all of its records.
pub(in crate::store) fn open(
    root: &Path,
    options: StoreOptions,
) -> Result<ReadyStore, StoreOpenError> {
    let cache_bytes = options.cache_bytes;
    let directory = DataDirectory::open(root, &options)?;
    directory.drop_ballast_if_full()?;
    let damaged = |what| StoreOpenError::Damaged { path: root.to_path_buf(), what };
    if directory.has_blobs().map_err(StoreOpenError::io("look into", directory.db()))? {
        return Err(damaged("the database has files in blobs/, which it does not keep".into()));
    }
    let keys = open_keys(&directory, options)?;
    let payloads = directory.payloads();
    let bodies =
        PayloadFiles::open(payloads.clone()).map_err(StoreOpenError::io("open", &payloads))?;

    // sled panics on some kinds of damage. That is handled as an error, because no request was answered yet.
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let db = directory.db();
        let database = Database::open(&db, cache_bytes)
            .map_err(|error| StoreOpenError::unusable(root, "open the database in", &db, error))?;
        let figures = Arc::new(StoreFigures::new(Arc::clone(database.sync_times())));
        let engine = Arc::new(SledEngine::new(database, directory));
        let disks = StoreDisks::new(engine, Arc::new(keys), Arc::new(bodies));
        begin(disks, figures, Arc::new(SystemRandom)).map_err(damaged)
    }));
    let begun =
        opened.unwrap_or_else(|_| Err(damaged("the database gave up on its files".into())))?;

    DataDirectory::wipe_leftovers_in(root)?;
    // The first commit is a self-test: it must reach the hook.
    let before = sync_hook::calls();
    let opened = begun.finish().map_err(StoreOpenError::io("write", root))?;
    if sync_hook::calls() == before {
        return Err(StoreOpenError::SyncHookMissing);
    }
    if let Err(error) = opened.committer.disks().engine.tidy() {
        tracing::warn!(%error, "retrying every hour");
    }
    Ok(opened)
}

/// Opens the keys of payloads with the ring.
fn open_keys(directory: &DataDirectory, options: StoreOptions) -> Result<SlotFile, StoreOpenError> {
    let file =
        open_in_place(&directory.ring()).map_err(|error| directory.ring_error(error.into()))?;
    let ring = RingFile::open(Box::new(file), options.master_key)
        .map_err(|error| directory.ring_error(error))?;
    let files = Box::new(KeyDirectory::new(&directory.store()));
    let keys = SlotFile::open(files, ring, Arc::new(SystemRandom), SlotLayout::USUAL);
    let keys = keys.map_err(|error| match error {
        OpenKeysError::Io(error) => {
            let (root, slots) = (directory.root(), directory.slots());
            StoreOpenError::unusable(root, "open the slot file", &slots, error)
        }
        OpenKeysError::Ring(error) => directory.ring_error(error),
    })?;
    keys.ring_file().set_copies(options.ring_copies);
    Ok(keys)
}
