//! A store of format 1 becomes one of format 2: its slot file had keys as they are, and there was no ring.
//!
//! 1. The new slot file and its table are written beside the old file, which gets a second name.
//! 2. The new file takes the name of the old one.
//! 3. The file `format` says 2.
//! 4. The old file is overwritten and deleted.
//!
//! Each step is durable before the next one, and a start continues after a crash: before step 2 from the
//! beginning, later from where it was.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use zeroize::Zeroizing;

use super::{
    bucket_table::{Bucket, BucketTable},
    files::{overwrite, remove_if_there, sync},
    key_files::{InPlaceFile, KeyDirectory, KeyFiles, open_in_place},
    ring::RingFile,
    slot_form::{SLOT_BYTES, SLOTS, SLOTS_MAGIC, SlotLayout, mark_of, rewrap, write_head},
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, WrappingKey},
};

const OLD_MAGIC: &[u8; SLOT_BYTES] = b"sealdrop slots, format 1\n\0\0\0\0\0\0\0";
/// The header of the old file, in its first two slots.
const OLD_HEADER: usize = 2 * SLOT_BYTES;
const NEW_SLOTS: &str = "slots.new";
const OLD_SLOTS: &str = "slots.old";

/// Whether step 2 is done.
pub(super) fn has_new_slots(store: &Path) -> io::Result<bool> {
    let mut magic = [0; SLOT_BYTES];
    File::open(store.join(SLOTS))?.read_exact(&mut magic)?;
    Ok(&magic == SLOTS_MAGIC)
}

/// Steps 1 and 2. Blocks.
///
/// # Errors
///
/// An error of the system, or a slot file that is not of format 1. The old one is still complete then.
pub(super) fn write_new_slots(
    store: &Path,
    ring: &RingFile,
    random: &dyn Random,
) -> io::Result<()> {
    write_files(store, ring, random)?;
    let old = store.join(OLD_SLOTS);
    remove_if_there(&old)?;
    fs::hard_link(store.join(SLOTS), &old)?;
    sync(store)?;
    KeyDirectory::new(store).rename(NEW_SLOTS, SLOTS)
}

/// Step 3: `format` is the content of the file `format`.
pub(super) fn write_format(store: &Path, format: &str) -> io::Result<()> {
    let new_format = store.join("format.new");
    let mut file = File::create(&new_format)?;
    file.write_all(format.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new_format, store.join("format"))?;
    sync(store)
}

/// Step 4, once the new keys are known to be good.
pub(super) fn wipe_old_slots(store: &Path) -> io::Result<()> {
    let path = store.join(OLD_SLOTS);
    let file = match open_in_place(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    overwrite(&file)?;
    fs::remove_file(&path)?;
    sync(store)
}

/// Writes the new slot file and the table, and syncs them.
fn write_files(store: &Path, ring: &RingFile, random: &dyn Random) -> io::Result<()> {
    let layout = SlotLayout::USUAL;
    let old = open_in_place(&store.join(SLOTS))?;
    let mut head = [0; OLD_HEADER];
    FileExt::read_exact_at(&old, &mut head, 0)?;
    let [magic, mark] = head.as_chunks::<SLOT_BYTES>().0 else {
        return Err(io::Error::other("the head of the slot file is too short"));
    };
    if magic != OLD_MAGIC {
        return Err(io::Error::other("it is not a slot file of format 1"));
    }
    let mark = mark_of(mark).ok_or_else(|| io::Error::other("the commit mark is damaged"))?;
    let files = KeyDirectory::new(store);
    let new = files.create(NEW_SLOTS)?;
    write_head(new.as_ref(), mark)?;
    // A crash can have cut the old file within the last step of its growth, which has no used slots then.
    let step = u64::from(layout.growth) * layout.page_bytes() as u64;
    let steps = (old.metadata()?.len() / step).max(1);
    let pages = u32::try_from(steps * u64::from(layout.growth)).map_err(io::Error::other)?;
    let mut buckets = Vec::new();
    let mut bytes = Zeroizing::new(vec![0; layout.page_bytes()]);
    for page in 0..pages {
        let key = WrappingKey::new(random);
        let offset = u64::from(page) * layout.page_bytes() as u64;
        FileExt::read_exact_at(&old, &mut bytes, offset)?;
        if let (0, Some(header)) = (page, bytes.get_mut(..OLD_HEADER)) {
            header.fill(0);
        }
        rewrap(&mut bytes, None, &key);
        new.write_all_at(&bytes, layout.page_offset(page))?;
        buckets.push(Bucket { page, key, version: 1 });
    }
    InPlaceFile::sync(new.as_ref())?;
    let epoch = ring.newest().ok_or_else(|| io::Error::other("the ring is empty"))?;
    BucketTable::write_new(&files, epoch, UnixSeconds(0), buckets.iter())?;
    BucketTable::put_in_place(&files)
}
