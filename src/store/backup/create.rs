//! Writing a backup of an open store.

use std::{
    io::{self, Read, SeekFrom, Write},
    sync::Arc,
};

use super::{
    BackupCounts, BackupCut, BackupHeader, BackupWriter, EarlierBackup, EarlierFile, EarlierFiles,
    earlier::FileEnd,
    entries::EntryBuffer,
    spool::{Spool, SpoolReader},
    tap::{CommitTap, ReadRecords},
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, hex, random_array},
    store::{
        Key, Scan, Store, StoreError, bodies::BodyReader, group::Group,
        local::directory::STORE_FORMAT, manifest::Manifest, record::Envelope,
    },
};

/// The most records that the writer reads between two commits. It reads them from memory or a few pages.
const CHUNK_RECORDS: usize = 256;
/// The most slots that the writer reads between two commits: 1 MiB. Tests have few secrets.
const CHUNK_SLOTS: u32 = if cfg!(test) { 256 } else { 32_768 };

/// The reason why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackUpError {
    /// Another one runs.
    #[error("another backup is running: wait until it has ended")]
    Busy,
    /// The data cannot be read, or the disk has no room for what changes meanwhile.
    #[error("{what}: {source}")]
    Io {
        /// What failed.
        what: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// The reader of the backup has closed it, or cannot store it.
    #[error("the backup cannot be written: {0}")]
    Output(#[source] io::Error),
    /// A record is damaged, or the store is closed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was told to stop.
    #[error("the daemon stops")]
    Stopped,
}

impl BackUpError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

/// The parts of a backup that are chosen.
pub struct BackupOrder<'a> {
    /// Whether it has the keys of payloads.
    pub with_keys: bool,
    /// The earlier backup whose files are left out. It is asked for each file, after the name of the file was
    /// written and flushed.
    pub since: Option<(EarlierBackup, &'a mut dyn EarlierFiles)>,
}

impl BackupOrder<'_> {
    /// A backup of everything, with keys or without.
    #[must_use]
    pub fn full(with_keys: bool) -> Self {
        Self { with_keys, since: None }
    }
}

/// A chunk of records: encoded entries, and whether they are the last ones.
struct RecordChunk {
    entries: EntryBuffer,
    is_last: bool,
}

/// A chunk of keys. The last one is the cut: it has the record of the manifest, and the number of the commit.
struct KeyChunk {
    entries: Vec<EntryBuffer>,
    cut: Option<(Vec<u8>, u64)>,
}

impl Store {
    /// Writes a backup to `out`. Changes continue meanwhile. Blocks, and reads everything but the files that are
    /// left out.
    ///
    /// `now` returns the time. `stops` is asked between the parts.
    ///
    /// # Errors
    ///
    /// [`BackUpError`]. What was written then is incomplete, and says why if it can.
    pub fn back_up(
        &self,
        out: impl Write,
        order: BackupOrder<'_>,
        random: &dyn Random,
        now: &dyn Fn() -> UnixSeconds,
        stops: &dyn Fn() -> bool,
    ) -> Result<BackupCounts, BackUpError> {
        let shared = &*self.shared;
        let BackupOrder { with_keys: has_keys, since } = order;
        let (since, earlier) = since.unzip();
        let spool = || {
            Spool::create(&shared.disks.bodies, random)
                .map_err(BackUpError::io("cannot create a temporary file in the data directory"))
        };
        let running = shared.tap.begin(spool()?).ok_or(BackUpError::Busy)?;
        let header = BackupHeader {
            sealdrop: env!("CARGO_PKG_VERSION").to_owned(),
            store: STORE_FORMAT.trim_end().to_owned(),
            created_at: now(),
            has_keys,
            records: shared.figures.records(),
            // The database has two to three times the live data.
            about_bytes: self.size().map_or(0, |size| size.files + size.database / 3),
            id: hex(&random_array::<16>(random)),
            since,
        };
        let mut out = BackupWriter::begin(out, &header).map_err(BackUpError::Output)?;
        let keys = if has_keys { Some(spool()?) } else { None };
        let written = self.write_parts(&mut out, keys, earlier, now, stops);
        drop(running);
        match written {
            Ok(()) => out.end().map_err(BackUpError::Output),
            Err(error) => {
                // If this fails as well, the reader sees that the end is missing.
                let _ = out.fail(&error.to_string());
                Err(error)
            }
        }
    }

    fn write_parts(
        &self,
        out: &mut BackupWriter<impl Write>,
        mut keys: Option<Spool>,
        earlier: Option<&mut dyn EarlierFiles>,
        now: &dyn Fn() -> UnixSeconds,
        stops: &dyn Fn() -> bool,
    ) -> Result<(), BackUpError> {
        let tap = &self.shared.tap;
        let check = || if stops() { Err(BackUpError::Stopped) } else { Ok(()) };
        // All commits that have not noted their effects are done.
        self.change(|_| Ok::<_, StoreError>(())).wait()?;
        loop {
            check()?;
            let tap = Arc::clone(tap);
            let chunk = self.between_commits(move |group| read_records(group, &tap))??;
            out.records(&chunk.entries).map_err(BackUpError::Output)?;
            if chunk.is_last {
                break;
            }
        }
        let (manifest, commit) = loop {
            check()?;
            let tap = Arc::clone(tap);
            let has_keys = keys.is_some();
            let chunk = self.between_commits(move |group| match has_keys {
                true => read_keys(group, &tap),
                false => read_cut(group, &tap, KeyChunk { entries: Vec::new(), cut: None }),
            })??;
            if let Some(keys) = &mut keys {
                for entries in &chunk.entries {
                    keys.write_block(entries.bytes()).map_err(BackUpError::io(NO_SPOOL))?;
                }
            }
            if let Some(cut) = chunk.cut {
                break cut;
            }
        };
        self.write_changes(out, &manifest)?;
        out.cut(BackupCut { commit, at: now() }).map_err(BackUpError::Output)?;
        if let Some(keys) = keys {
            self.write_keys(out, keys, &check)?;
        }
        self.write_files(out, earlier, &check)
    }

    /// The records that changed while they were read, and the manifest.
    fn write_changes(
        &self,
        out: &mut BackupWriter<impl Write>,
        manifest: &[u8],
    ) -> Result<(), BackUpError> {
        let taken = self.shared.tap.with(|tapped| {
            tapped.flush();
            (tapped.writes.take(), tapped.error.take())
        });
        let (spool, error) = taken.ok_or(StoreError::Closed)?;
        let reading = BackUpError::io(NO_SPOOL);
        let spool = match (spool, error) {
            (_, Some(error)) => return Err(reading(error)),
            (spool, None) => spool.ok_or(StoreError::Closed)?,
        };
        let mut changed = spool.into_reader().map_err(reading)?;
        while let Some(block) = next_block(&mut changed)? {
            out.records_of(block).map_err(BackUpError::Output)?;
        }
        let mut last = EntryBuffer::new();
        last.add_record(&Manifest::key(), Some(manifest));
        out.records(&last).map_err(BackUpError::Output)
    }

    fn write_keys(
        &self,
        out: &mut BackupWriter<impl Write>,
        keys: Spool,
        check: &dyn Fn() -> Result<(), BackUpError>,
    ) -> Result<(), BackUpError> {
        let taken = self.shared.tap.with(|tapped| std::mem::take(&mut tapped.slot_changes));
        let changes = taken.ok_or(StoreError::Closed)?;
        let mut spooled = keys.into_reader().map_err(BackUpError::io(NO_SPOOL))?;
        let mut entries = EntryBuffer::new();
        while let Some(block) = next_block(&mut spooled)? {
            check()?;
            for (slot, key) in super::KeyEntries(block) {
                if !changes.contains_key(&slot) {
                    entries.add_key(slot, &key);
                }
            }
            send_keys(out, &mut entries)?;
        }
        for (slot, key) in &changes {
            if let Some(key) = key {
                entries.add_key(*slot, key);
            }
            if entries.is_full() {
                send_keys(out, &mut entries)?;
            }
        }
        send_keys(out, &mut entries)
    }

    fn write_files(
        &self,
        out: &mut BackupWriter<impl Write>,
        mut earlier: Option<&mut dyn EarlierFiles>,
        check: &dyn Fn() -> Result<(), BackUpError>,
    ) -> Result<(), BackUpError> {
        const UNREADABLE: &str = "cannot read a payload file";
        let files = &self.shared.disks.bodies;
        let mut bytes = vec![0; 64 << 10];
        for name in files.names().map_err(BackUpError::io(UNREADABLE))? {
            let name = name.map_err(BackUpError::io(UNREADABLE))?;
            let is_part = self.shared.tap.with(|tapped| tapped.has_file(&name));
            if !is_part.ok_or(StoreError::Closed)? {
                continue;
            }
            let mut file = files.open(name).map_err(BackUpError::io(UNREADABLE))?;
            out.file(name).map_err(BackUpError::Output)?;
            if let Some(earlier) = &mut earlier {
                out.flush().map_err(BackUpError::Output)?;
                check()?;
                if let Some(known) = earlier.find(name).map_err(BackUpError::Output)?
                    && is_same(&mut *file, &known).map_err(BackUpError::io(UNREADABLE))?
                {
                    out.left_out(&known).map_err(BackUpError::Output)?;
                    continue;
                }
            }
            loop {
                check()?;
                match file.read(&mut bytes).map_err(BackUpError::io(UNREADABLE))? {
                    0 => break,
                    read => out
                        .data(bytes.get(..read).unwrap_or_default())
                        .map_err(BackUpError::Output)?,
                }
            }
        }
        Ok(())
    }
}

const NO_SPOOL: &str = "cannot keep what changed during the backup in the data directory";

fn next_block(spool: &mut SpoolReader) -> Result<Option<&[u8]>, BackUpError> {
    spool.next_block().map_err(BackUpError::io(NO_SPOOL))
}

/// Whether `file` has the content of `known`, which has its name. If not, it is at its beginning.
///
/// Names are random and never used again, and a file only grows. After a crash, the end of a growing file is cut
/// off and encrypted anew under other nonces. So a file with the same length and the same last bytes is the
/// same file, and need not be read.
fn is_same(file: &mut dyn BodyReader, known: &EarlierFile) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? != known.bytes {
        file.rewind()?;
        return Ok(false);
    }
    let mut end = FileEnd::default();
    let last = u64::try_from(FileEnd::BYTES).unwrap_or(u64::MAX).min(known.bytes);
    file.seek(SeekFrom::Start(known.bytes - last))?;
    let mut bytes = Vec::with_capacity(FileEnd::BYTES);
    file.take(last).read_to_end(&mut bytes)?;
    end.update(&bytes);
    file.rewind()?;
    Ok(end == known.end)
}

fn send_keys(
    out: &mut BackupWriter<impl Write>,
    entries: &mut EntryBuffer,
) -> Result<(), BackUpError> {
    if !entries.bytes().is_empty() {
        out.keys(entries).map_err(BackUpError::Output)?;
        entries.clear();
    }
    Ok(())
}

/// The next records of the state before the group.
fn read_records(group: &Group<'_>, tap: &CommitTap) -> Result<RecordChunk, StoreError> {
    let engine = &group.disks().engine;
    let mut entries = EntryBuffer::new();
    let mut scan = Scan::all().limit(CHUNK_RECORDS);
    scan.after = tap
        .with(|tapped| match &tapped.read {
            ReadRecords::To(last) => Some(last.clone()),
            ReadRecords::None | ReadRecords::All => None,
        })
        .flatten();
    let mut read = ReadRecords::All;
    for (number, (key, stored)) in engine.scan(&scan)?.into_iter().enumerate() {
        // The manifest belongs to the cut.
        if key != Manifest::key() {
            entries.add_record(&key, Some(&stored.bytes));
        }
        // As in `scan_all`: the second read keeps the cache small.
        let _ = engine.get(&key);
        if entries.is_full() || number + 1 == CHUNK_RECORDS {
            read = ReadRecords::To(key);
            break;
        }
    }
    let is_last = matches!(read, ReadRecords::All);
    tap.with(|tapped| tapped.read = read);
    Ok(RecordChunk { entries, is_last })
}

/// The keys in the next slots, in the state before the group. The last chunk is the cut.
fn read_keys(group: &Group<'_>, tap: &CommitTap) -> Result<KeyChunk, BackUpError> {
    let first = tap.with(|tapped| tapped.slots_read).ok_or(StoreError::Closed)?;
    let found = group.disks().keys.read_many(first, CHUNK_SLOTS);
    let (found, next) = found.map_err(BackUpError::io("cannot read the slot file"))?;
    let mut entries = vec![EntryBuffer::new()];
    for (slot, key) in found {
        if entries.last().is_none_or(EntryBuffer::is_full) {
            entries.push(EntryBuffer::new());
        }
        if let Some(last) = entries.last_mut() {
            last.add_key(slot, &key);
        }
    }
    let chunk = KeyChunk { entries, cut: None };
    if let Some(next) = next {
        tap.with(|tapped| tapped.slots_read = next);
        return Ok(chunk);
    }
    read_cut(group, tap, chunk)
}

/// Makes `chunk` the last one: the state before the group is the cut.
fn read_cut(
    group: &Group<'_>,
    tap: &CommitTap,
    mut chunk: KeyChunk,
) -> Result<KeyChunk, BackUpError> {
    let key: Key = Manifest::key();
    const MISSING: StoreError = StoreError::Damaged("the manifest is missing");
    let manifest = group.disks().engine.get(&key)?.ok_or(MISSING)?.bytes.to_vec();
    let commit = Envelope::decode(&key, &manifest)?.value::<Manifest>()?.batch;
    tap.with(|tapped| tapped.is_cut = true);
    chunk.cut = Some((manifest, commit));
    Ok(chunk)
}
