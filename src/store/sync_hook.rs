//! Makes sled's flush durable.
//!
//! sled 0.34.7 ends a flush with `sync_file_range`, which neither empties the disk's cache nor writes
//! the file's length: a power cut takes back what was acknowledged (sled issues #1351 and #1452). The
//! symbol below is linked before the C library's, so that sled's call lands here and becomes an
//! `fdatasync` of the whole file. [`calls`] lets the store prove at every start that it does.
//!
//! Linux only, as sled's call is.

use std::{
    ffi::{c_int, c_uint},
    os::fd::BorrowedFd,
    sync::atomic::{AtomicU64, Ordering},
};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// How often sled has asked for a sync since the process began.
pub(super) fn calls() -> u64 {
    CALLS.load(Ordering::SeqCst)
}

/// Takes the place of `sync_file_range(2)` in this process: syncs the whole file, ignoring the range.
///
/// Returns 0. It never returns an error: a failed sync may have dropped the dirty pages, so that a
/// second try would succeed without having written them; the process ends instead.
#[expect(unsafe_code, reason = "the only way to replace sled's call: the symbol itself")]
// SAFETY: the name and the signature are those of the C library's function on Linux, whose callers
// expect the range to be written; syncing the whole file is more than that.
#[unsafe(no_mangle)]
pub(super) extern "C" fn sync_file_range(
    fd: c_int,
    _offset: i64,
    _count: i64,
    _flags: c_uint,
) -> c_int {
    // SAFETY: whoever calls `sync_file_range` passes a descriptor that stays open during the call,
    // and the borrow ends with it.
    #[expect(unsafe_code, reason = "C hands over a bare descriptor")]
    let file = unsafe { BorrowedFd::borrow_raw(fd) };
    if let Err(error) = rustix::fs::fdatasync(file) {
        super::fatal(&format!("cannot sync the database: {error}"));
    }
    CALLS.fetch_add(1, Ordering::SeqCst);
    0
}
