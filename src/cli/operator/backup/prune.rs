//! `sealdrop backup prune`

use std::{collections::BTreeSet, fs, path::Path};

use serde::Serialize;

use super::named::{NamedBackup, in_directory};
use crate::{
    cli::{Context, Failure, flags::command, operator::administration::write_json},
    clock::UnixSeconds,
};

command! {
    /// Delete old backups in a directory: of each of the last days, weeks and months that have backups, the
    /// newest is kept, with the earlier ones that a kept one was made since. Only files that backup create has
    /// named are deleted, and never the newest one.
    #[argh(
        subcommand,
        name = "prune",
        help_triggers("-h", "--help"),
        usage = "DIR [--keep-daily NUMBER] [--keep-weekly NUMBER] [--keep-monthly NUMBER] [--dry-run] [--json]",
        example = "{command_name} /var/backups/sealdrop --keep-daily 7 --keep-weekly 4 --keep-monthly 6\n\
                   {command_name} /var/backups/sealdrop --dry-run"
    )]
    pub(crate) struct BackupPruneCommand: json {
        /// the directory
        #[argh(positional)]
        dir: String,

        /// the number of days (7)
        #[argh(option, default = "7", arg_name = "NUMBER")]
        keep_daily: usize,

        /// the number of weeks, which begin on Mondays (4)
        #[argh(option, default = "4", arg_name = "NUMBER")]
        keep_weekly: usize,

        /// the number of months (6)
        #[argh(option, default = "6", arg_name = "NUMBER")]
        keep_monthly: usize,

        /// only show what would be deleted
        #[argh(switch)]
        dry_run: bool,
    }
}

/// The files that were kept and deleted.
#[derive(Serialize)]
struct PrunedBackups {
    kept: Vec<String>,
    deleted: Vec<String>,
}

impl BackupPruneCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let found = in_directory(Path::new(&self.dir))?;
        let times: Vec<UnixSeconds> = found.iter().map(|backup| backup.created_at).collect();
        let mut kept = kept(&times, self.keep_daily, self.keep_weekly, self.keep_monthly);
        // Newest first: an earlier one is met after all that were made since.
        for backup in &found {
            if kept.contains(&backup.created_at) {
                kept.extend(backup.since);
            }
        }
        let (kept, old): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|backup| kept.contains(&backup.created_at));
        if !self.dry_run {
            for NamedBackup { path, .. } in &old {
                fs::remove_file(path).map_err(|error| {
                    Failure::failed(format!("cannot delete {}: {error}", path.display()))
                })?;
            }
        }
        let names = |files: Vec<NamedBackup>| -> Vec<String> {
            files.into_iter().map(|backup| backup.path.display().to_string()).collect()
        };
        let pruned = PrunedBackups { kept: names(kept), deleted: names(old) };
        if self.json {
            return Ok(write_json(context.out, &pruned)?);
        }
        let verb = if self.dry_run { "would delete" } else { "deleted" };
        for file in &pruned.deleted {
            writeln!(context.out, "{verb} {file}")?;
        }
        Ok(writeln!(context.out, "{verb} {}, kept {}", pruned.deleted.len(), pruned.kept.len())?)
    }
}

/// Those of `times`, newest first, that are kept.
fn kept(times: &[UnixSeconds], days: usize, weeks: usize, months: usize) -> BTreeSet<UnixSeconds> {
    let mut kept = BTreeSet::new();
    kept.extend(times.first());
    kept.extend(newest_of_each(times, days, |time| time.day().0));
    // 1970-01-01 was a Thursday.
    kept.extend(newest_of_each(times, weeks, |time| (time.day().0 + 3) / 7));
    kept.extend(newest_of_each(times, months, UnixSeconds::month));
    kept
}

fn newest_of_each(
    times: &[UnixSeconds],
    periods: usize,
    period: impl Fn(UnixSeconds) -> u32,
) -> Vec<UnixSeconds> {
    let mut found: Vec<UnixSeconds> = Vec::new();
    for time in times {
        if found.last().is_none_or(|last| period(*last) != period(*time)) {
            found.push(*time);
        }
    }
    found.truncate(periods);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_period_is_kept() {
        // Two a day, for 100 days until 2026-11-30, a Monday.
        let newest = UnixSeconds::parse("2026-11-30T20:00:00Z").unwrap();
        let times: Vec<_> = (0..200).map(|half| UnixSeconds(newest.0 - half * 43_200)).collect();
        let days = |days, weeks, months| -> Vec<String> {
            kept(&times, days, weeks, months).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            days(3, 2, 3),
            [
                "2026-09-30T20:00:00Z", // a month
                "2026-10-31T20:00:00Z", // a month
                "2026-11-28T20:00:00Z", // a day
                "2026-11-29T20:00:00Z", // a day, and the end of a week
                "2026-11-30T20:00:00Z", // the day, the week and the month
            ]
        );
        assert_eq!(days(0, 0, 0), ["2026-11-30T20:00:00Z"], "never the newest");
        assert_eq!(kept(&[], 7, 4, 6).len(), 0);
    }
}
