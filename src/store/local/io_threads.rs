//! Gives sled three threads for its writes instead of seven.
//!
//! sled 0.34.7 starts seven threads when a process first uses it, and each write wakes all of them, although one
//! takes it (`threadpool.rs`, `notify_all`). The others cost more than the write (docs/performance.md). Their
//! number is not a setting, but sled goes on with fewer if the system refuses some. So the symbol below is linked
//! before the C library's, receives the calls of Rust's standard library, and refuses further threads while a
//! database is opened.
//!
//! One thread would not be enough. A commit that begins a segment can wait until the file was shortened
//! (`bump_tip` in `segment.rs`), which is a task of the same threads, and holds a lock that each of their writes
//! takes at its end. A commit has two writes, and one more for each segment that it begins, so that two threads
//! can be stopped there at the same time, and one is left. If ever all were, the writer would hang, and
//! [`crate::store`] ends a process whose commit takes too long.
//!
//! A program that has the C library inside has no other symbol to call. There, and in fuzz targets, whose
//! sanitizers define the symbol, all seven are started.

use std::cell::Cell;

thread_local! {
    /// How many more threads this thread may start; `None` for any number.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

const THREADS: usize = 3;

/// Calls `open`, which can start at most [`THREADS`].
pub(super) fn with_few<T>(open: impl FnOnce() -> T) -> T {
    /// Ends the limit, also after a panic, which sled does on some kinds of damage.
    struct Limit;
    impl Drop for Limit {
        fn drop(&mut self) {
            LEFT.set(None);
        }
    }
    LEFT.set(Some(THREADS));
    let _limit = Limit;
    open()
}

#[cfg(not(any(fuzzing, target_feature = "crt-static")))]
mod symbol {
    use std::{
        ffi::{CStr, c_char, c_int, c_void},
        sync::LazyLock,
    };

    use super::LEFT;

    type Start = extern "C" fn(*mut c_void) -> *mut c_void;
    type Create = unsafe extern "C" fn(*mut c_void, *const c_void, Start, *mut c_void) -> c_int;

    const REFUSED: c_int = rustix::io::Errno::AGAIN.raw_os_error();
    /// `RTLD_NEXT` of `dlsym(3)` on Linux: the symbol of the next library.
    const NEXT: usize = usize::MAX;
    const NAME: &CStr = c"pthread_create";

    #[expect(unsafe_code, reason = "the C library's own function has the same name")]
    // SAFETY: the signature of `dlsym(3)`.
    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    /// The C library's function.
    static CREATE: LazyLock<Create> = LazyLock::new(|| {
        // SAFETY: the handle is one that `dlsym` defines, and the name ends with a zero.
        #[expect(unsafe_code, reason = "the C library's own function has the same name")]
        let found = unsafe { dlsym(NEXT as *mut c_void, NAME.as_ptr()) };
        assert!(!found.is_null(), "the C library has no pthread_create");
        // SAFETY: POSIX gives the function this signature. It is not null, as checked.
        #[expect(unsafe_code, reason = "dlsym returns functions without their type")]
        unsafe {
            std::mem::transmute::<*mut c_void, Create>(found)
        }
    });

    /// Replaces `pthread_create(3)` in this process.
    #[expect(
        unsafe_code,
        reason = "the calls of sled can only be refused by defining their symbol"
    )]
    // SAFETY: the name and the signature are those of the C library's function, which gets the same arguments.
    // Its callers expect `EAGAIN` if there are too many threads.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn pthread_create(
        thread: *mut c_void,
        attributes: *const c_void,
        start: Start,
        argument: *mut c_void,
    ) -> c_int {
        let left = LEFT.get();
        if left == Some(0) {
            return REFUSED;
        }
        // SAFETY: the arguments are those of the caller.
        let outcome = unsafe { CREATE(thread, attributes, start, argument) };
        // One that the system has refused does not count, so that the next one is tried.
        if outcome == 0 {
            LEFT.set(left.map(|left| left - 1));
        }
        outcome
    }
}
