//! Reads that take the same time for missing and for existing records.
//!
//! An unknown id, the id of a secret that is over, and a wrong token get the same answer, and the response
//! time must not distinguish them either. Therefore each lookup by an id reads one existing and one missing
//! record. If the record is missing, a stand-in is read as the existing one.

use std::hint::black_box;

use super::{
    account, drop_box, schema,
    secret::{self, manage},
};
use crate::store::{Key, Record, Store, StoreError, Transaction};

/// The kind of record that a stand-in replaces.
#[derive(Clone, Copy)]
pub(super) enum StandIn {
    Account,
    DropBox,
    Manage,
    Secret,
}

impl StandIn {
    fn key(self) -> Key {
        schema::daemon(match self {
            Self::Account => "stand-in account",
            Self::DropBox => "stand-in box",
            Self::Manage => "stand-in manage",
            Self::Secret => "stand-in secret",
        })
    }
}

/// Writes the stand-ins that are missing. Blocks.
pub fn prepare(store: &Store) -> Result<(), StoreError> {
    store
        .change(|transaction| {
            put(transaction, StandIn::Account, &account::stand_in())?;
            put(transaction, StandIn::DropBox, &drop_box::stand_in())?;
            put(transaction, StandIn::Manage, &manage::stand_in())?;
            put(transaction, StandIn::Secret, &secret::stand_in())
        })
        .wait()
}

fn put<R: Record>(
    transaction: &mut Transaction<'_, '_>,
    stand_in: StandIn,
    value: &R,
) -> Result<(), StoreError> {
    match transaction.get::<R>(&stand_in.key())? {
        Some(_) => Ok(()),
        None => transaction.put(&stand_in.key(), value),
    }
}

/// Reads as many stand-ins as a request that is over takes records, after an index lookup without a result.
pub(super) fn read_stand_ins(store: &Store) -> Result<(), StoreError> {
    black_box(store.get::<manage::Manage>(&StandIn::Manage.key())?);
    black_box(store.get::<secret::Secret>(&StandIn::Secret.key())?);
    Ok(())
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
