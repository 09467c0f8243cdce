//! Proofs of work that viewers do: each is good once, and not for long.
//!
//! In memory: a restart makes all challenges worthless, and so forgets nothing that matters.

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

/// How long a challenge may be solved.
const LIFE_SECONDS: u64 = 600;
/// About 3 MiB. Each costs its maker a second, so this many within 10 minutes are no people.
const MAX_USED: usize = 65_536;

/// Makes challenges, and takes each solution once.
pub struct Captchas {
    work: ProofOfWork,
    used: Mutex<HashMap<ChallengeId, UnixSeconds>>,
    max_used: usize,
}

/// Why a solution is not taken. The texts are for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptchaError {
    /// See [`BadSolution`].
    #[error(transparent)]
    Bad(#[from] BadSolution),
    /// It was taken before.
    #[error("was used already: solve another challenge")]
    Used,
    /// So many were taken that another could not be remembered.
    #[error("can not be taken now")]
    Full,
}

impl Captchas {
    /// With keys of its own.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self { work: ProofOfWork::new(random), used: Mutex::default(), max_used: MAX_USED }
    }

    /// A challenge for the ALTCHA widget, in JSON.
    #[must_use]
    pub fn challenge(&self, random: &dyn Random, now: UnixSeconds) -> String {
        self.work.challenge(random, now.plus(LIFE_SECONDS))
    }

    /// Checks what the widget sends, without taking it: it stays good until [`Captchas::take`]. Takes a core a
    /// fifth of a millisecond.
    ///
    /// # Errors
    ///
    /// [`CaptchaError`].
    pub fn check(&self, payload: &str, now: UnixSeconds) -> Result<Solved, CaptchaError> {
        let solved = self.work.check(payload, now)?;
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains_key(&solved.challenge) { Err(CaptchaError::Used) } else { Ok(solved) }
    }

    /// Takes a solution. Of two at once with the same one, one is first.
    ///
    /// # Errors
    ///
    /// [`CaptchaError`].
    pub fn take(&self, solved: Solved, now: UnixSeconds) -> Result<(), CaptchaError> {
        if now >= solved.expires_at {
            // That it was used may be forgotten by now.
            return Err(BadSolution::Expired.into());
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains_key(&solved.challenge) {
            return Err(CaptchaError::Used);
        }
        if used.len() >= self.max_used {
            // What has expired need not be remembered.
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
