//! The start of a store: everything is checked, and what a crash has left half done is finished.

use std::{collections::BTreeSet, io, sync::Arc};

use super::{
    StoreFigures,
    bodies::FileName,
    commit::Committer,
    engine::DiskFailure,
    group::{Effects, ReadSet, StoreDisks},
    verify::{Verified, verify},
};
use crate::crypto::Random;

/// A store that is checked and ready for changes.
pub(super) struct ReadyStore {
    pub(super) committer: Committer,
    pub(super) figures: Arc<StoreFigures>,
    /// For the keys of values.
    pub(super) random: Arc<dyn Random>,
}

/// A store that is checked, before its first commit.
pub(super) struct CheckedStore {
    opened: ReadyStore,
    effects: Effects,
    named: BTreeSet<FileName>,
}

/// Checks a store whose engine is exclusive.
///
/// # Errors
///
/// What is damaged, for the operator.
pub(super) fn begin(
    disks: StoreDisks,
    figures: Arc<StoreFigures>,
    random: Arc<dyn Random>,
) -> Result<CheckedStore, String> {
    let Verified { manifest, files: named, burns } = verify(&disks, &figures)?;
    let committer = Committer::new(disks, Arc::clone(&figures), manifest, 0);
    let effects = Effects { writes: burns, ..Effects::default() };
    Ok(CheckedStore { opened: ReadyStore { committer, figures, random }, effects, named })
}

impl CheckedStore {
    /// Commits, so that the commit mark is right afterwards, and deletes the payload files that no record
    /// names.
    ///
    /// # Errors
    ///
    /// A disk that cannot be written, and files that cannot be listed or deleted.
    pub(super) fn finish(self) -> io::Result<ReadyStore> {
        let Self { mut opened, effects, named } = self;
        let committed = opened.committer.commit_exclusive(effects, &ReadSet::default());
        committed.map_err(|DiskFailure(what)| io::Error::other(what))?;
        let swept = opened.committer.disks().bodies.list()?.sweep(&named)?;
        if swept > 0 {
            tracing::info!(swept, "deleted payload files that no record names");
        }
        Ok(opened)
    }
}
