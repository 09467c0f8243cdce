//! Proofs of work by viewers: each is valid once and for a short time, for all processes of a store together.
//!
//! A used solution is recorded by the change that it permits, so it takes no commit of its own, and a change
//! that is refused does not use it up.

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixSeconds,
    crypto::{
        Random,
        proof_of_work::{BadSolution, ProofOfWork, Solved},
        random_array,
    },
    domain::{
        schema::{self, Due},
        sweep::follow,
    },
    store::{Key, Record, Store, StoreError, Transaction},
};

/// The time in which a challenge can be solved, in seconds.
const LIFE_SECONDS: u64 = 600;
/// How long a used solution is recorded after its expiry, in seconds: another process, whose clock is behind,
/// still accepts it for a moment.
const KEPT_SECONDS: u64 = 600;
/// The number of used solutions that one change sweeps.
const BATCH: usize = 256;

/// The key that signs challenges.
#[derive(Serialize, Deserialize)]
struct CaptchaKey([u8; 32]);

impl Record for CaptchaKey {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        Some(key.clone())
    }
}

/// Creates challenges, and checks their solutions.
pub struct Captchas {
    work: ProofOfWork,
}

/// The reason why a solution is refused. The texts of the first two are for people.
#[derive(Debug, thiserror::Error)]
pub enum CaptchaError {
    /// The solution is invalid.
    #[error(transparent)]
    Bad(#[from] BadSolution),
    /// The solution was already used.
    #[error("was used already: solve another challenge")]
    Used,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The proof of work of a viewer.
#[derive(Clone, Copy, Debug)]
pub enum CaptchaProof {
    /// The view uses this solution up.
    Unused(Solved),
    /// An attempt at the password has used the solution up.
    Used,
}

impl CaptchaProof {
    /// Uses the solution up, unless that has happened.
    pub(in crate::domain) fn take(
        self,
        transaction: &mut Transaction<'_, '_>,
        now: UnixSeconds,
    ) -> Result<(), CaptchaError> {
        match self {
            Self::Unused(solved) => take(transaction, solved, now),
            Self::Used => Ok(()),
        }
    }
}

impl Captchas {
    /// Reads the store's key for challenges, or creates it. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn load(store: &Store, random: &dyn Random) -> Result<Self, StoreError> {
        let fresh: [u8; 32] = random_array(random);
        let CaptchaKey(key) = store
            .change(move |transaction| {
                let at = schema::captcha_key();
                if let Some(there) = transaction.get::<CaptchaKey>(&at)? {
                    return Ok::<_, StoreError>(there);
                }
                // After a restore without keys, there may be a record that cannot be read.
                transaction.delete(&at)?;
                transaction.put(&at, &CaptchaKey(fresh))?;
                Ok(CaptchaKey(fresh))
            })
            .wait()?;
        Ok(Self { work: ProofOfWork::new(key) })
    }

    /// A challenge for the ALTCHA widget, as JSON.
    #[must_use]
    pub fn challenge(&self, random: &dyn Random, now: UnixSeconds) -> String {
        self.work.challenge(random, now.plus(LIFE_SECONDS))
    }

    /// Checks a solution of the widget without using it. Takes a fifth of a millisecond of CPU time. Blocks.
    ///
    /// # Errors
    ///
    /// [`CaptchaError`] for an invalid or used solution.
    pub fn check(
        &self,
        store: &Store,
        payload: &str,
        now: UnixSeconds,
    ) -> Result<Solved, CaptchaError> {
        let solved = self.work.check(payload, now)?;
        match store.get::<Due>(&record(solved))? {
            Some(_) => Err(CaptchaError::Used),
            None => Ok(solved),
        }
    }
}

/// Uses a solution up. Of all changes with the same solution, in any process, only one succeeds.
///
/// # Errors
///
/// [`CaptchaError`] if the solution was used or has expired.
pub(in crate::domain) fn take(
    transaction: &mut Transaction<'_, '_>,
    solved: Solved,
    now: UnixSeconds,
) -> Result<(), CaptchaError> {
    if now >= solved.expires_at {
        // The record of an expired solution may already be deleted.
        return Err(BadSolution::Expired.into());
    }
    let key = record(solved);
    if transaction.get::<Due>(&key)?.is_some() {
        return Err(CaptchaError::Used);
    }
    Ok(transaction.put(&key, &Due)?)
}

/// Deletes the records of used solutions that have expired. Blocks.
pub(in crate::domain) fn sweep(store: &Store, now: UnixSeconds) -> Result<(), StoreError> {
    let used = schema::used_captchas();
    let swept = follow(store, (&used, schema::due_at), BATCH, now, |transaction, key| {
        transaction.delete(key)
    });
    swept.map(drop)
}

/// The key of the record of a used solution. It begins with the time of its deletion.
fn record(solved: Solved) -> Key {
    schema::used_captcha(solved.expires_at.plus(KEPT_SECONDS), &solved.challenge)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;
    use crate::{
        crypto::{
            SeededRandom,
            proof_of_work::{Challenge, SolvedChallenge},
        },
        store::faulty::{MemoryDisk, Sharing},
    };

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    fn use_up(store: &Store, solved: Solved, now: UnixSeconds) -> Result<(), CaptchaError> {
        store.change(move |transaction| take(transaction, solved, now)).wait()
    }

    #[test]
    fn processes_accept_the_same_challenges_and_each_once() {
        let disk = MemoryDisk::new(Sharing::Shared, 1);
        let [one, other] = [(), ()].map(|()| Store::in_memory(&disk).unwrap());
        let [here, there] = [(&one, 1), (&other, 2)]
            .map(|(store, seed)| Captchas::load(store, &SeededRandom::new(seed)).unwrap());
        let challenge = here.challenge(&SeededRandom::new(3), NOW);
        let challenge: Challenge = serde_json::from_str(&challenge).unwrap();
        let solution = challenge.solve(Duration::from_secs(60)).unwrap();
        let solved = SolvedChallenge { challenge, solution };
        let payload = STANDARD.encode(serde_json::to_string(&solved).unwrap());
        let solved = there.check(&other, &payload, NOW).unwrap();

        // The other process is faster than the commit of this one.
        let rival = other.clone();
        disk.before_next_commit(move || use_up(&rival, solved, NOW).unwrap());
        assert!(matches!(use_up(&one, solved, NOW), Err(CaptchaError::Used)));
        assert!(matches!(here.check(&one, &payload, NOW), Err(CaptchaError::Used)));
        assert!(matches!(use_up(&other, solved, NOW), Err(CaptchaError::Used)));
    }

    #[test]
    fn a_used_one_is_recorded_until_it_has_expired_for_all() {
        let disk = MemoryDisk::new(Sharing::Shared, 1);
        let store = Store::in_memory(&disk).unwrap();
        let end = NOW.plus(LIFE_SECONDS);
        let solved = |number: u8| Solved { challenge: [number; 16], expires_at: end };
        let last = UnixSeconds(end.0 - 1);
        let sweep_at = |now| {
            sweep(&store, now).unwrap();
            store.keys(&schema::used_captchas()).count()
        };
        use_up(&store, solved(1), NOW).unwrap();
        use_up(&store, solved(2), last).unwrap();
        assert_eq!(sweep_at(end), 2);
        // A process whose clock is behind.
        assert!(matches!(use_up(&store, solved(1), last), Err(CaptchaError::Used)));
        let expired = use_up(&store, solved(3), end);
        assert!(matches!(expired, Err(CaptchaError::Bad(BadSolution::Expired))));
        assert_eq!(sweep_at(end.plus(KEPT_SECONDS)), 0);
    }

    #[test]
    fn a_key_that_is_gone_is_replaced() {
        let disk = MemoryDisk::new(Sharing::Shared, 1);
        let store = Store::in_memory(&disk).unwrap();
        let load = |seed| Captchas::load(&store, &SeededRandom::new(seed)).unwrap();
        let of = |captchas: &Captchas| captchas.challenge(&SeededRandom::new(9), NOW);
        let first = of(&load(1));
        assert_eq!(of(&load(2)), first);
        let delete = |transaction: &mut Transaction<'_, '_>| {
            transaction.delete(&schema::captcha_key())?;
            Ok::<_, StoreError>(())
        };
        store.change(delete).wait().unwrap();
        assert_ne!(of(&load(3)), first);
    }
}
