//! `sealdrop backup restore`

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use super::{chain::restore_chain, key_source::SourceFlags, verify::VerifiedBackup};
use crate::{
    cli::{Context, Failure, flags::command, operator::administration::write_json},
    config::Settings,
    domain::unreadable::remove_unreadable,
    store::{Store, StoreOptions},
};

command! {
    /// Make a data directory from a backup. The directory must be empty or missing; the store in it is complete
    /// and checked before it gets its name. - reads standard input. Secrets that were viewed or burned since a
    /// backup with keys are live again; from one without, those come back whose keys are in the key table.
    #[argh(
        subcommand,
        name = "restore",
        help_triggers("-h", "--help"),
        usage = "FILE|- [--identity FILE]… [--passphrase-file FILE] [--base FILE]… [--keys FILE --ring FILE] \
                 [--json] [--data DIR] [--config FILE]",
        example = "{command_name} sealdrop-20261130T073300Z.age --identity key.txt --data /var/lib/sealdrop\n\
                   ssh old sealdrop backup create - --with-keys --recipient age1… --data /var/lib/sealdrop |\n\
                   \x20   {command_name} - --identity key.txt --data /var/lib/sealdrop"
    )]
    pub(crate) struct BackupRestoreCommand: backup, key_source, json, directory {}
}

impl BackupRestoreCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let dir = self.directory().directory(context)?;
        refuse_foreign(&dir)?;
        let file = self.backup();
        let source = self.key_source(context)?;
        let source = source.as_ref().map(SourceFlags::source);
        let options = StoreOptions {
            master_key: context.master_key()?,
            ..StoreOptions::new(Settings::default().cache_bytes)
        };
        let (header, restored) = restore_chain(&file, &dir, source, &options, context)?;
        let restored = VerifiedBackup::restored(&header, restored);
        if source.is_some() {
            remove_unreadable_in(&dir, options)?;
        }
        if self.json {
            return Ok(write_json(context.out, &restored)?);
        }
        Ok(writeln!(context.out, "restored into {}: {}", dir.display(), restored.contents())?)
    }
}

/// Deletes what was restored without its key, of requests and mails that were deleted after the backup.
fn remove_unreadable_in(dir: &Path, options: StoreOptions) -> Result<(), Failure> {
    let failed = |error: String| {
        Failure::failed(format!(
            "{} is restored, but what was deleted after the backup is left: {error}",
            dir.display()
        ))
    };
    let store = Store::open_with(dir, options).map_err(|error| failed(error.to_string()))?;
    let removed = remove_unreadable(&store);
    store.close();
    removed.map(drop).map_err(|error| failed(error.to_string()))
}

/// Root can write anywhere, but a daemon of another user could not use the files.
fn refuse_foreign(dir: &Path) -> Result<(), Failure> {
    // A missing directory is made for this user.
    let Ok(found) = fs::metadata(dir) else { return Ok(()) };
    match found.uid() == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => Err(Failure::failed(format!(
            "{} belongs to another user, who could not use the files made by this command: run it as \
             that user (sudo -u '#{}' sealdrop …)",
            dir.display(),
            found.uid()
        ))),
    }
}
