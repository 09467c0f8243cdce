//! A temporary file for a part of a backup that must wait, sealed under a key that is only in memory.
//!
//! The file has no name and lies in the data directory. It may have keys of payloads: a burn overwrites them
//! in their slots, and the free blocks of the disk must not keep a copy.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, Write},
    path::Path,
    sync::Arc,
};

use zeroize::Zeroizing;

use crate::{
    crypto::{
        MessageKey, Random,
        stream::{StreamOpener, StreamSealer},
    },
    store::local::{payload_files::PayloadFiles, space::SpaceCheckedFile},
};

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
    /// Creates a spool in `dir`. Writing fails before the disk is full, as for payload files.
    pub(super) fn create(
        dir: &Path,
        files: &Arc<PayloadFiles>,
        random: &dyn Random,
    ) -> io::Result<Self> {
        let file = tempfile::tempfile_in(dir)?;
        let key = MessageKey::new(random);
        let checked = SpaceCheckedFile::new(file.try_clone()?, Arc::clone(files));
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
