//! Leases: whoever has spent a view may fetch the same bytes again for a moment, so that a cut
//! connection loses nothing.
//!
//! A lease is found by its token, of which only a hash is kept. It stays until its secret goes, so that
//! a token whose lease is over is not taken for a new one.

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::{
    clock::UnixSeconds,
    crypto::sha256,
    domain::{numbers::SecretNumber, schema},
    store::{Record, StoreError, Transaction},
};

/// How long a lease lives, at most: never past the end of its secret. Where there are attachments, so long
/// after all were fetched.
pub const LEASE_SECONDS: u64 = 60;
/// A lease lives a second longer for so many bytes of attachments: half a megabit a second.
const BYTES_PER_SECOND: u64 = 64 << 10;
/// However many there are.
const MAX_SECONDS: u64 = 24 * 3600;

/// A token as it is kept: the first half of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub(in crate::domain) [u8; 16]);

/// A lease.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::domain) struct Lease {
    /// From this moment on it is over.
    pub(in crate::domain) ends_at: UnixSeconds,
    /// Which attachments were fetched to their ends: a bit each, the first one the lowest.
    pub(in crate::domain) fetched: u64,
    /// It was given back.
    pub(in crate::domain) is_burned: bool,
}

impl Record for Lease {
    const VERSION: u8 = 2;
}

impl LeaseToken {
    const LENGTHS: std::ops::RangeInclusive<usize> = 22..=64;

    /// Reads a token, which a client may make up: 22 to 64 letters, digits, `-` and `_`.
    ///
    /// 22 of them hold 128 bits, so a client can make one that nobody guesses.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = Self::LENGTHS.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        fits.then(|| sha256(text.as_bytes()).first_chunk().copied().map(Self)).flatten()
    }
}

impl Lease {
    pub(in crate::domain) fn new(ends_at: UnixSeconds) -> Self {
        Self { ends_at, fetched: 0, is_burned: false }
    }

    pub(in crate::domain) fn is_live(&self, now: UnixSeconds) -> bool {
        is_live(self.ends_at, now)
    }
}

/// Whether a lease that ends at `end` is live. One that ends later than any that is given now was given
/// by a clock that was wrong, and is over.
pub(in crate::domain) fn is_live(end: UnixSeconds, now: UnixSeconds) -> bool {
    now < end && end <= now.plus(MAX_SECONDS)
}

impl Secret {
    /// When a lease that is given at `now` ends.
    pub(in crate::domain) fn lease_end(&self, now: UnixSeconds) -> UnixSeconds {
        let fetching = self.attachment_bytes.div_ceil(BYTES_PER_SECOND);
        let end = now.plus((LEASE_SECONDS + fetching).min(MAX_SECONDS));
        self.expires_at.map_or(end, |expires| expires.min(end))
    }
}

/// Whether this token ever named a lease of the secret.
pub(in crate::domain) fn is_known(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    token: LeaseToken,
) -> Result<bool, StoreError> {
    Ok(transaction.get::<Lease>(&schema::lease(number, token))?.is_some())
}

/// The end of the last lease of a secret that is live at `now`, from the leases themselves.
pub(in crate::domain) fn last_end(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, StoreError> {
    let mut last = None;
    for key in transaction.keys(&schema::leases(number), usize::from(u8::MAX)) {
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
