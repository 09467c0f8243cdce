//! Where a page of an account's secrets begins, if it begins after some number of them.
//!
//! Secrets have consecutive numbers, and a deleted one leaves a gap. The gaps are counted in blocks of 256
//! numbers, and in blocks of 65,536. So the secret that so many others are newer than is found without a walk
//! through all of them, and a creation writes nothing for it.
//!
//! The counts are used if the record [`schema::gaps_counted`] is there. A start deletes it, because an
//! earlier version that does not count may have changed the data, and [`check`] writes it once the counts are
//! right. A store that several processes share has none, because they leave out numbers; there, a page is
//! found by a walk.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        account::{self, Account, AccountCounts},
        numbers::{AccountNumber, SecretNumber},
        page::PageStart,
        schema::{self, GapLevel},
    },
    store::{Key, Record, Scan, Store, StoreError, Transaction},
};

/// The small blocks that one change counts. Few, so that other changes wait only briefly: it reads the keys
/// of all their secrets.
const BATCH: usize = 2;
/// The accounts that one change compares.
const ACCOUNTS: usize = 8;

/// The number of secrets that are missing from a block.
#[derive(Serialize, Deserialize)]
struct Gaps(u64);

impl Record for Gaps {
    const VERSION: u8 = 1;
}

/// Says that the gaps of all accounts are counted.
#[derive(Serialize, Deserialize)]
struct GapsCounted;

impl Record for GapsCounted {
    const VERSION: u8 = 1;
}

/// Counts the gap that the deletion of a secret leaves. The secrets of [`AccountNumber::NOBODY`] are in no
/// list. When nothing is left of a large block, its small ones are not needed any more.
pub(super) fn count(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
) -> Result<(), StoreError> {
    if number.account == AccountNumber::NOBODY || transaction.process() != 0 {
        return Ok(());
    }
    for level in GapLevel::ALL {
        let Gaps(gaps) = transaction.get(&schema::gaps(level, number))?.unwrap_or(Gaps(0));
        let gaps = gaps.saturating_add(1);
        put(transaction, level, number, gaps)?;
        if gaps == GapLevel::Large.numbers() {
            return forget_small(transaction, number);
        }
    }
    Ok(())
}

/// Deletes the counts of the small blocks in the large one of this number.
fn forget_small(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
) -> Result<(), StoreError> {
    let small = schema::gaps_within(GapLevel::Small, number);
    transaction.keys(&small, usize::MAX)?.iter().try_for_each(|key| transaction.delete(key))
}

/// The secrets of `account`, newest first, from `start` on. `next` is the number of the next new one.
///
/// # Errors
///
/// Those of [`Store::get`].
pub(super) fn scan_from(
    store: &Store,
    account: AccountNumber,
    start: PageStart<SecretNumber>,
    next: u64,
) -> Result<Scan, StoreError> {
    let scan = Scan::of(&schema::secrets(account)).backward();
    let offset = match start {
        PageStart::After(last) => return Ok(scan.before(schema::secret(last))),
        PageStart::Offset(offset) => offset,
    };
    let is_short = (offset as u64) < GapLevel::Small.numbers();
    // No process of a shared store writes the record.
    if is_short || store.get::<GapsCounted>(&schema::gaps_counted())?.is_none() {
        return Ok(scan.skip(offset));
    }
    let mut newer = offset;
    let mut numbers = 0..next;
    for level in GapLevel::ALL {
        let older = numbers.start..numbers.start;
        // Without one, the page begins before all of these numbers: at the end of the list, or in the next
        // block if secrets of this one were deleted since the level above was read.
        numbers = block_after(store, (level, account), numbers, &mut newer)?.unwrap_or(older);
    }
    let end = SecretNumber { account, sequence: numbers.end };
    Ok(scan.before(schema::secret(end)).skip(newer))
}

/// The block in `numbers` with the secret that `newer` others are newer than. `newer` becomes the number of
/// those in the block. `None` and 0 if there are not so many. `numbers` is a block of the level above, or
/// all.
fn block_after(
    store: &Store,
    (level, account): (GapLevel, AccountNumber),
    numbers: Range<u64>,
    newer: &mut usize,
) -> Result<Option<Range<u64>>, StoreError> {
    let at = |sequence| SecretNumber { account, sequence };
    let scan = Scan::of(&schema::gaps_within(level, at(numbers.start)));
    let gaps: BTreeMap<Key, Option<Gaps>> = store.scan(&scan)?.into_iter().collect();
    let mut end = numbers.end;
    while end > numbers.start {
        let start = (end - 1) / level.numbers() * level.numbers();
        let missing = gaps.get(&schema::gaps(level, at(start))).and_then(Option::as_ref);
        let there = (end - start).saturating_sub(missing.map_or(0, |Gaps(gaps)| *gaps));
        let there = usize::try_from(there).unwrap_or(usize::MAX);
        if *newer < there {
            return Ok(Some(start..end));
        }
        *newer -= there;
        end = start;
    }
    *newer = 0;
    Ok(None)
}

/// Makes lists be found by a walk until [`check`] has run. Called before the store is used. Blocks.
///
/// # Errors
///
/// [`StoreError`].
pub(crate) fn distrust(store: &Store) -> Result<(), StoreError> {
    if store.get::<GapsCounted>(&schema::gaps_counted())?.is_none() {
        return Ok(());
    }
    store.change(|transaction| transaction.delete(&schema::gaps_counted())).wait()
}

/// Compares the counts of all accounts with the numbers of their secrets, and counts again what differs: data
/// of an earlier version, or data that one has changed meanwhile. Blocks, for a second or more for a long
/// list.
///
/// # Errors
///
/// [`StoreError`].
pub(crate) fn check(store: &Store) -> Result<(), StoreError> {
    if store.process() != 0 {
        return Ok(());
    }
    let mut accounts = Vec::new();
    for key in store.keys(&schema::accounts()) {
        accounts.extend(schema::account_number(&key?).filter(|it| *it != AccountNumber::NOBODY));
    }
    for batch in accounts.chunks(ACCOUNTS) {
        let batch = batch.to_vec();
        let differ = move |transaction: &mut Transaction<'_, '_>| {
            let mut differing = Vec::new();
            for account in &batch {
                if !is_exact(transaction, *account)? {
                    differing.push(*account);
                }
            }
            Ok::<_, StoreError>(differing)
        };
        for account in store.change(differ).wait()? {
            count_again(store, account)?;
            let exact = move |transaction: &mut Transaction<'_, '_>| is_exact(transaction, account);
            if !store.change(exact).wait()? {
                let account = account.0;
                tracing::warn!(account, "the figures of an account do not fit its list");
            }
        }
    }
    if store.get::<GapsCounted>(&schema::gaps_counted())?.is_none() {
        let counted = |transaction: &mut Transaction<'_, '_>| {
            transaction.put(&schema::gaps_counted(), &GapsCounted)
        };
        store.change(counted).wait()?;
    }
    Ok(())
}

/// Whether the gaps of an account are as many as the numbers that its secrets do not have.
pub(super) fn is_exact(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
) -> Result<bool, StoreError> {
    let Some(counts) = counts_of(transaction, account)? else { return Ok(true) };
    let first = SecretNumber { account, sequence: 0 };
    let gaps = gaps_within(transaction, GapLevel::Large, first)?;
    Ok(counts.next_secret().checked_sub(counts.secrets_total) == Some(gaps))
}

/// The sum of the gaps in all blocks of this level, within the block of the number on the level above.
fn gaps_within(
    transaction: &Transaction<'_, '_>,
    level: GapLevel,
    number: SecretNumber,
) -> Result<u64, StoreError> {
    let mut sum = 0_u64;
    for key in transaction.keys(&schema::gaps_within(level, number), usize::MAX)? {
        sum = sum.saturating_add(transaction.get::<Gaps>(&key)?.map_or(0, |Gaps(gaps)| gaps));
    }
    Ok(sum)
}

/// The counts of a live account.
fn counts_of(
    transaction: &Transaction<'_, '_>,
    account: AccountNumber,
) -> Result<Option<AccountCounts>, StoreError> {
    let found = transaction.get::<Account>(&schema::account(account))?;
    let owner = account::live(account, found);
    owner.map(|owner| AccountCounts::find(transaction, account, &owner)).transpose()
}

/// Counts all gaps of an account. Its pages are found by a walk until [`check`] is through.
fn count_again(store: &Store, account: AccountNumber) -> Result<(), StoreError> {
    distrust(store)?;
    let mut sequence = 0;
    while let Some(next) =
        store.change(move |transaction| count_blocks(transaction, account, sequence)).wait()?
    {
        sequence = next;
    }
    tracing::info!("the list of an account was counted again");
    Ok(())
}

/// Counts the gaps of the next small blocks from `sequence` on, up to the end of a large one, and then those
/// of the large one. Returns where the next block begins; `None` at the end of the list.
fn count_blocks(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    mut sequence: u64,
) -> Result<Option<u64>, StoreError> {
    let Some(counts) = counts_of(transaction, account)? else { return Ok(None) };
    let end = counts.next_secret();
    let (small, large) = (GapLevel::Small, GapLevel::Large);
    for _ in 0..BATCH {
        if sequence >= end {
            return Ok(None);
        }
        let block = SecretNumber { account, sequence };
        let size = small.numbers().min(end - sequence);
        let there = transaction.keys(&schema::secrets_of_block(block), usize::MAX)?.len();
        put(transaction, small, block, size.saturating_sub(there as u64))?;
        sequence += small.numbers();
        if sequence.is_multiple_of(large.numbers()) || sequence >= end {
            let gaps = gaps_within(transaction, small, block)?;
            put(transaction, large, block, gaps)?;
            if gaps == large.numbers() {
                forget_small(transaction, block)?;
            }
        }
    }
    Ok(Some(sequence))
}

fn put(
    transaction: &mut Transaction<'_, '_>,
    level: GapLevel,
    number: SecretNumber,
    gaps: u64,
) -> Result<(), StoreError> {
    let key = schema::gaps(level, number);
    match gaps {
        0 => transaction.delete(&key),
        gaps => transaction.put(&key, &Gaps(gaps)),
    }
}

/// Deletes the counts of an account that is deleted, in batches. Blocks.
///
/// # Errors
///
/// [`StoreError`].
pub(crate) fn forget_account(store: &Store, account: AccountNumber) -> Result<(), StoreError> {
    const MAX_DELETED: usize = 256;
    loop {
        let batch = store.scan_keys(&Scan::of(&schema::all_gaps(account)).limit(MAX_DELETED))?;
        if batch.is_empty() {
            return Ok(());
        }
        store
            .change(move |transaction| batch.iter().try_for_each(|key| transaction.delete(key)))
            .wait()?;
    }
}
