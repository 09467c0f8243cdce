//! `sealdrop backup verify`

use serde::Serialize;

use super::{
    chain::read_bases,
    opened::{not_restored, now, unreadable, with_backup},
};
use crate::{
    cli::{Context, Failure, flags::command, operator::administration::write_json},
    clock::UnixSeconds,
    size::size_text,
    store::backup::{BackupCounts, BackupCut, BackupHeader, LeftOutFiles, RestoredStore},
};

command! {
    /// Read a whole backup and check every byte of it, without restoring it; and that the earlier backups have the
    /// files that it leaves out. - reads standard input. It may also be decrypted already, by the program age.
    #[argh(
        subcommand,
        name = "verify",
        help_triggers("-h", "--help"),
        usage = "FILE|- [--identity FILE]… [--passphrase-file FILE] [--base FILE]… [--json]",
        example = "{command_name} sealdrop-20261130T073300Z.age --identity key.txt\n\
                   age -d -i key.txt sealdrop-20261130T073300Z.age | {command_name} -"
    )]
    pub(crate) struct BackupVerifyCommand: backup, json {}
}

/// A backup that was read to its end.
#[derive(Serialize)]
pub(super) struct VerifiedBackup {
    pub(super) created_at: UnixSeconds,
    pub(super) commit: u64,
    pub(super) commit_at: UnixSeconds,
    pub(super) sealdrop: String,
    #[serde(flatten)]
    pub(super) counts: BackupCounts,
    /// What was burned since, if it was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    burned_since: Option<u64>,
}

impl VerifiedBackup {
    pub(super) fn new(header: &BackupHeader, cut: BackupCut, counts: BackupCounts) -> Self {
        Self {
            created_at: header.created_at,
            commit: cut.commit,
            commit_at: cut.at,
            sealdrop: header.sealdrop.clone(),
            counts,
            burned_since: None,
        }
    }

    /// The same of a backup that was restored.
    pub(super) fn restored(header: &BackupHeader, restored: RestoredStore) -> Self {
        let burned_since = (!header.has_keys).then_some(restored.burned);
        Self { burned_since, ..Self::new(header, restored.cut, restored.counts) }
    }

    /// What it has, for people.
    pub(super) fn contents(&self) -> String {
        let BackupCounts { records, keys, files, file_bytes, left_out, left_out_bytes } =
            self.counts;
        let earlier = match left_out {
            0 => String::new(),
            _ => format!(", {left_out} of them with {} in earlier ones", size_text(left_out_bytes)),
        };
        let burned = self.burned_since.map_or_else(String::new, |burned| {
            format!("; {burned} that were burned since stay burned")
        });
        format!(
            "the state of {} (commit {}): {records} entries, {keys} keys, {files} files with {}{earlier}{burned}",
            self.commit_at,
            self.commit,
            size_text(file_bytes)
        )
    }
}

impl BackupVerifyCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let file = self.backup();
        let name = file.shown();
        let (verified, mut left_out) = with_backup(&file, "Reading", context, |backup| {
            let mut left_out = LeftOutFiles::of(backup.header());
            while let Some(frame) = backup.next_frame().map_err(|error| unreadable(name, &error))? {
                left_out.note(&frame);
            }
            let cut = backup.cut().ok_or_else(|| Failure::failed("the backup has no commit"))?;
            Ok((VerifiedBackup::new(backup.header(), cut, backup.counts()), left_out))
        })?;
        let base = |left_out: &LeftOutFiles| left_out.base().cloned();
        read_bases(&file, "Reading", context, &mut left_out, base, |left_out, backup| {
            left_out.find_in(backup, |_| Ok(()))
        })?;
        left_out.check().map_err(|error| not_restored(name, error.into()))?;
        if self.json {
            return Ok(write_json(context.out, &verified)?);
        }
        let age = super::named::age_text(verified.commit_at, now());
        Ok(writeln!(context.out, "{name} is complete: {}, {age} old", verified.contents())?)
    }
}
