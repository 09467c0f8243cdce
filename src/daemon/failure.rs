//! The exit code of a failed start: it tells the service manager whether to retry.
//!
//! The table is in docs/operations.md as well; a test compares the two.

use std::io;

use rustix::io::Errno;

use crate::{
    cli::{Exit, Failure},
    config::BadSetting,
    store::StoreOpenError,
};

/// Errors of the system at a start, and whether the cause may be temporary.
///
/// A retry costs little, and a service that stays down costs much. So an error counts as a wrong setting only
/// if nothing but another setting or permission helps.
const TABLE: &[(Exit, &[Errno], &str)] = &[
    (
        Exit::Busy,
        &[Errno::ADDRINUSE],
        "the port is in use, by a daemon that is stopping or by another program",
    ),
    (
        Exit::Busy,
        &[
            Errno::ADDRNOTAVAIL,
            Errno::NODEV,
            Errno::NXIO,
            Errno::NETDOWN,
            Errno::NETUNREACH,
            Errno::HOSTDOWN,
            Errno::HOSTUNREACH,
        ],
        "the address, the network or the device is not available yet",
    ),
    (
        Exit::Busy,
        &[Errno::NOENT, Errno::NOTCONN, Errno::STALE, Errno::TIMEDOUT, Errno::IO, Errno::ROFS],
        "the file system of the data directory is not mounted, not writable or not healthy",
    ),
    (Exit::Busy, &[Errno::NOSPC, Errno::DQUOT], "the disk or the quota is full"),
    (
        Exit::Busy,
        &[
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
            Errno::NOBUFS,
            Errno::AGAIN,
            Errno::BUSY,
            Errno::INTR,
        ],
        "not enough file descriptors, threads or memory",
    ),
    (
        Exit::Usage,
        &[Errno::ACCESS, Errno::PERM],
        "no permission for a port below 1024 or for the data directory",
    ),
    (
        Exit::Usage,
        &[
            Errno::NOTDIR,
            Errno::ISDIR,
            Errno::NAMETOOLONG,
            Errno::LOOP,
            Errno::INVAL,
            Errno::AFNOSUPPORT,
        ],
        "the path is not a directory, or the system does not support this kind of address",
    ),
];

/// The exit code for `error`.
fn exit_after(error: &io::Error) -> Exit {
    let found = TABLE.iter().find(|(_, errnos, _)| {
        errnos.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
    });
    found.map_or(Exit::Failed, |(exit, ..)| *exit)
}

/// The failure of an action that the system refused.
pub(super) fn of_system(what: &str, error: &io::Error) -> Failure {
    Failure { exit: exit_after(error), message: format!("{what}: {error}") }
}

/// The failure of a setting that the system refused. `bad` has the message.
pub(super) fn of_setting(bad: &BadSetting, error: &io::Error) -> Failure {
    Failure { exit: exit_after(error), message: bad.to_string() }
}

/// The failure to open the store.
pub(super) fn of_store(error: &StoreOpenError) -> Failure {
    let exit = match error {
        // By a daemon that is stopping, or by a command of the administration.
        StoreOpenError::Locked(_) => Exit::Busy,
        // Its disk may be mounted later.
        StoreOpenError::NoRing { .. } => Exit::Busy,
        StoreOpenError::Io { source, .. } => exit_after(source),
        // A retry would read everything again, with the same result.
        StoreOpenError::Damaged { .. }
        | StoreOpenError::Format { .. }
        | StoreOpenError::Ring { .. }
        | StoreOpenError::Upgrade(_) => Exit::Damaged,
        StoreOpenError::SyncHookMissing => Exit::Failed,
    };
    Failure { exit, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn only_what_does_not_pass_is_configuration() {
        let cases = [
            (Errno::ADDRINUSE, Exit::Busy),
            (Errno::ADDRNOTAVAIL, Exit::Busy),
            (Errno::NOSPC, Exit::Busy),
            (Errno::MFILE, Exit::Busy),
            (Errno::STALE, Exit::Busy),
            (Errno::ACCESS, Exit::Usage),
            (Errno::NOTDIR, Exit::Usage),
            (Errno::BADF, Exit::Failed),
        ];
        for (errno, exit) in cases {
            let error = io::Error::from(errno);
            assert_eq!(exit_after(&error), exit, "{error}");
            let of_io = StoreOpenError::Io { what: "open", path: PathBuf::new(), source: error };
            assert_eq!(of_store(&of_io).exit, exit);
        }
        assert_eq!(exit_after(&io::Error::other("x")), Exit::Failed);
        assert_eq!(of_store(&StoreOpenError::Locked(PathBuf::new())).exit, Exit::Busy);
        let mut all: Vec<_> = TABLE.iter().flat_map(|(_, errnos, _)| *errnos).collect();
        let count = all.len();
        all.sort_by_key(|errno| errno.raw_os_error());
        all.dedup();
        assert_eq!(all.len(), count, "each has one row");
    }

    #[test]
    fn the_table_is_in_the_documentation() {
        let docs = include_str!("../../docs/operations.md");
        for (exit, errnos, meaning) in TABLE {
            let code = match exit {
                Exit::Busy => 75,
                _ => 64,
            };
            let row = errnos.iter().map(|errno| format!("`{}`", name(*errno))).collect::<Vec<_>>();
            let row = format!("| {meaning} | {} | {code} |", row.join(", "));
            assert!(docs.contains(&row), "the row should be:\n{row}");
        }
    }

    /// As errno(3) calls it.
    fn name(errno: Errno) -> &'static str {
        let names = [
            (Errno::ADDRINUSE, "EADDRINUSE"),
            (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
            (Errno::NODEV, "ENODEV"),
            (Errno::NXIO, "ENXIO"),
            (Errno::NETDOWN, "ENETDOWN"),
            (Errno::NETUNREACH, "ENETUNREACH"),
            (Errno::HOSTDOWN, "EHOSTDOWN"),
            (Errno::HOSTUNREACH, "EHOSTUNREACH"),
            (Errno::NOENT, "ENOENT"),
            (Errno::NOTCONN, "ENOTCONN"),
            (Errno::STALE, "ESTALE"),
            (Errno::TIMEDOUT, "ETIMEDOUT"),
            (Errno::IO, "EIO"),
            (Errno::ROFS, "EROFS"),
            (Errno::NOSPC, "ENOSPC"),
            (Errno::DQUOT, "EDQUOT"),
            (Errno::MFILE, "EMFILE"),
            (Errno::NFILE, "ENFILE"),
            (Errno::NOMEM, "ENOMEM"),
            (Errno::NOBUFS, "ENOBUFS"),
            (Errno::AGAIN, "EAGAIN"),
            (Errno::BUSY, "EBUSY"),
            (Errno::INTR, "EINTR"),
            (Errno::ACCESS, "EACCES"),
            (Errno::PERM, "EPERM"),
            (Errno::NOTDIR, "ENOTDIR"),
            (Errno::ISDIR, "EISDIR"),
            (Errno::NAMETOOLONG, "ENAMETOOLONG"),
            (Errno::LOOP, "ELOOP"),
            (Errno::INVAL, "EINVAL"),
            (Errno::AFNOSUPPORT, "EAFNOSUPPORT"),
        ];
        names.into_iter().find(|(known, _)| *known == errno).expect("a name").1
    }
}
