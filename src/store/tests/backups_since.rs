//! Backups since earlier ones: a chain gives what a backup of everything gives.

use super::*;
use crate::{
    crypto::sha256,
    store::backup::{
        BackupCounts, BackupError, BackupFrame, BackupHeader, BackupIndex, BackupOrder,
        BackupReader, EarlierBackup, EarlierFile, EarlierFiles, IndexedFiles, LeftOutError,
        LeftOutFiles, Restoration, RestoreError, RestoredStore,
    },
};

const LARGE: [u8; 10_000] = [7; 10_000];

impl EarlierFiles for &BackupIndex {
    fn find(&mut self, name: [u8; 16]) -> std::io::Result<Option<EarlierFile>> {
        Ok(BackupIndex::find(self, name))
    }
}

/// A backup with its index.
struct Indexed {
    bytes: Vec<u8>,
    index: BackupIndex,
    header: BackupHeader,
    counts: BackupCounts,
}

/// Makes a backup of `store` at this time, which names it.
fn indexed(store: &Store, at: u64, earlier: Option<&Indexed>) -> Indexed {
    let mut index = earlier.map(|earlier| &earlier.index);
    let since = index.as_mut().map(|index| (index.backup.clone(), index as &mut dyn EarlierFiles));
    let order = BackupOrder { with_keys: true, since };
    let mut bytes = Vec::new();
    store.back_up(&mut bytes, order, &SystemRandom, &|| UnixSeconds(at), &|| false).unwrap();
    let mut reader = BackupReader::begin(&bytes[..]).unwrap();
    let mut files = IndexedFiles::since(earlier.map(|earlier| &earlier.index));
    while let Some(frame) = reader.next_frame().unwrap() {
        files.note(&frame);
    }
    let (header, counts) = (reader.header().clone(), reader.counts());
    let file = Some(format!("{at}.age"));
    let (id, created_at) = (header.id.clone(), header.created_at);
    let backup = EarlierBackup { id, created_at, file, is_part: false };
    Indexed { bytes, index: files.finish(backup), header, counts }
}

/// Restores a backup with these earlier ones, newest first, below a directory that must not keep anything of a
/// failure.
fn restored_chain(backup: &[u8], bases: &[&[u8]]) -> Result<(Home, RestoredStore), RestoreError> {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("data");
    let restore = || {
        let options = StoreOptions::new(8 << 20);
        let mut backup = BackupReader::begin(backup)?;
        let mut restoration = Restoration::begin(&mut backup, &root, None, &options)?;
        for base in bases {
            restoration.take_base(&mut BackupReader::begin(*base)?)?;
        }
        restoration.finish()
    };
    let restored = restore();
    if restored.is_err() {
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
    }
    let restored = restored?;
    let home = tempfile::tempdir().unwrap();
    fs::rename(&root, home.path().join("data")).unwrap();
    for entry in fs::read_dir(home.path().join("data")).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), home.path().join(entry.file_name())).unwrap();
    }
    Ok((Home(home), restored))
}

/// All records, keys and files of a store: what a backup of everything has, without its times and its id.
fn contents(home: &Home) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let store = home.open();
    let made = indexed(&store, 1, None);
    store.close();
    let mut all = BTreeMap::new();
    let mut reader = BackupReader::begin(&made.bytes[..]).unwrap();
    let mut name = [0; 16];
    while let Some(frame) = reader.next_frame().unwrap() {
        match frame {
            BackupFrame::Records(records) => {
                for record in records {
                    let (key, value) = record.unwrap();
                    all.insert(key.as_bytes().to_vec(), value.unwrap_or_default().to_vec());
                }
            }
            BackupFrame::Keys(keys) => {
                for (slot, key) in keys {
                    let slot = [&b"slot"[..], &slot.to_be_bytes()].concat();
                    all.insert(slot, key.expose_secret().to_vec());
                }
            }
            BackupFrame::File(file) => {
                name = file;
                all.insert([&b"file"[..], &name].concat(), Vec::new());
            }
            BackupFrame::Data(bytes) => {
                all.get_mut(&[&b"file"[..], &name].concat()).unwrap().extend(bytes);
            }
            BackupFrame::Cut(_) => {}
            BackupFrame::LeftOut(_) => panic!("it has everything"),
        }
    }
    all
}

/// Three backups with changes between them, and one of everything at the moment of the last one.
fn chain() -> ([Indexed; 3], Indexed) {
    let (_home, store) = Home::new();
    for number in 0..40 {
        put(&store, &format!("note {number}"), "first").wait().unwrap();
        put_sealed(&store, &format!("file {number}"), &LARGE).wait().unwrap();
    }
    let first = indexed(&store, 1, None);
    for number in 0..10 {
        delete(&store, &format!("file {number}")).wait().unwrap();
        put(&store, &format!("note {number}"), "second").wait().unwrap();
        put_sealed(&store, &format!("later {number}"), &[8; 5000]).wait().unwrap();
    }
    let second = indexed(&store, 2, Some(&first));
    for number in 5..15 {
        delete(&store, &format!("later {number}")).wait().unwrap();
        delete(&store, &format!("file {number}")).wait().unwrap();
        delete(&store, &format!("note {number}")).wait().unwrap();
        put_sealed(&store, &format!("file {number}"), &[9; 6000]).wait().unwrap();
    }
    let third = indexed(&store, 3, Some(&second));
    let whole = indexed(&store, 4, None);
    ([first, second, third], whole)
}

#[test]
fn a_chain_gives_what_a_backup_of_everything_gives() {
    let ([first, second, third], whole) = chain();
    let sent = |made: &Indexed| made.counts.file_bytes - made.counts.left_out_bytes;
    assert_eq!((second.counts.left_out, third.counts.left_out), (30, 25 + 5));
    assert_eq!(third.counts.files, whole.counts.files);
    assert_eq!(third.counts.file_bytes, whole.counts.file_bytes);
    assert!(sent(&third) < sent(&whole) / 3, "{} of {}", sent(&third), sent(&whole));
    assert!(whole.bytes.starts_with(b"sealdrop backup, format 1\n"));
    assert!(third.bytes.starts_with(b"sealdrop backup, format 2\n"));

    let (whole_home, _) = restored_chain(&whole.bytes, &[]).unwrap();
    let (chain_home, restored) =
        restored_chain(&third.bytes, &[&second.bytes, &first.bytes]).unwrap();
    assert_eq!((restored.counts, restored.cut.commit), (third.counts, restored.cut.commit));
    let (expected, found) = (contents(&whole_home), contents(&chain_home));
    assert_eq!(expected.len(), found.len());
    assert!(expected == found, "the same records, keys and files");
    let store = chain_home.open();
    assert_eq!(opened(&store, "file 20").unwrap(), LARGE);
    assert_eq!(opened(&store, "later 2").unwrap(), [8; 5000]);
    assert_eq!(opened(&store, "file 6").unwrap(), [9; 6000]);
    assert!(opened(&store, "file 4").is_none());
    // A restored store continues the chain.
    put_sealed(&store, "new", &LARGE).wait().unwrap();
    let fourth = indexed(&store, 5, Some(&third));
    assert_eq!(fourth.counts.files - fourth.counts.left_out, 1);
    let bases = [&third.bytes[..], &second.bytes, &first.bytes];
    let (home, _) = restored_chain(&fourth.bytes, &bases).unwrap();
    let store = home.open();
    assert_eq!(opened(&store, "new").unwrap(), LARGE);
    assert_eq!(opened(&store, "file 20").unwrap(), LARGE);
}

#[test]
fn missing_wrong_and_swapped_bases_are_refused() {
    let ([first, second, third], whole) = chain();
    let refused = |bases: &[&[u8]]| restored_chain(&third.bytes, bases).err().unwrap();
    let no_base = |error: RestoreError, id: &str| matches!(error, RestoreError::LeftOut(LeftOutError::NoBase(base)) if base.id == id);
    assert!(no_base(refused(&[]), &second.header.id));
    assert!(no_base(refused(&[&second.bytes]), &first.header.id));
    let (stranger, _) = chain();
    for bases in [
        &[&first.bytes[..], &second.bytes][..],
        &[&whole.bytes],
        &[&stranger[1].bytes],
        &[&second.bytes, &stranger[0].bytes],
        &[&second.bytes, &second.bytes],
    ] {
        let error = refused(bases);
        let is_told = matches!(error, RestoreError::LeftOut(LeftOutError::OtherBase(_)));
        assert!(is_told, "{error}");
    }
    let cut = refused(&[&second.bytes, &first.bytes[..first.bytes.len() - 60]]);
    let is_cut = matches!(cut, RestoreError::LeftOut(LeftOutError::Backup(BackupError::CutOff)));
    assert!(is_cut, "{cut}");
    for bit in (0..first.bytes.len() * 8).step_by(first.bytes.len() / 8) {
        let mut flipped = first.bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused(&[&second.bytes, &flipped]);
    }
}

/// A backup whose frames of files `change` changes, with checksums that fit.
fn forged(backup: &Indexed, change: impl Fn([u8; 16], &mut Vec<u8>)) -> Vec<u8> {
    use crate::store::backup::BackupWriter;
    let mut reader = BackupReader::begin(&backup.bytes[..]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = BackupWriter::begin(&mut bytes, reader.header()).unwrap();
    let mut name = [0; 16];
    while let Some(frame) = reader.next_frame().unwrap() {
        match frame {
            BackupFrame::Cut(cut) => writer.cut(cut).unwrap(),
            BackupFrame::File(file) => {
                name = file;
                writer.file(file).unwrap();
            }
            BackupFrame::Data(data) => {
                let mut data = data.to_vec();
                change(name, &mut data);
                writer.data(&data).unwrap();
            }
            BackupFrame::Records(_) | BackupFrame::Keys(_) | BackupFrame::LeftOut(_) => {}
        }
    }
    writer.end().unwrap();
    bytes
}

#[test]
fn a_base_with_other_content_is_refused() {
    let ([first, second, third], _) = chain();
    let with = |base: &[u8]| restored_chain(&third.bytes, &[&second.bytes, base]).err();
    let flipped = forged(&first, |_, data| data[0] ^= 1);
    let error = with(&flipped).unwrap();
    assert!(matches!(error, RestoreError::LeftOut(LeftOutError::OtherContent)), "{error}");
    let shorter = forged(&first, |_, data| data.truncate(data.len() - 1));
    let error = with(&shorter).unwrap();
    assert!(matches!(error, RestoreError::LeftOut(LeftOutError::OtherContent)), "{error}");
    // Without its files.
    let mut bytes = Vec::new();
    let mut writer = crate::store::backup::BackupWriter::begin(&mut bytes, &first.header).unwrap();
    writer.cut(crate::store::backup::BackupCut { commit: 1, at: UnixSeconds(1) }).unwrap();
    writer.end().unwrap();
    let error = with(&bytes).unwrap();
    assert!(matches!(error, RestoreError::LeftOut(LeftOutError::NotFound(25))), "{error}");
    // Reading without restoring finds the same.
    let mut reader = BackupReader::begin(&second.bytes[..]).unwrap();
    let mut left_out = LeftOutFiles::of(reader.header());
    while let Some(frame) = reader.next_frame().unwrap() {
        left_out.note(&frame);
    }
    assert_eq!(left_out.base().map(|base| &base.id), Some(&first.header.id));
    let mut flipped = BackupReader::begin(&flipped[..]).unwrap();
    let found = left_out.find_in(&mut flipped, |_| Ok::<_, LeftOutError>(()));
    assert!(matches!(found, Err(LeftOutError::OtherContent)));
}

#[test]
fn a_file_that_grew_or_was_written_anew_is_not_left_out() {
    let (home, store) = Home::new();
    for name in ["same", "grown", "rewritten"] {
        put_sealed(&store, name, &LARGE).wait().unwrap();
    }
    let first = indexed(&store, 1, None);
    let files = home.payload_files();
    let mut grown = fs::read(&files[0]).unwrap();
    grown.push(1);
    fs::write(&files[0], &grown).unwrap();
    // As after a crash: the beginning and the length are the same, the end is encrypted anew.
    let mut rewritten = fs::read(&files[1]).unwrap();
    let length = rewritten.len();
    rewritten[length - 40..].fill(0);
    fs::write(&files[1], &rewritten).unwrap();
    let second = indexed(&store, 2, Some(&first));
    assert_eq!((second.counts.files, second.counts.left_out), (3, 1));
    let mut left_out = Vec::new();
    let mut reader = BackupReader::begin(&second.bytes[..]).unwrap();
    while let Some(frame) = reader.next_frame().unwrap() {
        if let BackupFrame::LeftOut(file) = frame {
            left_out.push(file);
        }
    }
    let same = fs::read(&files[2]).unwrap();
    assert_eq!(left_out[0].digest, sha256(&same));
    assert_eq!(left_out[0].bytes, same.len() as u64);
}

#[test]
fn a_backup_goes_on_from_a_part_of_another() {
    let (_home, store) = Home::new();
    for number in 0..20 {
        put_sealed(&store, &format!("file {number}"), &LARGE).wait().unwrap();
    }
    let whole = indexed(&store, 1, None);
    // What an interruption leaves: some of it, and an index of the files that are complete in it.
    for end in [whole.bytes.len() / 3, whole.bytes.len() / 2, whole.bytes.len() - 1] {
        let part = &whole.bytes[..end];
        let mut reader = BackupReader::begin(part).unwrap();
        let mut files = IndexedFiles::since(None);
        while let Ok(Some(frame)) = reader.next_frame() {
            files.note(&frame);
        }
        let backup = EarlierBackup { is_part: true, ..whole.index.backup.clone() };
        let index = files.first(files.complete(), backup);
        let complete = files.complete() as u64;
        let earlier = Indexed { bytes: part.to_vec(), index, ..indexed(&store, 2, None) };
        let next = indexed(&store, 3, Some(&earlier));
        assert_eq!(next.counts.left_out, complete);
        let (home, _) = restored_chain(&next.bytes, &[part]).unwrap();
        let store = home.open();
        for number in 0..20 {
            assert_eq!(opened(&store, &format!("file {number}")).unwrap(), LARGE);
        }
        // With less of the part, a file is missing.
        let less = restored_chain(&next.bytes, &[&part[..end - 12_000]]).err().unwrap();
        let is_told = matches!(less, RestoreError::LeftOut(LeftOutError::NotFound(1 | 2)));
        assert!(is_told, "{less}");
    }
}
