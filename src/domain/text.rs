//! What stands beside a secret in plain text: its description and its message.

use serde::{Deserialize, Serialize};

use crate::store::Record;

/// A description or a message, up to 1,000 characters.
#[derive(Clone, Serialize, Deserialize)]
pub struct Text(String);

impl Record for Text {
    const VERSION: u8 = 1;
}

impl Text {
    /// The most characters of a description or a message.
    pub const MAX_CHARS: usize = 1000;

    /// `None` past [`Text::MAX_CHARS`].
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        // The bytes first: no text of 1,000 characters has more than 4,000.
        let fits = text.len() <= Self::MAX_CHARS * 4 && text.chars().count() <= Self::MAX_CHARS;
        fits.then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}
