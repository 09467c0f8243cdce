//! The texts of the pages in every language of [`crate::locales`].

use std::collections::BTreeMap;

use crate::{domain::notify::language, locales::LOCALES};

/// One language of the pages.
pub(super) struct Translation {
    /// Its tag (BCP 47).
    pub(super) tag: &'static str,
    /// The texts by their keys: `view.title`.
    texts: BTreeMap<String, String>,
}

/// All languages of the pages; English first.
pub(super) struct Translations(Vec<Translation>);

impl Translations {
    /// The embedded languages.
    pub(super) fn embedded() -> Self {
        let parse = |json| serde_json::from_str(json).expect("a test reads each translation");
        let read = |locale: &crate::locales::Locale| Translation {
            tag: locale.tag,
            texts: parse(locale.pages),
        };
        Self(LOCALES.iter().map(read).collect())
    }

    pub(super) fn all(&self) -> &[Translation] {
        &self.0
    }

    /// The texts of a group in each language, by language tag.
    pub(super) fn of_group(&self, group: &str) -> BTreeMap<&str, BTreeMap<&str, &str>> {
        self.0.iter().map(|language| (language.tag, language.groups(&[group]))).collect()
    }

    /// The index of the language with this tag; the part after a hyphen is ignored.
    pub(super) fn find(&self, tag: &str) -> Option<usize> {
        let primary = tag.split('-').next().unwrap_or_default().trim();
        self.0.iter().position(|translation| primary.eq_ignore_ascii_case(translation.tag))
    }

    /// The index of the language that an `Accept-Language` prefers.
    pub(super) fn preferred(&self, accepted: &str) -> Option<usize> {
        language::preferred(accepted, |tag| self.find(tag))
    }
}

impl Translation {
    /// The text with this key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// All texts, by their keys.
    pub(super) fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    /// The language's name for itself.
    pub(super) fn name(&self) -> &str {
        self.text("common.language").unwrap_or(self.tag)
    }

    /// The texts whose keys begin with one of `groups` and a dot.
    pub(super) fn groups(&self, groups: &[&str]) -> BTreeMap<&str, &str> {
        let is_wanted =
            |key: &str| key.split_once('.').is_some_and(|(group, _)| groups.contains(&group));
        let texts = self.texts.iter().filter(|(key, _)| is_wanted(key));
        texts.map(|(key, text)| (key.as_str(), text.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::embedded;

    #[test]
    fn every_key_that_is_used_is_there_and_every_key_is_used() {
        let translations = Translations::embedded();
        let english = &translations.all()[0];
        let scripts = embedded::ASSETS.iter().filter(|asset| asset.name.ends_with(".js"));
        let scripts = scripts.map(|asset| str::from_utf8(asset.plain).unwrap());
        let sources: Vec<&str> =
            scripts.chain(embedded::TEMPLATES.iter().map(|(_, text)| *text)).collect();
        for source in &sources {
            for (start, _) in source.match_indices("t(\"") {
                // Skips the end of a longer name.
                if source[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')
                {
                    continue;
                }
                let key = source[start + 3..].split('"').next().unwrap();
                let is_there =
                    english.text(key).is_some() || english.text(&format!("{key}.other")).is_some();
                assert!(is_there || key.ends_with('.'), "{key} is used, and not translated");
            }
        }
        for key in english.texts.keys() {
            let plain = key.trim_end_matches(".one").trim_end_matches(".other");
            // Keys may be computed: t("error." + code), t(`box.tab_${name}`), t(page ~ ".title").
            let starts =
                plain.match_indices(['.', '_']).map(|(at, mark)| &plain[..at + mark.len()]);
            let mut written = vec![format!("\"{plain}\"")];
            written
                .extend(starts.flat_map(|start| [format!("\"{start}\""), format!("`{start}${{")]));
            written.extend(plain.split_once('.').map(|(_, end)| format!("\".{end}\"")));
            let is_used = sources
                .iter()
                .any(|source| written.iter().any(|written| source.contains(written.as_str())));
            // The language's own name is used by the switch.
            assert!(is_used || key == "common.language", "{key} is translated, and not used");
        }
    }
}
