//! Reads that take the same time for missing and for existing records.
//!
//! An unknown id, the id of a secret that is over, and a wrong token get the same answer, and the response
//! time must not distinguish them either. Therefore each lookup by an id reads one existing and one missing
//! record. If the record is missing, a stand-in is read as the existing one.

use std::hint::black_box;

use super::schema;
use crate::store::{Key, Record, StoreError};

/// The kind of record that a stand-in replaces.
#[derive(Clone, Copy)]
pub(super) enum StandIn {
    Account,
    DropBox,
    Manage,
    Secret,
}

impl StandIn {
    pub(super) fn key(self) -> Key {
        schema::daemon(match self {
            Self::Account => "stand-in account",
            Self::DropBox => "stand-in box",
            Self::Manage => "stand-in manage",
            Self::Secret => "stand-in secret",
        })
    }
}

/// Reads a record by `get`, and a second one that makes the time equal.
pub(super) fn read<R: Record>(
    get: impl Fn(&Key) -> Result<Option<R>, StoreError>,
    key: &Key,
    stand_in: StandIn,
) -> Result<Option<R>, StoreError> {
    let found = get(key)?;
    let other = match found {
        Some(_) => schema::daemon("stand-in for none"),
        None => stand_in.key(),
    };
    black_box(get(&other)?);
    Ok(found)
}
