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
    store::backup::{BackupHeader, FORMAT_NAME},
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
    /// When the earlier backup began that it leaves files out of.
    pub(super) since: Option<UnixSeconds>,
}

/// The note for a backup: everybody can read it.
pub(super) fn note(header: &BackupHeader) -> (&'static str, Vec<String>) {
    let mut words = vec![
        format!("created={}", header.created_at.0),
        format!("sealdrop={}", header.sealdrop),
        format!("records={}", header.records),
    ];
    words.extend(header.since.as_ref().map(|since| format!("since={}", since.created_at.0)));
    (NOTE, words)
}

/// The name of a new backup: `sealdrop-20261130T073300Z.age`, or
/// `sealdrop-20261201T073300Z-since-20261130T073300Z.age`.
pub(super) fn file_name(created_at: UnixSeconds, since: Option<UnixSeconds>) -> String {
    let digits = |time: UnixSeconds| -> String {
        time.to_string().chars().filter(|char| !matches!(char, '-' | ':')).collect()
    };
    let since = since.map_or_else(String::new, |since| format!("-since-{}", digits(since)));
    format!("sealdrop-{}{since}.age", digits(created_at))
}

/// The times in a name that [`file_name`] has made.
pub(super) fn times_in_name(name: &str) -> Option<(UnixSeconds, Option<UnixSeconds>)> {
    let times = name.strip_prefix("sealdrop-")?.strip_suffix(".age")?;
    let (created_at, since) = match times.split_once("-since-") {
        Some((created_at, since)) => (parse_digits(created_at)?, Some(parse_digits(since)?)),
        None => (parse_digits(times)?, None),
    };
    // Exactly this form.
    (file_name(created_at, since) == name).then_some((created_at, since))
}

fn parse_digits(time: &str) -> Option<UnixSeconds> {
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
    UnixSeconds::parse(&text)
}

/// A file whose name [`file_name`] has made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NamedBackup {
    pub(super) created_at: UnixSeconds,
    pub(super) since: Option<UnixSeconds>,
    pub(super) path: PathBuf,
}

/// The backups in `dir` that have names of [`file_name`], newest first.
pub(super) fn in_directory(dir: &Path) -> Result<Vec<NamedBackup>, Failure> {
    let unreadable =
        |error: io::Error| Failure::failed(format!("cannot read {}: {error}", dir.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let times = entry.file_name().to_str().and_then(times_in_name);
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        found.extend(times.filter(|_| is_file).map(|(created_at, since)| NamedBackup {
            created_at,
            since,
            path: entry.path(),
        }));
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
        if !beginning.starts_with(AGE_MAGIC) && !beginning.starts_with(FORMAT_NAME.as_bytes()) {
            return Err(Failure {
                exit: crate::cli::Exit::Damaged,
                message: format!("{shown}: it is not a backup of sealdrop"),
            });
        }
        let words = age_file::note(&beginning, NOTE).unwrap_or_default();
        let word =
            |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let time = |name| word(name).and_then(|text| text.parse().ok()).map(UnixSeconds);
        let named = path.file_name().and_then(|name| name.to_str()).and_then(times_in_name);
        let changed = UnixSeconds(u64::try_from(metadata.mtime()).unwrap_or(0));
        Ok(Self {
            created_at: time("created").or(named.map(|(at, _)| at)).unwrap_or(changed),
            since: time("since").or(named.and_then(|(_, since)| since)),
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
        assert_eq!(file_name(time, None), "sealdrop-20261130T073300Z.age");
        assert_eq!(times_in_name(&file_name(time, None)), Some((time, None)));
        let later = UnixSeconds(time.0 + 86_400);
        let name = file_name(later, Some(time));
        assert_eq!(name, "sealdrop-20261201T073300Z-since-20261130T073300Z.age");
        assert_eq!(times_in_name(&name), Some((later, Some(time))));
        let others = [
            "sealdrop-20261130T073300Z.age.part",
            "sealdrop-20261130T073300.age",
            "sealdrop-20261330T073300Z.age",
            "sealdrop-2026113é073300Z.age",
            "sealdrop-.age",
            "sealdrop-20261130T073300Z-since-.age",
            "notes.age",
        ];
        assert_eq!(others.map(times_in_name), [None; 7]);
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
