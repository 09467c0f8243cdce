//! Passwords as people type them. One password can be several texts: a Mac writes `ä` as two characters
//! where other systems write one, and a paste can contain blanks and invisible marks. All of them compare
//! as the same password.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use zeroize::Zeroizing;

use super::{password_hash::PasswordHash, secret_bytes::SecretText};

const COMPOSED: ComposingNormalizerBorrowed<'_> = ComposingNormalizerBorrowed::new_nfc();
const DECOMPOSED: DecomposingNormalizerBorrowed<'_> = DecomposingNormalizerBorrowed::new_nfd();

/// A password that a person typed for a secret: not empty, any other content is allowed.
pub struct TypedPassword {
    /// Normalisation form C (UAX #15), without leading and trailing blanks: the text that is hashed.
    plain: SecretText,
    /// The text as typed, if it differs.
    exact: Option<SecretText>,
}

impl TypedPassword {
    /// `None` if the text has only blanks.
    #[must_use]
    pub fn new(typed: &str) -> Option<Self> {
        let plain = plain(typed);
        let exact = (plain.expose_secret() != typed).then(|| SecretText::new(typed.to_owned()));
        (!plain.expose_secret().is_empty()).then_some(Self { plain, exact })
    }

    /// The normalized text: for hashing, or for a server that compares it without changes.
    #[must_use]
    pub fn plain(&self) -> &SecretText {
        &self.plain
    }

    /// Whether this is the password of `hash`.
    ///
    /// Costs one hash, and up to two more if there are letters outside ASCII, or blanks were cut off.
    /// Earlier versions hashed the text as it was typed.
    #[must_use]
    pub fn matches(&self, hash: &PasswordHash) -> bool {
        hash.verify(&self.plain)
            || self.exact.as_ref().is_some_and(|exact| hash.verify(exact))
            || self.decomposed().is_some_and(|text| hash.verify(&text))
    }

    /// The form that a Mac or an iPhone may have sent, if it differs from the other two.
    fn decomposed(&self) -> Option<SecretText> {
        let plain = self.plain.expose_secret();
        let text = normalized(plain, |text, out| DECOMPOSED.normalize_to(text, out));
        let is_new = *text != *plain
            && self.exact.as_ref().is_none_or(|exact| exact.expose_secret() != &**text);
        is_new.then(|| SecretText::new((*text).clone()))
    }
}

fn plain(typed: &str) -> SecretText {
    let text = normalized(typed, |text, out| COMPOSED.normalize_to(text, out));
    SecretText::new(text.trim_matches(is_blank).to_owned())
}

/// The output of `write` for a text, wiped on drop.
fn normalized(
    text: &str,
    write: impl Fn(&str, &mut String) -> std::fmt::Result,
) -> Zeroizing<String> {
    // A text becomes at most three times as long (UAX #15, section 9), so the buffer does not grow and
    // leave a copy.
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 3));
    write(text, &mut out).expect("a String takes every text");
    out
}

/// Whether a character at either end is not part of the password: blanks, line ends, and invisible marks,
/// which copying a text can add. `src/web/js/common/typed.js` has the same list.
fn is_blank(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::crypto::SystemRandom;

    /// `tests/node/web_typed_units.mjs` reads the same.
    const VECTORS: &str = include_str!("../../tests/vectors/passwords.json");

    #[derive(Deserialize)]
    struct Vector {
        plain: String,
        typed: Vec<String>,
    }

    fn hash(text: &str) -> PasswordHash {
        PasswordHash::new(&SecretText::new(text.to_owned()), 1, &SystemRandom)
    }

    #[test]
    fn one_password_typed_in_many_ways() {
        let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
        for Vector { plain, typed } in &vectors {
            for text in typed.iter().chain([plain]) {
                let Some(password) = TypedPassword::new(text) else {
                    assert_eq!(plain, "", "{text:?}");
                    continue;
                };
                assert_eq!(password.plain().expose_secret(), plain, "{text:?}");
                assert!(password.matches(&hash(plain)));
                // The hash of earlier versions.
                assert!(password.matches(&hash(text)), "{text:?}");
            }
            for other in vectors.iter().filter(|other| other.plain != *plain) {
                let matches =
                    |text| TypedPassword::new(text).is_some_and(|it| it.matches(&hash(plain)));
                assert!(plain.is_empty() || !matches(&other.plain), "{plain} {}", other.plain);
            }
        }
        assert!(vectors.len() > 10 && vectors.iter().any(|vector| vector.plain.is_empty()));
    }

    #[test]
    fn what_a_mac_has_set_before_opens_with_other_keyboards() {
        let (composed, decomposed) = ("gr\u{e4}s", "gra\u{308}s");
        for (set, typed) in [(composed, decomposed), (decomposed, composed)] {
            assert!(TypedPassword::new(typed).unwrap().matches(&hash(set)), "{set:?} {typed:?}");
        }
        assert!(!TypedPassword::new("gras").unwrap().matches(&hash(composed)));
    }
}
