//! The record of an API key in versions that older releases have written.

use serde::{Deserialize, Serialize};

use super::{ApiKey, KeyKind};
use crate::{clock::UnixSeconds, domain::numbers::AccountNumber};

/// Version 1: without [`ApiKey::name`] and [`ApiKey::last_used`].
#[derive(Serialize, Deserialize)]
pub(super) struct ApiKeyV1 {
    account: AccountNumber,
    kind: KeyKind,
    created_at: UnixSeconds,
}

impl From<ApiKeyV1> for ApiKey {
    fn from(old: ApiKeyV1) -> Self {
        Self::new(old.account, old.kind, None, old.created_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::UnixDay,
        domain::{
            account::api_key::{ApiKeys, AskedBy, key_hash, set_name},
            account::display_name::DisplayName,
            schema,
        },
        store::{Record, Store, StoreError},
    };

    impl Record for ApiKeyV1 {
        const VERSION: u8 = 1;
    }

    #[test]
    fn a_key_of_version_1_opens_and_becomes_version_2() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let hash = key_hash(b"private_key_old");
        let at = schema::api_key(&hash);
        let account = AccountNumber::FIRST;
        let created_at = UnixSeconds(1000);
        let key = at.clone();
        store
            .change(move |change| {
                change.put(&key, &ApiKeyV1 { account, kind: KeyKind::Private, created_at })
            })
            .wait()
            .map_err(|_: StoreError| ())
            .unwrap();
        // As after an update: the directory is opened again, with its check of all records.
        store.close();
        drop(store);
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let expected = ApiKey::new(account, KeyKind::Private, None, created_at);
        assert_eq!(store.get::<ApiKey>(&at).unwrap().as_ref(), Some(&expected));
        let keys = ApiKeys::load(&store).unwrap();
        assert!(keys.recognize(b"private_key_old", UnixDay(3)).is_some());
        keys.write_uses(&store).unwrap();
        let name = DisplayName::new("old laptop").unwrap();
        set_name(&store, hash, Some(name.clone()), AskedBy::Operator).unwrap().unwrap();
        let expected = ApiKey { name: Some(name), last_used: Some(UnixDay(3)), ..expected };
        assert_eq!(store.get::<ApiKey>(&at).unwrap(), Some(expected));
        assert!(matches!(store.get::<ApiKeyV1>(&at), Err(StoreError::UnknownVersion(2))));
    }
}
