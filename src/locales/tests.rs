//! Every language has the same files, keys and placeholders as English; another folder is another language.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    folders::{self, Folder},
    *,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/locales");
/// A translator's doubts about single texts, each with its key and the reason. A language may have none.
const DOUBTS: &str = "uncertain.json";
/// Texts that other languages may have in common with English: names, and words that are the same in several
/// languages.
const SAME_AS_ENGLISH: &[&str] = &[
    "API",
    "Account",
    "Code",
    "Description",
    "Details",
    "Email",
    "File",
    "Headers",
    "ID",
    "Link",
    "Log",
    "Markdown",
    "Message",
    "Name",
    "Notifications",
    "PDF: {name}",
    "Pages",
    "Passphrase",
    "Password",
    "Privacy",
    "Program",
    "QR code",
    "Secrets",
    "Sections",
    "Send",
    "Test",
    "Test {url}",
    "Text",
    "Token",
    "Type",
    "Version",
    "Webhooks",
    "ltr",
    "open",
    "optional",
    "secret",
    "{count} file",
];

/// The differences between a language and English, one line for each key or placeholder.
fn differences(english: &Folder, other: &Folder) -> Vec<String> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> = english.files.keys().chain(other.files.keys()).collect();
    for name in names.into_iter().filter(|name| *name != DOUBTS) {
        let file = format!("{}/{name}", other.tag);
        match (english.files.get(name), other.files.get(name)) {
            (Some(ours), Some(theirs)) => {
                let (ours, theirs) = (entries(name, ours), entries(name, theirs));
                // A language may have other plural forms than English, but each has `other`.
                let needed = ours.keys().filter(|key| plural(key).1.is_none_or(|it| it == "other"));
                for key in needed.filter(|key| !theirs.contains_key(*key)) {
                    found.push(format!("{file}: {key} is missing"));
                }
                for (key, text) in &theirs {
                    let (plain, form) = plural(key);
                    let ours = ours
                        .get(key)
                        .or_else(|| form.and_then(|_| ours.get(&format!("{plain}.other"))));
                    match ours {
                        None => found.push(format!("{file}: {key} is not in English")),
                        Some(_) if text.trim().is_empty() => {
                            found.push(format!("{file}: {key} is empty"));
                        }
                        Some(ours_text) => {
                            let (ours, theirs) = (placeholders(ours_text), placeholders(text));
                            if ours != theirs && form.is_none_or(|form| form == "other") {
                                found.push(format!("{file}: {key} has {theirs:?}, not {ours:?}"));
                            }
                            if signs(ours_text) != signs(text) && form.is_none() {
                                found.push(format!("{file}: {key} has other signs"));
                            }
                        }
                    }
                }
            }
            (None, _) => found.push(format!("{file} is not in English")),
            (_, None) => found.push(format!("{file} is missing")),
        }
    }
    found
}

/// The texts that are still in English.
fn untranslated(english: &Folder, other: &Folder) -> Vec<String> {
    let mut found = Vec::new();
    for (name, theirs) in other.files.iter().filter(|(name, _)| *name != DOUBTS) {
        let ours = entries(name, &english.files[name]);
        for (key, text) in entries(name, theirs) {
            // A text of placeholders and signs has no words.
            let words = text.split(['{', '}']).step_by(2).collect::<String>();
            let has_words = words.chars().any(char::is_alphabetic);
            if has_words && ours.get(&key) == Some(&text) && !SAME_AS_ENGLISH.contains(&&*text) {
                found.push(format!("{}/{name}: {key} is in English: {text}", other.tag));
            }
        }
    }
    found
}

/// Signs that a text must have as often as the English one: parts of commands, addresses and links.
fn signs(text: &str) -> [usize; 4] {
    ["#", "https://", "sealdrop ", "private_key_"].map(|sign| text.matches(sign).count())
}

/// The texts of a file by their keys; a mail is one text.
fn entries(name: &str, path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap();
    if !name.ends_with(".json") {
        return BTreeMap::from([("its text".to_owned(), text)]);
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A key without its plural form, and the form.
fn plural(key: &str) -> (&str, Option<&str>) {
    match key.rsplit_once('.') {
        Some((plain, form @ ("zero" | "one" | "two" | "few" | "many" | "other"))) => {
            (plain, Some(form))
        }
        _ => (key, None),
    }
}

/// The placeholders: `{count}`, `{{ link }}`, `{% if message %}`.
fn placeholders(text: &str) -> BTreeSet<&str> {
    let inside = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    inside.map(|inside| inside.trim_matches(['%', ' '])).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn every_language_has_the_same_files_keys_and_placeholders() {
    let folders = folders::read(Path::new(ROOT)).unwrap();
    let (english, others) = folders.split_first().unwrap();
    assert!(!others.is_empty());
    let found: Vec<String> = others.iter().flat_map(|other| differences(english, other)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    let found: Vec<String> = others.iter().flat_map(|other| untranslated(english, other)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    for folder in others {
        // A doubt is about a text that exists.
        let Some(doubts) = folder.files.get(DOUBTS) else { continue };
        let pages = entries("pages.json", &folder.files["pages.json"]);
        for (key, reason) in entries(DOUBTS, doubts) {
            let is_there = pages.contains_key(&key) || folder.files.contains_key(&key);
            assert!(is_there && !reason.is_empty(), "{}/{DOUBTS}: {key}", folder.tag);
        }
    }
    for locale in LOCALES {
        // Also checks that no text of `server.json` is unknown.
        assert!(!server_texts(locale.tag).viewer_browser_on.is_empty(), "{}", locale.tag);
    }
}

#[test]
fn a_folder_is_a_language() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    copy(Path::new(ROOT), root);
    let before = folders::read(root).unwrap().len();
    copy(&root.join("en"), &root.join("xx"));
    let all = folders::read(root).unwrap();
    assert_eq!((all[0].tag.as_str(), all.len()), ("en", before + 1));
    let table = folders::table(&all).unwrap();
    let path = root.join("xx/mail/viewed.txt");
    assert!(table.contains("Locale { tag: \"xx\", pages: include_str!("), "{table}");
    assert!(table.contains(&format!("(\"viewed\", include_str!({path:?}))")), "{table}");
    assert!(table.contains(" or xx\""), "{table}");
    let new = all.iter().find(|folder| folder.tag == "xx").unwrap();
    assert_eq!(differences(&all[0], new), Vec::<String>::new());

    // Each error is reported.
    let break_file = |name: &str, from: &str, to: &str| {
        let path = root.join("xx").join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name}: {from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    break_file("pages.json", "\"box.about\"", "\"box.abuot\"");
    break_file("server.json", "{system}", "{sytem}");
    break_file("mail/request.txt", "{{ link }}", "");
    fs::remove_file(root.join("xx/mail/test.txt")).unwrap();
    fs::write(root.join("xx/mail/tset.txt"), "").unwrap();
    let all = folders::read(root).unwrap();
    let found = differences(&all[0], all.iter().find(|folder| folder.tag == "xx").unwrap());
    let expected = [
        "xx/mail/request.txt: its text has",
        "xx/mail/test.txt is missing",
        "xx/mail/tset.txt is not in English",
        "xx/pages.json: box.about is missing",
        "xx/pages.json: box.abuot is not in English",
        "xx/server.json: viewer_browser_on has",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }

    fs::remove_dir_all(root.join("xx")).unwrap();
    for (tag, is_tag) in [
        ("yy-FI", true),
        ("yyy", true),
        ("sv-FI", false),
        ("yy-fi", false),
        ("yy-Latn", false),
        ("y", false),
        ("yyyy", false),
        ("YY", false),
    ] {
        let folder = root.join(tag);
        fs::create_dir(&folder).unwrap();
        assert_eq!(folders::read(root).is_ok(), is_tag, "{tag}");
        fs::remove_dir(&folder).unwrap();
    }
}
