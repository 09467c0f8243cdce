//! Another master key for a ring that no daemon uses.

use std::path::Path;

use super::{
    bucket_table::FoundTable,
    directory::{RING, lock},
    key_files::{KeyDirectory, open_in_place},
    ring::{RingError, RingFile},
};
use crate::{crypto::WrappingKey, store::StoreOpenError};

/// See [`crate::store::change_master_key`].
pub(in crate::store) fn change_master_key(
    root: &Path,
    old: Option<WrappingKey>,
    new: Option<WrappingKey>,
) -> Result<(), StoreOpenError> {
    let _locked = lock(root)?;
    let path = root.join(RING);
    let failed = |error: RingError| StoreOpenError::Ring {
        ring: path.clone(),
        root: root.to_path_buf(),
        what: error.to_string(),
    };
    let file = open_in_place(&path).map_err(|error| failed(error.into()))?;
    let mut ring = RingFile::open(Box::new(file), old).map_err(failed)?;
    let store = root.join("store");
    let table = FoundTable::open(&KeyDirectory::new(&store))
        .map_err(StoreOpenError::io("read the table of buckets in", &store))?;
    ring.epoch(table.epoch).ok_or_else(|| failed(RingError::OtherStore))?;
    ring.set_master(new, table.epoch).map_err(|error| failed(error.into()))
}
