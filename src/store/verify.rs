//! The scan at start: checks that the store contains all acknowledged data and no other.
//!
//! sled's log can lose records without an error after bit flips, and can return to an older state. The scan
//! reads every record. It compares all records with the manifest, the manifest with the commit mark, and the
//! key slots and payload files with the records that name them. It fails if any of them differ.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    StoreFigures,
    bodies::FileName,
    engine::{Engine, Writes},
    group::StoreDisks,
    manifest::Manifest,
    payload_keys::CommitMark,
    record::{Attached, Envelope, stored_checksum},
};

/// The result of a successful scan.
pub(super) struct Verified {
    pub(super) manifest: Manifest,
    /// The payload files that records name.
    pub(super) files: BTreeSet<FileName>,
    /// The writes that complete burns after a crash: they remove the payloads from records whose keys are
    /// wiped. They must be part of the next commit, because a later start would treat these records as
    /// damaged.
    pub(super) burns: Writes,
}

/// Checks the whole store, counts its records in `figures` and marks the used slots. For exclusive engines.
///
/// # Errors
///
/// A description of the first difference, for the operator.
pub(super) fn verify(disks: &StoreDisks, figures: &StoreFigures) -> Result<Verified, String> {
    let StoreDisks { engine, keys, bodies, .. } = disks;
    let mut found = Manifest::default();
    let mut stored = None;
    let mut named_slots = BTreeMap::new();
    let mut named_files = BTreeSet::new();
    let mut value_keys = BTreeSet::new();
    for item in engine.scan_all() {
        let (key, bytes) = item?;
        let envelope = Envelope::decode(&key, &bytes).map_err(|error| error.to_string())?;
        if key == Manifest::key() {
            stored = Some(envelope.value::<Manifest>().map_err(|error| error.to_string())?);
            continue;
        }
        found.add(stored_checksum(&bytes));
        let Attached { payload, value_key } = envelope.attached;
        figures.found(&key, payload.as_ref());
        value_keys.extend(value_key.map(|key| key.slot));
        for (slot, check) in envelope.attached.slots() {
            if named_slots.insert(slot, check).is_some() {
                return Err("two records name the same key slot".into());
            }
        }
        let Some(payload) = payload else { continue };
        if let Some((name, bytes)) = payload.body.file() {
            match bodies.bytes(name) {
                Ok(there) if payload.body.fits(there) => named_files.insert(name),
                Ok(there) => {
                    return Err(format!("a payload file has {there} bytes instead of {bytes}"));
                }
                Err(error) => return Err(format!("a payload file cannot be read: {error}")),
            };
        }
    }

    let stored = stored.ok_or("the manifest is missing")?;
    if (found.records, found.checksums) != (stored.records, stored.checksums) {
        return Err(format!(
            "there are {} records where the manifest counts {}, or some of them are not the last \
             ones written",
            found.records, stored.records
        ));
    }
    let mark = keys
        .commit_mark()
        .map_err(|error| format!("the slot file cannot be read: {error}"))?
        .ok_or("the commit mark in the slot file is damaged")?;
    check_commit_mark(mark, stored.batch)?;

    let burned = keys
        .verify(&named_slots, stored.batch)
        .map_err(|error| format!("the slot file cannot be read: {error}"))??;
    if !burned.is_disjoint(&value_keys) {
        // They are wiped after the records that name them are gone.
        return Err("the key of a record's values is wiped, and the record is there".into());
    }
    let mut verified = Verified { manifest: stored, files: named_files, burns: Writes::new() };
    if !burned.is_empty() {
        finish_burns(engine.as_ref(), &burned, &mut verified)?;
    }
    Ok(verified)
}

/// Removes the payloads from the records that name `burned` slots.
fn finish_burns(
    engine: &dyn Engine,
    burned: &BTreeSet<u32>,
    verified: &mut Verified,
) -> Result<(), String> {
    for item in engine.scan_all() {
        let (key, bytes) = item?;
        let envelope = Envelope::decode(&key, &bytes).map_err(|error| error.to_string())?;
        let Attached { payload, value_key } = envelope.attached;
        let Some(payload) = payload.filter(|payload| burned.contains(&payload.slot)) else {
            continue;
        };
        if let Some((name, _)) = payload.body.file() {
            verified.files.remove(&name);
        }
        let left = Attached { payload: None, value_key };
        let bytes = Envelope::encode(&key, envelope.raw_value(), left)
            .map_err(|error| error.to_string())?;
        verified.burns.insert(key, Some(bytes));
    }
    tracing::info!(records = burned.len(), "completing burns that a crash interrupted");
    Ok(())
}

/// Whether a database at commit `batch` is consistent with the mark.
fn check_commit_mark(mark: CommitMark, batch: u64) -> Result<(), String> {
    // A commit that was begun and not finished may be missing, because it was not acknowledged.
    let oldest = if mark.finished { mark.batch } else { mark.batch.saturating_sub(1) };
    if batch < oldest {
        return Err(format!("the database is at commit {batch} and has lost those up to {oldest}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unfinished_commit_may_be_missing() {
        // (mark, finished, database) -> fits
        let cases = [
            ((5, true, 5), true),
            ((5, true, 4), false),
            ((5, false, 5), true),
            ((5, false, 4), true),
            ((5, false, 3), false),
            ((5, true, 6), true), // a power cut has undone the mark
        ];
        for ((batch, finished, database), fits) in cases {
            let mark = CommitMark { batch, finished };
            assert_eq!(check_commit_mark(mark, database).is_ok(), fits, "{mark:?} {database}");
        }
    }
}
