//! The keys in memory: who makes a request, and on which day a key was used last.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{ApiKey, KeyKind, StoredApiKey, all, key_hash};
use crate::{
    clock::UnixDay,
    domain::{numbers::AccountNumber, schema},
    store::{Store, StoreError},
};

/// How many uses share a change. A longer change would delay others.
const BATCH: usize = 64;

/// All API keys, in memory, so that a request is authenticated without a disk read.
///
/// There are few keys, about a hundred bytes each. Code that changes them in the store calls [`ApiKeys::reload`]
/// or [`ApiKeys::learn`]. If several processes share the store, each reads the keys again every few seconds.
pub struct ApiKeys {
    known: RwLock<HashMap<[u8; 32], KnownKey>>,
    /// Held while the keys are read again, so that what is known is not replaced by what was read before it.
    reloading: Mutex<()>,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRights {
    /// The account of the key.
    pub account: AccountNumber,
    /// The rights in it.
    pub kind: KeyKind,
}

struct KnownKey {
    rights: KeyRights,
    /// The last day with a request, as far as this process knows; [`NEVER`] if there was none.
    used: AtomicU32,
    /// The same day in the store.
    written: AtomicU32,
}

impl ApiKey {
    /// Whether another process has already stored the day after `day`. A later day than that comes from a
    /// wrong clock, and is replaced.
    fn was_used_just_after(&self, day: UnixDay) -> bool {
        self.last_used.is_some_and(|used| used.0.checked_sub(1) == Some(day.0))
    }
}

/// Stands for no use: the first day of 1970, on which no key was used.
const NEVER: u32 = 0;

impl KnownKey {
    fn new(key: &ApiKey, before: Option<&Self>) -> Self {
        let written = key.last_used.map_or(NEVER, |day| day.0);
        let used = before.map(|known| known.used.load(Ordering::Relaxed));
        let used = used.filter(|day| *day != NEVER).unwrap_or(written);
        Self {
            rights: KeyRights { account: key.account, kind: key.kind },
            used: AtomicU32::new(used),
            written: AtomicU32::new(written),
        }
    }
}

impl ApiKeys {
    /// Reads the keys from the store.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let keys = Self { known: RwLock::default(), reloading: Mutex::default() };
        keys.reload(store)?;
        Ok(keys)
    }

    /// Reads the keys from the store again. Blocks. Uses that are not written yet are kept.
    pub fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let _alone = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = all(store)?;
        // Requests wait for this lock, and not for the disk.
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let loaded = stored
            .into_iter()
            .map(|stored| (stored.hash, KnownKey::new(&stored.key, known.get(&stored.hash))))
            .collect();
        *known = loaded;
        Ok(())
    }

    /// Reads the keys again after this process has stored one. Adds it if that fails, so that a read cannot lose
    /// it. Blocks.
    pub fn learn(&self, store: &Store, stored: &StoredApiKey) {
        if self.reload(store).is_ok() {
            return;
        }
        let _alone = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(stored.hash, KnownKey::new(&stored.key, None));
    }

    /// Removes a key that this process has revoked. Blocks.
    pub(super) fn forget(&self, hash: &[u8; 32]) {
        let _alone = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }

    /// The rights of a key. The lookup uses the hash of the key, so its duration reveals nothing about similar
    /// keys.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<KeyRights> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&key_hash(key)).map(|known| known.rights)
    }

    /// As [`ApiKeys::find`], for a request: notes in memory that the key was used `today`.
    #[must_use]
    pub fn recognize(&self, key: &[u8], today: UnixDay) -> Option<KeyRights> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&key_hash(key))?;
        // A write on each request would move the memory from core to core.
        if found.used.load(Ordering::Relaxed) != today.0 {
            found.used.store(today.0, Ordering::Relaxed);
        }
        Some(found.rights)
    }

    /// Writes the days of use that are only in memory: at most one change for each key and day. Blocks.
    ///
    /// The daemon calls this regularly, when it stops and before it lists keys, so that no request waits for the
    /// disk. A crash loses the uses since the last call.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. What was not written is written the next time.
    pub fn write_uses(&self, store: &Store) -> Result<(), StoreError> {
        let unwritten: Vec<([u8; 32], UnixDay)> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let unwritten = known.iter().filter_map(|(hash, key)| {
                let used = key.used.load(Ordering::Relaxed);
                (used != key.written.load(Ordering::Relaxed)).then_some((*hash, UnixDay(used)))
            });
            unwritten.collect()
        };
        for batch in unwritten.chunks(BATCH) {
            let uses = batch.to_vec();
            let change = store.change(move |transaction| {
                for (hash, day) in &uses {
                    let at = schema::api_key(hash);
                    // It may have been revoked in the meantime.
                    if let Some(key) = transaction.get::<ApiKey>(&at)?
                        && !key.was_used_just_after(*day)
                    {
                        transaction.put(&at, &ApiKey { last_used: Some(*day), ..key })?;
                    }
                }
                Ok::<_, StoreError>(())
            });
            change.wait()?;
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            for (hash, day) in batch {
                if let Some(key) = known.get(hash) {
                    key.written.store(day.0, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixSeconds,
        crypto::SeededRandom,
        domain::{account::api_key::of_account, operator},
    };

    #[test]
    fn a_use_is_written_once_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let random = SeededRandom::new(1);
        let now = UnixSeconds(1_800_000_000);
        let made = operator::create_account(&store, "alice", 10, &random, now).unwrap();
        let (private, public) = (made.private_key, made.public_key);
        let keys = ApiKeys::load(&store).unwrap();
        let days = |store: &Store| {
            let mut found = of_account(store, AccountNumber::FIRST).unwrap();
            found.sort_by_key(|stored| stored.key.kind == KeyKind::Public);
            found
                .into_iter()
                .map(|stored| stored.key.last_used.map(|day| day.0))
                .collect::<Vec<_>>()
        };
        let use_key = |key: &str, day| {
            assert!(keys.recognize(key.as_bytes(), UnixDay(day)).is_some());
        };
        let writes = |used: &dyn Fn()| {
            let before = store.figures().commit_times.values().count;
            used();
            keys.write_uses(&store).unwrap();
            store.figures().commit_times.values().count - before
        };
        assert_eq!(writes(&|| ()), 0, "nothing was used");
        assert_eq!(days(&store), [None, None]);
        let private = private.expose_secret();
        assert_eq!(writes(&|| (0..9).for_each(|_| use_key(private, 20))), 1);
        assert_eq!(days(&store), [Some(20), None]);
        assert_eq!(writes(&|| use_key(private, 20)), 0, "the day is written");
        // A reload, as after each change of keys, neither forgets a use nor writes it.
        assert_eq!(
            writes(&|| {
                use_key(private, 21);
                keys.reload(&store).unwrap();
            }),
            1
        );
        assert_eq!(days(&store), [Some(21), None]);
        assert_eq!(writes(&|| keys.reload(&store).unwrap()), 0);
        assert_eq!(writes(&|| use_key(public.expose_secret(), 22)), 1);
        assert_eq!(days(&store), [Some(21), Some(22)]);
        // Another process may write the day before after this.
        assert_eq!(writes(&|| use_key(private, 20)), 0);
        assert_eq!(days(&store), [Some(21), Some(22)]);
        // A day of a wrong clock is replaced.
        assert_eq!(writes(&|| use_key(private, 5)), 1);
        assert_eq!(days(&store), [Some(5), Some(22)]);
        assert!(keys.recognize(b"private_key_other", UnixDay(1)).is_none());
        // A revoked key is not written again.
        use_key(public.expose_secret(), 23);
        let hash = key_hash(public.expose_secret().as_bytes());
        store
            .change(move |change| change.delete(&schema::api_key(&hash)))
            .wait()
            .map_err(|_: StoreError| ())
            .unwrap();
        keys.write_uses(&store).unwrap();
        assert_eq!(days(&store), [Some(5)]);
    }
}
