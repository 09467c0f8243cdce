//! The ring: the file with the key of the current epoch. Everything else that a data directory keeps of keys
//! is encrypted under it, directly or not. Its two cells are overwritten in place, by turns, so a copy of the
//! directory that lacks this file opens nothing that was burned before the last turn.
//!
//! ```text
//! offset 0      name and version of the format
//! offset 4096   a cell of 64 bytes: number of the epoch, 8 ‖ 1 if under the master key, 8 ‖ key, 40 ‖ checksum, 8
//! offset 8192   the other cell
//! ```
//!
//! Numbers are little endian; the key fills 32 of the 40 bytes unless it is wrapped. Each cell is in a block of
//! its own, whatever the disk writes as a whole, and an empty one has zeros.

use std::io;

use xxhash_rust::xxh3::xxh3_64;
use zeroize::Zeroizing;

use super::key_files::InPlaceFile;
use crate::crypto::{Random, WRAPPED_KEY_BYTES, WrappingKey};

const MAGIC: &[u8; 32] = b"sealdrop ring, format 1\n\0\0\0\0\0\0\0\0";
/// The size of the file of a ring, in bytes.
pub const RING_BYTES: usize = 12 << 10;
const CELL_OFFSETS: [u64; 2] = [4096, 8192];
const CELL_BYTES: usize = 64;

/// The key of an epoch.
pub(in crate::store) struct EpochKey {
    /// Counts the turns of the ring, from 1.
    pub(in crate::store) number: u64,
    pub(in crate::store) key: WrappingKey,
}

impl EpochKey {
    pub(in crate::store) fn new(number: u64, random: &dyn Random) -> Self {
        Self { number, key: WrappingKey::new(random) }
    }

    /// The same key once more, for the place where it is used.
    pub(in crate::store) fn copy(&self) -> Self {
        Self { number: self.number, key: self.key.copy() }
    }
}

/// A second place for the ring, on another disk or machine.
pub trait RingCopy: Send + Sync {
    /// Overwrites the copy with the content of the file. Durable when it returns. Blocks.
    ///
    /// # Errors
    ///
    /// An error of the system. The ring is not turned then.
    fn write(&self, content: &[u8; RING_BYTES]) -> io::Result<()>;
}

/// Why a ring cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum RingError {
    #[error("it cannot be read or written: {0}")]
    Io(#[from] io::Error),
    #[error("it is not a ring of sealdrop, or another version wrote it")]
    Format,
    #[error("it is encrypted: give the master key (--master-key-file)")]
    NeedsMasterKey,
    #[error("the master key does not open it: give the one that it was made with")]
    WrongMasterKey,
    #[error("a turn of it is unfinished: start and stop the daemon first")]
    Unfinished,
    #[error("it is damaged: put a copy of it in its place (--ring-copy), never an older one")]
    Damaged,
    #[error(
        "it has no key for this store, because it belongs to another one or is an older copy: put the \
         newest copy in its place"
    )]
    OtherStore,
}

/// What a cell has.
enum RingCell {
    Empty,
    /// What a crash has left of a write, or something under another master key.
    Unusable(Option<RingError>),
    Key(EpochKey),
}

impl RingCell {
    fn key(&self) -> Option<&EpochKey> {
        match self {
            Self::Key(epoch) => Some(epoch),
            Self::Empty | Self::Unusable(_) => None,
        }
    }

    fn has(&self, number: u64) -> bool {
        self.key().is_some_and(|epoch| epoch.number == number)
    }
}

/// An open ring.
pub(in crate::store) struct RingFile {
    file: Box<dyn InPlaceFile>,
    copies: Vec<Box<dyn RingCopy>>,
    master: Option<WrappingKey>,
    cells: [RingCell; 2],
    /// Whether the file has a key that the master key does not encrypt, though there is one.
    is_plain: bool,
}

impl RingFile {
    /// Fills a new file with the key of the first epoch. The caller makes its name durable.
    pub(in crate::store) fn create(
        file: Box<dyn InPlaceFile>,
        master: Option<WrappingKey>,
        random: &dyn Random,
    ) -> io::Result<Self> {
        let mut content = [0; RING_BYTES];
        content[..MAGIC.len()].copy_from_slice(MAGIC);
        file.write_all_at(&content, 0)?;
        let mut ring = Self::of(file, master);
        ring.write_cell(0, Some(EpochKey::new(1, random)))?;
        Ok(ring)
    }

    /// Opens a ring, without changing it.
    pub(in crate::store) fn open(
        file: Box<dyn InPlaceFile>,
        master: Option<WrappingKey>,
    ) -> Result<Self, RingError> {
        let mut magic = [0; MAGIC.len()];
        if file.bytes()? != RING_BYTES as u64 {
            return Err(RingError::Format);
        }
        file.read_exact_at(&mut magic, 0)?;
        if &magic != MAGIC {
            return Err(RingError::Format);
        }
        let mut ring = Self::of(file, master);
        for (index, offset) in CELL_OFFSETS.into_iter().enumerate() {
            let mut bytes = Zeroizing::new([0; CELL_BYTES]);
            ring.file.read_exact_at(&mut *bytes, offset)?;
            let (cell, is_plain) = decode(&bytes, ring.master.as_ref());
            ring.is_plain |= is_plain && ring.master.is_some();
            ring.cells[index] = cell;
        }
        if ring.newest().is_some() {
            return Ok(ring);
        }
        let reasons = ring.cells.into_iter().filter_map(|cell| match cell {
            RingCell::Unusable(reason) => reason,
            RingCell::Empty | RingCell::Key(_) => None,
        });
        Err(reasons.last().unwrap_or(RingError::Damaged))
    }

    fn of(file: Box<dyn InPlaceFile>, master: Option<WrappingKey>) -> Self {
        let cells = [RingCell::Empty, RingCell::Empty];
        Self { file, copies: Vec::new(), master, cells, is_plain: false }
    }

    /// Sets the second places. They are written with the next change, or by [`RingFile::keep_only`].
    pub(in crate::store) fn set_copies(&mut self, copies: Vec<Box<dyn RingCopy>>) {
        self.copies = copies;
    }

    /// The key of an epoch, if it is there.
    pub(in crate::store) fn epoch(&self, number: u64) -> Option<&EpochKey> {
        self.cells.iter().filter_map(RingCell::key).find(|epoch| epoch.number == number)
    }

    /// The newest key.
    pub(in crate::store) fn newest(&self) -> Option<&EpochKey> {
        self.cells.iter().filter_map(RingCell::key).max_by_key(|epoch| epoch.number)
    }

    /// Adds the key of an epoch beside that of the epoch `current`: in the file, where it is read back, and in
    /// all copies.
    pub(in crate::store) fn add(&mut self, epoch: EpochKey, current: u64) -> io::Result<()> {
        self.write_cell(self.other_than(current), Some(epoch))?;
        self.copy()
    }

    /// Whether there is one key, and nothing else.
    pub(in crate::store) fn has_one(&self) -> bool {
        self.cells.iter().filter(|cell| !matches!(cell, RingCell::Empty)).count() == 1
    }

    /// Overwrites all keys but that of the epoch `current`, also in the copies. That one is encrypted if there
    /// is a master key.
    pub(in crate::store) fn keep_only(&mut self, current: u64) -> io::Result<()> {
        if self.epoch(current).is_none() {
            return Err(io::Error::other("the key of the present epoch is missing"));
        }
        let other = self.other_than(current);
        if !matches!(self.cells[other], RingCell::Empty) {
            self.write_cell(other, None)?;
        }
        if self.is_plain {
            self.write_again(current)?;
        }
        self.copy()
    }

    /// Encrypts the key of the epoch `current` under another master key, or under none, and forgets others.
    pub(in crate::store) fn set_master(
        &mut self,
        master: Option<WrappingKey>,
        current: u64,
    ) -> io::Result<()> {
        self.master = master;
        self.is_plain = true;
        self.keep_only(current)
    }

    /// Writes the only key into the other cell, and overwrites it in its own.
    fn write_again(&mut self, current: u64) -> io::Result<()> {
        let other = self.other_than(current);
        let epoch = self.epoch(current).map(EpochKey::copy);
        self.write_cell(other, epoch)?;
        self.write_cell(1 - other, None)?;
        self.is_plain = false;
        Ok(())
    }

    /// The cell that has not the key of the epoch `current`.
    fn other_than(&self, current: u64) -> usize {
        usize::from(self.cells[0].has(current))
    }

    fn write_cell(&mut self, index: usize, epoch: Option<EpochKey>) -> io::Result<()> {
        let offset = CELL_OFFSETS[index];
        let bytes = match &epoch {
            Some(epoch) => encode(epoch, self.master.as_ref()),
            None => Zeroizing::new([0; CELL_BYTES]),
        };
        self.cells[index] = RingCell::Unusable(None);
        self.file.write_all_at(&*bytes, offset)?;
        self.file.sync()?;
        self.file.forget()?;
        let mut found = Zeroizing::new([0; CELL_BYTES]);
        self.file.read_exact_at(&mut *found, offset)?;
        if *found != *bytes {
            return Err(io::Error::other("the disk has other bytes than were written"));
        }
        self.cells[index] = epoch.map_or(RingCell::Empty, RingCell::Key);
        Ok(())
    }

    fn copy(&self) -> io::Result<()> {
        if self.copies.is_empty() {
            return Ok(());
        }
        let mut content = Zeroizing::new([0; RING_BYTES]);
        self.file.read_exact_at(&mut *content, 0)?;
        self.copies.iter().try_for_each(|copy| copy.write(&content))
    }
}

fn encode(epoch: &EpochKey, master: Option<&WrappingKey>) -> Zeroizing<[u8; CELL_BYTES]> {
    let mut bytes = Zeroizing::new([0; CELL_BYTES]);
    bytes[..8].copy_from_slice(&epoch.number.to_le_bytes());
    match master {
        Some(master) => {
            bytes[8] = 1;
            bytes[16..56].copy_from_slice(&master.wrap(&epoch.key));
        }
        None => bytes[16..48].copy_from_slice(epoch.key.expose_secret()),
    }
    let checksum = xxh3_64(&bytes[..56]);
    bytes[56..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The content of a cell, and whether it has a key that is not encrypted.
fn decode(bytes: &[u8; CELL_BYTES], master: Option<&WrappingKey>) -> (RingCell, bool) {
    let unusable = |reason| (RingCell::Unusable(reason), false);
    if bytes.iter().all(|byte| *byte == 0) {
        return (RingCell::Empty, false);
    }
    if bytes[56..] != xxh3_64(&bytes[..56]).to_le_bytes() {
        return unusable(None);
    }
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[..8]);
    let (key, is_plain) = match (bytes[8], master) {
        (0, _) => {
            let mut key = Zeroizing::new([0; 32]);
            key.copy_from_slice(&bytes[16..48]);
            (WrappingKey::from_bytes(*key), true)
        }
        (1, Some(master)) => {
            let mut wrapped = [0; WRAPPED_KEY_BYTES];
            wrapped.copy_from_slice(&bytes[16..56]);
            match master.unwrap(&wrapped) {
                Ok(key) => (key, false),
                Err(_) => return unusable(Some(RingError::WrongMasterKey)),
            }
        }
        (1, None) => return unusable(Some(RingError::NeedsMasterKey)),
        _ => return unusable(Some(RingError::Format)),
    };
    (RingCell::Key(EpochKey { number: u64::from_le_bytes(number), key }), is_plain)
}
