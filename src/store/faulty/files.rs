//! Files in memory that are overwritten in place. What was not synced may be lost, in any order of sectors.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::disk::Process;
use crate::store::local::key_files::{InPlaceFile, KeyFiles};

const SECTOR_BYTES: u64 = 512;

/// A file: its content, what of it is on disk for sure, and the writes since.
#[derive(Clone, Default)]
pub(super) struct MemoryFile {
    content: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<(u64, Vec<u8>)>,
}

/// The files of a disk.
#[derive(Clone, Default)]
pub(crate) struct DiskFiles {
    names: BTreeMap<String, u64>,
    files: BTreeMap<u64, MemoryFile>,
    next: u64,
}

impl MemoryFile {
    fn write(&mut self, bytes: &[u8], offset: u64) {
        put(&mut self.content, bytes, offset);
        self.unsynced.push((offset, bytes.to_vec()));
    }

    fn sync(&mut self) {
        self.synced.clone_from(&self.content);
        self.unsynced.clear();
    }

    /// Each sector has either none or the first few of its writes. `draw` is a source of random bytes.
    fn crash(&mut self, draw: &mut impl FnMut() -> u8) {
        let mut kept: BTreeMap<u64, u8> = BTreeMap::new();
        let length = if draw().is_multiple_of(2) { self.synced.len() } else { self.content.len() };
        for (mut offset, bytes) in std::mem::take(&mut self.unsynced) {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let room = SECTOR_BYTES - offset % SECTOR_BYTES;
                let (piece, behind) = rest.split_at(rest.len().min(usize::try_from(room).unwrap()));
                let left = kept.entry(offset / SECTOR_BYTES).or_insert_with(|| draw() % 4);
                if *left > 0 {
                    *left -= 1;
                    put(&mut self.synced, piece, offset);
                }
                offset += piece.len() as u64;
                rest = behind;
            }
        }
        self.synced.resize(length, 0);
        self.content.clone_from(&self.synced);
    }
}

fn put(content: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let start = usize::try_from(offset).unwrap();
    let end = start + bytes.len();
    content.resize(content.len().max(end), 0);
    content[start..end].copy_from_slice(bytes);
}

impl DiskFiles {
    fn create(&mut self, name: &str) -> u64 {
        self.next += 1;
        self.names.insert(name.to_owned(), self.next);
        self.files.insert(self.next, MemoryFile::default());
        self.next
    }

    fn rename(&mut self, from: &str, to: &str) {
        let file = self.names.remove(from).unwrap();
        self.names.insert(to.to_owned(), file);
    }

    /// These files, but with the file `name` of `other`.
    pub(super) fn with(&self, name: &str, other: &Self) -> Self {
        let mut both = self.clone();
        let content = other.files.get(other.names.get(name).unwrap()).unwrap().clone();
        let file = both.create(name);
        both.files.insert(file, content);
        both
    }

    fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn crash(&mut self, draw: &mut impl FnMut() -> u8) {
        self.files.values_mut().for_each(|file| file.crash(draw));
    }
}

/// Does something with the files, as a step of a process if it changes them.
trait DiskAccess: Clone + Send + Sync {
    fn with<T>(&self, act: impl FnOnce(&mut DiskFiles) -> T) -> T;

    fn step<T>(&self, act: impl FnOnce(&mut DiskFiles) -> T) -> io::Result<T>;
}

impl DiskAccess for Process {
    fn with<T>(&self, act: impl FnOnce(&mut DiskFiles) -> T) -> T {
        act(&mut self.any_disk().files)
    }

    fn step<T>(&self, act: impl FnOnce(&mut DiskFiles) -> T) -> io::Result<T> {
        self.step(|disk, _| act(&mut disk.files)).map_err(|failure| io::Error::other(failure.0))
    }
}

/// A copy of the files, which never fails.
#[derive(Clone)]
pub(super) struct FileCopies(Arc<Mutex<DiskFiles>>);

impl FileCopies {
    pub(super) fn of(files: &DiskFiles) -> Self {
        Self(Arc::new(Mutex::new(files.clone())))
    }

    pub(super) fn into_files(self) -> DiskFiles {
        self.with(|files| files.clone())
    }
}

impl DiskAccess for FileCopies {
    fn with<T>(&self, act: impl FnOnce(&mut DiskFiles) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn step<T>(&self, act: impl FnOnce(&mut DiskFiles) -> T) -> io::Result<T> {
        Ok(self.with(act))
    }
}

/// The directory of the files.
#[derive(Clone)]
pub(super) struct MemoryFiles<P>(pub(super) P);

struct OpenFile<P>(P, u64);

impl<P: DiskAccess + 'static> KeyFiles for MemoryFiles<P> {
    fn create(&self, name: &str) -> io::Result<Box<dyn InPlaceFile>> {
        let file = self.0.step(|files| files.create(name))?;
        Ok(Box::new(OpenFile(self.0.clone(), file)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn InPlaceFile>> {
        let file = self.0.with(|files| files.find(name))?;
        Ok(Box::new(OpenFile(self.0.clone(), file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.step(|files| files.rename(from, to))
    }
}

impl<P: DiskAccess> OpenFile<P> {
    fn change(&self, act: impl FnOnce(&mut MemoryFile)) -> io::Result<()> {
        self.0.step(|files| act(files.files.get_mut(&self.1).unwrap()))
    }

    fn read<T>(&self, act: impl FnOnce(&[u8]) -> T) -> T {
        self.0.with(|files| act(&files.files.get(&self.1).unwrap().content))
    }
}

impl<P: DiskAccess> InPlaceFile for OpenFile<P> {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read(|content| {
            let start = usize::try_from(offset).unwrap();
            let found = content.get(start..start + bytes.len());
            bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(|file| file.write(bytes, offset))
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.change(|file| file.content.resize(usize::try_from(bytes).unwrap(), 0))
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.read(|content| content.len() as u64))
    }

    fn sync(&self) -> io::Result<()> {
        self.change(MemoryFile::sync)
    }

    fn forget(&self) -> io::Result<()> {
        Ok(())
    }
}
