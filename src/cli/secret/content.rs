//! The content to send: a text, from standard input or a flag, and files.
//!
//! Standard input is sent as a text if it is one, and as a file otherwise or if it has a name. Input of
//! unknown length (a pipe, a FIFO) is first stored in an unnamed file, because the length is sent before the
//! bytes.

use std::{
    fs::{self, File},
    io::{self, BufRead, Read, Write},
    os::unix::fs::FileTypeExt,
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    cli::{Context, Failure, context::STANDARD_INPUT, interrupt},
    client::handover::SourceFile,
};

/// A longer text from standard input is sent as a file: servers limit the length of texts, and a text as long
/// as this is not for reading.
const MAX_TEXT_BYTES: u64 = 256 << 10;
/// The length of one read.
const PIECE_BYTES: usize = 64 << 10;

/// A text with files.
pub(crate) struct SentContent {
    pub(crate) text: Zeroizing<String>,
    pub(crate) files: Vec<SourceFile>,
}

/// The content that the arguments of a command name.
pub(crate) struct ContentArguments<'a> {
    /// `-t`
    pub(crate) text: Option<String>,
    pub(crate) files: &'a [String],
    /// `--name`: the name of the single file.
    pub(crate) name: Option<&'a str>,
}

/// Reads the content that the arguments name. Without a text and without files, or for a `-`, it reads
/// standard input.
pub(crate) fn gather(
    named: ContentArguments<'_>,
    context: &mut Context<'_>,
) -> Result<SentContent, Failure> {
    let ContentArguments { text, files: paths, name } = named;
    let is_input_text = text.as_deref() == Some("-");
    let inputs = paths.iter().filter(|path| *path == STANDARD_INPUT).count();
    if inputs + usize::from(is_input_text) > 1 {
        return Err(Failure::usage("standard input can be read only once: give one -"));
    }
    let text = text.filter(|text| text != "-").map(Zeroizing::new);
    let is_typed = is_input_text || inputs > 0 || text.is_none() && paths.is_empty();
    // Beside other files, standard input may be the text, and there can be only one.
    let is_named_input = name.is_some() && paths.len() == inputs;
    if inputs > 0 && text.is_some() && !is_named_input {
        return Err(Failure::usage(
            "give either -t TEXT or -, which is the text from standard input; with --name NAME and no other \
             file, standard input is sent as a file",
        ));
    }
    let name = name.map(checked).transpose()?;
    let plain = paths.iter().filter(|path| *path != STANDARD_INPUT);
    let mut files = plain.map(|path| opened(path)).collect::<Result<Vec<_>, _>>()?;
    let mut content = SentContent { text: text.unwrap_or_default(), files: Vec::new() };
    if is_typed {
        // --name is for standard input if there is no file.
        let own = name.filter(|_| files.is_empty());
        match (typed(own, context)?, own) {
            (Typed::Text(text), _) => content.text = text,
            (Typed::File(file), _) => content.files.push(file),
        }
    }
    if let Some(name) = name {
        match (files.as_mut_slice(), content.files.is_empty()) {
            ([], false) => {}
            ([file], true) => file.name = name.to_owned(),
            _ => {
                return Err(Failure::usage(
                    "--name is for a single file, or for standard input alone",
                ));
            }
        }
    }
    files.append(&mut content.files);
    content.files = files;
    if content.text.is_empty() && content.files.is_empty() {
        return Err(Failure::usage(
            "there is nothing to send: type or pipe a text, give -t TEXT, or name files",
        ));
    }
    Ok(content)
}

/// A text alone: the value of `flag`, or standard input for `-`.
pub(crate) fn only_text(
    text: &str,
    flag: &str,
    context: &mut Context<'_>,
) -> Result<Zeroizing<String>, Failure> {
    let named = ContentArguments { text: Some(text.to_owned()), files: &[], name: None };
    let content = gather(named, context)?;
    match content.files.is_empty() {
        true => Ok(content.text),
        false => Err(Failure::usage(format!(
            "{flag} takes only a text: standard input is a file (not UTF-8, or too long)"
        ))),
    }
}

/// Checks a name for a file.
fn checked(name: &str) -> Result<&str, Failure> {
    match name.is_empty() || name.contains('/') {
        true => Err(Failure::usage("--name: give the name of a file, without folders")),
        false => Ok(name),
    }
}

fn opened(path: &str) -> Result<SourceFile, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("{path}: {why}"));
    // Metadata first: opening a FIFO waits for a writer.
    let about = fs::metadata(path).map_err(|error| wrong(&error))?;
    let kind = about.file_type();
    if kind.is_dir() {
        return Err(wrong(&"is a directory: make an archive of it first (tar, zip)"));
    }
    if !kind.is_file() && !kind.is_fifo() {
        return Err(wrong(&"is neither a file nor a pipe"));
    }
    let mut file = File::open(path).map_err(|error| wrong(&error))?;
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    let mut name = name.ok_or_else(|| wrong(&"has no name that can be sent"))?.to_owned();
    if kind.is_file() {
        return Ok(SourceFile { name, size: about.len(), file });
    }
    // `<(…)` is /dev/fd/63, which is not a useful name.
    if path.starts_with("/dev/fd/") || path.starts_with("/proc/") {
        name = "pipe.bin".to_owned();
    }
    kept(name, &[], &mut file)
}

/// The content of standard input.
enum Typed {
    Text(Zeroizing<String>),
    File(SourceFile),
}

/// Reads standard input; it is a file if `name` is given or if it is not a text.
fn typed(name: Option<&str>, context: &mut Context<'_>) -> Result<Typed, Failure> {
    if context.interactive {
        writeln!(context.err, "Type the text, then press Ctrl-D on an empty line.")?;
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let input: &mut dyn BufRead = context.input;
    let read = input.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes)?;
    let is_whole = read as u64 <= MAX_TEXT_BYTES;
    if let Some(name) = name {
        return kept(name.to_owned(), &bytes, input).map(Typed::File);
    }
    let is_text = match std::str::from_utf8(&bytes) {
        Ok(_) => true,
        // The end of the read may be inside a character.
        Err(error) => !is_whole && error.error_len().is_none(),
    };
    if !(is_text && is_whole) {
        let name = if is_text { "input.txt" } else { "input.bin" };
        return kept(name.to_owned(), &bytes, input).map(Typed::File);
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Typed::Text(Zeroizing::new(text))),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Failure::failed("standard input is not a text"))
        }
    }
}

/// Stores `begin` and the rest of the input in an unnamed file, which only this process can access and which
/// is deleted when the process ends.
fn kept(name: String, begin: &[u8], rest: &mut dyn Read) -> Result<SourceFile, Failure> {
    let folder = std::env::temp_dir();
    let wrong = |error: &io::Error| {
        Failure::failed(format!(
            "{name} cannot be stored in {} until it is sent: {error}; set TMPDIR to another directory",
            folder.display()
        ))
    };
    let mut file = tempfile::tempfile_in(&folder).map_err(|error| wrong(&error))?;
    file.write_all(begin).map_err(|error| wrong(&error))?;
    let mut size = begin.len() as u64;
    let mut bytes = Zeroizing::new(vec![0; PIECE_BYTES]);
    loop {
        interrupt::check()?;
        let read = match rest.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::failed(format!("{name} cannot be read: {error}"))),
        };
        file.write_all(bytes.get(..read).unwrap_or_default()).map_err(|error| wrong(&error))?;
        size += read as u64;
    }
    Ok(SourceFile { name, size, file })
}
