//! The token that reads the metrics.

use std::path::Path;

use crate::{crypto::SecretText, secret_file::read_secret};

/// Shorter tokens could be guessed.
const MIN_CHARS: usize = 16;

/// Reads the token from its file. Blocks.
///
/// # Errors
///
/// The problem with the file; the text contains nothing of its content.
pub fn read_token(path: &Path) -> Result<SecretText, String> {
    let token = read_secret(path)?;
    match token.len() < MIN_CHARS {
        true => Err(format!("{}: it has less than {MIN_CHARS} characters", path.display())),
        false => Ok(token),
    }
}
