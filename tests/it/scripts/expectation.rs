//! The expectations that a script can have of an output or a file, and the values it can capture.

use std::{os::unix::fs::PermissionsExt, path::Path};

use regex::RegexBuilder;
use serde_json::Value;

/// Checks `content` by the words of an expectation, whose variables are replaced; files that they
/// name are below `dir`. An error has the expectation.
pub(super) fn check(content: &[u8], words: &[&str], dir: &Path) -> Result<(), String> {
    let text = String::from_utf8_lossy(content);
    let (met, expected) = match *words {
        ["empty"] => (content.is_empty(), "nothing".to_owned()),
        ["is", exact] => (content == exact.as_bytes(), format!("exactly {exact:?}")),
        ["line", line] => {
            let exact = format!("{line}\n");
            (content == exact.as_bytes(), format!("exactly {exact:?}"))
        }
        ["matches", pattern] => (find(&text, pattern)?.is_some(), format!("a match of {pattern}")),
        ["lacks", pattern] => (find(&text, pattern)?.is_none(), format!("no match of {pattern}")),
        ["same", file] => {
            let other =
                std::fs::read(dir.join(file)).map_err(|error| format!("{file}: {error}"))?;
            let wanted = String::from_utf8_lossy(&other).into_owned();
            (content == other, format!("what is in {file}:\n{wanted}"))
        }
        ["json", pointer, value] => {
            let wanted = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            let found = field(&text, pointer)?;
            (found == wanted, format!("{wanted} at {pointer}, not {found}"))
        }
        _ => return Err("this is nothing that can be expected".into()),
    };
    met.then_some(()).ok_or_else(|| format!("expected {expected}"))
}

/// As [`check`], of a file: its mode, its existence or its absence may also be expected.
pub(super) fn check_file(name: &str, words: &[&str], dir: &Path) -> Result<(), String> {
    let path = dir.join(name);
    let metadata = std::fs::symlink_metadata(&path);
    match (words, metadata) {
        (["absent"], Err(_)) => return Ok(()),
        (["absent"], Ok(_)) => return Err(format!("expected no {name}")),
        (_, Err(error)) => return Err(format!("{name}: {error}")),
        (["exists"], Ok(_)) => return Ok(()),
        (["mode", mode], Ok(metadata)) => {
            let found = format!("{:04o}", metadata.permissions().mode() & 0o7777);
            let met = found == *mode;
            return met.then_some(()).ok_or_else(|| format!("expected mode {mode}, not {found}"));
        }
        (_, Ok(_)) => {}
    }
    let content = std::fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
    check(&content, words, dir)
        .map_err(|reason| format!("{reason}\n{name}:\n{}", String::from_utf8_lossy(&content)))
}

/// The captured part of `content`.
pub(super) fn capture(content: &[u8], words: &[&str]) -> Result<String, String> {
    let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
    match *words {
        ["line", number] => {
            let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let index = index.ok_or("lines are counted from 1")?;
            let line = text.lines().nth(index).ok_or_else(|| format!("no line {number}"))?;
            Ok(line.to_owned())
        }
        ["json", pointer] => Ok(match field(text, pointer)? {
            Value::String(text) => text,
            other => other.to_string(),
        }),
        ["match", pattern] => {
            find(text, pattern)?.ok_or_else(|| format!("expected a match of {pattern}"))
        }
        _ => Err("this is nothing that can be captured".into()),
    }
}

/// The first match of `pattern`, or of its first group. `^` and `$` are the ends of a line.
fn find(text: &str, pattern: &str) -> Result<Option<String>, String> {
    let pattern = RegexBuilder::new(pattern).multi_line(true).build();
    let pattern = pattern.map_err(|error| error.to_string())?;
    let found = pattern.captures(text).and_then(|found| found.get(1).or_else(|| found.get(0)));
    Ok(found.map(|found| found.as_str().to_owned()))
}

/// The field at a JSON pointer (RFC 6901).
fn field(text: &str, pointer: &str) -> Result<Value, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    json.pointer(pointer).cloned().ok_or_else(|| format!("no field {pointer}"))
}
