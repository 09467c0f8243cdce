//! Settings of the ring: how often it turns, and where its copy is.

use std::path::PathBuf;

use super::parse;

/// A second place for the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingPlace {
    /// A directory; the file is called `ring`.
    Directory(PathBuf),
    /// A command of the shell that stores its standard input.
    Command(String),
}

/// What begins a command.
const COMMAND: &str = "command:";

pub(super) fn place(text: &str) -> Result<Option<RingPlace>, String> {
    match text.strip_prefix(COMMAND).map(str::trim) {
        Some("") => Err("there is no command".into()),
        Some(command) => Ok(Some(RingPlace::Command(command.to_owned()))),
        None => Ok(Some(RingPlace::Directory(parse::directory(text)?))),
    }
}

/// Seconds between two turns, from a second to 30 days.
pub(super) fn turn(text: &str) -> Result<u64, String> {
    const LONGEST: u64 = 30 * 24 * 3600;
    let time = humantime::parse_duration(text).map_err(|error| format!("{text}: {error}"))?;
    match time.as_secs() {
        seconds @ 1..=LONGEST => Ok(seconds),
        _ => Err(format!("{text} is out of range")),
    }
}
