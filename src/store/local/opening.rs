//! Opening a data directory.

use std::{path::Path, sync::Arc};

use super::{
    directory::DataDirectory,
    payload_files::PayloadFiles,
    sled_engine::{Database, SledEngine},
    slots::SlotFile,
    sync_hook,
};
use crate::store::{
    StoreFigures, StoreOpenError,
    group::StoreDisks,
    opening::{ReadyStore, begin},
};

/// Opens the store in `root`, or creates it, and checks all of its records.
pub(in crate::store) fn open(root: &Path, cache_bytes: u64) -> Result<ReadyStore, StoreOpenError> {
    let directory = DataDirectory::open(root, cache_bytes)?;
    directory.drop_ballast_if_full()?;
    let damaged = |what| StoreOpenError::Damaged { path: root.to_path_buf(), what };
    if directory.has_blobs().map_err(StoreOpenError::io("look into", directory.db()))? {
        return Err(damaged("the database has files in blobs/, which it does not keep".into()));
    }
    let keys = SlotFile::open(&directory.slots()).map_err(|error| {
        StoreOpenError::unusable(root, "open the slot file", &directory.slots(), error)
    })?;
    let payloads = directory.payloads();
    let bodies =
        PayloadFiles::open(payloads.clone()).map_err(StoreOpenError::io("open", &payloads))?;

    // sled panics on some kinds of damage. That is handled as an error, because no request was answered yet.
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let db = directory.db();
        let database = Database::open(&db, cache_bytes)
            .map_err(|error| StoreOpenError::unusable(root, "open the database in", &db, error))?;
        let figures = Arc::new(StoreFigures::new(Arc::clone(database.sync_times())));
        let disks = StoreDisks {
            engine: Arc::new(SledEngine::new(database, directory)),
            keys: Arc::new(keys),
            bodies: Arc::new(bodies),
        };
        begin(disks, figures).map_err(damaged)
    }));
    let begun =
        opened.unwrap_or_else(|_| Err(damaged("the database gave up on its files".into())))?;

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
