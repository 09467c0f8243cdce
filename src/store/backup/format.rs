//! The parts of a backup that say what it is.
//!
//! ```text
//! backup = "sealdrop backup, format 1\n" ‖ frame …   (format 2 if files are left out)
//! frame  = kind (1 byte) ‖ length (4 bytes) ‖ content ‖ checksum (8 bytes)
//! ```
//!
//! Numbers are big endian. The checksum is the XXH3 of kind, length and content, with the number of the frame
//! as its seed, so that a missing or moved frame is noticed. The kinds, in their order:
//!
//! | kind | content |
//! |---|---|
//! | 1 header | [`BackupHeader`] as JSON |
//! | 2 records, any number | for each: length of the key (1), key, length of the value (2; 0: deleted), value |
//! | 3 cut | [`BackupCut`] as JSON |
//! | 4 keys, any number | for each: slot (4), key (32) |
//! | 5 file, for each payload file | its name (16) |
//! | 6 data, any number after a 5 | the next bytes of that file |
//! | 7 end | [`BackupCounts`] (4 × 8), SHA-256 of everything before this frame |
//! | 8 failure | the reason, as text: the writer gave up |
//! | 9 left out, after a 5 instead of 6 | the length (8) and the SHA-256 (32) of a file in an earlier backup |
//!
//! A later entry for the same record replaces an earlier one. The keys are a section of their own: everything
//! else in a backup is readable without them, and opens nothing.

use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;

/// The beginning of a backup.
pub const FORMAT_LINE: &str = "sealdrop backup, format 1\n";

/// The beginning of a backup since an earlier one. Versions that know only format 1 refuse it.
pub(super) const SINCE_FORMAT_LINE: &str = "sealdrop backup, format 2\n";

/// What every format begins with.
pub const FORMAT_NAME: &str = "sealdrop backup, format ";

/// What is known when a backup begins. Unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupHeader {
    /// The version of the sealdrop that wrote it.
    pub sealdrop: String,
    /// The format of the store: the content of the file `format`, without its line end.
    pub store: String,
    /// The time when the backup began.
    pub created_at: UnixSeconds,
    /// Whether it has the keys of payloads. Without them it does not open anything.
    pub has_keys: bool,
    /// The number of records when the backup began.
    pub records: u64,
    /// About the size of the backup, in bytes.
    pub about_bytes: u64,
    /// 32 random hexadecimal digits, which a backup since this one names. Empty if a version without such
    /// backups wrote it.
    #[serde(default)]
    pub id: String,
    /// The earlier backup that has, or names, the files that this one leaves out. Only in format 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<EarlierBackup>,
}

/// A backup that a later one builds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierBackup {
    /// Its [`BackupHeader::id`].
    pub id: String,
    /// The time when it began.
    pub created_at: UnixSeconds,
    /// The name of its file when it was made; `None` for standard output.
    pub file: Option<String>,
    /// Whether it was interrupted: it ends anywhere, and has the files that are complete in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_part: bool,
}

/// The commit whose state a backup has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupCut {
    /// Its number, counted since the store was created.
    pub commit: u64,
    /// The time at that commit.
    pub at: UnixSeconds,
}

/// The number of entries in a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupCounts {
    /// Entries of records, including those that replace others.
    pub records: u64,
    /// Keys of payloads.
    pub keys: u64,
    /// Payload files.
    pub files: u64,
    /// The bytes of these files.
    pub file_bytes: u64,
    /// The files among them that are in an earlier backup instead.
    pub left_out: u64,
    /// The bytes of those.
    pub left_out_bytes: u64,
}

impl BackupCounts {
    pub(super) const BYTES: usize = 32;

    /// The numbers at the end of a backup.
    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let numbers = [self.records, self.keys, self.files, self.file_bytes];
        for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number.to_be_bytes();
        }
        bytes
    }
}

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FrameKind {
    Header = 1,
    Records,
    Cut,
    Keys,
    File,
    Data,
    End,
    Failure,
    LeftOut,
}

impl FrameKind {
    pub(super) fn of(byte: u8) -> Option<Self> {
        use FrameKind::{Cut, Data, End, Failure, File, Header, Keys, LeftOut, Records};
        let all = [Header, Records, Cut, Keys, File, Data, End, Failure, LeftOut];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Whether a frame of this kind may come after one of the kind `before`.
    pub(super) fn may_follow(self, before: Self) -> bool {
        use FrameKind::{Cut, Data, End, Failure, File, Header, Keys, LeftOut, Records};
        match self {
            Header => false,
            Records => matches!(before, Header | Records),
            Cut => matches!(before, Header | Records),
            Keys => matches!(before, Cut | Keys),
            File => matches!(before, Cut | Keys | File | Data | LeftOut),
            Data => matches!(before, File | Data),
            LeftOut => before == File,
            End => matches!(before, Cut | Keys | File | Data | LeftOut),
            Failure => !matches!(before, End | Failure),
        }
    }
}
