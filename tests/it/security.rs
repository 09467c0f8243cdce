//! The promises of SECURITY.md: each row names a test or says that there is none, and each named test exists.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use libtest_mimic::Trial;
use regex::Regex;

use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("security::the_named_tests_exist", the_named_tests_exist),
        trial("security::each_promise_says_how_it_is_shown", each_promise_says_how_it_is_shown),
    ]
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The head of a table of promises.
const HEAD: &str = "| promise | how | test |\n|---|---|---|\n";

fn document() -> String {
    fs::read_to_string(Path::new(ROOT).join("SECURITY.md")).expect("SECURITY.md")
}

/// The Rust files below `dir`.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The module of a file below `src`, as in `store::tests` for `store/tests/mod.rs`.
fn module_of(file: &Path) -> String {
    let path = file.with_extension("");
    let names = path.iter().map(|name| name.to_str().expect("UTF-8"));
    names.filter(|name| *name != "mod").collect::<Vec<_>>().join("::")
}

/// The names of all tests, as the test runner prints them.
fn all_tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let unit_test =
        Regex::new(r"#\[(?:tokio::)?test(?:\([^)]*\))?\]\s+(?:#\[[^\]]*\]\s+)*(?:async )?fn (\w+)")
            .expect("a pattern");
    let src = Path::new(ROOT).join("src");
    for file in sources(&src) {
        let source = fs::read_to_string(&file).expect("a source");
        let mut module = module_of(file.strip_prefix(&src).expect("a file below src"));
        if source.contains("\nmod tests {") {
            module.push_str("::tests");
        }
        for (_, [name]) in unit_test.captures_iter(&source).map(|found| found.extract()) {
            found.insert(format!("{module}::{name}"));
        }
    }
    // The models are run over the engines by a macro.
    let models = Regex::new(r"(?m)^over_engines!\(").expect("a pattern");
    let macro_file = fs::read_to_string(src.join("store/faulty/models.rs")).expect("the macro");
    for file in sources(&src)
        .iter()
        .filter(|file| models.is_match(&fs::read_to_string(file).expect("a source")))
    {
        let module = module_of(file.strip_prefix(&src).expect("a file below src"));
        for (_, [name]) in unit_test.captures_iter(&macro_file).map(|found| found.extract()) {
            found.insert(format!("{module}::over_engines::{name}"));
        }
    }
    let integration_test = Regex::new(r#"\btrial(?:_with)?\(\s*"([\w:]+)""#).expect("a pattern");
    for file in sources(&Path::new(ROOT).join("tests/it")) {
        let source = fs::read_to_string(&file).expect("a source");
        for (_, [name]) in integration_test.captures_iter(&source).map(|found| found.extract()) {
            found.insert(name.to_owned());
        }
    }
    // Each file is a test.
    for entry in fs::read_dir(Path::new(ROOT).join("tests/scripts")).expect("the scripts") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        found.insert(format!("scripts::{name}"));
    }
    found
}

fn the_named_tests_exist() {
    let (tests, text) = (all_tests(), document());
    assert!(tests.len() > 900, "the tests are not found: {}", tests.len());
    let name = Regex::new(r"`([a-z0-9_]+(?:::[a-z0-9_]+)+)`").expect("a pattern");
    let named: BTreeSet<&str> = name
        .captures_iter(&text)
        .map(|found| {
            let (_, [name]) = found.extract();
            name
        })
        .collect();
    assert!(named.len() > 100, "the names are not found: {}", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist: {missing:?}");
}

fn each_promise_says_how_it_is_shown() {
    let text = document();
    let mut promises = 0;
    for table in text.split(HEAD).skip(1) {
        for row in table.lines().take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 3, "{row}");
            let shown = cells.last().copied().unwrap_or_default();
            assert!(shown.contains("::") || shown.contains("not shown by a test"), "{row}");
            promises += 1;
        }
    }
    assert!(promises > 60, "the promises are not found: {promises}");
}
