//! What can go wrong in the store, for those who open it and for those who use it.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

/// Why a data directory can not be served. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the lock file.
    #[error("another sealdrop is using {0}: stop it first, or give another directory with --data")]
    Locked(PathBuf),
    /// Written by another version, or not by sealdrop at all.
    #[error(
        "{path} has the format {found:?}, and this sealdrop knows only {known:?}: use the version that wrote it"
    )]
    Format {
        /// The file that tells the format.
        path: PathBuf,
        /// What it says, shortened.
        found: String,
        /// What it should say.
        known: &'static str,
    },
    /// The data is not what was last acknowledged.
    #[error(
        "the data in {path} is damaged: {what}. Nothing is served from it, so that nothing wrong is. \
         Keep a copy of it, put the newest backup in its place (the whole directory, made while no \
         sealdrop was using it), and start again"
    )]
    Damaged {
        /// The data directory.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The system refused something.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// The action, as in "create".
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The symbol of `sync_hook` is not the one that sled calls.
    #[error(
        "the database's syncs do not reach the disk in this build (its sync_file_range is not ours), \
         so nothing would survive a power cut: link the binary without interposing that symbol"
    )]
    SyncHookMissing,
}

impl OpenError {
    pub(super) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// The error for a file of the store in `root` that can not be used: the system's refusal where it
    /// is one, which restoring a backup would not mend, else damage.
    pub(super) fn unusable(
        root: &Path,
        what: &'static str,
        file: &Path,
        source: io::Error,
    ) -> Self {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let refused = matches!(
            source.kind(),
            PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
        ) || [Errno::MFILE, Errno::NFILE, Errno::NOMEM]
            .iter()
            .any(|errno| source.raw_os_error() == Some(errno.raw_os_error()));
        if refused {
            Self::io(what, file)(source)
        } else {
            let what = format!("cannot {what} {}: {source}", file.display());
            Self::Damaged { path: root.to_path_buf(), what }
        }
    }
}

/// Why the store did not do what it was asked.
///
/// A failing disk is not among them: the process ends then, see [`super::Store`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A record does not match its checksum, or a payload its key.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// A record of a version that this program does not know.
    #[error("a record has version {0}, which this program does not know")]
    UnknownVersion(u8),
    /// A key or a value over the limits of [`super::Key`] and [`super::MAX_VALUE_BYTES`].
    #[error("{0}")]
    TooLarge(&'static str),
    /// The disk has no room for a new payload.
    #[error("no space left for a new secret")]
    Full,
    /// A payload file can not be read or written.
    #[error("payload file: {0}")]
    PayloadFile(#[source] io::Error),
    /// The store is closing and takes no more changes.
    #[error("the store is closed")]
    Closed,
}

/// An error of a payload file.
impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::PayloadFile(error),
        }
    }
}
