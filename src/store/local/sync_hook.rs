//! Makes sled's flush durable, with one sync per commit.
//!
//! sled 0.34.7 ends a flush with `sync_file_range`, which neither empties the disk's cache nor writes the
//! file's length. A power cut can therefore undo acknowledged writes (sled issues #1351 and #1452). The
//! symbol below is linked before the C library's, so that it receives sled's call and executes an `fdatasync`
//! of the whole file. The store uses [`calls`] at every start to check that it does.
//!
//! sled writes a batch in two or more pieces, with that call after each: first a message with the end of the
//! batch, which is written last, then the rest. Within a commit ([`DelayedSyncs`]) these syncs are delayed and replaced by
//! one at its end, until a piece begins a segment. That piece and all later ones are synced immediately. The
//! delay is safe:
//!
//! - If a piece is missing, sled's recovery ends before the batch. That is correct, because its changes were
//!   not acknowledged yet.
//! - The header of a segment states that the log is on disk up to some point, and sled frees old segments
//!   based on it. Readers can also make sled begin a segment, by splitting a page. The thread that begins
//!   one syncs all delayed writes, before another header can depend on them.
//!
//! Linux only, like sled's call.

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
    time::Instant,
};

use rustix::fs::{fdatasync, fstat};

use crate::{metrics::AtomicHistogram, store::fatal::fatal};

/// sled's default. A write at the beginning of a segment contains its header, and is synced separately.
const SEGMENT_BYTES: i64 = 512 << 10;

static CALLS: AtomicU64 = AtomicU64::new(0);
/// The databases of this process, by device and inode: one in a daemon, several in a test process.
static DATABASES: LazyLock<Mutex<HashMap<Identity, Arc<HookState>>>> =
    LazyLock::new(Mutex::default);

type Identity = (u64, u64);

/// The number of syncs that sled has requested in this process.
pub(in crate::store) fn calls() -> u64 {
    CALLS.load(Ordering::SeqCst)
}

/// The file of sled's database.
pub(in crate::store) struct SyncedFile {
    file: File,
    identity: Identity,
    shared: Arc<HookState>,
}

/// The state that the hook and a commit share.
struct HookState {
    sync: Mutex<SyncState>,
    times: Arc<AtomicHistogram>,
}

#[derive(Default)]
struct SyncState {
    committing: bool,
    /// Whether a write with a delayed sync exists and no other sync has begun since.
    unsynced: bool,
}

/// The syncs of a commit in progress.
pub(in crate::store) struct DelayedSyncs<'a>(&'a SyncedFile);

impl SyncedFile {
    /// Registers the file at `path`, which sled has opened.
    pub(in crate::store) fn new(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let identity = identity(file.as_fd())?;
        let times = Arc::new(AtomicHistogram::of_durations());
        let shared = Arc::new(HookState { sync: Mutex::default(), times });
        databases().insert(identity, Arc::clone(&shared));
        Ok(Self { file, identity, shared })
    }

    /// Begins a commit. Must be called before the batch is applied.
    pub(in crate::store) fn commit(&self) -> DelayedSyncs<'_> {
        *lock(&self.shared.sync) = SyncState { committing: true, unsynced: false };
        DelayedSyncs(self)
    }

    /// The times of the syncs.
    pub(in crate::store) fn sync_times(&self) -> &Arc<AtomicHistogram> {
        &self.shared.times
    }
}

impl Drop for SyncedFile {
    fn drop(&mut self) {
        databases().remove(&self.identity);
    }
}

impl DelayedSyncs<'_> {
    /// Ends the commit after the flush. The whole commit is durable when this returns.
    pub(in crate::store) fn end(self) {
        let SyncState { unsynced, .. } = std::mem::take(&mut *lock(&self.0.shared.sync));
        if unsynced {
            let began = Instant::now();
            sync(self.0.file.as_fd());
            self.0.shared.times.observe_duration(began.elapsed());
        }
    }
}

/// Replaces `sync_file_range(2)` in this process: syncs the whole file, or delays the sync until
/// [`DelayedSyncs::end`].
///
/// Returns 0, never an error. A failed sync may have dropped the dirty pages, so that a second attempt would
/// succeed without writing them; therefore a failure ends the process.
#[expect(unsafe_code, reason = "sled's call can only be replaced by defining its symbol")]
// SAFETY: the name and the signature are those of the C library's function on Linux. Callers expect that the
// range is written; syncing the whole file does more. A delayed sync is replaced by the one at
// the end of the commit, which precedes the result of the commit.
#[unsafe(no_mangle)]
pub(in crate::store) extern "C" fn sync_file_range(
    fd: c_int,
    offset: i64,
    _count: i64,
    _flags: c_uint,
) -> c_int {
    CALLS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the caller of `sync_file_range` passes a descriptor that stays open during the call, and the
    // borrow ends with the call.
    #[expect(unsafe_code, reason = "C passes a raw descriptor")]
    let file = unsafe { BorrowedFd::borrow_raw(fd) };
    let watched = identity(file).ok().and_then(|identity| databases().get(&identity).cloned());
    if let Some(shared) = &watched {
        let mut state = lock(&shared.sync);
        if offset % SEGMENT_BYTES == 0 {
            // The log now spans two segments, and a reader may make sled begin a third one.
            state.committing = false;
        }
        if state.committing {
            state.unsynced = true;
            return 0;
        }
        // Before the sync, which may not include a write that is delayed from now on.
        state.unsynced = false;
    }
    let began = Instant::now();
    sync(file);
    if let Some(shared) = watched {
        shared.times.observe_duration(began.elapsed());
    }
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

fn databases() -> MutexGuard<'static, HashMap<Identity, Arc<HookState>>> {
    lock(&DATABASES)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
