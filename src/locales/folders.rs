//! Reads the folders of languages and writes the table of them. Part of the build script and of the tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// The reference language: it has all texts, and every other language is checked against it.
const FIRST: &str = "en";

/// The texts of one language.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Its tag (BCP 47): the name of the folder.
    pub(crate) tag: String,
    /// Its files by their paths below the folder, with slashes: `mail/viewed.txt`.
    pub(crate) files: BTreeMap<String, PathBuf>,
}

/// All languages that have a folder below `root`: English, then the others by their tags.
///
/// # Errors
///
/// A folder cannot be read, its name is not a tag that records can hold, two have the same language, or
/// English is missing.
pub(crate) fn read(root: &Path) -> io::Result<Vec<Folder>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let tag = entry.file_name().to_string_lossy().into_owned();
        if !is_tag(&tag) {
            return Err(io::Error::other(format!("{tag} is not a tag such as de or pt-BR")));
        }
        let mut files = BTreeMap::new();
        gather(&entry.path(), "", &mut files)?;
        folders.push(Folder { tag, files });
    }
    folders.sort_by(|a, b| (a.tag != FIRST, &a.tag).cmp(&(b.tag != FIRST, &b.tag)));
    let mut seen = BTreeSet::new();
    if let Some(second) = folders.iter().find(|folder| !seen.insert(primary(&folder.tag))) {
        return Err(io::Error::other(format!("{}: its language has two folders", second.tag)));
    }
    match folders.first() {
        Some(folder) if folder.tag == FIRST => Ok(folders),
        _ => Err(io::Error::other(format!("{FIRST} is missing in {}", root.display()))),
    }
}

/// The part of a tag before the first hyphen: `pt` of `pt-BR`.
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

/// Whether a tag has two or three letters, and perhaps a region of two. The number of a language in records
/// is made from the former: src/domain/notify/language.rs.
fn is_tag(tag: &str) -> bool {
    let language = primary(tag);
    let region = &tag[language.len()..];
    matches!(language.len(), 2 | 3)
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && (region.is_empty()
            || region.len() == 3 && region[1..].bytes().all(|byte| byte.is_ascii_uppercase()))
}

fn gather(folder: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, entry.path());
        }
    }
    Ok(())
}

/// The table as Rust source, which `mod.rs` includes.
///
/// # Errors
///
/// A language has no `pages.json` or no `server.json`.
pub(crate) fn table(folders: &[Folder]) -> io::Result<String> {
    let mut rows = String::new();
    for Folder { tag, files } in folders {
        let include = |name: &str| match files.get(name) {
            Some(path) => Ok(format!("include_str!({path:?})")),
            None => Err(io::Error::other(format!("{tag}/{name} is missing"))),
        };
        let mut mails = String::new();
        for (name, path) in files {
            let kind = name.strip_prefix("mail/").and_then(|name| name.strip_suffix(".txt"));
            if let Some(kind) = kind {
                let _ = write!(mails, "({kind:?}, include_str!({path:?})), ");
            }
        }
        let (pages, server) = (include("pages.json")?, include("server.json")?);
        let _ = writeln!(
            rows,
            "    Locale {{ tag: {tag:?}, pages: {pages}, server: {server}, mails: &[{mails}] }},"
        );
    }
    let tags: Vec<&str> = folders.iter().map(|folder| folder.tag.as_str()).collect();
    let remedy = format!("give {}", choice(&tags));
    Ok(format!(
        "pub(crate) static LOCALES: &[Locale] = &[\n{rows}];\n\
         pub(crate) const REMEDY: &str = {remedy:?};\n"
    ))
}

/// `en, sv or uk`
fn choice(tags: &[&str]) -> String {
    match tags {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}
