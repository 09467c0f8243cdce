//! The languages of pages and mails: those that have a folder in `locales`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::locales::{self, LOCALES};

/// One of the languages that have texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(&'static str);

impl Language {
    /// `en`: every text exists in it.
    pub const ENGLISH: Self = Self("en");

    /// All languages, English first.
    pub fn all() -> impl Iterator<Item = Self> {
        LOCALES.iter().map(|locale| Self(locale.tag))
    }

    /// Its tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.0
    }

    /// The language with this tag; a region after a hyphen is ignored.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        Some(Self(LOCALES.get(locales::find(tag)?)?.tag))
    }

    /// The language that an `Accept-Language` header (RFC 9110 12.5.4) prefers; `None` if none of
    /// them exists here.
    #[must_use]
    pub fn preferred(accepted: &str) -> Option<Self> {
        preferred(accepted, Self::from_tag)
    }
}

/// The number of a language in records. English and Swedish keep the numbers of a former enum. Any other
/// number is the tag without its region, read as digits to base 27 (`a` is 1), so that a new language does not
/// change the number of another one. The smallest such number is 28, for `aa`.
fn number(tag: &str) -> u32 {
    match locales::primary(tag) {
        "en" => 0,
        "sv" => 1,
        language => language
            .bytes()
            .fold(0, |number, letter| number * 27 + u32::from(letter.saturating_sub(b'a' - 1))),
    }
}

/// Whether some tag of two or three letters has this number.
fn is_number(number: u32) -> bool {
    let letters = [number % 27, number / 27 % 27, number / (27 * 27)];
    number < 2 || letters[..2].iter().all(|letter| *letter > 0) && letters[2] < 27
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(number(self.0))
    }
}

impl<'de> Deserialize<'de> for Language {
    /// A language that this build has no texts for becomes English: the record was written by a build that
    /// had them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = u32::deserialize(deserializer)?;
        match Self::all().find(|language| number(language.0) == stored) {
            Some(language) => Ok(language),
            None if is_number(stored) => Ok(Self::ENGLISH),
            None => Err(D::Error::custom("not the number of a language")),
        }
    }
}

/// The language that an `Accept-Language` header (RFC 9110 12.5.4) prefers among those that `find` knows by
/// their tags.
pub fn preferred<T>(accepted: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut best: Option<(f32, T)> = None;
    for item in accepted.split(',') {
        let mut parts = item.split(';');
        let Some(language) = parts.next().and_then(&find) else { continue };
        let weight = parts.find_map(|part| part.trim().strip_prefix("q="));
        let weight = weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
        // Of equal weights, the first one wins.
        if weight > best.as_ref().map_or(0.0, |(most, _)| *most) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_liked_best_wins() {
        let (english, swedish) = (Language::from_tag("en"), Language::from_tag("sv"));
        let cases = [
            ("sv", swedish),
            ("sv-SE,sv;q=0.9,en-US;q=0.8", swedish),
            ("xq, en;q=0.3, sv;q=0.5", swedish),
            ("EN-gb , sv", english),
            ("sv;q=0, en;q=0.1", english),
            ("sv;q=x", None),
            ("xq", None),
            ("svx", None),
            ("pt", Language::from_tag("pt-BR")),
            ("pt-PT, en;q=0.5", Language::from_tag("pt-BR")),
            ("no", Language::from_tag("nb")),
            ("nn-NO, en;q=0.5", Language::from_tag("nb")),
            ("", None),
        ];
        for (accepted, expected) in cases {
            assert_eq!(Language::preferred(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn records_keep_the_numbers_that_they_have() {
        #[derive(Serialize, Deserialize)]
        enum Before {
            English,
            Swedish,
        }
        let encoding = bincode::config::standard();
        let read = |bytes: &[u8]| {
            let read = bincode::serde::decode_from_slice::<Language, _>(bytes, encoding);
            read.map(|(language, _)| language).ok()
        };
        for (before, tag) in [(Before::English, "en"), (Before::Swedish, "sv")] {
            let language = Language::from_tag(tag).unwrap();
            let stored = bincode::serde::encode_to_vec(before, encoding).unwrap();
            assert_eq!(bincode::serde::encode_to_vec(language, encoding).unwrap(), stored);
            assert_eq!(read(&stored), Some(language));
        }
        for (tag, expected) in
            [("de", 113), ("aa", 28), ("zzz", 27 * 27 * 27 - 1), ("pt-BR", number("pt"))]
        {
            assert_eq!(number(tag), expected);
            assert!(is_number(expected));
        }
        let encode = |number: u32| bincode::serde::encode_to_vec(number, encoding).unwrap();
        // No language has the tag `xq`.
        assert_eq!(read(&encode(number("xq"))), Some(Language::ENGLISH));
        for not_a_tag in [2, 26, 27, 27 * 27, 27 * 27 * 27, u32::MAX] {
            assert_eq!(read(&encode(not_a_tag)), None, "{not_a_tag}");
        }
        let numbers: std::collections::BTreeSet<u32> =
            Language::all().map(|language| number(language.0)).collect();
        assert_eq!(numbers.len(), Language::all().count());
    }
}
