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
    directory::sync,
    key_files::{InPlaceFile, KeyDirectory, KeyFiles, open_in_place},
    ring::RingFile,
    slot_form::{
        MARK_OFFSET, SLOT_BYTES, SLOTS, SLOTS_MAGIC, SlotLayout, is_empty, mark_of, write_head,
    },
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, SlotKey, WrappingKey},
};

const OLD_MAGIC: &[u8; SLOT_BYTES] = b"sealdrop slots, format 1\n\0\0\0\0\0\0\0";
/// The slots of the old file that were its header.
const OLD_HEADER: usize = 2;
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
    match fs::remove_file(&old) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
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
    io::copy(&mut io::repeat(0).take(file.metadata()?.len()), &mut &file)?;
    file.sync_all()?;
    fs::remove_file(&path)?;
    sync(store)
}

/// Writes the new slot file and the table, and syncs them.
fn write_files(store: &Path, ring: &RingFile, random: &dyn Random) -> io::Result<()> {
    let layout = SlotLayout::USUAL;
    let old = open_in_place(&store.join(SLOTS))?;
    let mut head = [0; 2 * SLOT_BYTES];
    FileExt::read_exact_at(&old, &mut head, 0)?;
    let [magic, mark] = head.as_chunks::<SLOT_BYTES>().0 else {
        return Err(io::Error::other("the head of the slot file is too short"));
    };
    if magic != OLD_MAGIC {
        return Err(io::Error::other("it is not a slot file of format 1"));
    }
    let mark = mark_of(mark).ok_or_else(|| io::Error::other("the commit mark is damaged"))?;
    debug_assert_eq!(MARK_OFFSET, SLOT_BYTES as u64);
    let files = KeyDirectory::new(store);
    let new = files.create(NEW_SLOTS)?;
    write_head(new.as_ref(), mark)?;
    // Whole steps of growth, as in a slot file that has grown: all pages of the old one fit.
    let step = u64::from(layout.growth) * layout.page_bytes() as u64;
    let steps = old.metadata()?.len().div_ceil(step).max(1);
    let pages = u32::try_from(steps * u64::from(layout.growth)).map_err(io::Error::other)?;
    let mut buckets = Vec::new();
    let mut bytes = Zeroizing::new(vec![0; layout.page_bytes()]);
    for page in 0..pages {
        let key = WrappingKey::new(random);
        let wrap = key.for_slots();
        read_at_most(&old, &mut bytes, u64::from(page) * layout.page_bytes() as u64)?;
        let slots = bytes.as_chunks_mut::<SLOT_BYTES>().0;
        for (number, slot) in slots.iter_mut().enumerate() {
            if page == 0 && number < OLD_HEADER {
                *slot = [0; SLOT_BYTES];
            } else if !is_empty(slot) {
                *slot = wrap.wrap(&SlotKey::from_bytes(*slot));
            }
        }
        new.write_all_at(&bytes, layout.page_offset(page))?;
        buckets.push(Bucket { page, key, version: 1 });
    }
    InPlaceFile::sync(new.as_ref())?;
    let epoch = ring.newest().ok_or_else(|| io::Error::other("the ring is empty"))?;
    BucketTable::write_new(&files, epoch, UnixSeconds(0), buckets.iter())?;
    BucketTable::put_in_place(&files)
}

/// Fills `bytes` from `offset` on, with zeros behind the end of the file.
fn read_at_most(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    bytes.fill(0);
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64)? {
            0 => break,
            read => done += read,
        }
    }
    Ok(())
}
