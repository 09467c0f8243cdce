//! Ctrl-C, and other ways to be told to end, where it must not simply end the process: a half-written file would stay, and the terminal would
//! go on hiding what is typed.

use std::{
    io,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
};

use super::{Exit, Failure};

/// Being told to end does so at once.
static ENDS: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));
/// It was told to where it does not.
static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// As long as it lives a first Ctrl-C (or SIGTERM, SIGHUP) is only noticed, by [`check`]; a second one ends the process.
pub(crate) struct HeldSignal {
    ended: bool,
}

/// Holds Ctrl-C back.
pub(crate) fn hold() -> io::Result<HeldSignal> {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_default(signal, Arc::clone(&ENDS))?;
            // In this order: the one that ends the process looks at what the next one sets.
            flag::register_conditional_default(signal, Arc::clone(&INTERRUPTED))?;
            flag::register(signal, Arc::clone(&INTERRUPTED))?;
        }
        // A limit of file sizes shall be an error of writing, as a full disk is.
        flag::register(SIGXFSZ, Arc::default())?;
    }
    Ok(HeldSignal { ended: ENDS.swap(false, Ordering::Relaxed) })
}

impl Drop for HeldSignal {
    fn drop(&mut self) {
        ENDS.store(self.ended, Ordering::Relaxed);
    }
}

/// Fails once it was told to end.
pub(crate) fn check() -> Result<(), Failure> {
    match INTERRUPTED.load(Ordering::Relaxed) {
        true => Err(Failure { exit: Exit::Interrupted, message: "interrupted".into() }),
        false => Ok(()),
    }
}
