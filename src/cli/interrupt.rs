//! SIGINT (Ctrl-C), SIGTERM and SIGHUP during work that must clean up: otherwise an incomplete file would
//! stay, or the terminal would continue to hide typed text.

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

/// Whether a signal ends the process at once.
static ENDS: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));
/// Whether a signal came while it did not end the process.
static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// While this exists, the first signal only makes [`check`] fail; the second one ends the process.
pub(crate) struct HeldSignal {
    ended: bool,
}

/// Holds the signals.
pub(crate) fn hold() -> io::Result<HeldSignal> {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_default(signal, Arc::clone(&ENDS))?;
            // This order matters: the first handler reads the flag that the second one sets.
            flag::register_conditional_default(signal, Arc::clone(&INTERRUPTED))?;
            flag::register(signal, Arc::clone(&INTERRUPTED))?;
        }
        // A limit of file sizes becomes a write error, as a full disk does.
        flag::register(SIGXFSZ, Arc::default())?;
    }
    Ok(HeldSignal { ended: ENDS.swap(false, Ordering::Relaxed) })
}

impl Drop for HeldSignal {
    fn drop(&mut self) {
        ENDS.store(self.ended, Ordering::Relaxed);
    }
}

/// Fails after a signal.
pub(crate) fn check() -> Result<(), Failure> {
    match INTERRUPTED.load(Ordering::Relaxed) {
        true => Err(Failure { exit: Exit::Interrupted, message: "interrupted".into() }),
        false => Ok(()),
    }
}
