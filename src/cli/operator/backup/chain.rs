//! A backup and the earlier ones that have the files it leaves out.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use super::opened::{BackupFlags, not_restored, with_backup};
use crate::{
    cli::{Context, Failure, context::STANDARD_INPUT, interrupt},
    store::{
        StoreOptions,
        backup::{
            BackupHeader, BackupReader, EarlierBackup, KeySource, LeftOutError, Restoration,
            RestoreError, RestoredStore,
        },
    },
};

/// Restores a backup, and the files that it leaves out, into the data directory `dir`.
pub(super) fn restore_chain(
    flags: &BackupFlags<'_>,
    dir: &Path,
    keys: Option<KeySource<'_>>,
    options: &StoreOptions,
    context: &mut Context<'_>,
) -> Result<(BackupHeader, RestoredStore), Failure> {
    // Work that is interrupted must clean up.
    let _held = interrupt::hold()?;
    let wrong = |error| not_restored(flags.shown(), error);
    let (header, mut restoration) = with_backup(flags, "Restoring", context, |backup| {
        let begun = Restoration::begin(backup, dir, keys, options).map_err(wrong)?;
        Ok((backup.header().clone(), begun))
    })?;
    let base = |restoration: &Restoration| restoration.base().cloned();
    read_bases(flags, "Restoring", context, &mut restoration, base, |restoration, backup| {
        restoration.take_base(backup)
    })?;
    Ok((header, restoration.finish().map_err(wrong)?))
}

/// Reads the earlier backups that `base` names, one after the other, with `take`.
pub(super) fn read_bases<S>(
    flags: &BackupFlags<'_>,
    what: &'static str,
    context: &mut Context<'_>,
    state: &mut S,
    base: impl Fn(&S) -> Option<EarlierBackup>,
    take: impl Fn(&mut S, &mut BackupReader<&mut dyn Read>) -> Result<(), RestoreError>,
) -> Result<(), Failure> {
    let mut given = flags.base.iter();
    while let Some(needed) = base(state) {
        let path = match given.next() {
            Some(path) => path.clone(),
            None => beside(flags.file, &needed)
                .ok_or_else(|| not_restored(flags.shown(), LeftOutError::NoBase(needed).into()))?,
        };
        let file = BackupFlags { file: &path, base: &[], ..*flags };
        with_backup(&file, what, context, |backup| {
            take(state, backup).map_err(|error| not_restored(&path, error))
        })?;
    }
    match given.next() {
        Some(path) => Err(Failure::usage(format!("--base {path}: it is not needed"))),
        None => Ok(()),
    }
}

/// The path of a backup by its name, if it is in the directory of `file`.
fn beside(file: &str, needed: &EarlierBackup) -> Option<String> {
    let name = Path::new(needed.file.as_deref()?).file_name()?;
    let folder = (file != STANDARD_INPUT).then(|| Path::new(file).parent()).flatten()?;
    let path: PathBuf = folder.join(name);
    path.is_file().then(|| path.display().to_string())
}
