//! `sealdrop backup drill`

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    chain::restore_chain, key_source::SourceFlags, named::age_text, opened::now,
    verify::VerifiedBackup,
};
use crate::{
    cli::{Context, Failure, flags::command, interrupt, operator::administration::write_json},
    clock::UnixSeconds,
    config::Settings,
    domain::{census::Census, operator},
    store::{Store, StoreOptions, backup::wipe},
};

command! {
    /// Restore a backup into a temporary directory, open it, count what it has, and delete it again: this shows
    /// that the backup and the key are good. The temporary directory holds live secrets meanwhile; their keys
    /// are overwritten before it is deleted.
    #[argh(
        subcommand,
        name = "drill",
        help_triggers("-h", "--help"),
        usage = "FILE|- [--identity FILE]… [--passphrase-file FILE] [--base FILE]… [--keys FILE --ring FILE] \
                 [--in DIR] [--json]",
        example = "{command_name} sealdrop-20261130T073300Z.age --identity key.txt\n\
                   {command_name} sealdrop-20261130T073300Z.age --identity key.txt --in /mnt/large --json"
    )]
    pub(crate) struct BackupDrillCommand after backup, key_source: json {
        /// where the temporary directory is made (default: TMPDIR, or /tmp)
        #[argh(option, long = "in", arg_name = "DIR")]
        place: Option<String>,
    }
}

/// What a drill has found.
#[derive(Serialize)]
struct Drilled {
    #[serde(flatten)]
    backup: VerifiedBackup,
    age_seconds: u64,
    /// The age of the key table, if one was given.
    keys_age_seconds: Option<u64>,
    live_secrets: u64,
    boxes: u64,
    messages: u64,
    accounts: u64,
}

/// A directory that is wiped when it is dropped.
struct WipedDirectory(PathBuf);

impl WipedDirectory {
    fn wipe(&self) -> std::io::Result<()> {
        match self.0.exists() {
            true => wipe(&self.0),
            false => Ok(()),
        }
    }
}

impl Drop for WipedDirectory {
    fn drop(&mut self) {
        // After a failure, which is the one to tell. Otherwise it is gone already.
        let _ = self.wipe();
    }
}

impl BackupDrillCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let place = self.place.as_ref().map_or_else(std::env::temp_dir, PathBuf::from);
        if !place.is_dir() {
            return Err(Failure::usage(format!(
                "--in {}: there is no such directory",
                place.display()
            )));
        }
        let file = self.backup();
        let name = file.shown();
        let source = self.key_source(context)?;
        let keys_at = source.as_ref().and_then(SourceFlags::written_at);
        // Work that is interrupted must clean up.
        let _held = interrupt::hold()?;
        let made = tempfile::Builder::new().prefix("sealdrop-drill-").tempdir_in(&place);
        let made = made.map_err(|error| {
            Failure::failed(format!("cannot make a directory in {}: {error}", place.display()))
        })?;
        let dir = WipedDirectory(made.keep());
        let cache = Settings::default().cache_bytes;
        let keys = source.as_ref().map(SourceFlags::source);
        let options = StoreOptions::new(cache);
        let (header, restored) = restore_chain(&file, &dir.0, keys, &options, context)?;
        let backup = VerifiedBackup::restored(&header, restored);
        let drilled = count(&dir.0, backup, keys_at, cache)?;
        dir.wipe().map_err(|error| {
            Failure::failed(format!("cannot delete {}: {error}", dir.0.display()))
        })?;
        if self.json {
            return Ok(write_json(context.out, &drilled)?);
        }
        let Drilled { backup, live_secrets, boxes, messages, accounts, .. } = &drilled;
        writeln!(context.out, "{name} can be restored: {}", backup.contents())?;
        writeln!(context.out, "age       {}", age_text(backup.commit_at, now()))?;
        if let Some(at) = keys_at {
            writeln!(context.out, "keys      {}", age_text(at, now()))?;
        }
        writeln!(context.out, "secrets   {live_secrets} live")?;
        writeln!(context.out, "boxes     {boxes}, with {messages} messages and files")?;
        Ok(writeln!(context.out, "accounts  {accounts}")?)
    }
}

fn count(
    dir: &Path,
    backup: VerifiedBackup,
    keys_at: Option<UnixSeconds>,
    cache: u64,
) -> Result<Drilled, Failure> {
    let store = Store::open(dir, cache).map_err(|error| Failure::failed(error.to_string()))?;
    let census = Census::of(&store);
    let accounts = operator::accounts(&store);
    store.close();
    let accounts = accounts.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Drilled {
        age_seconds: now().0.saturating_sub(backup.commit_at.0),
        keys_age_seconds: keys_at.map(|at| now().0.saturating_sub(at.0)),
        live_secrets: census.live_secrets,
        boxes: census.live_boxes,
        messages: census.live_messages,
        accounts: accounts.len() as u64,
        backup,
    })
}
