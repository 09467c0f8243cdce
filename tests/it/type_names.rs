//! The name of a type says what it is without its module: each is defined once in the crate.

use std::{collections::BTreeMap, fs, path::Path};

use libtest_mimic::Trial;
use regex::Regex;

use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("type_names::each_is_defined_once", each_is_defined_once)]
}

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
    let several: Vec<_> = found.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(several.is_empty(), "names with several definitions: {several:?}");
}
