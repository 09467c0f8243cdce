//! The limits of mails to one address, and on behalf of one account.
//!
//! The counts are in the store, so that a restart does not reset them. The change that queues a mail also
//! counts it, so that parallel requests do not bypass the limits.

use serde::{Deserialize, Serialize};

use super::{OutboxError, address_names};
use crate::{
    clock::UnixSeconds,
    domain::{
        notify::mailbox::Mailbox,
        numbers::{AccountNumber, MailShare},
        schema,
    },
    store::{Key, Record, Store, StoreError, Transaction},
};

/// The number of mails to one address within an hour.
pub const MAX_PER_ADDRESS: usize = 5;
/// The number of mails on behalf of one account within an hour.
pub const MAX_PER_ACCOUNT: usize = 50;
pub(super) const WINDOW_SECONDS: u64 = 3600;
/// The number of counts that one change sweeps.
const BATCH: usize = 256;

/// The planned send times of the mails of the last hour and of the next one, oldest first.
#[derive(Default, Serialize, Deserialize)]
struct SentTimes(Vec<UnixSeconds>);

impl Record for SentTimes {
    const VERSION: u8 = 1;
}

impl SentTimes {
    fn is_over(&self, now: UnixSeconds) -> bool {
        !self.0.iter().any(|sent| is_counted(*sent, now))
    }
}

impl MailShare {
    /// The number of mails within an hour. Unrequested mails leave one place to others; each kind of mail
    /// that strangers can cause leaves places to the other kinds.
    fn most(self) -> usize {
        match self {
            Self::Unasked => 4,
            Self::Destructing | Self::Strangers => 2,
            Self::StrangersOfAccount => 25,
        }
    }
}

/// Counts a mail, and returns the time at which it may be sent: now, or up to `patience_seconds` later.
///
/// # Errors
///
/// [`OutboxError::TooMany`] if no such time is free.
pub(super) fn reserve(
    transaction: &mut Transaction<'_, '_>,
    (account, to): (Option<AccountNumber>, &Mailbox),
    shares: &[MailShare],
    patience_seconds: u64,
    now: UnixSeconds,
) -> Result<UnixSeconds, OutboxError> {
    let names = address_names::of(transaction, to, now)?;
    // The first key of each is that of the count to write. The others are those of earlier names.
    let to_address: Vec<Key> = names.iter().map(schema::mails_to).collect();
    let mut counted = vec![(to_address, MAX_PER_ADDRESS)];
    counted.extend(account.map(|account| (vec![schema::mails_of(account)], MAX_PER_ACCOUNT)));
    for share in shares {
        let keys: Vec<Key> = match (share, account) {
            (MailShare::StrangersOfAccount, Some(account)) => {
                vec![schema::share_of_account(*share, account)]
            }
            (MailShare::StrangersOfAccount, None) => continue,
            (share, _) => names.iter().map(|name| schema::share_of_address(*share, name)).collect(),
        };
        counted.push((keys, share.most()));
    }
    let (mut at, mut counts) = (now, Vec::new());
    for (keys, most) in counted {
        let mut all = Vec::new();
        for (n, key) in keys.into_iter().enumerate() {
            let SentTimes(mut times) = transaction.get(&key)?.unwrap_or_default();
            times.retain(|sent| is_counted(*sent, now));
            all.extend_from_slice(&times);
            if n == 0 {
                counts.push((key, times));
            }
        }
        all.sort_unstable();
        if let Some(first_of_last) = all.len().checked_sub(most).and_then(|n| all.get(n)) {
            at = at.max(first_of_last.plus(WINDOW_SECONDS));
        }
    }
    let wait_seconds = at.0.saturating_sub(now.0);
    if wait_seconds > patience_seconds {
        return Err(OutboxError::TooMany { retry_after_seconds: wait_seconds });
    }
    // Written last: a change that leaves a notification out continues without these counts.
    for (key, mut times) in counts {
        times.push(at);
        times.sort_unstable();
        transaction.put(&key, &SentTimes(times))?;
    }
    Ok(at)
}

/// Whether a mail at the time `sent` counts at `now`. A time in the far future does not count, because it
/// comes from a clock that was set back later.
fn is_counted(sent: UnixSeconds, now: UnixSeconds) -> bool {
    now < sent.plus(WINDOW_SECONDS) && sent <= now.plus(WINDOW_SECONDS)
}

/// Deletes counts that no longer limit any mail, and the keys of their addresses. Blocks.
pub fn sweep(store: &Store, now: UnixSeconds) -> Result<(), StoreError> {
    address_names::sweep(store, now)?;
    let mut over: Vec<Key> = Vec::new();
    for item in store.range::<SentTimes>(&schema::mail_counts()) {
        let (key, times) = item?;
        if times.is_over(now) {
            over.push(key);
        }
    }
    for batch in over.chunks(BATCH) {
        let batch = batch.to_vec();
        store
            .change(move |transaction| {
                for key in &batch {
                    // The count may have changed since the keys were read.
                    if transaction.get::<SentTimes>(key)?.is_some_and(|times| times.is_over(now)) {
                        transaction.delete(key)?;
                    }
                }
                Ok::<_, StoreError>(())
            })
            .wait()?;
    }
    Ok(())
}
