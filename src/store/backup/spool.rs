//! A temporary file for a part of a backup that must wait, sealed under a key that is only in memory.
//!
//! The file has no name and lies in the data directory. It may have keys of payloads: a burn overwrites them
//! in their slots, and the free blocks of the disk must not keep a copy.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, Write},
    sync::Arc,
};

use zeroize::Zeroizing;

use crate::{
    crypto::{
        MessageKey, Random,
        stream::{StreamOpener, StreamSealer},
    },
    store::{
        bodies::Bodies,
        local::files::AppendedFile,
        space::{Space, SpaceCheckedFile},
    },
};

/// A spool leaves this much of the disk for views and deletions. It is less than what creations leave, so
/// that a full disk can be backed up.
const RESERVE_BYTES: u64 = 16 << 20;

/// A spool that is being written.
pub(super) struct Spool {
    sealer: StreamSealer<SpaceCheckedFile>,
    file: File,
    key: MessageKey,
}

/// A spool that is being read.
pub(super) struct SpoolReader {
    opener: StreamOpener<BufReader<File>>,
    block: Zeroizing<Vec<u8>>,
}

impl Spool {
    /// Creates a spool. Writing fails before the disk is full.
    pub(super) fn create(bodies: &Arc<dyn Bodies>, random: &dyn Random) -> io::Result<Self> {
        let file = bodies.temporary()?;
        let key = MessageKey::new(random);
        let has_room = |space: Space| space.free >= RESERVE_BYTES;
        let checked = SpaceCheckedFile::new(
            Box::new(AppendedFile::new(file.try_clone()?, 0)),
            bodies,
            has_room,
        );
        Ok(Self { sealer: StreamSealer::new(checked, &key, random)?, file, key })
    }

    /// Appends a block, which is read back as a whole.
    pub(super) fn write_block(&mut self, block: &[u8]) -> io::Result<()> {
        let length = u32::try_from(block.len()).map_err(io::Error::other)?;
        self.sealer.write_all(&length.to_be_bytes())?;
        self.sealer.write_all(block)
    }

    /// Continues with reading, from the first block on.
    pub(super) fn into_reader(mut self) -> io::Result<SpoolReader> {
        self.sealer.finish()?;
        self.file.rewind()?;
        let opener = StreamOpener::new(BufReader::new(self.file), &self.key)?;
        Ok(SpoolReader { opener, block: Zeroizing::new(Vec::new()) })
    }
}

impl SpoolReader {
    /// The next block; `None` after the last one.
    pub(super) fn next_block(&mut self) -> io::Result<Option<&[u8]>> {
        let mut length = [0; 4];
        if self.opener.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        self.opener.read_exact(&mut length[1..])?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
        self.block.clear();
        self.block.reserve_exact(length);
        self.block.resize(length, 0);
        self.opener.read_exact(&mut self.block)?;
        Ok(Some(&self.block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::SystemRandom, store::local::payload_files::PayloadFiles};

    #[test]
    fn what_waits_on_the_disk_is_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let bodies: Arc<dyn Bodies> = Arc::new(PayloadFiles::open(dir.path().into()).unwrap());
        let mut spool = Spool::create(&bodies, &SystemRandom).unwrap();
        let blocks = [b"planted".repeat(20_000), Vec::new(), b"the end".to_vec()];
        for block in &blocks {
            spool.write_block(block).unwrap();
        }
        let mut file = spool.file.try_clone().unwrap();
        let mut reader = spool.into_reader().unwrap();
        for block in &blocks {
            assert_eq!(reader.next_block().unwrap(), Some(&block[..]));
        }
        assert_eq!(reader.next_block().unwrap(), None);
        let mut on_disk = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut on_disk).unwrap();
        assert!(on_disk.len() > blocks[0].len());
        assert!(!on_disk.windows(7).any(|part| part == b"planted"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name");
    }
}
