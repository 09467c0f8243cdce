//! The texts of the pages in every language of [`crate::locales`].

use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use crate::{
    domain::notify::language,
    locales::{self, LOCALES, Locale, ServerTexts, server_texts},
};

/// One language of the pages.
pub(super) struct Translation {
    locale: &'static Locale,
    /// The texts by their keys (`view.title`), read when they are first needed: most servers only need a few
    /// languages.
    texts: OnceLock<BTreeMap<&'static str, String>>,
}

static ALL: LazyLock<Vec<Translation>> = LazyLock::new(|| {
    LOCALES.iter().map(|locale| Translation { locale, texts: OnceLock::new() }).collect()
});

/// All languages of the pages; English first.
pub(super) fn all() -> &'static [Translation] {
    &ALL
}

/// The index of the language with this tag; the part after a hyphen is ignored.
pub(super) fn find(tag: &str) -> Option<usize> {
    locales::find(tag)
}

/// The index of the language that an `Accept-Language` prefers.
pub(super) fn preferred(accepted: &str) -> Option<usize> {
    language::preferred(accepted, find)
}

impl Translation {
    /// Its tag (BCP 47).
    pub(super) fn tag(&self) -> &'static str {
        self.locale.tag
    }

    /// Its name and its direction.
    pub(super) fn server_texts(&self) -> &'static ServerTexts {
        server_texts(self.locale.tag)
    }

    /// The text with this key.
    #[cfg(test)]
    fn text(&self, key: &str) -> Option<&str> {
        self.texts().get(key).map(String::as_str)
    }

    /// All texts, by their keys.
    pub(super) fn texts(&self) -> &BTreeMap<&'static str, String> {
        self.texts.get_or_init(|| {
            serde_json::from_str(self.locale.pages).expect("a test reads each translation")
        })
    }

    /// The texts whose keys begin with one of `groups` and a dot.
    pub(super) fn groups(&self, groups: &[&str]) -> BTreeMap<&str, &str> {
        let is_wanted =
            |key: &str| key.split_once('.').is_some_and(|(group, _)| groups.contains(&group));
        let texts = self.texts().iter().filter(|(key, _)| is_wanted(key));
        texts.map(|(key, text)| (*key, text.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::embedded;

    #[test]
    fn every_key_that_is_used_is_there_and_every_key_is_used() {
        let english = &all()[0];
        // Libraries have functions of this name, too.
        let scripts = embedded::ASSETS
            .iter()
            .filter(|asset| asset.name.ends_with(".js") && !asset.name.contains("/vendor/"));
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
        for key in english.texts().keys() {
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
            assert!(is_used, "{key} is translated, and not used");
        }
    }
}
