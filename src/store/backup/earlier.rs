//! The files that an earlier backup has: what a later one asks about each of its own, and the index that
//! answers, without the key that opens the earlier backup.
//!
//! ```text
//! index = "sealdrop backup index, format 1\n" ‖ EarlierBackup as JSON ‖ "\n" ‖ entry … ‖ SHA-256 of all before
//! entry = name (16) ‖ length (8) ‖ SHA-256 of the content (32) ‖ the last bytes of the content (16)
//! ```
//!
//! Numbers are big endian, and entries are in the order of their names. An index has all files of the state
//! that its backup has, also those that the backup leaves out itself.

use std::io::{self, Read};

use super::{BackupFrame, EarlierBackup};
use crate::{
    crypto::{RunningSha256, sha256},
    store::bodies::FileName,
};

const INDEX_LINE: &[u8] = b"sealdrop backup index, format 1\n";
const NAME_BYTES: usize = size_of::<FileName>();
const ENTRY_BYTES: usize = NAME_BYTES + EarlierFile::BYTES;
const DIGEST_BYTES: usize = 32;

/// The last bytes of a file; zeros before those of a shorter one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileEnd([u8; Self::BYTES]);

impl FileEnd {
    /// As many as the tag of AES-GCM has.
    pub(super) const BYTES: usize = 16;

    /// Continues with the next bytes of the file.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let new = bytes.last_chunk::<{ Self::BYTES }>().map_or(bytes, |end| end);
        self.0.rotate_left(new.len());
        let at = Self::BYTES - new.len();
        self.0.iter_mut().skip(at).zip(new).for_each(|(place, byte)| *place = *byte);
    }
}

/// A payload file that an earlier backup has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierFile {
    pub(super) bytes: u64,
    pub(super) digest: [u8; DIGEST_BYTES],
    pub(super) end: FileEnd,
}

impl EarlierFile {
    /// The length of [`EarlierFile::to_bytes`].
    pub const BYTES: usize = 8 + DIGEST_BYTES + FileEnd::BYTES;

    /// As in an entry of an index, without the name.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let parts = [&self.bytes.to_be_bytes()[..], &self.digest, &self.end.0].concat();
        bytes.copy_from_slice(&parts);
        bytes
    }

    /// The reverse of [`EarlierFile::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (mut length, mut digest, mut end) = ([0; 8], [0; DIGEST_BYTES], FileEnd::default());
        let places = length.iter_mut().chain(&mut digest).chain(&mut end.0);
        places.zip(bytes).for_each(|(place, byte)| *place = *byte);
        Self { bytes: u64::from_be_bytes(length), digest, end }
    }
}

/// Knows the files of earlier backups.
pub trait EarlierFiles {
    /// The file with this name, if an earlier backup has it.
    ///
    /// # Errors
    ///
    /// The answer did not arrive.
    fn find(&mut self, name: [u8; 16]) -> io::Result<Option<EarlierFile>>;
}

/// The reason why an index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It begins like something else, such as the backup itself.
    #[error("it is not the index of a backup, as backup create --index writes it")]
    NotAnIndex,
    /// It was changed or cut off.
    #[error("the index is damaged: make a backup without --since")]
    Damaged,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// The index of a backup, in memory: 72 bytes a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupIndex {
    /// The backup.
    pub backup: EarlierBackup,
    /// In the order of the names.
    entries: Vec<[u8; ENTRY_BYTES]>,
}

impl BackupIndex {
    /// Reads an index.
    ///
    /// # Errors
    ///
    /// [`IndexError`]
    pub fn read(mut input: impl Read) -> Result<Self, IndexError> {
        let mut bytes = Vec::new();
        input.by_ref().take(INDEX_LINE.len() as u64).read_to_end(&mut bytes)?;
        if bytes != INDEX_LINE {
            return Err(IndexError::NotAnIndex);
        }
        input.read_to_end(&mut bytes)?;
        Self::parse(&bytes).ok_or(IndexError::Damaged)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (content, digest) = bytes.split_last_chunk::<DIGEST_BYTES>()?;
        let rest = content.strip_prefix(INDEX_LINE).filter(|_| sha256(content) == *digest)?;
        let line = rest.iter().position(|byte| *byte == b'\n')?;
        let (backup, entries) = rest.split_at_checked(line + 1)?;
        let backup = serde_json::from_slice(backup).ok()?;
        let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
        let is_sorted = entries.is_sorted_by_key(|entry| entry.first_chunk::<NAME_BYTES>());
        (rest.is_empty() && is_sorted).then(|| Self { backup, entries: entries.to_vec() })
    }

    /// The index as [`BackupIndex::read`] reads it.
    ///
    /// # Errors
    ///
    /// The name of the backup cannot be encoded.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = INDEX_LINE.to_vec();
        serde_json::to_writer(&mut bytes, &self.backup)?;
        bytes.push(b'\n');
        bytes.extend(self.entries.iter().flatten());
        let digest = sha256(&bytes);
        bytes.extend(digest);
        Ok(bytes)
    }

    /// The files of both, for a backup since this one, which was made since the other one.
    #[must_use]
    pub fn with(self, earlier: Self) -> Self {
        let missing = earlier
            .entries
            .into_iter()
            .filter(|entry| entry.first_chunk().is_some_and(|name| self.find(*name).is_none()));
        let mut entries: Vec<_> = missing.collect();
        entries.extend(&self.entries);
        entries.sort_unstable();
        Self { entries, ..self }
    }

    /// The file with this name.
    #[must_use]
    pub fn find(&self, name: [u8; 16]) -> Option<EarlierFile> {
        let by_name =
            |entry: &[u8; ENTRY_BYTES]| entry.first_chunk::<NAME_BYTES>().cmp(&Some(&name));
        let position = self.entries.binary_search_by(by_name).ok()?;
        self.entries.get(position)?.last_chunk().map(EarlierFile::from_bytes)
    }
}

/// Collects the index of a backup from its frames.
#[derive(Default)]
pub struct IndexedFiles<'a> {
    /// The index of the earlier backup, for the files that this one leaves out.
    earlier: Option<&'a BackupIndex>,
    entries: Vec<[u8; ENTRY_BYTES]>,
    file: Option<HashedFile>,
}

/// A file whose content arrives.
pub(super) struct HashedFile {
    pub(super) name: FileName,
    bytes: u64,
    digest: RunningSha256,
    end: FileEnd,
}

impl HashedFile {
    pub(super) fn new(name: FileName) -> Self {
        Self { name, bytes: 0, digest: RunningSha256::default(), end: FileEnd::default() }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
        self.end.update(bytes);
    }

    pub(super) fn finish(self) -> EarlierFile {
        EarlierFile { bytes: self.bytes, digest: self.digest.finish(), end: self.end }
    }
}

impl<'a> IndexedFiles<'a> {
    /// For a backup since the one that `earlier` belongs to, or for one of everything.
    #[must_use]
    pub fn since(earlier: Option<&'a BackupIndex>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// Takes the next frame.
    pub fn note(&mut self, frame: &BackupFrame<'_>) {
        match frame {
            BackupFrame::File(name) => {
                self.end_file();
                self.file = Some(HashedFile::new(*name));
            }
            BackupFrame::Data(bytes) => {
                if let Some(file) = &mut self.file {
                    file.update(bytes);
                }
            }
            BackupFrame::LeftOut(file) => {
                self.file = None;
                let known = self.earlier.and_then(|earlier| earlier.find(file.name));
                self.entries.extend(known.map(|known| entry(file.name, known)));
            }
            BackupFrame::Records(_) | BackupFrame::Cut(_) | BackupFrame::Keys(_) => {}
        }
    }

    fn end_file(&mut self) {
        let ended = self.file.take();
        self.entries.extend(ended.map(|file| entry(file.name, file.finish())));
    }

    /// The number of files that are complete so far.
    #[must_use]
    pub fn complete(&self) -> usize {
        self.entries.len()
    }

    /// The index of the first `count` files.
    #[must_use]
    pub fn first(&self, count: usize, backup: EarlierBackup) -> BackupIndex {
        let mut entries: Vec<_> = self.entries.iter().take(count).copied().collect();
        entries.sort_unstable();
        BackupIndex { backup, entries }
    }

    /// The index, after the last frame.
    #[must_use]
    pub fn finish(mut self, backup: EarlierBackup) -> BackupIndex {
        self.end_file();
        self.first(self.complete(), backup)
    }
}

fn entry(name: FileName, file: EarlierFile) -> [u8; ENTRY_BYTES] {
    let mut entry = [0; ENTRY_BYTES];
    let (at_name, rest) = entry.split_at_mut(NAME_BYTES);
    at_name.copy_from_slice(&name);
    rest.copy_from_slice(&file.to_bytes());
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::UnixSeconds, store::backup::LeftOutFile};

    fn index(files: &[(u8, &[u8])], earlier: Option<&BackupIndex>) -> BackupIndex {
        let mut indexed = IndexedFiles::since(earlier);
        for (name, content) in files {
            indexed.note(&BackupFrame::File([*name; 16]));
            for part in content.chunks(5) {
                indexed.note(&BackupFrame::Data(part));
            }
        }
        if let Some(known) = earlier.and_then(|earlier| earlier.find([7; 16])) {
            indexed.note(&BackupFrame::File([7; 16]));
            let EarlierFile { bytes, digest, .. } = known;
            indexed.note(&BackupFrame::LeftOut(LeftOutFile { name: [7; 16], bytes, digest }));
        }
        let file = Some("a.age".to_owned());
        indexed.finish(EarlierBackup {
            id: "one".into(),
            created_at: UnixSeconds(1),
            file,
            is_part: false,
        })
    }

    #[test]
    fn an_index_has_all_files_also_those_of_the_earlier_one() {
        let long = *b"more than sixteen bytes";
        let first = index(&[(7, &long), (3, b"short"), (5, b"")], None);
        let known = first.find([7; 16]).unwrap();
        assert_eq!((known.bytes, known.digest), (23, sha256(&long)));
        assert_eq!(&known.end.0, b"an sixteen bytes");
        assert_eq!(&first.find([3; 16]).unwrap().end.0, b"\0\0\0\0\0\0\0\0\0\0\0short");
        assert_eq!(first.find([4; 16]), None);
        let second = index(&[(4, b"new")], Some(&first));
        assert_eq!(second.find([7; 16]), Some(known));
        assert_eq!(second.entries.len(), 2);
        for index in [first, second] {
            assert_eq!(BackupIndex::read(&index.to_bytes().unwrap()[..]).unwrap(), index);
        }
    }

    #[test]
    fn a_changed_index_is_refused() {
        let bytes = index(&[(7, b"one"), (3, b"two")], None).to_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(BackupIndex::read(&bytes[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(BackupIndex::read(&flipped[..]).is_err(), "bit {bit}");
        }
    }
}
