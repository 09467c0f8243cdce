//! The languages that people are written to in.

use serde::{Deserialize, Serialize};

/// A language of mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// `en`
    English,
    /// `sv`
    Swedish,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Swedish];

    /// The first part of its tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Swedish => "sv",
        }
    }

    /// The one with this tag; what follows a hyphen does not matter.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// What an `Accept-Language` (RFC 9110 12.5.4) likes best of what there is; `None` where it likes
    /// none of it.
    #[must_use]
    pub fn preferred(accepted: &str) -> Option<Self> {
        preferred(accepted, Self::from_tag)
    }
}

/// What an `Accept-Language` (RFC 9110 12.5.4) likes best of what `find` knows by its tag.
pub fn preferred<T>(accepted: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut best: Option<(f32, T)> = None;
    for item in accepted.split(',') {
        let mut parts = item.split(';');
        let Some(language) = parts.next().and_then(&find) else { continue };
        let weight = parts.find_map(|part| part.trim().strip_prefix("q="));
        let weight = weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
        // The first of equals.
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
        let (english, swedish) = (Some(Language::English), Some(Language::Swedish));
        let cases = [
            ("sv", swedish),
            ("sv-SE,sv;q=0.9,en-US;q=0.8", swedish),
            ("de, en;q=0.3, sv;q=0.5", swedish),
            ("EN-gb , sv", english),
            ("sv;q=0, en;q=0.1", english),
            ("sv;q=x", None),
            ("de", None),
            ("svx", None),
            ("", None),
        ];
        for (accepted, expected) in cases {
            assert_eq!(Language::preferred(accepted), expected, "{accepted}");
        }
    }
}
