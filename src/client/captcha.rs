//! The proof of work that a secret may require before a view: `docs/public-api.md`, "Captcha".

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    error::ClientError,
    server::{Again, ServerClient, Watch},
};
use crate::crypto::proof_of_work::{ALGORITHM, Challenge, SolvedChallenge};

/// A challenge with more rounds for each attempt is refused as too slow.
const MAX_COST: u32 = 1_000_000;
const MAX_KEY_BYTES: usize = 32;
/// The time after which the search is given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// Fetches a challenge and solves it. Returns the value of the field `captcha`.
///
/// # Errors
///
/// [`ClientError`], if there is no challenge or no solution.
pub fn solve(server: &ServerClient, watch: &dyn Watch) -> Result<String, ClientError> {
    let request = || server.request("GET", "api/public/captcha");
    let challenge: Challenge = server.json(request, None::<&()>, Again::Harmless, watch)?;
    let parameters = &challenge.parameters;
    let is_known = parameters.algorithm == ALGORITHM
        && parameters.cost <= MAX_COST
        && parameters.key_length <= MAX_KEY_BYTES;
    if !is_known {
        return Err(server.misunderstood("it requires a captcha of an unknown kind"));
    }
    let solution = challenge.solve(PATIENCE);
    let solution = solution
        .ok_or_else(|| server.misunderstood("it requires a captcha that has no solution"))?;
    let json = serde_json::to_vec(&SolvedChallenge { challenge, solution });
    Ok(STANDARD.encode(json.map_err(|error| server.misunderstood(error.to_string()))?))
}
