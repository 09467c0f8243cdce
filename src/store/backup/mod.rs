//! Backups: a consistent copy of an open store, written while changes continue, and the way back.
//!
//! ```text
//! Store::back_up -> scan (chunks, in the writer's thread) --------> BackupWriter -> out
//!                   CommitTap (what commits change meanwhile) -> spool ^
//! restore: BackupReader -> a new store under a temporary name -> Store::open checks it -> rename
//! ```
//!
//! A backup is the state at one commit, the *cut*. Records are read first, in chunks between two commits.
//! Writes of later commits to records that were read already go to the tap, which spools them. When all
//! records are read, the keys of payloads are read in the same way; the last chunk of them is the cut. The
//! payload files follow after the cut: files that burns give up are kept until then. So a backup has no key
//! of a secret that was burned before the cut.
//!
//! Records and keys are always written as a whole. A backup *since* an earlier one leaves out payload files,
//! which do not change once they are complete: it names them with their digests. [`EarlierFiles`] tells which
//! ones, when it is written, and [`LeftOutFiles`] collects them from the earlier backups, when it is read.

mod copying;
mod create;
mod earlier;
mod entries;
mod format;
mod frame_writer;
mod frames;
mod keyless;
mod left_out;
mod restore;
mod restored_parts;
mod spool;
mod tap;

pub(in crate::store) use self::{
    copying::COMPACTING,
    restore::UNFINISHED,
    tap::{CommitTap, DeadFile},
};
pub use self::{
    copying::{CompactedStore, CopyError, compact, copy_store},
    create::{BackUpError, BackupOrder},
    earlier::{BackupIndex, EarlierFile, EarlierFiles, IndexError, IndexedFiles},
    entries::{KeyEntries, RecordEntries},
    format::{BackupCounts, BackupCut, BackupHeader, EarlierBackup, FORMAT_LINE, FORMAT_NAME},
    frame_writer::BackupWriter,
    frames::{BackupError, BackupFrame, BackupReader, LeftOutFile},
    keyless::KeySource,
    left_out::{LeftOutError, LeftOutFiles},
    restore::{Restoration, RestoreError, RestoredStore, restore, restore_with, wipe},
};
pub use super::local::key_table::key_table_time;
