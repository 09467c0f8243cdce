//! Proofs of work by viewers: each is valid once and for a short time.
//!
//! The state is in memory. A restart invalidates all challenges, so a lost list of used ones does no harm.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    clock::UnixSeconds,
    crypto::{
        Random,
        proof_of_work::{BadSolution, ChallengeId, ProofOfWork, Solved},
    },
};

/// The time in which a challenge can be solved, in seconds.
const LIFE_SECONDS: u64 = 600;
/// The number of used challenges that are remembered, about 3 MiB. Each costs a second of computation, so
/// more than this within 10 minutes do not come from people.
const MAX_USED: usize = 65_536;

/// Creates challenges, and accepts each solution once.
pub struct Captchas {
    work: ProofOfWork,
    used: Mutex<HashMap<ChallengeId, UnixSeconds>>,
    max_used: usize,
}

/// The reason why a solution is refused. The texts are for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptchaError {
    /// The solution is invalid.
    #[error(transparent)]
    Bad(#[from] BadSolution),
    /// The solution was already used.
    #[error("was used already: solve another challenge")]
    Used,
    /// The list of used challenges is full.
    #[error("cannot be accepted now")]
    Full,
}

impl Captchas {
    /// Creates the state with random keys.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self { work: ProofOfWork::new(random), used: Mutex::default(), max_used: MAX_USED }
    }

    /// A challenge for the ALTCHA widget, as JSON.
    #[must_use]
    pub fn challenge(&self, random: &dyn Random, now: UnixSeconds) -> String {
        self.work.challenge(random, now.plus(LIFE_SECONDS))
    }

    /// Checks a solution of the widget without using it; it remains valid until [`Captchas::take`]. Takes a
    /// fifth of a millisecond of CPU time.
    ///
    /// # Errors
    ///
    /// [`CaptchaError`] for an invalid or used solution.
    pub fn check(&self, payload: &str, now: UnixSeconds) -> Result<Solved, CaptchaError> {
        let solved = self.work.check(payload, now)?;
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains_key(&solved.challenge) { Err(CaptchaError::Used) } else { Ok(solved) }
    }

    /// Uses a solution. Of two concurrent calls with the same solution, only one succeeds.
    ///
    /// # Errors
    ///
    /// [`CaptchaError`] if the solution was used or has expired, or the list of used ones is full.
    pub fn take(&self, solved: Solved, now: UnixSeconds) -> Result<(), CaptchaError> {
        if now >= solved.expires_at {
            // The entry of an expired solution may already be deleted.
            return Err(BadSolution::Expired.into());
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains_key(&solved.challenge) {
            return Err(CaptchaError::Used);
        }
        if used.len() >= self.max_used {
            // Expired solutions are refused without an entry.
            used.retain(|_, expires_at| now < *expires_at);
        }
        if used.len() >= self.max_used {
            return Err(CaptchaError::Full);
        }
        used.insert(solved.challenge, solved.expires_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    #[test]
    fn each_is_taken_once_and_memory_is_bounded() {
        let captchas = Captchas { max_used: 2, ..Captchas::new(&SeededRandom::new(1)) };
        let solved =
            |number: u8, end| Solved { challenge: [number; 16], expires_at: UnixSeconds(end) };
        let now = UnixSeconds(10);
        assert_eq!(captchas.take(solved(1, 11), now), Ok(()));
        assert_eq!(captchas.take(solved(1, 11), now), Err(CaptchaError::Used));
        assert_eq!(captchas.take(solved(2, 12), now), Ok(()));
        assert_eq!(captchas.take(solved(3, 13), now), Err(CaptchaError::Full));
        assert_eq!(captchas.take(solved(3, 13), UnixSeconds(11)), Ok(()));
        assert_eq!(captchas.take(solved(2, 12), UnixSeconds(11)), Err(CaptchaError::Used));
        let late = Err(CaptchaError::Bad(BadSolution::Expired));
        assert_eq!(captchas.take(solved(2, 12), UnixSeconds(12)), late);
    }
}
