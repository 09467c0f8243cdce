//! A store copied record by record: into another directory, or into its own place, where it then takes less
//! room. sled's file never shrinks.

use std::{
    io::{self, PipeReader},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{
    BackUpError, BackupOrder, BackupReader, RestoreError, RestoredStore,
    restore::{restore_with, wipe},
};
use crate::{
    clock::UnixSeconds,
    crypto::{SystemRandom, WrappingKey},
    store::{
        Store, StoreOpenError, StoreOptions, StoreSize,
        local::{
            directory::{RING, lock},
            files::sync,
            key_files::open_in_place,
            sled_engine::wait_for_lock,
            slot_form::commit_mark_in,
        },
    },
};

/// Where the new store is made, in the data directory.
pub(in crate::store) const COMPACTING: &str = "compacting";

/// Why a store was not copied. The old one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] StoreOpenError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] BackUpError),
    /// The copy cannot be written.
    #[error(transparent)]
    Write(#[from] RestoreError),
    /// The directory `store` is a link or on another disk, so it cannot be exchanged.
    #[error(
        "{} is a link or on a disk of its own, and cannot be replaced: use sealdrop store copy", .0.display()
    )]
    Elsewhere(PathBuf),
    /// Another process has used the store meanwhile.
    #[error("another sealdrop has used {} meanwhile: keep the daemon stopped, and try again", .0.display())]
    Used(PathBuf),
    /// An operation of the system failed.
    #[error("cannot put the new store in the place of the old one in {}: {source}", path.display())]
    Io {
        /// The data directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// A store that takes less room now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactedStore {
    /// The size before.
    pub before: StoreSize,
    /// The size after.
    pub after: StoreSize,
    /// What it has.
    pub copied: RestoredStore,
}

/// Copies the store in `from` into the directory `to`, which must be empty or missing and gets a ring of its
/// own. No daemon may use `from`. Blocks.
///
/// # Errors
///
/// [`CopyError`]; nothing is left in `to` then.
pub fn copy_store(
    from: &Path,
    to: &Path,
    options: StoreOptions,
    now: UnixSeconds,
) -> Result<RestoredStore, CopyError> {
    let target = StoreOptions {
        master_key: options.master_key.as_ref().map(WrappingKey::copy),
        ..StoreOptions::new(options.cache_bytes)
    };
    let store = Store::open_with(from, options)?;
    let copied = pass(&store, to, &target, now);
    store.close();
    copied
}

/// Copies the store in `root` and puts the copy in its place, in one step. It needs as much free space as the
/// copy. No daemon may use the directory. Blocks.
///
/// # Errors
///
/// [`CopyError`]
pub fn compact(
    root: &Path,
    options: StoreOptions,
    now: UnixSeconds,
) -> Result<CompactedStore, CopyError> {
    let failed = |source| CopyError::Io { path: root.to_path_buf(), source };
    let (cache_bytes, master) = (options.cache_bytes, options.master_key.as_ref());
    let master = master.map(WrappingKey::copy);
    let new = root.join(COMPACTING);
    let target = StoreOptions {
        ring: Some(root.join(RING)),
        master_key: master.as_ref().map(WrappingKey::copy),
        ..StoreOptions::new(cache_bytes)
    };
    let same_disk = || {
        let store = root.join("store").symlink_metadata()?;
        Ok(store.is_dir() && store.dev() == root.metadata()?.dev())
    };
    if !same_disk().map_err(failed)? {
        return Err(CopyError::Elsewhere(root.join("store")));
    }
    let store = Store::open_with(root, options)?;
    let before = store.size().map_err(failed)?;
    let copied = pass(&store, &new, &target, now);
    store.close();
    drop(store);
    let copied = copied?;
    wait_for_lock(&root.join("store/db"));
    let locked = lock(root)?;
    let mark = open_in_place(&root.join("store/slots")).and_then(|slots| commit_mark_in(&slots));
    if mark.map_err(failed)?.is_none_or(|mark| mark.batch != copied.cut.commit) {
        wipe(&new).map_err(failed)?;
        return Err(CopyError::Used(root.to_path_buf()));
    }
    let (old, made) = (root.join("store"), new.join("store"));
    renameat_with(CWD, &made, CWD, &old, RenameFlags::EXCHANGE)
        .map_err(|error| failed(error.into()))?;
    sync(root).and_then(|()| sync(&new)).map_err(failed)?;
    wipe(&new).map_err(failed)?;
    drop(locked);
    let store = Store::open_with(
        root,
        StoreOptions { master_key: master, ..StoreOptions::new(cache_bytes) },
    )?;
    let after = store.size().map_err(failed)?;
    store.close();
    Ok(CompactedStore { before, after, copied })
}

/// Passes a backup on without a file.
fn pass(
    store: &Store,
    to: &Path,
    target: &StoreOptions,
    now: UnixSeconds,
) -> Result<RestoredStore, CopyError> {
    let failed = |source| CopyError::Io { path: to.to_path_buf(), source };
    let (reader, writer) = io::pipe().map_err(failed)?;
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            store.back_up(writer, BackupOrder::full(true), &SystemRandom, &|| now, &|| false)
        });
        let written = BackupReader::begin(reader).map_err(RestoreError::from).and_then(
            |mut backup: BackupReader<PipeReader>| restore_with(&mut backup, to, None, target),
        );
        let read = reading.join().unwrap_or_else(|_| {
            Err(BackUpError::Output(io::Error::other("the thread that reads has panicked")))
        });
        match (read, written) {
            // Whoever writes has closed the pipe: its reason is the first one.
            (Err(BackUpError::Output(_)), Err(error)) => Err(error.into()),
            (Err(error), _) => Err(error.into()),
            (Ok(_), written) => Ok(written?),
        }
    })
}
