//! The record of an item in versions that older releases have written.

use serde::{Deserialize, Serialize};

use super::{Outgoing, OutgoingContent};
use crate::{clock::UnixSeconds, domain::numbers::AccountNumber};

/// Version 1: without [`Outgoing::claim`].
#[derive(Serialize, Deserialize)]
pub(super) struct OutgoingV1 {
    account: Option<AccountNumber>,
    queued_at: UnixSeconds,
    next_at: UnixSeconds,
    attempts: u32,
    last_error: Option<String>,
    is_given_up: bool,
    content: OutgoingContent,
}

impl From<OutgoingV1> for Outgoing {
    fn from(old: OutgoingV1) -> Self {
        let OutgoingV1 { account, queued_at, next_at, attempts, last_error, is_given_up, content } =
            old;
        Self {
            account,
            queued_at,
            next_at,
            attempts,
            last_error,
            is_given_up,
            claim: None,
            content,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            notify::{
                mailbox::Mailbox,
                outbox::{ClaimedItem, Letter, claim},
            },
            numbers::{BoxNumber, OutboxNumber},
            schema,
        },
        store::{Key, Record, Store, StoreError},
    };

    impl Record for OutgoingV1 {
        const VERSION: u8 = 1;

        fn sealed_by(key: &Key) -> Option<Key> {
            Some(key.clone())
        }
    }

    #[test]
    fn an_item_of_version_1_is_claimed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let (number, at) = (OutboxNumber(7), UnixSeconds(1000));
        let put = move |transaction: &mut crate::store::Transaction<'_, '_>| {
            let old = OutgoingV1 {
                account: Some(AccountNumber::FIRST),
                queued_at: at,
                next_at: at.plus(60),
                attempts: 1,
                last_error: Some("no".into()),
                is_given_up: false,
                content: OutgoingContent::Mail {
                    to: Mailbox::new("a@example.org").unwrap(),
                    language: None,
                    letter: Letter::BoxMessage { drop_box: BoxNumber::from_bytes([1; 8]), at },
                },
            };
            transaction.put(&schema::outgoing(number), &old)
        };
        store.change(put).wait().unwrap();
        // As after an update: the directory is opened again, with its check of all records.
        store.close();
        drop(store);
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let claimed = store.change(claim(number, 1, at.plus(60))).wait().unwrap();
        let ClaimedItem::Ours(item, None) = claimed else { panic!("the item is there") };
        assert_eq!((item.attempts, item.last_error.as_deref()), (1, Some("no")));
        assert!(matches!(item.content, OutgoingContent::Mail { .. }));
        let stored = store.get::<OutgoingV1>(&schema::outgoing(number));
        assert!(matches!(stored, Err(StoreError::UnknownVersion(2))));
    }
}
