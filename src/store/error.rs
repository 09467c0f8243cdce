//! The errors of opening the store and of using it.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

/// The reason why a data directory cannot be opened. Each text tells the operator what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// Another process holds the lock file.
    #[error("another sealdrop is using {0}: stop it first, or give another directory with --data")]
    Locked(PathBuf),
    /// The directory was written by another version, or not by sealdrop.
    #[error(
        "{path} has the format {found:?}, and this sealdrop knows only {known:?}: \
         use the version that wrote it"
    )]
    Format {
        /// The file that contains the format.
        path: PathBuf,
        /// The format that was found, shortened.
        found: String,
        /// The expected format.
        known: &'static str,
    },
    /// The data differs from the last acknowledged state.
    #[error(
        "the data in {path} is damaged: {what}. The store is not opened. \
         Keep a copy of it, put the newest backup in its place (sealdrop backup restore), and start \
         again"
    )]
    Damaged {
        /// The data directory.
        path: PathBuf,
        /// The difference that was found.
        what: String,
    },
    /// The key of the present epoch is missing or cannot be used. Nothing is changed.
    #[error("cannot use the ring {}, which has the key to all data in {}: {what}", ring.display(), root.display())]
    Ring {
        /// The file of the ring.
        ring: PathBuf,
        /// The data directory.
        root: PathBuf,
        /// The reason, and what to do.
        what: String,
    },
    /// The file of the ring is missing, perhaps because its disk is not there yet.
    #[error(
        "the ring {}, which has the key to all data in {}, is not there: make its disk available, or put the \
         newest copy of it (--ring-copy) in its place", ring.display(), root.display()
    )]
    NoRing {
        /// The file of the ring.
        ring: PathBuf,
        /// The data directory.
        root: PathBuf,
    },
    /// The directory has an older format.
    #[error(
        "{} has the format of an earlier version: copy the directory, then start once with --upgrade or run \
         sealdrop store upgrade. Earlier versions cannot read it afterwards", .0.display()
    )]
    Upgrade(PathBuf),
    /// An operation of the system failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// The action, as in "create".
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// sled does not call the symbol that `sync_hook` defines.
    #[error(
        "the database's syncs do not reach the disk in this build (its sync_file_range is not ours), \
         so nothing would survive a power cut: link the binary without interposing that symbol"
    )]
    SyncHookMissing,
}

impl StoreOpenError {
    pub(super) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// The error for a file of the store in `root` that cannot be used. An I/O error is reported as such,
    /// because a backup would not repair it; any other error is damage.
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

/// The reason why an operation of the store failed.
///
/// A failing disk is not a variant: it ends the process, see [`super::Store`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A record does not match its checksum, or a payload does not match its key.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// A record has a version that this program does not know.
    #[error("a record has version {0}, which this program does not know")]
    UnknownVersion(u8),
    /// A key or a value exceeds the limits of [`super::Key`] and [`super::MAX_VALUE_BYTES`].
    #[error("{0}")]
    TooLarge(&'static str),
    /// The disk has no room for a new payload.
    #[error("no space left for a new secret")]
    Full,
    /// A payload file cannot be read or written.
    #[error("payload file: {0}")]
    PayloadFile(#[source] io::Error),
    /// The engine cannot be reached, or has not answered. A change with this error may have been applied.
    #[error("the database cannot be reached")]
    Unavailable,
    /// The store is closed and accepts no changes.
    #[error("the store is closed")]
    Closed,
}

/// Converts an I/O error of a payload file.
impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::PayloadFile(error),
        }
    }
}
