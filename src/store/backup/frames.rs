//! Reading the frames of a backup.

use std::io::{self, Read};

use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::Xxh3;
use zeroize::Zeroizing;

use super::{
    BackupCounts, BackupCut, BackupHeader, FORMAT_LINE, FORMAT_NAME,
    entries::{KeyEntries, RecordEntries},
    format::{FrameKind, SINCE_FORMAT_LINE},
};
use crate::{crypto::RunningSha256, store::bodies::FileName};

/// The longest content of a frame.
pub(super) const MAX_FRAME_BYTES: usize = 128 << 10;
const CHECKSUM_BYTES: usize = 8;
pub(super) const HEAD_BYTES: usize = 5;
const DIGEST_BYTES: usize = 32;

/// The reason why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It begins like something else.
    #[error("it is not a backup of sealdrop")]
    NotABackup,
    /// A newer sealdrop wrote it.
    #[error(
        "it is a backup of format {0}, and this sealdrop knows only formats 1 and 2: use a newer one"
    )]
    Newer(String),
    /// It ends before its end.
    #[error("it is incomplete: it ends before its last part")]
    CutOff,
    /// Its bytes were changed.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// Its writer gave up, and said why.
    #[error("{0}")]
    Failed(String),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[source] io::Error),
}

/// Decryption reports a changed and a truncated file in these kinds.
impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutOff,
            io::ErrorKind::InvalidData => Self::Damaged("it does not decrypt"),
            _ => Self::Read(error),
        }
    }
}

/// A part of a backup.
pub enum BackupFrame<'a> {
    /// Records. A later entry replaces an earlier one.
    Records(RecordEntries<'a>),
    /// The end of the records.
    Cut(BackupCut),
    /// Keys of payloads.
    Keys(KeyEntries<'a>),
    /// The beginning of the payload file with this name.
    File([u8; 16]),
    /// The next bytes of this file.
    Data(&'a [u8]),
    /// Its content is in an earlier backup.
    LeftOut(LeftOutFile),
}

/// A file whose content is in an earlier backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOutFile {
    /// Its name.
    pub name: [u8; 16],
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its content.
    pub digest: [u8; DIGEST_BYTES],
}

/// Reads a backup, and checks each byte of it.
///
/// Only a reader that has returned its last frame has seen a complete backup.
pub struct BackupReader<R> {
    input: R,
    digest: RunningSha256,
    frames: u64,
    last: FrameKind,
    header: BackupHeader,
    counts: BackupCounts,
    cut: Option<BackupCut>,
    /// The name of the last file.
    file: FileName,
    content: Zeroizing<Vec<u8>>,
}

impl<R: Read> BackupReader<R> {
    /// Reads the beginning.
    ///
    /// # Errors
    ///
    /// [`BackupError`]
    pub fn begin(mut input: R) -> Result<Self, BackupError> {
        let mut digest = RunningSha256::default();
        let format = read_format(&mut input)?;
        digest.update(format.as_bytes());
        let mut reader = Self {
            input,
            digest,
            frames: 0,
            last: FrameKind::Header,
            header: BackupHeader {
                sealdrop: String::new(),
                store: String::new(),
                created_at: crate::clock::UnixSeconds(0),
                has_keys: false,
                records: 0,
                about_bytes: 0,
                id: String::new(),
                since: None,
            },
            counts: BackupCounts::default(),
            cut: None,
            file: FileName::default(),
            // Never grows, so no copy of a key is left in memory.
            content: Zeroizing::new(Vec::with_capacity(MAX_FRAME_BYTES + CHECKSUM_BYTES)),
        };
        if reader.read_frame()? != FrameKind::Header {
            return Err(BackupError::Damaged("it does not begin with its header"));
        }
        reader.header = reader.json()?;
        if reader.header.since.is_some() != (format == SINCE_FORMAT_LINE) {
            return Err(BackupError::Damaged("its header belongs to another format"));
        }
        Ok(reader)
    }

    /// The source.
    pub fn input_mut(&mut self) -> &mut R {
        &mut self.input
    }

    /// Continues to read from another source.
    ///
    /// # Errors
    ///
    /// Those of `map`.
    pub fn map_input<S, E>(
        self,
        map: impl FnOnce(R) -> Result<S, E>,
    ) -> Result<BackupReader<S>, E> {
        let Self { input, digest, frames, last, header, counts, cut, file, content } = self;
        let input = map(input)?;
        Ok(BackupReader { input, digest, frames, last, header, counts, cut, file, content })
    }

    /// The source, after the last frame.
    pub fn into_input(self) -> R {
        self.input
    }

    /// What it says about itself.
    pub fn header(&self) -> &BackupHeader {
        &self.header
    }

    /// The number of entries so far; after the last frame, those of the whole backup.
    pub fn counts(&self) -> BackupCounts {
        self.counts
    }

    /// The commit that it has, once it was read.
    pub fn cut(&self) -> Option<BackupCut> {
        self.cut
    }

    /// The next frame; `None` after the end of a complete backup.
    ///
    /// # Errors
    ///
    /// [`BackupError`]; the reader must not be used after that.
    pub fn next_frame(&mut self) -> Result<Option<BackupFrame<'_>>, BackupError> {
        let before = self.last;
        let digest_before = (before != FrameKind::End).then(|| self.digest.clone());
        let kind = self.read_frame()?;
        if !kind.may_follow(before) {
            return Err(BackupError::Damaged("its parts are not in their order"));
        }
        self.last = kind;
        let length = self.content.len() as u64;
        match kind {
            FrameKind::Header => Err(BackupError::Damaged("it has a second header")),
            FrameKind::Records => {
                self.counts.records += RecordEntries(&self.content).count() as u64;
                Ok(Some(BackupFrame::Records(RecordEntries(&self.content))))
            }
            FrameKind::Cut => {
                let cut = self.json()?;
                self.cut = Some(cut);
                Ok(Some(BackupFrame::Cut(cut)))
            }
            FrameKind::Keys if !self.content.len().is_multiple_of(KeyEntries::ENTRY_BYTES) => {
                Err(BackupError::Damaged("a key is incomplete"))
            }
            FrameKind::Keys => {
                self.counts.keys += length / KeyEntries::ENTRY_BYTES as u64;
                Ok(Some(BackupFrame::Keys(KeyEntries(&self.content))))
            }
            FrameKind::File => {
                self.counts.files += 1;
                let name = <[u8; 16]>::try_from(&self.content[..]);
                self.file = name.map_err(|_| BackupError::Damaged("a file has no name"))?;
                Ok(Some(BackupFrame::File(self.file)))
            }
            FrameKind::Data => {
                self.counts.file_bytes += length;
                Ok(Some(BackupFrame::Data(&self.content)))
            }
            FrameKind::LeftOut if self.header.since.is_none() => {
                Err(BackupError::Damaged("it leaves out a file without an earlier backup"))
            }
            FrameKind::LeftOut => {
                let left_out = self.left_out()?;
                self.counts.file_bytes = self.counts.file_bytes.saturating_add(left_out.bytes);
                self.counts.left_out += 1;
                self.counts.left_out_bytes =
                    self.counts.left_out_bytes.saturating_add(left_out.bytes);
                Ok(Some(BackupFrame::LeftOut(left_out)))
            }
            FrameKind::End => self.check_end(digest_before).map(|()| None),
            FrameKind::Failure => {
                Err(BackupError::Failed(String::from_utf8_lossy(&self.content).into_owned()))
            }
        }
    }

    fn left_out(&self) -> Result<LeftOutFile, BackupError> {
        let parts = self.content.split_first_chunk::<8>();
        let parts = parts.and_then(|(bytes, digest)| Some((bytes, digest.try_into().ok()?)));
        let (bytes, digest) =
            parts.ok_or(BackupError::Damaged("a file that it leaves out has no digest"))?;
        Ok(LeftOutFile { name: self.file, bytes: u64::from_be_bytes(*bytes), digest })
    }

    fn check_end(&mut self, digest: Option<RunningSha256>) -> Result<(), BackupError> {
        let digest = digest.unwrap_or_default().finish();
        let expected: [&[u8]; 2] = [&self.counts.to_bytes(), &digest];
        if self.content.len() != BackupCounts::BYTES + DIGEST_BYTES
            || self.content[..] != expected.concat()
        {
            return Err(BackupError::Damaged("its parts do not add up to the whole"));
        }
        let mut after = [0];
        match read_some(&mut self.input, &mut after)? {
            0 => Ok(()),
            _ => Err(BackupError::Damaged("something follows its end")),
        }
    }

    /// Reads a frame into `content`, and checks its checksum.
    fn read_frame(&mut self) -> Result<FrameKind, BackupError> {
        const UNKNOWN: BackupError = BackupError::Damaged("a part of it cannot be recognized");
        let mut start = [0; HEAD_BYTES];
        self.input.read_exact(&mut start)?;
        let [kind, length @ ..] = start;
        let kind = FrameKind::of(kind).ok_or(UNKNOWN)?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| UNKNOWN)?;
        if length > MAX_FRAME_BYTES {
            return Err(UNKNOWN);
        }
        self.content.resize(length, 0);
        self.input.read_exact(&mut self.content)?;
        let mut stored = [0; CHECKSUM_BYTES];
        self.input.read_exact(&mut stored)?;
        if checksum(self.frames, &start, &self.content).to_be_bytes() != stored {
            return Err(BackupError::Damaged("a part of it does not match its checksum"));
        }
        self.frames += 1;
        for bytes in [&start[..], &self.content, &stored] {
            self.digest.update(bytes);
        }
        Ok(kind)
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, BackupError> {
        serde_json::from_slice(&self.content)
            .map_err(|_| BackupError::Damaged("a part of it cannot be decoded"))
    }
}

/// Reads the line with the format, and returns it.
fn read_format(input: &mut impl Read) -> Result<&'static str, BackupError> {
    let mut line = Vec::new();
    // Longer than any line of a format.
    while line.len() < 64 && line.last() != Some(&b'\n') {
        let mut byte = [0];
        match read_some(input, &mut byte)? {
            0 if FORMAT_LINE.as_bytes().starts_with(&line) => return Err(BackupError::CutOff),
            0 => return Err(BackupError::NotABackup),
            _ => line.extend(byte),
        }
        if line.len() == FORMAT_NAME.len() && line != FORMAT_NAME.as_bytes() {
            return Err(BackupError::NotABackup);
        }
    }
    match line.strip_prefix(FORMAT_NAME.as_bytes()) {
        _ if line == FORMAT_LINE.as_bytes() => Ok(FORMAT_LINE),
        _ if line == SINCE_FORMAT_LINE.as_bytes() => Ok(SINCE_FORMAT_LINE),
        Some(format) if format.trim_ascii().iter().all(u8::is_ascii_digit) => {
            Err(BackupError::Newer(String::from_utf8_lossy(format.trim_ascii()).into_owned()))
        }
        _ => Err(BackupError::NotABackup),
    }
}

fn read_some(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

pub(super) fn head(kind: FrameKind, length: usize) -> [u8; HEAD_BYTES] {
    // The length is at most 128 KiB.
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [kind as u8, a, b, c, d]
}

pub(super) fn checksum(number: u64, head: &[u8], content: &[u8]) -> u64 {
    let mut hasher = Xxh3::with_seed(number);
    hasher.update(head);
    hasher.update(content);
    hasher.digest()
}
