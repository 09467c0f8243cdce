//! Names of addresses in the counts of mails. Counts stay in freed parts of the database, and a plain hash there
//! would show to everybody who knows an address that it had mail. So the names are HMACs under a key that is
//! wiped some hours later.

use serde::{Deserialize, Serialize};

use super::limits::WINDOW_SECONDS;
use crate::{
    clock::UnixSeconds,
    domain::{notify::mailbox::Mailbox, schema},
    store::{Key, Record, Store, StoreError, Transaction},
};

/// How long a key is used for new names, in seconds. Its names are found for as long again: a mail is planned
/// for up to an hour later, and counts for an hour after that.
const USE_SECONDS: u64 = 2 * WINDOW_SECONDS;

/// Names the key of the names of a time. There are two, the newer one and the one before.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct AddressKey {
    since: UnixSeconds,
}

impl Record for AddressKey {
    const VERSION: u8 = 1;
    const SEALS_OTHERS: bool = true;
}

impl AddressKey {
    /// Whether names under the key may still be found in counts. Not so if the clock was set back.
    fn is_needed(self, now: UnixSeconds) -> bool {
        self.since <= now.plus(USE_SECONDS) && now < self.since.plus(2 * USE_SECONDS)
    }

    fn is_new(self, now: UnixSeconds) -> bool {
        self.is_needed(now) && now < self.since.plus(USE_SECONDS)
    }
}

/// The names of an address at `now`: first the one for new counts, which gets a new key if it is time, then
/// those of counts that are still needed.
pub(super) fn of(
    transaction: &mut Transaction<'_, '_>,
    address: &Mailbox,
    now: UnixSeconds,
) -> Result<Vec<[u8; 32]>, StoreError> {
    // Addresses that differ only in case usually belong to the same recipient.
    let address = address.as_str().to_ascii_lowercase();
    let mut found: Vec<(AddressKey, Key, [u8; 32])> = Vec::new();
    for key in schema::address_keys() {
        if let Some(there) = transaction.get::<AddressKey>(&key)?
            && there.is_needed(now)
            // A restore without keys leaves the record only.
            && let Some(name) = transaction.keyed_name(&key, address.as_bytes())?
        {
            found.push((there, key, name));
        }
    }
    found.sort_by_key(|(key, ..)| std::cmp::Reverse(key.since));
    if !found.first().is_some_and(|(key, ..)| key.is_new(now)) {
        // The older of two is not needed any more, because the newer one is not new.
        found.truncate(1);
        let is_free = |key: &Key| found.iter().all(|(_, used, _)| used != key);
        if let Some(free) = schema::address_keys().into_iter().find(is_free) {
            // Deleted first, so that the record gets another key.
            transaction.delete(&free)?;
            let new = AddressKey { since: now };
            transaction.put(&free, &new)?;
            if let Some(name) = transaction.keyed_name(&free, address.as_bytes())? {
                found.insert(0, (new, free, name));
            }
        }
    }
    Ok(found.into_iter().map(|(.., name)| name).collect())
}

/// Wipes keys that no count needs. Blocks.
pub(super) fn sweep(store: &Store, now: UnixSeconds) -> Result<(), StoreError> {
    let is_over = move |found: Option<AddressKey>| found.is_some_and(|key| !key.is_needed(now));
    for key in schema::address_keys() {
        if is_over(store.get(&key)?) {
            store
                .change(move |transaction| match is_over(transaction.get(&key)?) {
                    true => transaction.delete(&key),
                    // Replaced meanwhile.
                    false => Ok(()),
                })
                .wait()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    fn names(store: &Store, address: &str, now: UnixSeconds) -> Vec<[u8; 32]> {
        let address = Mailbox::new(address).unwrap();
        store.change(move |transaction| of(transaction, &address, now)).wait().unwrap()
    }

    fn keys(store: &Store) -> usize {
        let found = schema::address_keys().map(|key| store.get::<AddressKey>(&key).unwrap());
        found.iter().flatten().count()
    }

    #[test]
    fn names_change_and_are_found_for_a_while() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), 8 << 20).unwrap();
        let at = |seconds| names(&store, "a@example.org", NOW.plus(seconds));
        let first = at(0);
        assert_eq!((first.len(), at(USE_SECONDS - 1)), (1, first.clone()));
        assert_eq!(names(&store, "A@Example.org", NOW), first, "of any case");
        assert_ne!(names(&store, "b@example.org", NOW), first);
        let second = at(USE_SECONDS);
        assert_eq!((second.len(), second[1]), (2, first[0]));
        assert_eq!(at(2 * USE_SECONDS - 1), second);
        let third = at(2 * USE_SECONDS);
        assert_eq!((third.len(), third[1]), (2, second[0]));
        assert!(!third.contains(&first[0]) && !second.contains(&third[0]));
        // After a pause, no name is left.
        assert_eq!(at(10 * USE_SECONDS).len(), 1);
        // A clock that was set back.
        assert_eq!(at(0).len(), 1);
    }

    /// As a restore without keys leaves it.
    #[test]
    fn a_record_without_its_key_is_replaced() {
        #[derive(Serialize, Deserialize)]
        struct KeylessAddressKey {
            since: UnixSeconds,
        }
        impl Record for KeylessAddressKey {
            const VERSION: u8 = 1;
        }

        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), 8 << 20).unwrap();
        let put = |transaction: &mut Transaction<'_, '_>| {
            transaction.put(&schema::address_keys()[0], &KeylessAddressKey { since: NOW })
        };
        store.change(put).wait().unwrap();
        let found = names(&store, "a@example.org", NOW);
        assert_eq!(found.len(), 1);
        assert_eq!(names(&store, "a@example.org", NOW), found);
    }

    #[test]
    fn keys_that_are_not_needed_are_wiped() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), 8 << 20).unwrap();
        for seconds in [0, USE_SECONDS] {
            names(&store, "a@example.org", NOW.plus(seconds));
        }
        for (seconds, left) in [(2, 2), (3, 1), (4, 0)].map(|(n, left)| (n * USE_SECONDS, left)) {
            sweep(&store, UnixSeconds(NOW.0 + seconds - 1)).unwrap();
            assert_eq!(keys(&store), left);
        }
    }
}
