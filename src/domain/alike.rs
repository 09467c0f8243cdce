//! Reading that takes as long for what is not there as for what is.
//!
//! An id that is unknown, one whose secret is over, and one with a wrong token are answered alike, and the
//! time must not tell them apart either. So where an id names a record, one record that is there and one
//! that is not are read, whatever the id: where there is none for it, a stand-in is read in its place.

use std::hint::black_box;

use super::{
    account, drop_box, schema,
    secret::{self, manage},
};
use crate::store::{Key, Record, Store, StoreError, Transaction};

/// What is read in the place of a record that is not there.
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

/// Puts the stand-ins where they are missing. Blocks.
///
/// # Errors
///
/// See [`StoreError`].
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

/// Reads stand-ins for what an index names, where it names nothing: as many records as a request that is
/// over takes.
pub(super) fn read_none(store: &Store) -> Result<(), StoreError> {
    black_box(store.get::<manage::Manage>(&StandIn::Manage.key())?);
    black_box(store.get::<secret::Secret>(&StandIn::Secret.key())?);
    Ok(())
}

/// Reads a record by `get`, and beside it what makes up for the time.
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
