//! Making a store from a backup.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, symlink},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::OFlags;

use super::{
    BackupCounts, BackupCut, BackupError, BackupFrame, BackupReader, KeySource, keyless::fill_keys,
};
use crate::{
    crypto::{SystemRandom, WrappingKey},
    store::{
        Space, Store, StoreOpenError, StoreOptions,
        engine::{DiskFailure, Writes},
        local::{
            directory::{
                RING, STORE_FORMAT, create_keys, create_private_dir, lock, ring_of_new_store,
            },
            files::{overwrite, remove_dir_if_there, sync, sync_tree},
            key_files::KeyDirectory,
            payload_files::PayloadFiles,
            sled_engine::{Database, wait_for_lock},
            slot_form::SlotLayout,
            slots::SlotFile,
        },
        manifest::Manifest,
        payload_keys::{CommitMark, PayloadKeys, SlotWrites},
        record::Envelope,
    },
};

/// A store is restored below this name in its data directory.
pub(in crate::store) const UNFINISHED: &str = "restoring";
/// What an empty data directory may have: the lock, the remains of an attempt, and what a new file system has.
const ALLOWED: [&str; 3] = ["lock", UNFINISHED, "lost+found"];
/// Restoring stops when less than this is free, because the database cannot report a full disk.
const RESERVE_BYTES: u64 = 32 << 20;

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

/// Makes the data directory `root` from a backup. It must be empty, or missing. The store is complete, and
/// checked, when it gets its name. Blocks.
///
/// A backup without keys needs `keys`. If the options name a ring, the directory has a link to it. A ring that
/// exists is used, and not turned.
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
    let unfinished = root.join(UNFINISHED);
    // A killed attempt has left keys.
    let restored = wipe(&unfinished)
        .map_err(io)
        .and_then(|()| fill(backup, &unfinished, keys, options))
        .and_then(|restored| {
            // The ring first: without a store, the next attempt replaces it.
            fs::rename(unfinished.join(RING), root.join(RING))
                .and_then(|()| fs::rename(unfinished.join("store"), root.join("store")))
                .and_then(|()| remove_dir_if_there(&unfinished))
                .and_then(|()| sync(root))
                .map_err(io)?;
            Ok(restored)
        });
    if restored.is_err() {
        // The first error is the one to tell.
        let _ = wipe(&unfinished);
        if is_new {
            let _ = fs::remove_file(root.join("lock"));
            let _ = fs::remove_dir(root);
        }
    }
    drop(locked);
    restored
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

fn failure(path: &Path, source: io::Error) -> RestoreError {
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

/// Makes a complete store in `root`, and opens it once, which checks it.
fn fill<R: Read>(
    backup: &mut BackupReader<R>,
    root: &Path,
    keys: Option<KeySource<'_>>,
    options: &StoreOptions,
) -> Result<RestoredStore, RestoreError> {
    let io = |source: io::Error| failure(root, source);
    // Before the backup is read, which can take long.
    let keys = keys.map(|keys| open_keys(keys, root)).transpose()?;
    let mut parts = Parts::create(root, options).map_err(io)?;
    while let Some(frame) = backup.next_frame()? {
        parts.take(frame)?;
    }
    let cut = backup.cut().ok_or(BackupError::CutOff)?;
    let burned = match keys {
        Some(keys) => {
            fill_keys(&parts.database, &keys, &parts.slots).map_err(RestoreError::Unusable)?
        }
        None => 0,
    };
    parts.finish(root, cut)?;
    let restored = RestoredStore { counts: backup.counts(), cut, burned };
    let options = StoreOptions {
        master_key: options.master_key.as_ref().map(WrappingKey::copy),
        ..StoreOptions::new(options.cache_bytes)
    };
    let opened = Store::open_with(root, options).map_err(|error| match error {
        StoreOpenError::Damaged { what, .. } => RestoreError::Unusable(what),
        other => RestoreError::Unusable(other.to_string()),
    })?;
    opened.close();
    drop(opened);
    wait_for_lock(&root.join("store/db"));
    Ok(restored)
}

/// Opens a key table, whose files are beside the store that is being restored.
fn open_keys(keys: KeySource<'_>, root: &Path) -> Result<SlotFile, RestoreError> {
    let dir = root.join("keys");
    create_private_dir(&dir).map_err(|source| failure(root, source))?;
    keys.open(&dir).map_err(|error| RestoreError::Keys {
        table: keys.table.to_path_buf(),
        ring: keys.ring.to_path_buf(),
        what: error.to_string(),
    })
}

/// The parts of a store that is being restored.
struct Parts {
    root: PathBuf,
    database: Database,
    slots: SlotFile,
    files: Arc<PayloadFiles>,
    file: Option<File>,
}

impl Parts {
    fn create(root: &Path, options: &StoreOptions) -> io::Result<Self> {
        check_space(root.parent().unwrap_or(root))?;
        let store = root.join("store");
        for dir in [root, &store, &store.join("db"), &store.join("payloads")] {
            create_private_dir(dir)?;
        }
        if let Some(ring) = &options.ring {
            symlink(std::path::absolute(ring)?, root.join(RING))?;
        }
        let ring = ring_of_new_store(&root.join(RING), options.master_key.as_ref())
            .map_err(io::Error::other)?;
        create_keys(&store, &ring)?;
        let files = Box::new(KeyDirectory::new(&store));
        let slots = SlotFile::open(files, ring, Arc::new(SystemRandom), SlotLayout::USUAL)
            .map_err(io::Error::other)?;
        let files = Arc::new(PayloadFiles::open(store.join("payloads"))?);
        let database = Database::open(&store.join("db"), options.cache_bytes)?;
        Ok(Self { root: root.to_path_buf(), database, slots, files, file: None })
    }

    fn take(&mut self, frame: BackupFrame<'_>) -> Result<(), RestoreError> {
        let root = self.root.clone();
        let io = |source: io::Error| failure(&root, source);
        match frame {
            BackupFrame::Records(records) => {
                check_space(&root).map_err(io)?;
                let mut writes = Writes::new();
                for record in records {
                    let (key, value) = record.map_err(BackupError::Damaged)?;
                    if let Some(value) = value {
                        Envelope::decode(&key, value)
                            .map_err(|error| RestoreError::Unusable(error.to_string()))?;
                    }
                    writes.insert(key, value.map(<[u8]>::to_vec));
                }
                self.database.commit(&writes).map_err(broken).map_err(io)?;
            }
            BackupFrame::Cut(_) => {}
            BackupFrame::Keys(keys) => {
                check_space(&root).map_err(io)?;
                let keys: SlotWrites = keys.map(|(slot, key)| (slot, Some(key))).collect();
                self.slots.restore(&keys).map_err(io)?;
            }
            BackupFrame::File(name) => {
                self.end_file().map_err(io)?;
                self.file = Some(self.files.restore(name).map_err(io)?);
            }
            BackupFrame::Data(bytes) => {
                check_space(&root).map_err(io)?;
                let mut file = self.file.as_ref();
                file.as_mut().map_or(Ok(()), |file| file.write_all(bytes)).map_err(io)?;
            }
        }
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |file| file.sync_all())
    }

    /// Completes the store, closes it, and syncs all of it.
    fn finish(mut self, root: &Path, cut: BackupCut) -> Result<(), RestoreError> {
        let io = |source: io::Error| failure(root, source);
        self.end_file().map_err(io)?;
        let unusable = |what: &str| RestoreError::Unusable(what.to_owned());
        let key = Manifest::key();
        let manifest =
            self.database.get(&key).ok_or_else(|| unusable("the manifest is missing"))?;
        let manifest = Envelope::decode(&key, &manifest.bytes)
            .and_then(|envelope| envelope.value::<Manifest>())
            .map_err(|error| unusable(&error.to_string()))?;
        if manifest.batch != cut.commit {
            return Err(unusable("its manifest belongs to another commit"));
        }
        let mark = CommitMark { batch: manifest.batch, finished: true };
        let closed = self.slots.mark(mark).and_then(|()| self.slots.close());
        closed.and_then(|()| self.database.flush()).map_err(broken).map_err(io)?;
        let store = root.join("store");
        drop(self);
        wait_for_lock(&store.join("db"));
        fs::write(store.join("format"), STORE_FORMAT).and_then(|()| sync_tree(&store)).map_err(io)
    }
}

fn broken(DiskFailure(what): DiskFailure) -> io::Error {
    io::Error::other(what)
}

fn check_space(path: &Path) -> io::Result<()> {
    match Space::of(path)?.free < RESERVE_BYTES {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    }
}
