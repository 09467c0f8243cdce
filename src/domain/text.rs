//! The plain texts beside a secret: its description and its message.

use serde::{Deserialize, Serialize};

use super::schema;
use crate::store::{Key, Record};

/// A description or a message of at most 1,000 characters.
#[derive(Clone, Serialize, Deserialize)]
pub struct Text(String);

impl Record for Text {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        schema::sealing_record(key)
    }
}

impl Text {
    /// The longest description or message, in characters.
    pub const MAX_CHARS: usize = 1000;

    /// `None` for a text of more than [`Text::MAX_CHARS`] characters.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        // The length in bytes first: 1,000 characters have at most 4,000 bytes.
        let fits = text.len() <= Self::MAX_CHARS * 4 && text.chars().count() <= Self::MAX_CHARS;
        fits.then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}
