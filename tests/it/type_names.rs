//! The name of a type says what it is without its module: each is defined once in the crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use libtest_mimic::Trial;
use regex::Regex;

use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("type_names::each_is_defined_once", each_is_defined_once)]
}

/// The names that still have several definitions. No name is added here.
const SEVERAL: &[&str] = &[
    "Access",
    "Answer",
    "Any",
    "Body",
    "Broken",
    "Call",
    "Client",
    "Connection",
    "Content",
    "Count",
    "Created",
    "Data",
    "Delivered",
    "Event",
    "EventKind",
    "Fields",
    "FileSealer",
    "Form",
    "Found",
    "Held",
    "Item",
    "Kind",
    "Limits",
    "Listed",
    "Look",
    "Made",
    "Message",
    "Name",
    "Object",
    "OpenError",
    "Outcome",
    "Page",
    "Part",
    "Parts",
    "Pending",
    "Piece",
    "Place",
    "Ready",
    "Received",
    "Sealed",
    "Seen",
    "Share",
    "Shared",
    "Shown",
    "Source",
    "State",
    "Stored",
    "Stream",
    "Table",
    "Target",
    "Text",
    "Upload",
    "Value",
    "Verdict",
    "Wait",
    "Written",
];

/// Adds the types that the sources below `dir` define to `found`, each with its files. Tests are left out.
fn collect(dir: &Path, definition: &Regex, found: &mut BTreeMap<String, Vec<String>>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, definition, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source");
            let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for (_, [name]) in definition.captures_iter(source).map(|found| found.extract()) {
                found.entry(name.to_owned()).or_default().push(path.display().to_string());
            }
        }
    }
}

fn each_is_defined_once() {
    let mut found = BTreeMap::new();
    // An indented `type` is that of a trait.
    let definition =
        Regex::new(r"(?m)^(?:\s*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait)|(?:pub(?:\([^)]*\))? )?type) (\w+)")
            .expect("a pattern");
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &definition, &mut found);
    assert!(found.len() > 300, "the definitions are not found: {}", found.len());
    found.retain(|_, files| files.len() > 1);
    let known: BTreeSet<&str> = SEVERAL.iter().copied().collect();
    for (name, files) in &found {
        assert!(
            known.contains(name.as_str()),
            "{name} is defined in {files:?}: rename one of them"
        );
    }
    for name in known {
        assert!(found.contains_key(name), "{name} is defined once now: remove it from SEVERAL");
    }
}
