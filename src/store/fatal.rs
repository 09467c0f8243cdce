//! The reaction to a failing disk.

/// Ends the process after a disk failure. No destructor runs and no data is written; a restart reads the
/// actual state of the disk.
pub(super) fn fatal(what: &str) -> ! {
    tracing::error!("{what}: ending the process, because the state of the disk is unknown");
    std::process::abort()
}
