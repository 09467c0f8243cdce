//! The records that lookups of missing ids read instead; see [`super::alike`].

use super::{
    account,
    alike::StandIn,
    drop_box,
    secret::{self, manage},
};
use crate::store::{Record, Store, StoreError, Transaction};

/// Writes the stand-ins that are missing. Blocks.
pub fn write(store: &Store) -> Result<(), StoreError> {
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
