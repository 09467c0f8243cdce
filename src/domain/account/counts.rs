//! What an account has and has created. In a record of its own: every request about a secret reads the
//! account's record, and only creations and deletions change these counts. If several processes share the
//! store, [`super::share`] counts the secrets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Account, share};
use crate::{
    clock::UnixSeconds,
    domain::{numbers::AccountNumber, schema},
    store::{Record, Store, StoreError, Transaction},
};

/// The counts of an account. Those of [`AccountNumber::NOBODY`] stay 0, because its changes would all meet
/// there.
///
/// If several processes share the store, the record has the counts of requests, those of secrets from before
/// that, and what is lent; the functions that read it for an answer add the shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCounts {
    /// The number of secrets in the list, including used-up and expired ones.
    pub secrets_total: u64,
    /// The month that `usage` refers to; see [`UnixSeconds::month`].
    pub(super) month: u32,
    /// The number of secrets created in that month.
    pub(super) usage: u64,
    pub(super) next_sequence: u64,
    /// The number of secret requests in the list, including ended ones.
    pub requests_total: u64,
    pub(super) next_request: u64,
}

impl Record for AccountCounts {
    const VERSION: u8 = 1;
}

/// The numbers of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Metadata {
    /// The number of secrets in the list, including used-up and expired ones.
    #[schemars(example = 3)]
    pub secrets_total: u64,
    /// The number of secrets created in this calendar month (UTC).
    #[schemars(example = 12)]
    pub secrets_usage: u64,
    /// The number of secrets allowed in a calendar month.
    #[schemars(example = 1_000_000)]
    pub secrets_allowance: u64,
}

/// The numbers of the account, including those about secret requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RequestMetadata {
    /// The figures that all answers contain.
    #[serde(flatten)]
    pub secrets: Metadata,
    /// The number of secret requests in the list.
    #[schemars(example = 1)]
    pub secret_requests_total: u64,
    /// The number of secret requests allowed in the list.
    #[schemars(example = 10_000)]
    pub secret_requests_allowance: u64,
}

impl Account {
    /// Writes the record of an account that an earlier version has written. That version does not know where
    /// the counts are now, and would use numbers again; it refuses the new record.
    pub(super) fn settle(
        &self,
        transaction: &mut Transaction<'_, '_>,
        number: AccountNumber,
    ) -> Result<(), StoreError> {
        if self.is_current {
            return Ok(());
        }
        transaction.put(&schema::account(number), self)
    }
}

impl AccountCounts {
    /// The counts of `account`.
    ///
    /// # Errors
    ///
    /// Those of [`Store::get`].
    pub fn read(
        store: &Store,
        number: AccountNumber,
        account: &Account,
    ) -> Result<Self, StoreError> {
        if store.process() != 0 {
            return share::read(store, number, account);
        }
        Ok(store.get(&schema::account_counts(number))?.unwrap_or(account.earlier_counts))
    }

    /// The record of the counts, as a change sees it. The change is run again if another process changes it.
    pub(in crate::domain) fn find(
        transaction: &Transaction<'_, '_>,
        number: AccountNumber,
        account: &Account,
    ) -> Result<Self, StoreError> {
        let found = transaction.get(&schema::account_counts(number))?;
        Ok(found.unwrap_or(account.earlier_counts))
    }

    /// The counts for an answer. Another process may change them before the commit.
    pub(in crate::domain) fn glance(
        transaction: &Transaction<'_, '_>,
        number: AccountNumber,
        account: &Account,
    ) -> Result<Self, StoreError> {
        if transaction.process() != 0 {
            return share::glance(transaction, number, account);
        }
        let found = transaction.glance(&schema::account_counts(number))?;
        Ok(found.unwrap_or(account.earlier_counts))
    }

    /// The figures at `now`, with the allowance of secrets of `account`.
    #[must_use]
    pub fn metadata(&self, account: &Account, now: UnixSeconds) -> Metadata {
        Metadata {
            secrets_total: self.secrets_total,
            secrets_usage: self.usage(now),
            secrets_allowance: account.allowance,
        }
    }

    /// The figures at `now`, with `allowance` as the limit of secret requests in the list.
    #[must_use]
    pub fn request_metadata(
        &self,
        account: &Account,
        now: UnixSeconds,
        allowance: u64,
    ) -> RequestMetadata {
        RequestMetadata {
            secrets: self.metadata(account, now),
            secret_requests_total: self.requests_total,
            secret_requests_allowance: allowance,
        }
    }

    /// The number of the account's next secret, if no other process creates some.
    pub(in crate::domain) fn next_secret(&self) -> u64 {
        self.next_sequence
    }

    /// The number of secrets created in the month of `now`.
    fn usage(&self, now: UnixSeconds) -> u64 {
        if self.month == now.month() { self.usage } else { 0 }
    }

    /// Counts a new secret at `now` and returns its sequence number; `None` if the `allowance` is exceeded.
    fn count_secret(&mut self, allowance: u64, now: UnixSeconds) -> Option<u64> {
        let used = self.usage(now);
        if used >= allowance {
            return None;
        }
        self.month = now.month();
        self.usage = used + 1;
        self.secrets_total += 1;
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        Some(sequence)
    }

    /// Subtracts a creation again, if it was in the month that is counted now.
    pub(in crate::domain) fn uncount_creation(&mut self, created_at: UnixSeconds) {
        if self.month == created_at.month() {
            self.usage = self.usage.saturating_sub(1);
        }
    }

    /// Counts a new secret request and returns its sequence number; `None` if the `allowance` is exceeded.
    fn count_request(&mut self, allowance: u64) -> Option<u64> {
        if self.requests_total >= allowance {
            return None;
        }
        self.requests_total += 1;
        let sequence = self.next_request;
        self.next_request += 1;
        Some(sequence)
    }
}

/// Counts a new secret of a live account at `now`. Returns its sequence number and the new counts; `None` if
/// the allowance is exceeded.
pub(in crate::domain) fn count_secret(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
    account: &Account,
    now: UnixSeconds,
) -> Result<Option<(u64, AccountCounts)>, StoreError> {
    if number == AccountNumber::NOBODY {
        account.settle(transaction, number)?;
        let first = account.earlier_counts.next_sequence;
        let sequence = transaction.number(&schema::nobodys_secrets(), |_| Ok(first))?;
        return Ok(Some((sequence, AccountCounts::default())));
    }
    if transaction.process() != 0 {
        let sequence = share::count_secret(transaction, number, account, now)?;
        let Some(sequence) = sequence else { return Ok(None) };
        return Ok(Some((sequence, AccountCounts::glance(transaction, number, account)?)));
    }
    let mut counts = AccountCounts::find(transaction, number, account)?;
    let Some(sequence) = counts.count_secret(account.allowance, now) else { return Ok(None) };
    account.settle(transaction, number)?;
    transaction.put(&schema::account_counts(number), &counts)?;
    Ok(Some((sequence, counts)))
}

/// Counts a new secret request of a live account. Returns its sequence number and the new counts; `None` if the
/// list has `allowance` requests.
pub(in crate::domain) fn count_request(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
    account: &Account,
    allowance: u64,
) -> Result<Option<(u64, AccountCounts)>, StoreError> {
    if number == AccountNumber::NOBODY {
        account.settle(transaction, number)?;
        let first = account.earlier_counts.next_request;
        let sequence = transaction.number(&schema::nobodys_requests(), |_| Ok(first))?;
        return Ok(Some((sequence, AccountCounts::default())));
    }
    let mut counts = AccountCounts::find(transaction, number, account)?;
    let Some(sequence) = counts.count_request(allowance) else { return Ok(None) };
    account.settle(transaction, number)?;
    transaction.put(&schema::account_counts(number), &counts)?;
    Ok(Some((sequence, AccountCounts::glance(transaction, number, account)?)))
}

/// Counts that a secret is not in the list of its account any more.
pub(in crate::domain) fn uncount_secret(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
) -> Result<(), StoreError> {
    if transaction.process() != 0 && number != AccountNumber::NOBODY {
        return share::uncount_secret(transaction, number);
    }
    recount(transaction, number, |counts| {
        counts.secrets_total = counts.secrets_total.saturating_sub(1);
    })
}

/// Deletes the counts of an account that is deleted.
pub(in crate::domain) fn forget_counts(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
) -> Result<(), StoreError> {
    let counts = schema::account_counts(number);
    if transaction.process() == 0 {
        return transaction.delete(&counts);
    }
    for key in transaction.keys(&counts, usize::MAX)? {
        transaction.delete(&key)?;
    }
    transaction.delete(&schema::secrets_of_account(number))
}

/// Changes the counts of an account that no share has, if it exists.
pub(in crate::domain) fn recount(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
    change: impl FnOnce(&mut AccountCounts),
) -> Result<(), StoreError> {
    if number == AccountNumber::NOBODY {
        return Ok(());
    }
    let account = transaction.get::<Account>(&schema::account(number))?;
    let Some(account) = account else { return Ok(()) };
    let mut counts = AccountCounts::find(transaction, number, &account)?;
    change(&mut counts);
    account.settle(transaction, number)?;
    transaction.put(&schema::account_counts(number), &counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_counted_by_the_month() {
        let mut counts = AccountCounts::default();
        let (november, december) = (UnixSeconds(1_796_083_199), UnixSeconds(1_796_083_200));
        // (now) -> (sequence, usage afterwards)
        let steps = [
            (november, Some(0), 1),
            (november, Some(1), 2),
            (november, None, 2),
            (december, Some(2), 1),
        ];
        for (now, sequence, usage) in steps {
            assert_eq!(counts.count_secret(2, now), sequence);
            assert_eq!(counts.usage(now), usage);
        }
        assert_eq!(counts.usage(november), 0);
        assert_eq!(counts.secrets_total, 3);
    }
}
