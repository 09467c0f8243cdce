//! Leases: a viewer who has spent a view can fetch the same payload again for a short time. A broken
//! connection therefore loses nothing.
//!
//! A lease is found by its token; only a hash of the token is stored. The record stays until its secret is
//! deleted, so that the token of an ended lease is not accepted as a new one.

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::{LeaseToken, SecretNumber},
        schema,
    },
    store::{Record, StoreError, Transaction},
};

/// The lifetime of a lease without attachments. A lease never outlives its secret. With attachments, the
/// lease ends this long after the last of them was fetched.
pub const LEASE_SECONDS: u64 = 60;
/// A lease is extended by one second for this many bytes of attachments: half a megabit per second.
const BYTES_PER_SECOND: u64 = 64 << 10;
/// The longest lifetime of a lease, whatever the size of the attachments.
const MAX_SECONDS: u64 = 24 * 3600;

/// The record of a lease.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::domain) struct Lease {
    /// The time from which the lease has ended.
    pub(in crate::domain) ends_at: UnixSeconds,
    /// The attachments that were fetched completely: one bit each, the lowest for the first attachment.
    pub(in crate::domain) fetched: u64,
    /// Whether the lease was given back.
    pub(in crate::domain) is_burned: bool,
}

impl Record for Lease {
    const VERSION: u8 = 2;
}

impl Lease {
    pub(in crate::domain) fn new(ends_at: UnixSeconds) -> Self {
        Self { ends_at, fetched: 0, is_burned: false }
    }

    pub(in crate::domain) fn is_live(&self, now: UnixSeconds) -> bool {
        is_live(self.ends_at, now)
    }
}

/// Whether a lease that ends at `end` is live. An end later than that of any lease given now comes from a
/// wrong clock; such a lease has ended.
pub(in crate::domain) fn is_live(end: UnixSeconds, now: UnixSeconds) -> bool {
    now < end && end <= now.plus(MAX_SECONDS)
}

impl Secret {
    /// The end of a lease that is given at `now`.
    pub(in crate::domain) fn lease_end(&self, now: UnixSeconds) -> UnixSeconds {
        let fetching = self.attachment_bytes.div_ceil(BYTES_PER_SECOND);
        let end = now.plus((LEASE_SECONDS + fetching).min(MAX_SECONDS));
        self.expires_at.map_or(end, |expires| expires.min(end))
    }
}

/// Whether a lease with this token was ever given for the secret.
pub(in crate::domain) fn is_known(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    token: LeaseToken,
) -> Result<bool, StoreError> {
    Ok(transaction.get::<Lease>(&schema::lease(number, token))?.is_some())
}

/// The latest end of the secret's leases that are live at `now`, computed from the leases.
pub(in crate::domain) fn last_end(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, StoreError> {
    let mut last = None;
    for key in transaction.keys(&schema::leases(number), usize::from(u8::MAX))? {
        let lease = transaction.get::<Lease>(&key)?;
        last = last.max(lease.filter(|lease| lease.is_live(now)).map(|lease| lease.ends_at));
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_plain() {
        for good in
            ["abcdefghijklmnopqrstuv", "ABCDEFGHIJKLMNOPQRSTUV0123456789-_", &"x".repeat(64)]
        {
            assert!(LeaseToken::new(good).is_some(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in
            ["", "abcdefghijklmnopqrstu", "abcdefghijklmnopqrstu+", "åabcdefghijklmnopqrstu", &long]
        {
            assert!(LeaseToken::new(bad).is_none(), "{bad}");
        }
        assert_ne!(LeaseToken::new(&"x".repeat(22)), LeaseToken::new(&"x".repeat(23)));
    }
}
