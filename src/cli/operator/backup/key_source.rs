//! Where the keys of a backup without keys are, from the flags.

use std::path::PathBuf;

use crate::{
    cli::{Context, Failure},
    clock::UnixSeconds,
    crypto::WrappingKey,
    store::backup::{KeySource, key_table_time},
};

/// The key table and the ring.
pub(in crate::cli) struct SourceFlags {
    table: PathBuf,
    ring: PathBuf,
    master_key: Option<WrappingKey>,
}

impl SourceFlags {
    /// The files that the flags `--keys` and `--ring` name; `None` without them.
    pub(in crate::cli) fn find(
        keys: Option<&str>,
        ring: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Option<Self>, Failure> {
        let (table, ring) = match (keys, ring) {
            (None, None) => return Ok(None),
            (Some(keys), Some(ring)) => (PathBuf::from(keys), PathBuf::from(ring)),
            _ => return Err(Failure::usage("give both --keys and --ring, or none of them")),
        };
        Ok(Some(Self { table, ring, master_key: context.master_key()? }))
    }

    pub(super) fn source(&self) -> KeySource<'_> {
        KeySource { table: &self.table, ring: &self.ring, master_key: self.master_key.as_ref() }
    }

    /// The time of the turn at which the table was written.
    pub(super) fn written_at(&self) -> Option<UnixSeconds> {
        key_table_time(&self.table)
    }
}
