//! The secrets of an account in a store that several processes share, so that their creations and deletions
//! usually meet at no record.
//!
//! ```text
//! AccountCounts  usage: the secrets of the month, created or lent to a share; at most the allowance when raised
//!                requests, and the secrets from before the store was shared
//! AccountShare   left: lent, not created yet; secrets: created less deleted    one for a process
//! ```
//!
//! A creation uses one of what its process has borrowed, in the record of the share alone. When nothing is
//! left, the process borrows again from [`AccountCounts`]. When the whole allowance is lent, it takes back what
//! all shares have left, those of processes that have ended, too: so a creation is refused only if the
//! allowance is used, and the last unit is for the process that asks. A share has no end of time, because what
//! is left is in its record only, which each creation reads again.
//!
//! Requests are rare and counted in [`AccountCounts`] alone, so their limit is exact, too.
//!
//! The only process of a store does not read shares. Records of a shared store must be added up before they are
//! copied to such a store, also the counter of secrets; so far there is no such copy.

use serde::{Deserialize, Serialize};

use super::{Account, AccountCounts};
use crate::{
    clock::UnixSeconds,
    domain::{numbers::AccountNumber, schema},
    store::{Record, RecordFields, Scan, Store, StoreError, Transaction},
};

/// A process borrows this part of what is left of the allowance…
const LENT_PART: u64 = 8;
/// …but not more than this number of secrets.
const MAX_LENT: u64 = 1000;

/// What a process counts of an account, and may create. Some processes have a share together, which is as
/// exact, but slower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountShare {
    /// The secrets that were created less those that were deleted. Negative if the process has deleted those
    /// of others.
    secrets: i64,
    /// The month for which `left` was borrowed; see [`UnixSeconds::month`].
    month: u32,
    /// The allowance of the account at that time. With another one, nothing of `left` is used.
    allowance: u64,
    /// The number of secrets that may still be created.
    pub(super) left: u64,
}

impl Record for AccountShare {
    /// Not 1, which is that of [`AccountCounts`]: [`CountsRecord`] tells them apart by it.
    const VERSION: u8 = 2;
}

const _: () = assert!(AccountCounts::VERSION != AccountShare::VERSION);

/// A record of the counts of an account, to read them all together. It is stored as what is in it; their
/// versions tell which.
#[derive(Serialize, Deserialize)]
enum CountsRecord {
    Account(AccountCounts),
    Share(AccountShare),
}

impl Record for CountsRecord {
    /// No record has it.
    const VERSION: u8 = u8::MAX;

    fn from_older(version: u8, fields: RecordFields<'_>) -> Option<Result<Self, StoreError>> {
        match version {
            AccountCounts::VERSION => Some(fields.read().map(Self::Account)),
            AccountShare::VERSION => Some(fields.read().map(Self::Share)),
            _ => None,
        }
    }
}

/// The month in which a creation at `now` counts. A process whose clock is behind others at the end of a month
/// counts in the one that they have begun. Clocks that differ by a month or more are not expected: with them, the
/// allowance of a month can be used more than once.
fn counted_month(begun: u32, now: UnixSeconds) -> u32 {
    let month = now.month();
    if begun == month + 1 { begun } else { month }
}

impl AccountShare {
    /// Whether a secret of `account` may be created at `now` without borrowing.
    fn has_left(&self, account: &Account, now: UnixSeconds) -> bool {
        self.left > 0
            && self.allowance == account.allowance
            && self.month == counted_month(self.month, now)
    }

    /// Returns what is left to the account. That of an earlier month is void.
    fn give_back(&mut self, counts: &mut AccountCounts) {
        if self.month == counts.month {
            counts.usage = counts.usage.saturating_sub(self.left);
        }
        self.left = 0;
    }

    /// Borrows from `counts`. Returns `false` if the allowance is used.
    fn borrow_from(&mut self, counts: &mut AccountCounts, account: &Account) -> bool {
        let unused = account.allowance.saturating_sub(counts.usage);
        if unused == 0 {
            return false;
        }
        self.month = counts.month;
        self.allowance = account.allowance;
        self.left = (unused / LENT_PART).clamp(1, MAX_LENT);
        counts.usage += self.left;
        true
    }
}

/// Counts a new secret of a live account at `now`, and returns its sequence number; `None` if the allowance is
/// used.
pub(super) fn count_secret(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
    account: &Account,
    now: UnixSeconds,
) -> Result<Option<u64>, StoreError> {
    let key = schema::account_share(number, transaction.process());
    let mut share = transaction.get::<AccountShare>(&key)?.unwrap_or_default();
    if !share.has_left(account, now) && !borrow(transaction, (number, account), &mut share, now)? {
        return Ok(None);
    }
    share.left -= 1;
    share.secrets += 1;
    transaction.put(&key, &share)?;
    let first = |transaction: &Transaction<'_, '_>| {
        Ok(AccountCounts::find(transaction, number, account)?.next_sequence)
    };
    transaction.number(&schema::secrets_of_account(number), first).map(Some)
}

/// Borrows for `share`, which is written by the caller. Returns `false`, and the change must fail, if the
/// allowance is used.
fn borrow(
    transaction: &mut Transaction<'_, '_>,
    (number, account): (AccountNumber, &Account),
    share: &mut AccountShare,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let counts_key = schema::account_counts(number);
    let own_key = schema::account_share(number, transaction.process());
    let mut counts = AccountCounts::find(transaction, number, account)?;
    let month = counted_month(counts.month, now);
    if counts.month != month {
        (counts.month, counts.usage) = (month, 0);
    }
    share.give_back(&mut counts);
    if counts.usage >= account.allowance {
        for key in transaction.keys(&counts_key, usize::MAX)? {
            if key == counts_key || key == own_key {
                continue;
            }
            let other = transaction.get::<AccountShare>(&key)?;
            if let Some(mut other) = other.filter(|other| other.left > 0) {
                other.give_back(&mut counts);
                transaction.put(&key, &other)?;
            }
        }
    }
    if !share.borrow_from(&mut counts, account) {
        return Ok(false);
    }
    account.settle(transaction, number)?;
    transaction.put(&counts_key, &counts)?;
    Ok(true)
}

/// Counts that a secret of the account is not in its list any more.
pub(super) fn uncount_secret(
    transaction: &mut Transaction<'_, '_>,
    number: AccountNumber,
) -> Result<(), StoreError> {
    if transaction.get::<Account>(&schema::account(number))?.is_none() {
        return Ok(());
    }
    let key = schema::account_share(number, transaction.process());
    let mut share = transaction.get::<AccountShare>(&key)?.unwrap_or_default();
    share.secrets -= 1;
    transaction.put(&key, &share)
}

/// The counts of an account with those of all shares.
pub(super) fn read(
    store: &Store,
    number: AccountNumber,
    account: &Account,
) -> Result<AccountCounts, StoreError> {
    let found = store.scan::<CountsRecord>(&Scan::of(&schema::account_counts(number)))?;
    Ok(sum(found.into_iter().filter_map(|(_, record)| record), account))
}

/// The same in a change, for an answer.
pub(super) fn glance(
    transaction: &Transaction<'_, '_>,
    number: AccountNumber,
    account: &Account,
) -> Result<AccountCounts, StoreError> {
    let found = transaction.glance_all::<CountsRecord>(&schema::account_counts(number))?;
    Ok(sum(found.into_iter(), account))
}

fn sum(records: impl Iterator<Item = CountsRecord>, account: &Account) -> AccountCounts {
    let mut counts = account.earlier_counts;
    let mut shares = Vec::new();
    for record in records {
        match record {
            CountsRecord::Account(found) => counts = found,
            CountsRecord::Share(share) => shares.push(share),
        }
    }
    let secrets: i64 = shares.iter().map(|share| share.secrets).sum();
    counts.secrets_total = counts.secrets_total.saturating_add_signed(secrets);
    for mut share in shares {
        share.give_back(&mut counts);
    }
    counts
}
