//! A small proof of work for viewers: the protocol of ALTCHA, version 2, so that its widget can solve it
//! (<https://altcha.org/docs/v2/>).
//!
//! A challenge contains the first digits of a random key. The viewer derives keys by PBKDF2 from one
//! counter after another until one begins with these digits. A challenge costs the server one HMAC, and a
//! check one derivation with few rounds: the work is in the number of derivations.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use pbkdf2::{pbkdf2_hmac, sha2::Sha256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    base64_lines::without_line_ends,
    digest::hex,
    mac::hmac_sha256,
    random::{Random, random_array},
    secret_bytes::bytes_equal,
};
use crate::clock::UnixSeconds;

/// The only algorithm of challenges made here.
pub const ALGORITHM: &str = "PBKDF2/SHA-256";
/// Rounds of one derivation: a fifth of a millisecond for the server, which does one for each check.
const ROUNDS: u32 = 700;
/// The number of hexadecimal digits of the key in a challenge. The viewer does 16^3 = 4,096 derivations on
/// average, 3 million rounds: half a second for a phone, whose browser does 1 to 2 million a second on each
/// of several cores. One in a hundred challenges takes almost five times as long.
const PREFIX_DIGITS: usize = 3;
const KEY_BYTES: usize = 32;

/// Makes challenges and checks solutions. Challenges of a server with another key are refused.
pub struct ProofOfWork {
    key: [u8; 32],
}

/// Identifies a challenge: its nonce.
pub type ChallengeId = [u8; 16];

/// A challenge of ALTCHA, version 2.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Challenge {
    /// The parameters to be solved.
    pub parameters: ChallengeParameters,
    /// The HMAC-SHA-256 of the parameters, in hexadecimal.
    #[schemars(example = &"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")]
    pub signature: String,
}

/// The parameters of a challenge. The fields are in alphabetical order, which is ALTCHA's canonical JSON.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ChallengeParameters {
    /// The only algorithm.
    #[schemars(extend("const" = ALGORITHM))]
    pub algorithm: String,
    /// Rounds of PBKDF2.
    #[schemars(example = ROUNDS)]
    pub cost: u32,
    /// When it expires, in seconds since 1970.
    #[schemars(example = 1_795_349_400)]
    pub expires_at: u64,
    /// Bytes of a derived key.
    #[schemars(example = KEY_BYTES)]
    pub key_length: usize,
    /// The hexadecimal digits that the derived key must begin with. Their number can be odd.
    #[schemars(example = &"3f0")]
    pub key_prefix: String,
    /// 16 bytes in hexadecimal; the password is the nonce followed by the counter.
    #[schemars(example = &"0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
    pub nonce: String,
    /// 16 bytes in hexadecimal.
    #[schemars(example = &"00112233445566778899aabbccddeeff")]
    pub salt: String,
}

/// A counter, and the key derived from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Solution {
    /// The counter.
    pub counter: u32,
    /// The key, in hexadecimal.
    pub derived_key: String,
}

/// The answer of the widget, which it sends as base64 of JSON.
#[derive(Serialize, Deserialize)]
pub struct SolvedChallenge {
    /// The challenge, unchanged.
    pub challenge: Challenge,
    /// Its solution.
    pub solution: Solution,
}

/// A challenge that was solved in time. The caller must record the used ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solved {
    /// Which challenge.
    pub challenge: ChallengeId,
    /// When it expires.
    pub expires_at: UnixSeconds,
}

/// Why a solution is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSolution {
    /// The challenge was not made here, or the solution is wrong.
    #[error("is no solution of a challenge of this server")]
    Wrong,
    /// The challenge has expired.
    #[error("is too old: solve another challenge")]
    Expired,
}

impl ProofOfWork {
    /// Signs challenges with `key`, which is random.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A new challenge, as the JSON that the widget reads. Costs one HMAC.
    ///
    /// # Panics
    ///
    /// Never: the parameters are strings and numbers.
    #[must_use]
    pub fn challenge(&self, random: &dyn Random, expires_at: UnixSeconds) -> String {
        let (nonce, salt): (ChallengeId, [u8; 16]) = (random_array(random), random_array(random));
        let mut key_prefix = hex(&random_array::<2>(random));
        key_prefix.truncate(PREFIX_DIGITS);
        let parameters = ChallengeParameters {
            algorithm: ALGORITHM.into(),
            cost: ROUNDS,
            expires_at: expires_at.0,
            key_length: KEY_BYTES,
            key_prefix,
            nonce: hex(&nonce),
            salt: hex(&salt),
        };
        let signature = self.signature(&parameters);
        serde_json::to_string(&Challenge { parameters, signature }).expect("strings and numbers")
    }

    /// Checks the answer of the widget: base64 of a [`SolvedChallenge`] in JSON. Takes a core a fifth of a
    /// millisecond.
    ///
    /// # Errors
    ///
    /// [`BadSolution`], if the challenge is not valid, not solved or expired.
    ///
    /// # Security
    ///
    /// The signature is checked before anything of the challenge is used, so a client cannot make the
    /// server work with parameters of its own.
    pub fn check(&self, payload: &str, now: UnixSeconds) -> Result<Solved, BadSolution> {
        let json = STANDARD.decode(&*without_line_ends(payload)).map_err(|_| BadSolution::Wrong)?;
        let solved: SolvedChallenge =
            serde_json::from_slice(&json).map_err(|_| BadSolution::Wrong)?;
        let SolvedChallenge { challenge: Challenge { parameters, signature }, solution } = solved;
        if !bytes_equal(signature.as_bytes(), self.signature(&parameters).as_bytes()) {
            return Err(BadSolution::Wrong);
        }
        let expires_at = UnixSeconds(parameters.expires_at);
        if now >= expires_at {
            return Err(BadSolution::Expired);
        }
        let derived = parameters.derive(solution.counter).ok_or(BadSolution::Wrong)?;
        let is_solved =
            derived.starts_with(&parameters.key_prefix) && derived == solution.derived_key;
        let challenge = from_hex(&parameters.nonce).filter(|_| is_solved);
        Ok(Solved { challenge: challenge.ok_or(BadSolution::Wrong)?, expires_at })
    }

    fn signature(&self, parameters: &ChallengeParameters) -> String {
        let json = serde_json::to_vec(parameters).expect("strings and numbers");
        hex(&hmac_sha256(&self.key, &[&json]))
    }
}

impl Challenge {
    /// Searches for a solution until `patience` has elapsed.
    #[must_use]
    pub fn solve(&self, patience: Duration) -> Option<Solution> {
        let end = Instant::now() + patience;
        (0..=u32::MAX).take_while(|_| Instant::now() < end).find_map(|counter| {
            let derived_key = self.parameters.derive(counter)?;
            let is_solved = derived_key.starts_with(&self.parameters.key_prefix);
            is_solved.then_some(Solution { counter, derived_key })
        })
    }
}

impl ChallengeParameters {
    /// The key of a counter, in hexadecimal. `None` if nonce or salt are not 16 bytes in hexadecimal.
    fn derive(&self, counter: u32) -> Option<String> {
        let (nonce, salt) = (from_hex(&self.nonce)?, from_hex(&self.salt)?);
        let password = [&nonce[..], &counter.to_be_bytes()].concat();
        let mut key = vec![0; self.key_length];
        pbkdf2_hmac::<Sha256>(&password, &salt, self.cost, &mut key);
        Some(hex(&key))
    }
}

fn from_hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use pbkdf2::pbkdf2_hmac_array;
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
        let (work, other) = (ProofOfWork::new([1; 32]), ProofOfWork::new([2; 32]));
        let text = work.challenge(&random, END);
        let challenge: Challenge = serde_json::from_str(&text).unwrap();
        let solution = challenge.solve(Duration::from_secs(60)).unwrap();
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

        // The right key of a counter that does not solve the challenge.
        let parameters: ChallengeParameters =
            serde_json::from_value(challenge["parameters"].clone()).unwrap();
        let password = [&solved.challenge[..], &0_u32.to_be_bytes()].concat();
        let salt: Vec<u8> = (0..32)
            .step_by(2)
            .map(|at| u8::from_str_radix(&parameters.salt[at..at + 2], 16).unwrap())
            .collect();
        let easy = pbkdf2_hmac_array::<Sha256, KEY_BYTES>(&password, &salt, ROUNDS);
        assert_ne!(solution.counter, 0);
        let easy = Solution { counter: 0, derived_key: hex(&easy) };
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
