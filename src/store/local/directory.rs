//! The data directory: its lock, its creation, its reserve of space.
//!
//! ```text
//! lock          held while a process uses the directory
//! admin.sock    where a running daemon takes administration commands
//! ballast       8 MiB, deleted when the disk is full
//! ring          see `ring`; or a symbolic link to it
//! store/        created under a temporary name, so that it is complete if it exists
//!   format      name and version of the format
//!   slots       see `slots`
//!   buckets     see `bucket_table`
//!   db/         the files of sled
//!   payloads/   see `payload_files`
//! ```

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};

use super::{
    files::{remove_dir_if_there, sync, sync_parent, sync_tree, write_zeros},
    key_files::{KeyDirectory, open_in_place},
    ring::{RingError, RingFile},
    ring_place::{put_ring, wipe_old_ring},
    sled_engine::Database,
    slot_form::SlotLayout,
    slots::SlotFile,
    sync_hook,
    upgrade::{has_new_slots, wipe_old_slots, write_format, write_new_slots},
};
use crate::{
    crypto::{SystemRandom, WrappingKey},
    store::{
        Space, StoreOpenError, StoreOptions,
        backup::{COMPACTING, UNFINISHED, wipe},
        engine::{DiskFailure, Writes},
        manifest::Manifest,
    },
};

/// The content of the file `format`.
pub(in crate::store) const STORE_FORMAT: &str = "sealdrop store, format 2\n";
/// The format before it, which is upgraded.
const OLD_FORMAT: &str = "sealdrop store, format 1\n";
/// The name of the ring in a data directory.
pub(in crate::store) const RING: &str = "ring";
/// The size of the ballast file, which is deleted if opening needs space on a full disk: sled cannot open
/// without free space.
const BALLAST_BYTES: u64 = 8 << 20;

/// A locked data directory with a complete store.
pub(super) struct DataDirectory {
    root: PathBuf,
    /// The lock is released when the file is closed.
    _lock: File,
}

impl DataDirectory {
    /// Locks the directory and creates missing parts. A new store uses a ring that is there already.
    pub(super) fn open(root: &Path, options: &StoreOptions) -> Result<Self, StoreOpenError> {
        create_private_dir(root).map_err(StoreOpenError::io("create", root))?;
        let lock = lock(root)?;
        let store = root.join("store");
        let is_new = !store.try_exists().map_err(StoreOpenError::io("look for", &store))?;
        let directory = Self { root: root.to_path_buf(), _lock: lock };
        if let Some(wanted) = &options.ring {
            directory.check_ring(options)?;
            put_ring(&directory.ring(), wanted).map_err(|error| StoreOpenError::Ring {
                ring: directory.ring(),
                root: root.to_path_buf(),
                what: error.to_string(),
            })?;
        }
        if is_new {
            directory.create(options)?;
        }
        match directory.format()?.as_str() {
            STORE_FORMAT => {}
            OLD_FORMAT if options.upgrade => directory.upgrade(options)?,
            OLD_FORMAT => return Err(StoreOpenError::Upgrade(root.to_path_buf())),
            found => {
                return Err(StoreOpenError::Format {
                    path: root.join("store/format"),
                    found: found.chars().take(80).collect::<String>().trim_end().to_owned(),
                    known: STORE_FORMAT.trim_end(),
                });
            }
        }
        Ok(directory)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Overwrites and deletes keys that interrupted work has left. The store is checked already.
    pub(super) fn wipe_leftovers_in(root: &Path) -> Result<(), StoreOpenError> {
        for left in [COMPACTING, UNFINISHED] {
            let left = root.join(left);
            wipe(&left).map_err(StoreOpenError::io("delete", &left))?;
        }
        wipe_old_ring(&root.join(RING))
            .map_err(StoreOpenError::io("overwrite an old ring of", root))?;
        let store = root.join("store");
        wipe_old_slots(&store).map_err(StoreOpenError::io("overwrite the old slot file in", store))
    }

    pub(super) fn db(&self) -> PathBuf {
        self.root.join("store/db")
    }

    pub(super) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    pub(super) fn slots(&self) -> PathBuf {
        self.root.join("store/slots")
    }

    pub(super) fn ring(&self) -> PathBuf {
        self.root.join(RING)
    }

    pub(super) fn payloads(&self) -> PathBuf {
        self.root.join("store/payloads")
    }

    /// Whether sled has created files in `blobs/`, which sled does not sync.
    pub(super) fn has_blobs(&self) -> io::Result<bool> {
        match fs::read_dir(self.db().join("blobs")) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn space(&self) -> io::Result<Space> {
        Space::of(&self.root)
    }

    /// The size of the database, in bytes.
    pub(super) fn database_bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(self.db())? {
            // sled deletes old snapshots meanwhile.
            match entry?.metadata() {
                Ok(found) if found.is_file() => bytes += found.len(),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(bytes)
    }

    /// Deletes the ballast file if the disk is too full to open the database.
    pub(super) fn drop_ballast_if_full(&self) -> Result<(), StoreOpenError> {
        let path = self.root.join("ballast");
        let space =
            self.space().map_err(StoreOpenError::io("ask for the free space of", &self.root))?;
        if space.free >= BALLAST_BYTES {
            return Ok(());
        }
        match fs::remove_file(&path) {
            Ok(()) => {
                tracing::warn!("the disk is full: deleted the ballast file to open the store")
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(StoreOpenError::io("remove", path)(error)),
        }
        Ok(())
    }

    /// Creates the ballast file if it is missing and enough space is free.
    pub(super) fn restore_ballast(&self) -> io::Result<()> {
        let path = self.root.join("ballast");
        let space = self.space()?;
        if path.try_exists()? || space.free < space.reserve() + BALLAST_BYTES {
            return Ok(());
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let allocated = match fallocate(&file, FallocateFlags::empty(), 0, BALLAST_BYTES) {
            Err(Errno::OPNOTSUPP) => write_zeros(&file, BALLAST_BYTES),
            other => other.map_err(io::Error::from),
        };
        if allocated.is_err() {
            fs::remove_file(&path)?;
        }
        allocated
    }

    /// Creates the store under a temporary name, syncs every part of it, and renames it.
    fn create(&self, options: &StoreOptions) -> Result<(), StoreOpenError> {
        let new = self.root.join("store.creating");
        remove_dir_if_there(&new).map_err(StoreOpenError::io("remove", &new))?;
        let db = new.join("db");
        let made = create_private_dir(&new)
            .and_then(|()| create_private_dir(&db))
            .and_then(|()| create_private_dir(&new.join("payloads")));
        made.map_err(StoreOpenError::io("create", &new))?;
        let ring = self.new_ring(options)?;
        create_keys(&new, &ring).map_err(StoreOpenError::io("create", &new))?;

        let database = Database::open(&db, options.cache_bytes)
            .map_err(StoreOpenError::io("create the database in", &db))?;
        let mut first = Writes::new();
        Manifest::default().write(&mut first);
        let before = sync_hook::calls();
        database.commit(&first).map_err(|DiskFailure(what)| {
            StoreOpenError::io("create the database in", &db)(io::Error::other(what))
        })?;
        if sync_hook::calls() == before {
            return Err(StoreOpenError::SyncHookMissing);
        }
        drop(database);

        fs::write(new.join("format"), STORE_FORMAT)
            .and_then(|()| sync_tree(&new))
            .and_then(|()| fs::rename(&new, self.root.join("store")))
            .and_then(|()| sync(&self.root))
            .and_then(|()| sync_parent(&self.root))
            .map_err(StoreOpenError::io("create", &new))
    }

    pub(super) fn ring_error(&self, error: RingError) -> StoreOpenError {
        let (ring, root) = (self.ring(), self.root.clone());
        match error {
            RingError::Io(error) if error.kind() == ErrorKind::NotFound => {
                StoreOpenError::NoRing { ring, root }
            }
            RingError::Io(error) => StoreOpenError::io("use the ring", ring)(error),
            error => StoreOpenError::Ring { ring, root, what: error.to_string() },
        }
    }

    /// A ring that is there must be usable before it is moved.
    fn check_ring(&self, options: &StoreOptions) -> Result<(), StoreOpenError> {
        match open_in_place(&self.ring()) {
            Ok(file) => {
                let master = options.master_key.as_ref().map(WrappingKey::copy);
                RingFile::open(Box::new(file), master).map(drop).map_err(|e| self.ring_error(e))
            }
            // There is none yet, or a link leads to nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.ring_error(error.into())),
        }
    }

    fn new_ring(&self, options: &StoreOptions) -> Result<RingFile, StoreOpenError> {
        ring_of_new_store(&self.ring(), options.master_key.as_ref())
            .map_err(|error| self.ring_error(error))
    }

    /// The content of the file `format`.
    fn format(&self) -> Result<String, StoreOpenError> {
        let path = self.root.join("store/format");
        let found = fs::read(&path).map_err(StoreOpenError::io("read", &path))?;
        Ok(String::from_utf8_lossy(&found).into_owned())
    }

    fn upgrade(&self, options: &StoreOptions) -> Result<(), StoreOpenError> {
        let store = self.store();
        tracing::info!("bringing the store to {}", STORE_FORMAT.trim_end());
        let failed = || StoreOpenError::io("upgrade", &store);
        if !has_new_slots(&store).map_err(failed())? {
            let ring = self.new_ring(options)?;
            write_new_slots(&store, &ring, &SystemRandom).map_err(failed())?;
        }
        write_format(&store, STORE_FORMAT).map_err(failed())
    }
}

/// The ring for a new store: a new one, or one that is there. `path` can be a symbolic link.
pub(in crate::store) fn ring_of_new_store(
    path: &Path,
    master: Option<&WrappingKey>,
) -> Result<RingFile, RingError> {
    let master = master.map(WrappingKey::copy);
    match open_in_place(path) {
        Ok(file) => {
            let ring = RingFile::open(Box::new(file), master)?;
            if ring.has_one() { Ok(ring) } else { Err(RingError::Unfinished) }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Under another name first, so that it is complete if it is there.
            let place = fs::read_link(path).unwrap_or_else(|_| path.to_path_buf());
            let mut new = place.clone().into_os_string();
            new.push(".new");
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true).mode(0o600);
            let ring = RingFile::create(Box::new(options.open(&new)?), master, &SystemRandom)?;
            fs::rename(&new, &place)?;
            sync_parent(&place)?;
            Ok(ring)
        }
        Err(error) => Err(error.into()),
    }
}

/// Creates the files with keys in `store`, under the newest epoch of a ring.
pub(in crate::store) fn create_keys(store: &Path, ring: &RingFile) -> io::Result<()> {
    let epoch = ring.newest().ok_or_else(|| io::Error::other("the ring is empty"))?;
    SlotFile::create(&KeyDirectory::new(store), epoch, &SystemRandom, SlotLayout::USUAL)
}

pub(in crate::store) fn lock(root: &Path) -> Result<File, StoreOpenError> {
    let path = root.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(StoreOpenError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreOpenError::Locked(root.to_path_buf())),
        Err(TryLockError::Error(error)) => Err(StoreOpenError::io("lock", path)(error)),
    }
}

pub(in crate::store) fn create_private_dir(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o700).create(dir) {
        // The path is a file or a dangling link. The error tells which one, because a retry can succeed only
        // for a link.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(fs::metadata(dir).err().unwrap_or_else(|| Errno::NOTDIR.into()))
        }
        done => done,
    }
}
