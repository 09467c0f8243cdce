//! The texts of every language. A language is a folder here, named by its tag, with these files:
//!
//! - `pages.json`: the texts of the pages, for [`crate::web`] and its scripts;
//! - `server.json`: the texts that the daemon fills in itself ([`ServerTexts`]);
//! - `mail/<kind>.txt`: the mails, for [`crate::delivery`];
//! - `uncertain.json`, perhaps: texts that a native speaker should look at, each with the reason. It is not
//!   embedded.
//!
//! The build script lists the folders, so a new language needs no line of code. A test compares each file
//! with the English one.

#[cfg(test)]
mod folders;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

// `LOCALES` and `REMEDY`.
include!(concat!(env!("OUT_DIR"), "/locales.rs"));

/// The texts of one language, as its files have them.
pub(crate) struct Locale {
    /// Its tag (BCP 47): the name of its folder.
    pub(crate) tag: &'static str,
    /// `pages.json`.
    pub(crate) pages: &'static str,
    /// `server.json`.
    server: &'static str,
    /// The mails, each with its kind: `viewed`.
    pub(crate) mails: &'static [(&'static str, &'static str)],
}

/// The texts of `server.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerTexts {
    /// The language's name for itself.
    pub(crate) name: String,
    /// The direction of its script.
    pub(crate) direction: Direction,
    /// On the page behind the unsubscribe link of a notification.
    pub(crate) unsubscribe_question: String,
    /// The button below it.
    pub(crate) unsubscribe_button: String,
    /// The page after the button.
    pub(crate) unsubscribe_done: String,
    /// A viewer's browser that has no name in `user_agents.json`.
    pub(crate) viewer_browser: String,
    /// With `{browser}` and `{system}`.
    pub(crate) viewer_browser_on: String,
    /// A viewer that is a robot, such as a link checker.
    pub(crate) viewer_robot: String,
}

/// The direction of a script: `ltr` or `rtl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

static SERVER_TEXTS: LazyLock<BTreeMap<&'static str, ServerTexts>> = LazyLock::new(|| {
    let parse =
        |locale: &Locale| serde_json::from_str(locale.server).expect("a test reads each file");
    LOCALES.iter().map(|locale| (locale.tag, parse(locale))).collect()
});

/// The place in [`LOCALES`] of the language with this tag. What follows the first hyphen is ignored: a
/// language has one folder, whatever the region of the reader.
pub(crate) fn find(tag: &str) -> Option<usize> {
    let primary = primary(tag).trim();
    // Browsers have each of these for Norwegian; what is written is nearly always Bokmål.
    let is_norwegian = ["no", "nn"].iter().any(|tag| primary.eq_ignore_ascii_case(tag));
    let wanted = if is_norwegian { "nb" } else { primary };
    let place = |wanted: &str| {
        LOCALES.iter().position(|locale| wanted.eq_ignore_ascii_case(self::primary(locale.tag)))
    };
    place(wanted).or_else(|| place(primary))
}

/// The part of a tag before the first hyphen: `pt` of `pt-BR`.
pub(crate) fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

/// The texts of `server.json` in the language with this tag; in English if the language does not exist.
pub(crate) fn server_texts(tag: &str) -> &'static ServerTexts {
    let texts = SERVER_TEXTS.get(tag).or_else(|| SERVER_TEXTS.get("en"));
    texts.expect("the build script has found English")
}
