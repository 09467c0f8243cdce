//! Gathers what the pages are made of into tables that `src/web/embedded.rs` includes, compressed.
//!
//! Everything below `src/web` with an ending that is served becomes an asset. `pages` holds the templates,
//! which are no assets; `translations` the texts, which are both: the switch of languages fetches them. A
//! new file needs no change here or anywhere else.

use std::{
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
/// As much of a SHA-256 as tells two versions apart, in bytes.
const VERSION_BYTES: usize = 6;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCES}");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(SOURCES);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    gather(&root, &mut files)?;
    files.sort();

    let (mut assets, mut templates, mut translations) =
        (String::new(), String::new(), String::new());
    let mut everything = Sha256::new();
    for file in files {
        let name = file.strip_prefix(&root)?.to_str().ok_or("a name is not UTF-8")?.to_owned();
        let text = format!("include_str!({file:?})");
        if let Some(template) = name.strip_prefix("pages/") {
            writeln!(templates, "    ({template:?}, {text}),")?;
        } else if let Some(language) = name.strip_prefix("translations/") {
            let tag = language.strip_suffix(".json").ok_or("a translation is not .json")?;
            writeln!(translations, "    ({tag:?}, {text}),")?;
        }
        if name.starts_with("pages/") {
            continue;
        }
        if let Some(content_type) = content_type(&name) {
            let bytes = served(&name, fs::read(&file)?)?;
            everything.update(name.as_bytes());
            everything.update(Sha256::digest(&bytes));
            let plain = out.join(name.replace('/', "!"));
            fs::write(&plain, &bytes)?;
            let include = format!("include_bytes!({plain:?})");
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
    for (name, kind, rows) in [
        ("ASSETS", "Embedded", assets),
        ("TEMPLATES", "(&str, &str)", templates),
        ("TRANSLATIONS", "(&str, &str)", translations),
    ] {
        writeln!(table, "pub(super) static {name}: &[{kind}] = &[\n{rows}];")?;
    }
    Ok(())
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

/// What is served of a file: scripts and styles of ours without the comments that have lines of their own,
/// which were a third of what a page loads.
fn served(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Box<dyn Error>> {
    let is_ours = (name.ends_with(".js") || name.ends_with(".css")) && !name.contains("/vendor/");
    if !is_ours {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes)?;
    let (mut kept, mut in_comment, mut in_template) = (String::new(), false, false);
    for line in text.lines() {
        let start = line.trim();
        if !in_comment && !in_template && start.starts_with("/*") {
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
        // Lines of a template literal stay as they are.
        in_template ^= line.matches('`').count() % 2 == 1;
        kept.push_str(line);
        kept.push('\n');
    }
    if in_comment || in_template {
        return Err(format!("{name}: a comment or a template literal does not end").into());
    }
    Ok(kept.into_bytes())
}

/// The type of a file that is served; `None` for others.
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
