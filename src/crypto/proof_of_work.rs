//! A small proof of work for those who view: ALTCHA, version 2, so that its widget can do it.
//!
//! A challenge names the first digits of a key, at random. The viewer derives keys by PBKDF2 from one
//! counter after another until one begins with these digits. So a challenge costs the server no more than
//! its signature, and a solution one derivation, which has few rounds: the work is in how many there are.

use altcha::{
    Challenge, ChallengeParameters, HmacAlgorithm, Payload, VerifySolutionOptions, sign_challenge,
    verify_solution,
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    base64_lines::without_line_ends,
    digest::hex,
    random::{Random, random_array},
    secret_bytes::{SecretText, bytes_equal},
};
use crate::clock::UnixSeconds;

const ALGORITHM: &str = "PBKDF2/SHA-256";
/// Rounds for one try: a fifth of a millisecond for the server, which does one.
const ROUNDS: u32 = 700;
/// How many hexadecimal digits of a key are named. The viewer does 16^3 = 4,096 tries on average, 3 million
/// rounds: half a second for a phone, whose browser does 1 to 2 million a second on each of several cores.
/// One in a hundred challenges takes almost five times as long.
const PREFIX_DIGITS: usize = 3;
const KEY_BYTES: usize = 32;

/// Makes challenges and checks what comes back. Its key is random, so another one's challenges, also
/// those of before a restart, are worth nothing.
pub struct ProofOfWork {
    challenge_key: SecretText,
}

/// What tells a challenge from all others: its nonce.
pub type ChallengeId = [u8; 16];

/// A challenge that was solved in time. Whether it was before, somebody else must know.
#[derive(Debug, PartialEq, Eq)]
pub struct Solved {
    /// Which it was.
    pub challenge: ChallengeId,
    /// When it would have been too late.
    pub expires_at: UnixSeconds,
}

/// Why a solution is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSolution {
    /// Not of a challenge made here, or not solved.
    #[error("is no solution of a challenge of this server")]
    Wrong,
    /// Too late.
    #[error("is too old: solve another challenge")]
    Expired,
}

impl ProofOfWork {
    /// Makes its key.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self { challenge_key: SecretText::new(hex(&random_array::<32>(random))) }
    }

    /// A challenge, as the JSON that the widget takes. Takes no longer than its signature.
    ///
    /// # Panics
    ///
    /// Never: the parameters are fixed and good.
    #[must_use]
    pub fn challenge(&self, random: &dyn Random, expires_at: UnixSeconds) -> String {
        let (nonce, salt): (ChallengeId, [u8; 16]) = (random_array(random), random_array(random));
        let mut prefix = hex(&random_array::<2>(random));
        prefix.truncate(PREFIX_DIGITS);
        let mut parameters = ChallengeParameters {
            algorithm: ALGORITHM.into(),
            cost: ROUNDS,
            data: None,
            expires_at: Some(expires_at.0),
            key_length: KEY_BYTES,
            key_prefix: prefix,
            key_signature: None,
            memory_cost: None,
            nonce: hex(&nonce),
            parallelism: None,
            salt: hex(&salt),
        };
        let challenge = self.sign(&mut parameters);
        serde_json::to_string(&challenge).expect("a challenge has string keys")
    }

    /// Checks what the widget sends: base64 of JSON with the challenge and its solution. Takes a core a fifth
    /// of a millisecond.
    ///
    /// # Errors
    ///
    /// [`BadSolution`].
    ///
    /// # Security
    ///
    /// Nothing of the challenge is used before its signature is checked, so nobody makes the server work
    /// with parameters of their own. The crate would ask the system's clock whether the challenge has
    /// expired, which is asked here, so it gets a copy without that, signed anew.
    pub fn check(&self, payload: &str, now: UnixSeconds) -> Result<Solved, BadSolution> {
        let json = STANDARD.decode(&*without_line_ends(payload)).map_err(|_| BadSolution::Wrong)?;
        let payload: Payload = serde_json::from_slice(&json).map_err(|_| BadSolution::Wrong)?;
        let Payload { challenge: Challenge { mut parameters, signature }, solution } = payload;
        let ours = self.sign(&mut parameters).signature.unwrap_or_default();
        if !bytes_equal(signature.unwrap_or_default().as_bytes(), ours.as_bytes()) {
            return Err(BadSolution::Wrong);
        }
        let expires_at = parameters.expires_at.take().map_or(UnixSeconds(0), UnixSeconds);
        if now >= expires_at {
            return Err(BadSolution::Expired);
        }
        let timeless = self.sign(&mut parameters);
        // The crate takes any counter whose key is told, also one that begins otherwise.
        let has_prefix = solution.derived_key.starts_with(&parameters.key_prefix);
        let key = self.challenge_key.expose_secret();
        let options = VerifySolutionOptions::new(&timeless, &solution, key);
        let is_solved =
            has_prefix && verify_solution(options).is_ok_and(|outcome| outcome.verified);
        let challenge = nonce(&parameters).filter(|_| is_solved).ok_or(BadSolution::Wrong)?;
        Ok(Solved { challenge, expires_at })
    }

    fn sign(&self, parameters: &mut ChallengeParameters) -> Challenge {
        sign_challenge(
            &HmacAlgorithm::Sha256,
            parameters,
            None,
            self.challenge_key.expose_secret(),
            None,
        )
        .expect("parameters are JSON, and HMAC takes any key")
    }
}

fn nonce(parameters: &ChallengeParameters) -> Option<ChallengeId> {
    let mut nonce = ChallengeId::default();
    let digits = parameters.nonce.as_bytes().as_chunks::<2>().0;
    if parameters.nonce.len() != 2 * nonce.len() {
        return None;
    }
    for (byte, digits) in nonce.iter_mut().zip(digits) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(nonce)
}

#[cfg(test)]
mod tests {
    use altcha::{Solution, SolveChallengeOptions, solve_challenge};
    use pbkdf2::{pbkdf2_hmac_array, sha2::Sha256};
    use serde_json::{Value, json};

    use super::*;
    use crate::crypto::random::SeededRandom;

    const END: UnixSeconds = UnixSeconds(1_000);
    const IN_TIME: UnixSeconds = UnixSeconds(999);

    fn encode(challenge: &Value, solution: &Value) -> String {
        STANDARD.encode(json!({"challenge": challenge, "solution": solution}).to_string())
    }

    #[test]
    fn only_a_solution_of_ones_own_challenge_is_good() {
        let random = SeededRandom::new(1);
        let (work, other) = (ProofOfWork::new(&random), ProofOfWork::new(&random));
        let text = work.challenge(&random, END);
        let challenge: Challenge = serde_json::from_str(&text).unwrap();
        let solution = solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
        let challenge = serde_json::to_value(&challenge).unwrap();
        let right = serde_json::to_value(&solution).unwrap();
        let payload = encode(&challenge, &right);

        let solved = work.check(&payload, IN_TIME).unwrap();
        assert_eq!(
            (solved.expires_at, hex(&solved.challenge)),
            (END, challenge["parameters"]["nonce"].as_str().unwrap().into())
        );
        assert_eq!(work.check(&payload, END), Err(BadSolution::Expired));
        assert_eq!(other.check(&payload, IN_TIME), Err(BadSolution::Wrong));

        // What a counter that is not the one gives is as easily made as said.
        let parameters: ChallengeParameters =
            serde_json::from_value(challenge["parameters"].clone()).unwrap();
        let password = [&solved.challenge[..], &0_u32.to_be_bytes()].concat();
        let salt: Vec<u8> = (0..32)
            .step_by(2)
            .map(|at| u8::from_str_radix(&parameters.salt[at..at + 2], 16).unwrap())
            .collect();
        let easy = pbkdf2_hmac_array::<Sha256, KEY_BYTES>(&password, &salt, ROUNDS);
        assert_ne!(solution.counter, 0);
        let easy = Solution { counter: 0, derived_key: hex(&easy), time: None };
        let forged = |path: &str, value: Value| {
            let mut forged = challenge.clone();
            *forged.pointer_mut(path).unwrap() = value;
            encode(&forged, &right)
        };
        let wrong = [
            encode(&challenge, &serde_json::to_value(&easy).unwrap()),
            encode(&challenge, &json!({"counter": solution.counter, "derivedKey": "00"})),
            encode(&challenge, &json!({"counter": solution.counter, "derivedKey": "no hex"})),
            encode(&challenge, &json!({"counter": 0, "derivedKey": solution.derived_key})),
            encode(
                &challenge,
                &json!({
                    "counter": solution.counter,
                    "derivedKey": &solution.derived_key[..PREFIX_DIGITS],
                }),
            ),
            forged("/parameters/expiresAt", json!(9_999)),
            forged("/parameters/cost", json!(u32::MAX)),
            forged("/parameters/keyPrefix", json!("00")),
            forged("/signature", json!("0".repeat(64))),
            forged("/signature", json!("")),
            forged("/signature", json!(null)),
            encode(&json!({}), &right),
            STANDARD.encode("{}"),
            "*".into(),
            String::new(),
        ];
        for payload in wrong {
            assert_eq!(work.check(&payload, IN_TIME), Err(BadSolution::Wrong), "{payload}");
        }
    }
}
