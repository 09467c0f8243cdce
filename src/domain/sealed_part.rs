//! The stored forms of the key for answers and of what is sealed for it. The server can open neither: the
//! private key is in the requester's status link.

use serde::{Deserialize, Serialize};

use crate::{
    crypto::{
        AnswerKey, AnswerKeyError,
        answer_key::{MAX_SEALED_CHARS, check_sealed},
    },
    store::Record,
};

/// A public key for answers, in its text form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswerKey(String);

impl Record for StoredAnswerKey {
    const VERSION: u8 = 1;
}

impl From<&AnswerKey> for StoredAnswerKey {
    fn from(key: &AnswerKey) -> Self {
        Self(key.to_text())
    }
}

impl StoredAnswerKey {
    /// The text form.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// The public half of a link, encrypted for an [`AnswerKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedHalf(String);

impl Record for SealedHalf {
    const VERSION: u8 = 1;
}

impl SealedHalf {
    /// The longest form in characters: enough for the halves of any program, and for a record.
    pub const MAX_CHARS: usize = MAX_SEALED_CHARS;

    /// Checks the form. Whether the key opens it shows only at the requester.
    ///
    /// # Errors
    ///
    /// [`AnswerKeyError`], with what is wrong.
    pub fn new(text: String) -> Result<Self, AnswerKeyError> {
        check_sealed(&text)?;
        Ok(Self(text))
    }

    /// The text form: base64url.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}
