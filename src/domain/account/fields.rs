//! The fields of an account's record in their order on disk, which is the same in versions 2 and 3.

use serde::{Deserialize, Serialize};

use super::{Account, AccountCounts};
use crate::clock::UnixSeconds;

/// Version 2 counted in this record. Since version 3, the counts in it never change.
#[derive(Serialize, Deserialize)]
pub(super) struct AccountFields {
    name: String,
    allowance: u64,
    created_at: UnixSeconds,
    secrets_total: u64,
    month: u32,
    usage: u64,
    next_sequence: u64,
    deleting: bool,
    requests_total: u64,
    next_request: u64,
}

impl From<AccountFields> for Account {
    fn from(fields: AccountFields) -> Self {
        let AccountFields { secrets_total, month, usage, next_sequence, .. } = fields;
        let AccountFields { requests_total, next_request, .. } = fields;
        Self {
            name: fields.name,
            allowance: fields.allowance,
            created_at: fields.created_at,
            deleting: fields.deleting,
            earlier_counts: AccountCounts {
                secrets_total,
                month,
                usage,
                next_sequence,
                requests_total,
                next_request,
            },
            is_current: true,
        }
    }
}

impl From<Account> for AccountFields {
    fn from(account: Account) -> Self {
        let AccountCounts { secrets_total, month, usage, next_sequence, .. } =
            account.earlier_counts;
        let AccountCounts { requests_total, next_request, .. } = account.earlier_counts;
        Self {
            name: account.name,
            allowance: account.allowance,
            created_at: account.created_at,
            secrets_total,
            month,
            usage,
            next_sequence,
            deleting: account.deleting,
            requests_total,
            next_request,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SeededRandom,
        domain::{
            account::{count_request, count_secret, recount},
            numbers::AccountNumber,
            operator, schema,
        },
        store::{Record, Store, StoreError, Transaction},
    };

    const NOW: UnixSeconds = UnixSeconds(1_793_577_600);

    /// An account as version 2 has written it.
    #[derive(Serialize, Deserialize)]
    struct AccountV2(AccountFields);

    impl Record for AccountV2 {
        const VERSION: u8 = 2;
    }

    fn open() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        (dir, store)
    }

    fn put_v2(store: &Store, number: AccountNumber, allowance: u64) {
        let put = move |transaction: &mut Transaction<'_, '_>| {
            let fields = AccountFields {
                name: "alice".into(),
                allowance,
                created_at: NOW,
                secrets_total: 4,
                month: NOW.month(),
                usage: 6,
                next_sequence: 9,
                deleting: false,
                requests_total: 2,
                next_request: 5,
            };
            transaction.put(&schema::account(number), &AccountV2(fields))
        };
        store.change(put).wait().unwrap();
    }

    fn count(store: &Store, number: AccountNumber) -> [Option<u64>; 2] {
        let count = move |transaction: &mut Transaction<'_, '_>| {
            let found = transaction.get::<Account>(&schema::account(number))?;
            let account = crate::domain::account::live(number, found).unwrap();
            let secret = count_secret(transaction, number, &account, NOW)?;
            let request = count_request(transaction, number, &account, 3)?;
            Ok::<_, StoreError>([secret, request].map(|counted| Some(counted?.0)))
        };
        store.change(count).wait().unwrap()
    }

    #[test]
    fn counts_of_version_2_go_on() {
        let (_dir, store) = open();
        let number = AccountNumber::FIRST;
        put_v2(&store, number, 8);
        let account: Account = store.get(&schema::account(number)).unwrap().unwrap();
        let read = || AccountCounts::read(&store, number, &account).unwrap();
        assert_eq!((read().secrets_total, read().metadata(&account, NOW).secrets_usage), (4, 6));
        assert_eq!(read().request_metadata(&account, NOW, 3).secret_requests_total, 2);
        assert_eq!(count(&store, number), [Some(9), Some(5)]);
        assert_eq!(count(&store, number), [Some(10), None]);
        assert_eq!(count(&store, number), [None, None], "six and two are eight");
        let less = move |transaction: &mut Transaction<'_, '_>| {
            recount(transaction, number, |counts| counts.secrets_total -= 1)
        };
        store.change(less).wait().unwrap();
        assert_eq!((read().secrets_total, read().requests_total), (5, 3));
    }

    #[test]
    fn numbers_without_an_account_go_on() {
        let (_dir, store) = open();
        let nobody = AccountNumber::NOBODY;
        put_v2(&store, nobody, u64::MAX);
        assert_eq!(count(&store, nobody), [Some(9), Some(5)]);
        assert_eq!(count(&store, nobody), [Some(10), Some(6)]);
    }

    /// An earlier version would use numbers again, and so replace secrets.
    #[test]
    fn earlier_versions_refuse_accounts_that_are_counted_elsewhere() {
        let (_dir, store) = open();
        let is_refused = |number: AccountNumber| {
            let found = store.get::<AccountV2>(&schema::account(number));
            matches!(found, Err(StoreError::UnknownVersion { .. }))
        };
        operator::create_account(&store, "bob", 10, &SeededRandom::new(1), NOW).unwrap();
        assert!(is_refused(AccountNumber::FIRST));
        let second = AccountNumber::new(2).unwrap();
        put_v2(&store, second, 8);
        for number in [second, AccountNumber::NOBODY] {
            assert!(!is_refused(number));
            count(&store, number);
            assert!(is_refused(number), "{number:?}");
        }
    }
}
