//! Names in one line: the one that an account shows to the viewers of its secrets, and those of its API keys.

use serde::{Deserialize, Serialize};

use super::{AccountError, check_live};
use crate::{
    crypto::contents::turns_direction,
    domain::{numbers::AccountNumber, schema},
    store::{Record, Store, StoreError, Transaction},
};

/// The name of a sender for viewers, or of an API key: 1 to 60 characters in one line, without blanks at its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayName(String);

impl Record for DisplayName {
    const VERSION: u8 = 1;
}

/// The reason why a text is not a [`DisplayName`]. The texts are for people and do not repeat the input.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDisplayName {
    /// Nothing but blanks.
    #[error("must not consist of blanks only")]
    Blank,
    /// The text is longer than [`DisplayName::MAX_CHARS`].
    #[error("is too long: {} characters are allowed", DisplayName::MAX_CHARS)]
    TooLong,
    /// A control character or a line end, or a mark that changes the direction of writing, by which a name
    /// could look like another one.
    #[error(
        "must not contain control characters, line ends or marks that change the direction of writing"
    )]
    Unprintable,
}

impl DisplayName {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 60;

    /// Parses a name. Blanks at its ends are removed.
    ///
    /// # Errors
    ///
    /// [`BadDisplayName`] for an empty or long name, or one with other characters.
    pub fn new(text: &str) -> Result<Self, BadDisplayName> {
        let name = text.trim();
        if name.is_empty() {
            return Err(BadDisplayName::Blank);
        }
        if name.chars().count() > Self::MAX_CHARS {
            return Err(BadDisplayName::TooLong);
        }
        if name.contains(is_unprintable) {
            return Err(BadDisplayName::Unprintable);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

fn is_unprintable(char: char) -> bool {
    char.is_control()
        || turns_direction(char)
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The display name of an account; `None` if it has none.
pub fn display_name(
    store: &Store,
    account: AccountNumber,
) -> Result<Option<DisplayName>, StoreError> {
    store.get(&schema::display_name(account))
}

/// Sets or deletes the display name of an account. Blocks.
///
/// # Errors
///
/// [`AccountError::Gone`] if the account is deleted, and the errors of the store.
pub fn set_display_name(
    store: &Store,
    account: AccountNumber,
    name: Option<DisplayName>,
) -> Result<(), AccountError> {
    store.change(display_name_set(account, name)).wait()
}

/// As [`set_display_name`].
pub fn display_name_set(
    account: AccountNumber,
    name: Option<DisplayName>,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), AccountError> + Send + 'static {
    move |transaction| {
        check_live(transaction, account)?;
        let key = schema::display_name(account);
        match &name {
            Some(name) => transaction.put(&key, name)?,
            None => transaction.delete(&key)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_visible_line() {
        let long = "\u{e5}".repeat(60);
        for (good, name) in [
            ("Alice", "Alice"),
            ("  Åsa & Bo \u{a0}", "Åsa & Bo"),
            ("日本", "日本"),
            (&long, &long),
        ] {
            assert_eq!(DisplayName::new(good).unwrap().into_string(), name);
        }
        let cases = [
            ("", BadDisplayName::Blank),
            (" \u{3000}\n", BadDisplayName::Blank),
            ("a\nb", BadDisplayName::Unprintable),
            ("a\u{0}", BadDisplayName::Unprintable),
            ("a\u{85}b", BadDisplayName::Unprintable),
            ("a\u{2028}b", BadDisplayName::Unprintable),
            ("a\u{202e}b", BadDisplayName::Unprintable),
            ("\u{2066}a", BadDisplayName::Unprintable),
            ("a\u{200f}b", BadDisplayName::Unprintable),
        ];
        for (bad, error) in cases {
            assert_eq!(DisplayName::new(bad), Err(error), "{bad:?}");
        }
        assert_eq!(DisplayName::new(&"x".repeat(61)), Err(BadDisplayName::TooLong));
    }
}
