//! Makes three tables: the files of the pages, compressed, for `src/web/embedded.rs`, the languages, for
//! `src/locales/mod.rs`, and the parts of the OpenAPI document, for `src/api/openapi/mod.rs`.
//!
//! Every file below `src/web` with a known ending becomes an asset, except the templates in `pages`. The
//! texts of the pages in each language are assets too: the language menu fetches them. A new file or a new
//! language needs no change here.

#[path = "src/locales/folders.rs"]
mod folders;

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

const SOURCES: &str = "src/web";
const LOCALES: &str = "src/locales";
const OPENAPI: &str = "src/api/openapi";
/// How much of a SHA-256 the version of all assets has, in bytes: enough to tell two builds apart.
const VERSION_BYTES: usize = 6;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCES}");
    println!("cargo::rerun-if-changed={LOCALES}");
    println!("cargo::rerun-if-changed={OPENAPI}");
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let locales = folders::read(&manifest.join(LOCALES))?;
    fs::write(out.join("locales.rs"), folders::table(&locales)?)?;

    fs::write(out.join("openapi.rs"), openapi_parts(&manifest.join(OPENAPI))?)?;

    let root = manifest.join(SOURCES);
    // Each file with its name as an asset.
    let mut files = Vec::new();
    gather(&root, &mut files)?;
    let mut files: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&root)?.to_str().ok_or("a name is not UTF-8")?;
            Ok((name.to_owned(), file))
        })
        .collect::<Result<_, Box<dyn Error>>>()?;
    // The place of each language's texts in `LOCALES`.
    let mut places = BTreeMap::new();
    for (place, folders::Folder { tag, files: texts }) in locales.into_iter().enumerate() {
        for (_, path) in texts.into_iter().filter(|(name, _)| name == "pages.json") {
            places.insert(path.clone(), place);
            files.push((format!("locales/{tag}/pages.json"), path));
        }
    }
    files.sort();

    let (mut assets, mut templates) = (String::new(), String::new());
    let mut everything = Sha256::new();
    for (name, file) in files {
        if let Some(template) = name.strip_prefix("pages/") {
            writeln!(templates, "    ({template:?}, include_str!({file:?})),")?;
            continue;
        }
        if let Some(content_type) = content_type(&name) {
            let bytes = served(&name, fs::read(&file)?)?;
            everything.update(name.as_bytes());
            everything.update(Sha256::digest(&bytes));
            // The server reads the texts as well: they are in the binary once.
            let include = if let Some(place) = places.get(&file) {
                format!("crate::locales::LOCALES[{place}].pages.as_bytes()")
            } else {
                let plain = out.join(name.replace('/', "!"));
                fs::write(&plain, &bytes)?;
                format!("include_bytes!({plain:?})")
            };
            let compressed = out.join(name.replace('/', "!") + ".gz");
            fs::write(&compressed, gzip(&bytes)?)?;
            writeln!(
                assets,
                "    Embedded {{ name: {name:?}, content_type: {content_type:?}, plain: {include}, \
                 gzip: include_bytes!({compressed:?}) }},"
            )?;
        }
    }
    let version = everything.finalize().iter().take(VERSION_BYTES).fold(
        String::new(),
        |mut version, byte| {
            let _ = write!(version, "{byte:02x}");
            version
        },
    );
    let mut table = fs::File::create(out.join("web.rs"))?;
    writeln!(table, "pub(super) static VERSION: &str = {version:?};")?;
    for (name, kind, rows) in
        [("ASSETS", "Embedded", assets), ("TEMPLATES", "(&str, &str)", templates)]
    {
        writeln!(table, "pub(super) static {name}: &[{kind}] = &[\n{rows}];")?;
    }
    Ok(())
}

/// The source of a table with the files of the OpenAPI document, each with its path below `root`.
fn openapi_parts(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut files = Vec::new();
    gather(root, &mut files)?;
    files.sort();
    let mut table = String::from("static PARTS: &[(&str, &str)] = &[\n");
    for file in files.iter().filter(|file| file.extension().is_none_or(|ending| ending != "rs")) {
        let name = file.strip_prefix(root)?.to_str().ok_or("a name is not UTF-8")?;
        writeln!(table, "    ({name:?}, include_str!({file:?})),")?;
    }
    table.push_str("];\n");
    Ok(table)
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The served content of a file: our scripts and styles without indentation, type casts, and comments on
/// lines of their own, which are more than a third of the bytes of a page.
fn served(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Box<dyn Error>> {
    let is_ours = (name.ends_with(".js") || name.ends_with(".css")) && !name.contains("/vendor/");
    if !is_ours {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes)?;
    let (mut kept, mut in_comment, mut in_template) = (String::new(), false, false);
    for line in text.lines() {
        let start = line.trim();
        // Not `/** @type {A} */ (b)`: that line has code.
        let begins =
            start.starts_with("/*") && start.find("*/").is_none_or(|at| at + 2 == start.len());
        if !in_comment && !in_template && begins {
            in_comment = true;
        }
        if in_comment {
            in_comment = !start.ends_with("*/");
            continue;
        }
        let is_comment = name.ends_with(".js") && start.starts_with("//");
        if !in_template && (is_comment || start.is_empty()) {
            continue;
        }
        // Lines of a template literal keep their indentation.
        let line = if in_template { line } else { line.trim_start() };
        in_template ^= line.matches('`').count() % 2 == 1;
        if name.ends_with(".js") {
            push_untyped(&mut kept, line);
        } else {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    if in_comment || in_template {
        return Err(format!("{name}: a comment or a template literal does not end").into());
    }
    Ok(kept.into_bytes())
}

/// Adds a line of a script without its type casts: `/** @type {A} */ (b)` is `(b)`.
fn push_untyped(kept: &mut String, line: &str) {
    let mut rest = line;
    while let Some((before, cast)) = rest.split_once("/** @type {") {
        let Some((_, after)) = cast.split_once("} */ ") else { break };
        kept.push_str(before);
        rest = after;
    }
    kept.push_str(rest);
}

/// The `Content-Type` of a file; `None` if the file is not served.
fn content_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    match ending {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "json" => Some("application/json"),
        _ => None,
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
