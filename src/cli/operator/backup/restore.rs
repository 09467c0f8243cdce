//! `sealdrop backup restore`

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use super::{
    opened::{KeyFlags, not_restored, shown, with_backup},
    verify::VerifiedBackup,
};
use crate::{
    cli::{Context, Failure, flags::command, operator::administration::write_json},
    config::Settings,
    store::backup::restore,
};

command! {
    /// Make a data directory from a backup. The directory must be empty or missing; the store in it is complete
    /// and checked before it gets its name. - reads standard input. Secrets that were viewed or burned since the
    /// backup are live again.
    #[argh(
        subcommand,
        name = "restore",
        help_triggers("-h", "--help"),
        usage = "FILE|- [--identity FILE]… [--passphrase-file FILE] [--json] [--data DIR] [--config FILE]",
        example = "{command_name} sealdrop-20261130T073300Z.age --identity key.txt --data /var/lib/sealdrop\n\
                   ssh old sealdrop backup create - --with-keys --recipient age1… --data /var/lib/sealdrop |\n\
                   \x20   {command_name} - --identity key.txt --data /var/lib/sealdrop"
    )]
    pub(crate) struct BackupRestoreCommand: json, directory {
        /// the backup
        #[argh(positional, arg_name = "FILE|-")]
        file: String,

        /// a file with a private key of age (AGE-SECRET-KEY-1…); repeat it for several
        #[argh(option, arg_name = "FILE")]
        identity: Vec<String>,

        /// a file with the passphrase (default: ask at the terminal)
        #[argh(option, arg_name = "FILE")]
        passphrase_file: Option<String>,
    }
}

impl BackupRestoreCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let dir = self.directory().directory(context)?;
        refuse_foreign(&dir)?;
        let keys =
            KeyFlags { identity: &self.identity, passphrase_file: self.passphrase_file.as_deref() };
        let name = shown(&self.file);
        let cache = Settings::default().cache_bytes;
        let restored = with_backup(&self.file, &keys, "Restoring", context, |backup| {
            let restored =
                restore(backup, &dir, cache).map_err(|error| not_restored(name, error))?;
            Ok(VerifiedBackup::new(backup.header(), restored.cut, restored.counts))
        })?;
        if self.json {
            return Ok(write_json(context.out, &restored)?);
        }
        Ok(writeln!(context.out, "restored into {}: {}", dir.display(), restored.contents())?)
    }
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
