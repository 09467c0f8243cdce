//! What a restore without keys leaves of requests and of items of the outbox that were deleted after the backup:
//! records whose key is gone, and others that belong to them.

use std::collections::BTreeSet;

use super::{
    notify::outbox::Outgoing,
    numbers::{Lane, RequestNumber},
    request,
    request_record::Request,
    schema,
};
use crate::store::{Key, Record, Store, StoreError, Transaction};

/// The number of records or requests that one change deletes.
const BATCH: usize = 64;

/// Deletes all of that. Returns the number of requests and items. Blocks.
///
/// # Errors
///
/// [`StoreError`]
pub fn remove_unreadable(store: &Store) -> Result<usize, StoreError> {
    let requests = unreadable::<Request>(store, &schema::all_requests())?;
    let items = unreadable::<Outgoing>(store, &schema::outgoings())?;
    let removed = requests.len() + items.len();
    if !requests.is_empty() {
        let mut ids = Vec::new();
        for id in store.range::<RequestNumber>(&schema::request_ids()) {
            let (key, number) = id?;
            if requests.contains(&schema::request(number)) {
                ids.push(key);
            }
        }
        let numbers = requests.iter().filter_map(schema::request_number);
        let numbers: Vec<RequestNumber> = numbers.collect();
        change_all(store, &numbers, |transaction, number| {
            request::remove_unreadable(transaction, *number)
        })?;
        change_all(store, &ids, |transaction, key| transaction.delete(key))?;
    }
    if !items.is_empty() {
        let mut entries = Vec::new();
        let lanes = [Lane::Mail, Lane::Webhook, Lane::GivenUp];
        for key in lanes.into_iter().flat_map(|lane| store.keys(&schema::outgoing_dues(lane))) {
            let key = key?;
            let item = schema::outgoing_due_parts(&key).map(|(_, number)| schema::outgoing(number));
            if item.is_some_and(|item| items.contains(&item)) {
                entries.push(key);
            }
        }
        change_all(store, &entries, |transaction, key| transaction.delete(key))?;
        let items: Vec<Key> = items.into_iter().collect();
        change_all(store, &items, |transaction, key| transaction.delete(key))?;
    }
    Ok(removed)
}

/// The keys of the records with this prefix that cannot be read.
fn unreadable<R: Record>(store: &Store, prefix: &Key) -> Result<BTreeSet<Key>, StoreError> {
    let mut found = BTreeSet::new();
    for key in store.keys(prefix) {
        let key = key?;
        if store.get::<R>(&key)?.is_none() {
            found.insert(key);
        }
    }
    Ok(found)
}

/// Calls `change` for each of `items`, a few in each change of the store.
fn change_all<T: Clone + Send + 'static>(
    store: &Store,
    items: &[T],
    change: impl Fn(&mut Transaction<'_, '_>, &T) -> Result<(), StoreError> + Copy + Send + 'static,
) -> Result<(), StoreError> {
    for batch in items.chunks(BATCH) {
        let batch = batch.to_vec();
        store
            .change(move |transaction| batch.iter().try_for_each(|item| change(transaction, item)))
            .wait()?;
    }
    Ok(())
}
