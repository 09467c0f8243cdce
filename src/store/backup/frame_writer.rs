//! Writing the frames of a backup.

use std::io::{self, Write};

use super::{
    BackupCounts, BackupCut, BackupHeader, EarlierFile, FORMAT_LINE,
    entries::{EntryBuffer, KeyEntries, RecordEntries},
    format::{FrameKind, SINCE_FORMAT_LINE},
    frames::{MAX_FRAME_BYTES, checksum, head},
};
use crate::{crypto::RunningSha256, store::bodies::FileName};

/// The longest text of a failure.
const MAX_FAILURE_BYTES: usize = 4096;

/// Writes a backup to `W`.
pub struct BackupWriter<W> {
    out: W,
    digest: RunningSha256,
    frames: u64,
    counts: BackupCounts,
}

impl<W: Write> BackupWriter<W> {
    /// Begins a backup.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn begin(out: W, header: &BackupHeader) -> io::Result<Self> {
        let counts = BackupCounts::default();
        let mut writer = Self { out, digest: RunningSha256::default(), frames: 0, counts };
        let line = if header.since.is_some() { SINCE_FORMAT_LINE } else { FORMAT_LINE };
        writer.put(line.as_bytes())?;
        writer.frame(FrameKind::Header, &serde_json::to_vec(header)?)?;
        Ok(writer)
    }

    pub(super) fn records(&mut self, entries: &EntryBuffer) -> io::Result<()> {
        self.records_of(entries.bytes())
    }

    /// Writes records that are encoded already.
    pub(super) fn records_of(&mut self, entries: &[u8]) -> io::Result<()> {
        self.counts.records += RecordEntries(entries).count() as u64;
        self.frame(FrameKind::Records, entries)
    }

    pub(in crate::store) fn cut(&mut self, cut: BackupCut) -> io::Result<()> {
        self.frame(FrameKind::Cut, &serde_json::to_vec(&cut)?)
    }

    pub(super) fn keys(&mut self, entries: &EntryBuffer) -> io::Result<()> {
        self.counts.keys += (entries.bytes().len() / KeyEntries::ENTRY_BYTES) as u64;
        self.frame(FrameKind::Keys, entries.bytes())
    }

    pub(in crate::store) fn file(&mut self, name: FileName) -> io::Result<()> {
        self.counts.files += 1;
        self.frame(FrameKind::File, &name)
    }

    /// The next bytes of the file.
    pub(in crate::store) fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.counts.file_bytes += bytes.len() as u64;
        self.frame(FrameKind::Data, bytes)
    }

    /// Leaves out the content of the file.
    pub(super) fn left_out(&mut self, file: &EarlierFile) -> io::Result<()> {
        self.counts.file_bytes += file.bytes;
        self.counts.left_out += 1;
        self.counts.left_out_bytes += file.bytes;
        let content = [&file.bytes.to_be_bytes()[..], &file.digest].concat();
        self.frame(FrameKind::LeftOut, &content)
    }

    /// Sends what was written so far.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the backup, and flushes.
    pub(in crate::store) fn end(mut self) -> io::Result<BackupCounts> {
        let digest = std::mem::take(&mut self.digest).finish();
        let content = [&self.counts.to_bytes()[..], &digest].concat();
        self.frame(FrameKind::End, &content)?;
        self.out.flush()?;
        Ok(self.counts)
    }

    /// Ends the backup with the reason why it is incomplete.
    pub(super) fn fail(mut self, reason: &str) -> io::Result<()> {
        let reason = reason.as_bytes();
        self.frame(FrameKind::Failure, reason.get(..MAX_FAILURE_BYTES).unwrap_or(reason))?;
        self.out.flush()
    }

    fn frame(&mut self, kind: FrameKind, content: &[u8]) -> io::Result<()> {
        if content.len() > MAX_FRAME_BYTES {
            return Err(io::Error::other("a frame of a backup is too long"));
        }
        let head = head(kind, content.len());
        let checksum = checksum(self.frames, &head, content).to_be_bytes();
        self.frames += 1;
        self.put(&head)?;
        self.put(content)?;
        self.put(&checksum)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.out.write_all(bytes)
    }
}
