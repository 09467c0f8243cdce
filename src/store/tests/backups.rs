//! Backups: written while changes continue, read back, damaged.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::{
    clock::UnixSeconds,
    store::backup::{
        BackUpError, BackupCounts, BackupError, BackupOrder, BackupReader, FORMAT_LINE,
        RestoreError, restore, wipe,
    },
};

const CACHE: u64 = 8 << 20;

fn back_up(store: &Store, out: impl Write) -> Result<BackupCounts, BackUpError> {
    let now = || UnixSeconds(1_800_000_000);
    store.back_up(out, BackupOrder::full(true), &SystemRandom, &now, &|| false)
}

fn restored(backup: &[u8]) -> Result<(Home, Store), RestoreError> {
    let dir = tempfile::tempdir().unwrap();
    restore(&mut BackupReader::begin(backup)?, dir.path(), CACHE)?;
    let home = Home(dir);
    let store = home.open();
    Ok((home, store))
}

/// Reads everything without restoring it.
fn verify(backup: &[u8]) -> Result<BackupCounts, BackupError> {
    let mut reader = BackupReader::begin(backup)?;
    while reader.next_frame()?.is_some() {}
    Ok(reader.counts())
}

fn notes(store: &Store) -> BTreeMap<Vec<u8>, String> {
    let all = store.range::<Note>(&Key::new(b't')).map(|item| item.unwrap());
    all.map(|(key, Note(text))| (key.as_bytes().to_vec(), text)).collect()
}

fn remove(store: &Store, name: &str) {
    let key = key(name);
    store.change(move |transaction| transaction.delete(&key)).wait().unwrap();
}

/// Calls `act` once, with the first byte that is written after the text `after`.
struct ActingWriter<F> {
    written: Vec<u8>,
    after: &'static [u8],
    act: Option<F>,
}

impl<F: FnOnce()> Write for ActingWriter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_time = self.written.windows(self.after.len()).any(|part| part == self.after);
        if is_time && let Some(act) = self.act.take() {
            act();
        }
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_store_comes_back_with_payloads_and_files() {
    let (home, store) = Home::new();
    for number in 0..600 {
        put(&store, &format!("note {number:03}"), &"n".repeat(number)).wait().unwrap();
    }
    put_sealed(&store, "small", b"a small payload").wait().unwrap();
    put_sealed(&store, "large", &LARGE).wait().unwrap();
    put_sealed(&store, "burned", &LARGE).wait().unwrap();
    remove(&store, "burned");
    let mut backup = Vec::new();
    let counts = back_up(&store, &mut backup).unwrap();
    assert_eq!((counts.keys, counts.files), (2, 1));
    assert_eq!(verify(&backup).unwrap(), counts);
    put(&store, "note 000", "after the backup").wait().unwrap();

    let (copy, again) = restored(&backup).unwrap();
    let mut expected = notes(&store);
    expected.insert(key("note 000").as_bytes().to_vec(), String::new());
    assert_eq!(notes(&again), expected);
    assert_eq!(opened(&again, "small").unwrap(), b"a small payload");
    assert_eq!(opened(&again, "large").unwrap(), LARGE);
    assert_eq!(copy.payload_files().len(), 1);
    // It goes on as a store, and its backup as a backup.
    put_sealed(&again, "new", &LARGE).wait().unwrap();
    let again = copy.reopen(again);
    let mut second = Vec::new();
    back_up(&again, &mut second).unwrap();
    let (_third, third) = restored(&second).unwrap();
    assert_eq!(opened(&third, "new").unwrap(), LARGE);
    drop(home);
}

#[test]
fn what_burns_meanwhile_is_not_in_it_and_what_burns_later_is() {
    let (home, store) = Home::new();
    for name in ["before", "after"] {
        put_sealed(&store, name, &LARGE).wait().unwrap();
    }
    // Records are read in the order of their keys: `t` comes after the header and before the cut.
    let key_before = |name: &str| {
        let slot = slot(&store, name).unwrap();
        slots_with_keys(&home.path("store"))[&slot]
    };
    let burned_key = key_before("before");
    let during = ActingWriter {
        written: Vec::new(),
        after: b"created_at",
        act: Some(|| {
            remove(&store, "before");
            put_sealed(&store, "made meanwhile", &LARGE).wait().unwrap();
        }),
    };
    let mut out = ActingWriter {
        written: Vec::new(),
        after: b"\"commit\"",
        act: Some(|| {
            remove(&store, "after");
            put_sealed(&store, "made later", &LARGE).wait().unwrap();
        }),
    };
    // One inside the other: both act at their moments.
    struct Both<'a, A: Write, B: Write>(A, &'a mut B);
    impl<A: Write, B: Write> Write for Both<'_, A, B> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write_all(bytes)?;
            self.1.write_all(bytes)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let counts = back_up(&store, Both(during, &mut out)).unwrap();
    assert_eq!((counts.keys, counts.files), (2, 2), "those of the cut only");
    assert!(found(&store, "after").is_none(), "burned for everybody who asks");
    assert!(!out.written.windows(32).any(|part| part == burned_key), "its key is not there");

    let (copy, again) = restored(&out.written).unwrap();
    assert!(found(&again, "before").is_none() && found(&again, "made later").is_none());
    assert_eq!(opened(&again, "made meanwhile").unwrap(), LARGE);
    assert_eq!(opened(&again, "after").unwrap(), LARGE);
    assert_eq!(copy.payload_files().len(), 2);
    // The file that the backup has kept is deleted a moment later.
    while home.payload_files().len() > 2 {
        thread::yield_now();
    }
}

#[test]
fn a_backup_under_load_is_the_state_at_one_commit() {
    const WRITERS: u64 = 4;
    let (_home, store) = Home::new();
    for number in 0..3000 {
        put(&store, &format!("old {number:05}"), "old").wait().unwrap();
    }
    let done = AtomicBool::new(false);
    let backups: Vec<(Vec<u8>, BackupCounts)> = thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                let mut count = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    count += 1;
                    step(store, writer, count);
                }
            });
        }
        let backups = (0..8).map(|_| {
            let mut backup = Vec::new();
            let counts = back_up(&store, &mut backup).unwrap();
            (backup, counts)
        });
        let backups = backups.collect();
        done.store(true, Ordering::Relaxed);
        backups
    });
    let mut last = BTreeMap::new();
    for (backup, counts) in backups {
        let (_copy, again) = restored(&backup).unwrap();
        assert_eq!(counts.keys, again.figures().kind(&key("")).live(), "each key once");
        for writer in 0..WRITERS {
            let before = last.get(&writer).copied().unwrap_or_default();
            last.insert(writer, check(&again, writer, before));
        }
    }
}

/// One change of a writer: two records at both ends of the key space count in step, the newest sealed payload
/// replaces the one before the last.
fn step(store: &Store, writer: u64, count: u64) {
    let text = count.to_string();
    let size = if count.is_multiple_of(3) { LARGE.len() } else { 40 };
    let secret = vec![u8::try_from(count % 251).unwrap(); size];
    let name = format!("payload {writer} {count}");
    let payload = store.seal(&SystemRandom, name.as_bytes(), secret).unwrap();
    let [low, high, new, old] = [
        format!("a {writer}"),
        format!("z {writer}"),
        name,
        format!("payload {writer} {}", count.saturating_sub(2)),
    ]
    .map(|name| key(&name));
    let change = store.change(move |transaction| {
        transaction.put(&low, &note(&text))?;
        transaction.put(&high, &note(&text))?;
        transaction.put_sealed(&new, &note(&text), &payload)?;
        transaction.delete(&old)?;
        Ok::<_, StoreError>(())
    });
    change.wait().unwrap();
}

/// Checks the state of a writer, which is not older than `before`. Returns its count.
fn check(store: &Store, writer: u64, before: u64) -> u64 {
    let count = |name: String| {
        let found: Option<Note> = store.get(&key(&name)).unwrap();
        found.map_or(0, |Note(text)| text.parse::<u64>().unwrap())
    };
    let (low, high) = (count(format!("a {writer}")), count(format!("z {writer}")));
    assert_eq!(low, high, "one change is there as a whole");
    assert!(low >= before, "{low} < {before}");
    for payload in [low, low.saturating_sub(1)].into_iter().filter(|count| *count > 0) {
        let name = format!("payload {writer} {payload}");
        let secret = opened(store, &name).unwrap();
        assert!(secret.iter().all(|byte| u64::from(*byte) == payload % 251), "{name}");
    }
    let prefix = key(&format!("payload {writer} "));
    assert!(store.keys(&prefix).count() <= 2, "what was deleted is not there");
    low
}

#[test]
fn one_at_a_time_and_a_broken_one_leaves_nothing() {
    struct Broken<'a>(&'a Store, u32);
    impl Write for Broken<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1 == 4 {
                let second = back_up(self.0, io::sink());
                assert!(matches!(second, Err(BackUpError::Busy)));
                remove(self.0, "large");
            }
            match self.1 < 12 {
                true => Ok(bytes.len()),
                false => Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (home, store) = Home::new();
    put_sealed(&store, "large", &LARGE).wait().unwrap();
    let broken = back_up(&store, Broken(&store, 0));
    assert!(matches!(broken, Err(BackUpError::Output(_))), "{broken:?}");
    while !home.payload_files().is_empty() {
        thread::yield_now();
    }
    let order = BackupOrder::full(true);
    let stopped = store.back_up(io::sink(), order, &SystemRandom, &|| UnixSeconds(0), &|| true);
    assert!(matches!(stopped, Err(BackUpError::Stopped)));
    back_up(&store, io::sink()).unwrap();
    store.close();
    assert!(matches!(back_up(&store, io::sink()), Err(BackUpError::Store(StoreError::Closed))));
}

/// Changes the last byte of the second frame, the first one with records, and its checksum.
fn forged(backup: &[u8]) -> Vec<u8> {
    let length = |start: usize| {
        let bytes = *backup[start + 1..].first_chunk().unwrap();
        usize::try_from(u32::from_be_bytes(bytes)).unwrap()
    };
    let header = FORMAT_LINE.len();
    let start = header + 5 + length(header) + 8;
    let end = start + 5 + length(start);
    let mut forged = backup.to_vec();
    forged[end - 1] ^= 1;
    let checksum = xxhash_rust::xxh3::xxh3_64_with_seed(&forged[start..end], 1);
    forged[end..end + 8].copy_from_slice(&checksum.to_be_bytes());
    forged
}

#[test]
fn every_change_of_a_backup_is_refused() {
    let (_home, store) = Home::new();
    put(&store, "one", "a text").wait().unwrap();
    put_sealed(&store, "large", &LARGE).wait().unwrap();
    let mut backup = Vec::new();
    back_up(&store, &mut backup).unwrap();
    for end in 0..backup.len() {
        let cut = verify(&backup[..end]);
        let is_told = matches!(cut, Err(BackupError::CutOff));
        assert!(is_told, "cut at {end}: {cut:?}");
    }
    for bit in 0..backup.len() * 8 {
        let mut flipped = backup.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&flipped).is_err(), "bit {bit}");
    }
    // With a checksum that fits, the digest of the whole does not.
    let forged = forged(&backup);
    assert!(matches!(verify(&forged), Err(BackupError::Damaged(_))));
    let longer = [&backup[..], b"x"].concat();
    assert!(matches!(verify(&longer), Err(BackupError::Damaged(_))));
    assert!(matches!(verify(b"something else"), Err(BackupError::NotABackup)));
    let newer = String::from_utf8_lossy(&backup).replacen("format 1", "format 12", 1);
    let Err(BackupError::Newer(format)) = verify(newer.as_bytes()) else { panic!("accepted") };
    assert_eq!(format, "12");
}

#[test]
fn only_an_empty_directory_is_restored_into() {
    let (home, store) = Home::new();
    put_sealed(&store, "large", &LARGE).wait().unwrap();
    let mut backup = Vec::new();
    back_up(&store, &mut backup).unwrap();
    let into = |dir: &Path, bytes: &[u8]| restore(&mut BackupReader::begin(bytes)?, dir, CACHE);
    let full = into(home.0.path(), &backup);
    assert!(matches!(full, Err(RestoreError::NotEmpty(_))), "{full:?}");

    let parent = tempfile::tempdir().unwrap();
    let missing = parent.path().join("data");
    let cut = into(&missing, &backup[..backup.len() - 100]);
    assert!(matches!(cut, Err(RestoreError::Backup(BackupError::CutOff))), "{cut:?}");
    assert!(!missing.exists(), "nothing is left");
    // What an attempt that was killed has left is no obstacle.
    fs::create_dir_all(missing.join("restoring/store/payloads")).unwrap();
    fs::write(missing.join("restoring/store/slots"), [1; 4096]).unwrap();
    into(&missing, &backup).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(&missing).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["lock", "ring", "store"]);
    let again = Store::open(&missing, CACHE).unwrap();
    assert_eq!(opened(&again, "large").unwrap(), LARGE);
    again.close();
    drop(again);
    wipe(&missing).unwrap();
    assert!(!missing.exists());
}
