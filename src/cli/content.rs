//! What is to be handed over: a text, of standard input or of a flag, and files.

use std::{
    fs::{self, File},
    io::{BufRead, Read},
    path::Path,
};

use zeroize::Zeroizing;

use super::{Context, Failure, arguments::STANDARD_INPUT};
use crate::client::handover::SourceFile;

/// More text than that has its place in a file; servers take less, unless told otherwise.
const MAX_TEXT_BYTES: u64 = 16 << 20;

/// A text with files.
pub(super) struct Content {
    pub(super) text: Zeroizing<String>,
    pub(super) files: Vec<SourceFile>,
}

/// Gathers what the arguments name. Without a text and without files the text is read from standard input,
/// as it is for a `-` in the place of either.
pub(super) fn gather(
    text: Option<String>,
    files: &[String],
    context: &mut Context<'_>,
) -> Result<Content, Failure> {
    let is_typed = text.as_deref() == Some("-") || files.iter().any(|path| path == STANDARD_INPUT);
    let files = files.iter().filter(|path| *path != STANDARD_INPUT);
    let files = files.map(|path| opened(path)).collect::<Result<Vec<_>, _>>()?;
    if is_typed && text.as_deref().is_some_and(|text| text != "-") {
        return Err(Failure::usage("give either -t TEXT or -, for the text of standard input"));
    }
    let text = match text.map(Zeroizing::new) {
        _ if is_typed => typed(context)?,
        Some(text) => text,
        None if !files.is_empty() => Zeroizing::default(),
        None => typed(context)?,
    };
    if text.is_empty() && files.is_empty() {
        return Err(Failure::usage(
            "there is nothing to hand over: type a text, pipe one in, give -t TEXT, or name files",
        ));
    }
    Ok(Content { text, files })
}

fn opened(path: &str) -> Result<SourceFile, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("{path}: {why}"));
    // Looked at first: opening a pipe waits for whoever writes to it.
    let about = fs::metadata(path).map_err(|error| wrong(&error))?;
    if about.is_dir() {
        return Err(wrong(&"is a directory; pack it first (tar, zip)"));
    }
    if !about.is_file() {
        return Err(wrong(&"is no plain file; its length is not known"));
    }
    let file = File::open(path).map_err(|error| wrong(&error))?;
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| wrong(&"has no name that can be sent"))?.to_owned();
    Ok(SourceFile { name, size: about.len(), file })
}

fn typed(context: &mut Context<'_>) -> Result<Zeroizing<String>, Failure> {
    if context.interactive {
        writeln!(context.err, "Type the text, then Ctrl-D on a line of its own.")?;
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let input: &mut dyn BufRead = context.input;
    let read = input.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes)?;
    if read as u64 > MAX_TEXT_BYTES {
        return Err(Failure::usage("the text is too long: send it as a file"));
    }
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        Failure::usage("standard input is no text in UTF-8: send it as a file")
    })
}
