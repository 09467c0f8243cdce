//! Makes sled's flush durable, with one sync for a commit.
//!
//! sled 0.34.7 ends a flush with `sync_file_range`, which neither empties the disk's cache nor writes
//! the file's length: a power cut takes back what was acknowledged (sled issues #1351 and #1452). The
//! symbol below is linked before the C library's, so that sled's call lands here and becomes an
//! `fdatasync` of the whole file. [`calls`] lets the store prove at every start that it does.
//!
//! sled writes a batch in two or more pieces, each followed by that call: first a message that says how
//! far the batch goes, which is written last, then the rest. Within a [`Commit`] the syncs are put off to
//! one at its end, until a piece begins a segment; that one and what follows is synced at once. Nothing
//! rests on the pieces before:
//!
//! - Without all of them, sled's recovery ends before the batch, as it must: nobody was answered.
//! - The header of a segment claims that what lies before some point of the log is on disk, and sled
//!   frees old segments by it. Readers, too, may make sled begin one, by splitting a page. But whoever
//!   begins one syncs all that was put off, before another header can claim anything about it.
//!
//! Linux only, as sled's call is.

use std::{
    collections::HashMap,
    ffi::{c_int, c_uint},
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::{fdatasync, fstat};

use crate::store::fatal;

/// sled's default. A write at the beginning of a segment holds its header, and is synced by itself.
const SEGMENT_BYTES: i64 = 512 << 10;

static CALLS: AtomicU64 = AtomicU64::new(0);
/// The databases of this process, by device and inode: a daemon has one, a process of tests many.
static DATABASES: LazyLock<Mutex<HashMap<Identity, Arc<Shared>>>> = LazyLock::new(Mutex::default);

type Identity = (u64, u64);

/// How often sled has asked for a sync since the process began.
pub(in crate::store) fn calls() -> u64 {
    CALLS.load(Ordering::SeqCst)
}

/// sled's file, watched from outside.
pub(in crate::store) struct Database {
    file: File,
    identity: Identity,
    shared: Arc<Shared>,
}

/// What the hook and a commit tell each other.
type Shared = Mutex<State>;

#[derive(Default)]
struct State {
    committing: bool,
    /// Something has been written whose sync was put off, and no other sync has begun since.
    unsynced: bool,
}

/// A commit under way.
pub(in crate::store) struct Commit<'a>(&'a Database);

impl Database {
    /// Watches the file at `path`, which sled has open.
    pub(in crate::store) fn watch(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let identity = identity(file.as_fd())?;
        let shared = Arc::new(Shared::default());
        databases().insert(identity, Arc::clone(&shared));
        Ok(Self { file, identity, shared })
    }

    /// Begins a commit: call before the batch is applied.
    pub(in crate::store) fn commit(&self) -> Commit<'_> {
        *lock(&self.shared) = State { committing: true, unsynced: false };
        Commit(self)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        databases().remove(&self.identity);
    }
}

impl Commit<'_> {
    /// Ends the commit after the flush. When this returns, all of it is on disk.
    pub(in crate::store) fn end(self) {
        let State { unsynced, .. } = std::mem::take(&mut *lock(&self.0.shared));
        if unsynced {
            sync(self.0.file.as_fd());
        }
    }
}

/// Takes the place of `sync_file_range(2)` in this process: syncs the whole file, or leaves that to
/// [`Commit::end`].
///
/// Returns 0. It never returns an error: a failed sync may have dropped the dirty pages, so that a
/// second try would succeed without having written them; the process ends instead.
#[expect(unsafe_code, reason = "the only way to replace sled's call: the symbol itself")]
// SAFETY: the name and the signature are those of the C library's function on Linux. Its callers
// expect the range to be written; syncing the whole file is more than that, and where it is put off,
// the only caller is told that the commit is done when it has been made up for.
#[unsafe(no_mangle)]
pub(in crate::store) extern "C" fn sync_file_range(
    fd: c_int,
    offset: i64,
    _count: i64,
    _flags: c_uint,
) -> c_int {
    CALLS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: whoever calls `sync_file_range` passes a descriptor that stays open during the call,
    // and the borrow ends with it.
    #[expect(unsafe_code, reason = "C hands over a bare descriptor")]
    let file = unsafe { BorrowedFd::borrow_raw(fd) };
    let watched = identity(file).ok().and_then(|identity| databases().get(&identity).cloned());
    if let Some(shared) = watched {
        let mut state = lock(&shared);
        if offset % SEGMENT_BYTES == 0 {
            // From here on the log lies in two segments, and a reader may make sled begin a third.
            state.committing = false;
        }
        if state.committing {
            state.unsynced = true;
            return 0;
        }
        // Before the sync: what is put off from now on may come too late for it.
        state.unsynced = false;
    }
    sync(file);
    0
}

fn sync(file: BorrowedFd<'_>) {
    if let Err(error) = fdatasync(file) {
        fatal(&format!("cannot sync the database: {error}"));
    }
}

fn identity(file: BorrowedFd<'_>) -> io::Result<Identity> {
    let stat = fstat(file)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn databases() -> MutexGuard<'static, HashMap<Identity, Arc<Shared>>> {
    lock(&DATABASES)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
