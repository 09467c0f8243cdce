//! Files of backups: their names, and what they say without their key.

use std::{
    fs,
    io::{self, BufReader},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    cli::Failure,
    clock::UnixSeconds,
    crypto::age_file::{self, AGE_MAGIC},
    store::backup::{BackupHeader, FORMAT_LINE},
};

/// The name of the note in the header of an encrypted backup.
pub(super) const NOTE: &str = "sealdrop-backup";

/// A file of a backup, as far as it is readable for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct BackupFile {
    pub(super) file: String,
    /// When the backup began: as noted in it, or by its name, or by the time of the file.
    pub(super) created_at: UnixSeconds,
    pub(super) bytes: u64,
    /// The version of the sealdrop that wrote it; `None` if a passphrase encrypts it.
    pub(super) sealdrop: Option<String>,
    /// The number of records when it began.
    pub(super) records: Option<u64>,
}

/// The note for a backup: everybody can read it.
pub(super) fn note(header: &BackupHeader) -> (&'static str, Vec<String>) {
    let words = vec![
        format!("created={}", header.created_at.0),
        format!("sealdrop={}", header.sealdrop),
        format!("records={}", header.records),
    ];
    (NOTE, words)
}

/// The name of a new backup: `sealdrop-20261130T073300Z.age`.
pub(super) fn file_name(created_at: UnixSeconds) -> String {
    let time: String =
        created_at.to_string().chars().filter(|char| !matches!(char, '-' | ':')).collect();
    format!("sealdrop-{time}.age")
}

/// The time in a name that [`file_name`] has made.
pub(super) fn time_in_name(name: &str) -> Option<UnixSeconds> {
    let time = name.strip_prefix("sealdrop-")?.strip_suffix(".age")?;
    let part = |from: usize, to: usize| time.get(from..to);
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(9, 11)?,
        part(11, 13)?,
        part(13, 15)?
    );
    // Exactly this form.
    UnixSeconds::parse(&text).filter(|time| file_name(*time) == name)
}

/// The backups in `dir` that have names of [`file_name`], newest first.
pub(super) fn in_directory(dir: &Path) -> Result<Vec<(UnixSeconds, PathBuf)>, Failure> {
    let unreadable =
        |error: io::Error| Failure::failed(format!("cannot read {}: {error}", dir.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let time = entry.file_name().to_str().and_then(time_in_name);
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        found.extend(time.filter(|_| is_file).map(|time| (time, entry.path())));
    }
    found.sort();
    found.reverse();
    Ok(found)
}

impl BackupFile {
    /// What a file says.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let unreadable =
            |error: io::Error| Failure::failed(format!("cannot read {shown}: {error}"));
        let file = fs::File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let beginning = age_file::read_beginning(BufReader::new(file)).map_err(unreadable)?;
        if !beginning.starts_with(AGE_MAGIC) && !beginning.starts_with(FORMAT_LINE.as_bytes()) {
            return Err(Failure {
                exit: crate::cli::Exit::Damaged,
                message: format!("{shown}: it is not a backup of sealdrop"),
            });
        }
        let words = age_file::note(&beginning, NOTE).unwrap_or_default();
        let word =
            |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let noted = word("created").and_then(|text| text.parse().ok()).map(UnixSeconds);
        let named = path.file_name().and_then(|name| name.to_str()).and_then(time_in_name);
        let changed = UnixSeconds(u64::try_from(metadata.mtime()).unwrap_or(0));
        Ok(Self {
            created_at: noted.or(named).unwrap_or(changed),
            bytes: metadata.len(),
            sealdrop: word("sealdrop").map(str::to_owned),
            records: word("records").and_then(|text| text.parse().ok()),
            file: shown,
        })
    }
}

/// How long ago something was, for people: "3 days".
pub(super) fn age_text(then: UnixSeconds, now: UnixSeconds) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let seconds = now.0.saturating_sub(then.0);
    let unit = UNITS.into_iter().find(|(unit, _)| seconds >= *unit);
    let (count, name) = unit.map_or((seconds, "second"), |(unit, name)| (seconds / unit, name));
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_time() {
        let time = UnixSeconds(1_796_023_980);
        assert_eq!(file_name(time), "sealdrop-20261130T073300Z.age");
        assert_eq!(time_in_name(&file_name(time)), Some(time));
        let others = [
            "sealdrop-20261130T073300Z.age.part",
            "sealdrop-20261130T073300.age",
            "sealdrop-20261330T073300Z.age",
            "sealdrop-2026113é073300Z.age",
            "sealdrop-.age",
            "notes.age",
        ];
        assert_eq!(others.map(time_in_name), [None; 6]);
    }

    #[test]
    fn ages_are_told_in_words() {
        let cases = [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "1 minute"),
            (7200, "2 hours"),
            (200_000, "2 days"),
        ];
        for (seconds, words) in cases {
            assert_eq!(age_text(UnixSeconds(50), UnixSeconds(50 + seconds)), words);
        }
        assert_eq!(age_text(UnixSeconds(50), UnixSeconds(0)), "0 seconds");
    }
}
