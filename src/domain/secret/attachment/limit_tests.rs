//! The limits of stored bytes, of an account and of all accounts together.

use super::*;
use crate::{
    clock::UnixSeconds,
    crypto::{SeededRandom, random_array},
    domain::{
        account::find_account,
        lifetime::{Lifetime, LifetimeRules},
        operator::create_account,
        secret::{self, MessageShown, NewSecret, SecretError},
    },
};

const NOW: UnixSeconds = UnixSeconds(1_793_577_600);

struct Fixture {
    store: Store,
    random: SeededRandom,
    _dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let random = SeededRandom::new(1);
        for name in ["alice", "bob"] {
            create_account(&store, name, 100, &random, NOW).unwrap();
        }
        Self { store, random, _dir: dir }
    }

    /// Creates a secret with two attachments, of 10 bytes together. `most` are the limits of the account and
    /// of all.
    fn create(&self, name: &str, most: [Option<u64>; 2]) -> Result<SecretId, SecretError> {
        let random: [u8; 15] = random_array(&self.random);
        let item = |(n, bytes): (u8, &[u8])| {
            let n = NonZeroU8::new(n).unwrap();
            SealedAttachment::new(&self.store, &self.random, &random, n, bytes).ok()
        };
        let [max_account_bytes, max_storage_bytes] = most;
        let limits = AttachmentLimits {
            max_bytes: None,
            max_count: 2,
            max_account_bytes,
            max_storage_bytes,
        };
        let items = [(1, &b"123"[..]), (2, b"1234567")].map(item).into();
        let rules = LifetimeRules { min: 1, max: 350, default: 0 };
        let new = NewSecret {
            random,
            payload: self.store.seal(&self.random, &random, b"text".to_vec())?,
            description: None,
            message: None,
            message_shown: MessageShown::With,
            is_from_owner: true,
            lifetime: Lifetime::new(None, rules).unwrap(),
            view_button: false,
            captcha: false,
            password: None,
            max_views: NonZeroU8::MIN,
            attachments: Some(NewAttachments { items, token_hash: [9; 32], limits }),
            reply_key: None,
        };
        let account = find_account(&self.store, name).unwrap();
        let (number, secret, _) = self.store.change(secret::create(account, new, NOW)).wait()?;
        Ok(secret.id(number))
    }

    fn delete(&self, id: SecretId) {
        self.store.change(secret::delete(id.number.account, id, NOW)).wait().unwrap();
    }

    /// The total that is kept for a limit.
    fn kept(&self) -> Option<u64> {
        let kept = self.store.get::<StoredBytes>(&schema::stored_by_all()).unwrap();
        kept.map(|StoredBytes(bytes)| bytes)
    }
}

#[test]
fn limits_are_exact_whenever_they_are_set() {
    let f = Fixture::new();
    let is_full = |made: Result<SecretId, SecretError>| matches!(made, Err(SecretError::OverQuota));
    let first = f.create("alice", [Some(10), None]).unwrap();
    assert!(is_full(f.create("alice", [Some(19), None])));
    f.create("bob", [Some(10), None]).unwrap();
    assert_eq!((f.kept(), stored_bytes(&f.store).unwrap()), (None, 20), "not limited, not kept");
    assert!(is_full(f.create("alice", [None, Some(29)])));
    let second = f.create("alice", [None, Some(30)]).unwrap();
    assert_eq!(f.kept(), Some(30), "added up for the limit");
    assert!(is_full(f.create("bob", [None, Some(30)])));
    f.delete(second);
    assert_eq!(f.kept(), Some(20));
    f.create("bob", [None, None]).unwrap();
    assert_eq!(f.kept(), None, "not limited any more");
    f.delete(first);
    assert!(is_full(f.create("alice", [None, Some(29)])));
    f.create("alice", [Some(10), Some(30)]).unwrap();
    assert_eq!((f.kept(), stored_bytes(&f.store).unwrap()), (Some(30), 30));
}

/// An earlier version has kept the total in any case.
#[test]
fn a_total_of_an_earlier_version_is_used() {
    let f = Fixture::new();
    let put = |bytes: u64| {
        move |transaction: &mut Transaction<'_, '_>| {
            transaction.put(&schema::stored_by_all(), &StoredBytes(bytes))
        }
    };
    f.create("alice", [None, None]).unwrap();
    f.store.change(put(10)).wait().unwrap();
    assert!(f.create("bob", [None, Some(19)]).is_err());
    f.create("bob", [None, Some(20)]).unwrap();
    assert_eq!(f.kept(), Some(20));
}
