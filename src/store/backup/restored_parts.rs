//! The parts of a store that is being restored.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{BackupCut, BackupError, BackupFrame, KeySource, RestoreError, restore::failure};
use crate::{
    crypto::SystemRandom,
    store::{
        Space, StoreOptions,
        engine::{DiskFailure, Writes},
        local::{
            directory::{RING, STORE_FORMAT, create_keys, create_private_dir, ring_of_new_store},
            files::sync_tree,
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

/// Restoring stops when less than this is free, because the database cannot report a full disk.
const RESERVE_BYTES: u64 = 32 << 20;

/// Opens a key table, whose files are beside the store that is being restored.
pub(super) fn open_keys(keys: KeySource<'_>, root: &Path) -> Result<SlotFile, RestoreError> {
    let dir = root.join("keys");
    create_private_dir(&dir).map_err(|source| failure(root, source))?;
    keys.open(&dir).map_err(|error| RestoreError::Keys {
        table: keys.table.to_path_buf(),
        ring: keys.ring.to_path_buf(),
        what: error.to_string(),
    })
}

/// The parts of a store that is being restored.
pub(super) struct Parts {
    root: PathBuf,
    pub(super) database: Database,
    pub(super) slots: SlotFile,
    files: Arc<PayloadFiles>,
    file: Option<File>,
}

impl Parts {
    pub(super) fn create(root: &Path, options: &StoreOptions) -> io::Result<Self> {
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

    /// Takes a frame of the backup.
    pub(super) fn take(&mut self, frame: BackupFrame<'_>) -> Result<(), RestoreError> {
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
            // A file that is left out is empty until an earlier backup is read.
            BackupFrame::Cut(_) | BackupFrame::LeftOut(_) => {}
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

    /// Takes a frame of an earlier backup, of a file that was left out.
    pub(super) fn take_earlier(&mut self, frame: BackupFrame<'_>) -> Result<(), RestoreError> {
        let BackupFrame::File(name) = frame else { return self.take(frame) };
        let root = self.root.clone();
        let io = |source: io::Error| failure(&root, source);
        self.end_file().map_err(io)?;
        self.file = Some(self.files.fill(name).map_err(io)?);
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |file| file.sync_all())
    }

    /// Completes the store, closes it, and syncs all of it.
    pub(super) fn finish(mut self, root: &Path, cut: BackupCut) -> Result<(), RestoreError> {
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
