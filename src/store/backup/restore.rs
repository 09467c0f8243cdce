//! Making a store from a backup.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{
    BackupCounts, BackupCut, BackupError, BackupReader, EarlierBackup, KeySource, LeftOutError,
    LeftOutFiles,
    keyless::fill_keys,
    restored_parts::{Parts, open_keys},
};
use crate::{
    crypto::WrappingKey,
    store::{
        Store, StoreOpenError, StoreOptions,
        local::{
            directory::{RING, create_private_dir, lock},
            files::{overwrite, remove_dir_if_there, sync},
            sled_engine::wait_for_lock,
            slots::SlotFile,
        },
    },
};

/// A store is restored below this name in its data directory.
pub(in crate::store) const UNFINISHED: &str = "restoring";
/// What an empty data directory may have: the lock, the remains of an attempt, and what a new file system has.
const ALLOWED: [&str; 3] = ["lock", UNFINISHED, "lost+found"];

/// The formats of stores whose backups are restored. They differ in how a data directory has its keys, which a
/// backup does not show.
const KNOWN_FORMATS: [&str; 2] = ["sealdrop store, format 1", "sealdrop store, format 2"];

/// The reason why a backup was not restored. Nothing is left of it then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The data directory is in use.
    #[error("{} is not empty: a backup is only restored into an empty or a new directory", .0.display())]
    NotEmpty(PathBuf),
    /// The backup cannot be read.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The files that it leaves out are not found.
    #[error(transparent)]
    LeftOut(#[from] LeftOutError),
    /// The backup has no keys.
    #[error(
        "the backup has no keys: give the key table (--keys FILE) and the ring or its copy (--ring FILE) of today"
    )]
    NoKeys,
    /// The backup has keys, and others were given.
    #[error("the backup has keys of its own: leave --keys and --ring out")]
    HasKeys,
    /// The key table or the ring cannot be used.
    #[error("the key table {} cannot be opened with the ring {}: {what}", table.display(), ring.display())]
    Keys {
        /// The file of the key table.
        table: PathBuf,
        /// The file of the ring.
        ring: PathBuf,
        /// The reason.
        what: String,
    },
    /// The store in the backup has another format.
    #[error("the backup has the format {0:?}, and this sealdrop knows only {KNOWN_FORMATS:?}")]
    Format(String),
    /// The disk has no room.
    #[error("the disk of {} is full", .0.display())]
    Full(PathBuf),
    /// The restored store does not open.
    #[error("the backup does not give a complete store: {0}")]
    Unusable(String),
    /// An operation of the system failed.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The data directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// A store that was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoredStore {
    /// What the backup had.
    pub counts: BackupCounts,
    /// The commit whose state it is.
    pub cut: BackupCut,
    /// The payloads in it that were burned since, so that no key of them is left.
    pub burned: u64,
}

/// [`restore_with`], with a ring in the directory and a cache of this size.
///
/// # Errors
///
/// [`RestoreError`]
pub fn restore<R: Read>(
    backup: &mut BackupReader<R>,
    root: &Path,
    cache_bytes: u64,
) -> Result<RestoredStore, RestoreError> {
    restore_with(backup, root, None, &StoreOptions::new(cache_bytes))
}

/// [`Restoration`] of a backup that leaves nothing out.
///
/// # Errors
///
/// [`RestoreError`]
pub fn restore_with<R: Read>(
    backup: &mut BackupReader<R>,
    root: &Path,
    keys: Option<KeySource<'_>>,
    options: &StoreOptions,
) -> Result<RestoredStore, RestoreError> {
    Restoration::begin(backup, root, keys, options)?.finish()
}

/// A data directory that is being made from a backup. The store is complete, and checked, when it gets its name;
/// if the restoration is dropped before, nothing is left. Blocks.
///
/// After the backup itself come the earlier ones that [`Restoration::base`] names, one after the other.
pub struct Restoration {
    root: PathBuf,
    is_new: bool,
    options: StoreOptions,
    /// Those of a key table.
    keys: Option<SlotFile>,
    parts: Option<Parts>,
    left_out: LeftOutFiles,
    counts: BackupCounts,
    cut: Option<BackupCut>,
    is_complete: bool,
    /// Unlocked at the end.
    _locked: File,
}

impl Restoration {
    /// Reads the backup into the directory `root`, which must be empty or missing.
    ///
    /// A backup without keys needs `keys`. If the options name a ring, the directory has a link to it. A ring
    /// that exists is used, and not turned.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]
    pub fn begin<R: Read>(
        backup: &mut BackupReader<R>,
        root: &Path,
        keys: Option<KeySource<'_>>,
        options: &StoreOptions,
    ) -> Result<Self, RestoreError> {
        let io = |source: io::Error| failure(root, source);
        let header = backup.header();
        if !KNOWN_FORMATS.contains(&header.store.as_str()) {
            return Err(RestoreError::Format(header.store.chars().take(80).collect()));
        }
        if header.has_keys == keys.is_some() {
            return Err(if header.has_keys { RestoreError::HasKeys } else { RestoreError::NoKeys });
        }
        let is_new = !root.try_exists().map_err(io)?;
        create_private_dir(root).map_err(io)?;
        refuse_full(root).map_err(io)?.map_or(Ok(()), Err)?;
        let locked = lock(root).map_err(|error| RestoreError::Unusable(error.to_string()))?;
        let mut restoration = Self {
            root: root.to_path_buf(),
            is_new,
            options: StoreOptions {
                ring: options.ring.clone(),
                master_key: options.master_key.as_ref().map(WrappingKey::copy),
                ..StoreOptions::new(options.cache_bytes)
            },
            keys: None,
            parts: None,
            left_out: LeftOutFiles::of(header),
            counts: BackupCounts::default(),
            cut: None,
            is_complete: false,
            _locked: locked,
        };
        // A killed attempt has left keys.
        wipe(&restoration.unfinished()).map_err(io)?;
        restoration.fill(backup, keys)?;
        Ok(restoration)
    }

    fn unfinished(&self) -> PathBuf {
        self.root.join(UNFINISHED)
    }

    fn fill<R: Read>(
        &mut self,
        backup: &mut BackupReader<R>,
        keys: Option<KeySource<'_>>,
    ) -> Result<(), RestoreError> {
        let root = self.unfinished();
        // Before the backup is read, which can take long.
        self.keys = keys.map(|keys| open_keys(keys, &root)).transpose()?;
        let created = Parts::create(&root, &self.options);
        let parts = self.parts.insert(created.map_err(|source| failure(&root, source))?);
        while let Some(frame) = backup.next_frame()? {
            self.left_out.note(&frame);
            parts.take(frame)?;
        }
        self.counts = backup.counts();
        self.cut = backup.cut();
        Ok(())
    }

    /// The earlier backup that is needed next.
    #[must_use]
    pub fn base(&self) -> Option<&EarlierBackup> {
        self.left_out.base()
    }

    /// Reads the earlier backup that [`Restoration::base`] names.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]; the restoration must not be used after that.
    pub fn take_base<R: Read>(&mut self, base: &mut BackupReader<R>) -> Result<(), RestoreError> {
        let Some(parts) = &mut self.parts else { return Ok(()) };
        self.left_out.find_in(base, |frame| parts.take_earlier(frame))
    }

    /// Completes the store, opens it once, which checks it, and gives it its name.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]
    pub fn finish(mut self) -> Result<RestoredStore, RestoreError> {
        self.left_out.check()?;
        let (root, unfinished) = (self.root.clone(), self.unfinished());
        let cut = self.cut.ok_or(BackupError::CutOff)?;
        let parts = self.parts.take().ok_or(BackupError::CutOff)?;
        let burned = match self.keys.take() {
            Some(keys) => {
                fill_keys(&parts.database, &keys, &parts.slots).map_err(RestoreError::Unusable)?
            }
            None => 0,
        };
        parts.finish(&unfinished, cut)?;
        self.check(&unfinished)?;
        // The ring first: without a store, the next attempt replaces it.
        fs::rename(unfinished.join(RING), root.join(RING))
            .and_then(|()| fs::rename(unfinished.join("store"), root.join("store")))
            .and_then(|()| remove_dir_if_there(&unfinished))
            .and_then(|()| sync(&root))
            .map_err(|source| failure(&root, source))?;
        self.is_complete = true;
        Ok(RestoredStore { counts: self.counts, cut, burned })
    }

    fn check(&self, root: &Path) -> Result<(), RestoreError> {
        let options = StoreOptions {
            master_key: self.options.master_key.as_ref().map(WrappingKey::copy),
            ..StoreOptions::new(self.options.cache_bytes)
        };
        let opened = Store::open_with(root, options).map_err(|error| match error {
            StoreOpenError::Damaged { what, .. } => RestoreError::Unusable(what),
            other => RestoreError::Unusable(other.to_string()),
        })?;
        opened.close();
        drop(opened);
        wait_for_lock(&root.join("store/db"));
        Ok(())
    }
}

impl Drop for Restoration {
    fn drop(&mut self) {
        if self.is_complete {
            return;
        }
        (self.parts, self.keys) = (None, None);
        // The first error is the one to tell.
        let _ = wipe(&self.unfinished());
        if self.is_new {
            let _ = fs::remove_file(self.root.join("lock"));
            let _ = fs::remove_dir(&self.root);
        }
    }
}

/// Deletes a data directory that is not used. Its keys are overwritten first, but not a ring elsewhere. Blocks.
///
/// # Errors
///
/// The system's.
pub fn wipe(root: &Path) -> io::Result<()> {
    for keys in [RING, "store/slots", "store/buckets"] {
        let no_links = OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = File::options();
        if let Ok(file) = options.write(true).custom_flags(no_links).open(root.join(keys)) {
            overwrite(&file)?;
        }
    }
    remove_dir_if_there(root)
}

pub(super) fn failure(path: &Path, source: io::Error) -> RestoreError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            RestoreError::Full(path.to_path_buf())
        }
        _ => RestoreError::Io { path: path.to_path_buf(), source },
    }
}

fn refuse_full(root: &Path) -> io::Result<Option<RestoreError>> {
    // A ring without a store may be that of a store that was moved away, unless an attempt has put it there.
    let is_left = root.join(UNFINISHED).exists();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        let is_allowed = ALLOWED.iter().any(|allowed| name == *allowed) || is_left && name == RING;
        if !is_allowed {
            return Ok(Some(RestoreError::NotEmpty(root.to_path_buf())));
        }
    }
    Ok(None)
}
