//! How many mails may go out: to one address, and out of one account.
//!
//! In the store, so that a restart gives nobody another helping, and counted by the change that queues
//! the mail, so that asking many times at once gains nothing.

use serde::{Deserialize, Serialize};

use super::OutboxError;
use crate::{
    clock::UnixSeconds,
    crypto::sha256,
    domain::{notify::mailbox::Mailbox, numbers::AccountNumber, schema},
    store::{Key, Record, Store, StoreError, Transaction},
};

/// Mails to one address within an hour.
pub const MAX_PER_ADDRESS: usize = 5;
/// Mails out of one account within an hour.
pub const MAX_PER_ACCOUNT: usize = 50;
const WINDOW_SECONDS: u64 = 3600;
/// How many counts one change sweeps.
const BATCH: usize = 256;

/// When the mails of the last hour were to go out, and those of the next; oldest first.
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

/// A share of what may go to an address, or out of an account: some mails are counted in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// What asks for nothing: the rest is for requests and finished links.
    Unasked = b'n' as isize,
    /// Messages that strangers let destroy themselves.
    Destructing = b's' as isize,
    /// What strangers can cause by coming back: late tries, messages in boxes.
    Strangers = b't' as isize,
    /// The same, of one account.
    StrangersOfAccount = b'b' as isize,
}

impl Share {
    /// Mails within an hour. What is unasked leaves one place to what is not; each kind of what
    /// strangers cause leaves room to the others.
    fn most(self) -> usize {
        match self {
            Self::Unasked => 4,
            Self::Destructing | Self::Strangers => 2,
            Self::StrangersOfAccount => 25,
        }
    }
}

/// Counts a mail, and answers when it may go out: now, or up to `patience_seconds` later.
///
/// # Errors
///
/// [`OutboxError::TooMany`] where that is not soon enough.
pub(super) fn reserve(
    transaction: &mut Transaction<'_, '_>,
    (account, to): (Option<AccountNumber>, &Mailbox),
    shares: &[Share],
    patience_seconds: u64,
    now: UnixSeconds,
) -> Result<UnixSeconds, OutboxError> {
    // Case does not make another address of it: to whoever reads the mail, it is one.
    let address = sha256(to.as_str().to_ascii_lowercase().as_bytes());
    let mut counted = vec![(schema::mails_to(&address), MAX_PER_ADDRESS)];
    counted.extend(account.map(|account| (schema::mails_of(account), MAX_PER_ACCOUNT)));
    for share in shares {
        let key = match (share, account) {
            (Share::StrangersOfAccount, Some(account)) => schema::share_of_account(*share, account),
            (Share::StrangersOfAccount, None) => continue,
            (share, _) => schema::share_of_address(*share, &address),
        };
        counted.push((key, share.most()));
    }
    let (mut at, mut counts) = (now, Vec::new());
    for (key, most) in counted {
        let SentTimes(mut times) = transaction.get(&key)?.unwrap_or_default();
        times.retain(|sent| is_counted(*sent, now));
        if let Some(first_of_last) = times.len().checked_sub(most).and_then(|n| times.get(n)) {
            at = at.max(first_of_last.plus(WINDOW_SECONDS));
        }
        counts.push((key, times));
    }
    let wait_seconds = at.0.saturating_sub(now.0);
    if wait_seconds > patience_seconds {
        return Err(OutboxError::TooMany { retry_after_seconds: wait_seconds });
    }
    // Only now: a notification that is one too many is left out of a change that goes on without it.
    for (key, mut times) in counts {
        times.push(at);
        times.sort_unstable();
        transaction.put(&key, &SentTimes(times))?;
    }
    Ok(at)
}

/// Whether a mail of that moment counts at `now`. One of a far future does not: somebody has set the
/// clock back.
fn is_counted(sent: UnixSeconds, now: UnixSeconds) -> bool {
    now < sent.plus(WINDOW_SECONDS) && sent <= now.plus(WINDOW_SECONDS)
}

/// Forgets counts that limit nobody any more. Blocks.
///
/// # Errors
///
/// See [`StoreError`].
pub fn sweep(store: &Store, now: UnixSeconds) -> Result<(), StoreError> {
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
                    // It may have been counted up since.
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
