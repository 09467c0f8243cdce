//! Saves the files of secrets and boxes.

use std::{
    fs::{File, Permissions},
    io::{self, Read, Write},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use tempfile::{Builder, NamedTempFile};
use zeroize::Zeroizing;

use crate::{
    cli::{Failure, interrupt},
    client::ClientError,
    size::size_text,
};

/// The most files with one name.
const MAX_SAME: u32 = 1000;

/// Writes the file `name` in `dir`, readable only for its owner. It gets its name when it is complete, and a
/// number (`name (2)`) if the name is taken. Returns its path.
pub(crate) fn save(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let wrong = |error: &io::Error| {
        Failure::failed(format!("{name} cannot be saved in {}: {error}", dir.display()))
    };
    let mut unfinished = UnfinishedFile::create(dir).map_err(|error| wrong(&error))?;
    write(unfinished.file())?;
    unfinished.file().sync_all().map_err(|error| wrong(&error))?;
    for number in 1..=MAX_SAME {
        let path = dir.join(numbered(name, number));
        match unfinished.finish(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(wrong(&error)),
        }
    }
    Err(Failure::failed(format!(
        "there are already {MAX_SAME} files with the name {name} in {}",
        dir.display()
    )))
}

/// The directory that `-o` names; `None` for `-` (standard output), which excludes `--json`.
pub(crate) fn destination(output: &str, json: bool) -> Result<Option<&Path>, Failure> {
    let dir = Path::new(output);
    match output {
        "-" if json => {
            Err(Failure::usage("give either -o - or --json: both write to standard output"))
        }
        "-" => Ok(None),
        _ if dir.is_dir() => Ok(Some(dir)),
        _ => Err(Failure::usage(format!("-o {output}: there is no such directory"))),
    }
}

/// Checks that files of this size can be written in `dir`, before a view is spent on them.
pub(crate) fn check_room(dir: &Path, bytes: u64) -> Result<(), Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::failed(format!("nothing can be saved in {}: {why}", dir.display()))
    };
    UnfinishedFile::create(dir).map_err(|error| wrong(&error))?;
    // If the free space is unknown, writing fails when the disk is full.
    let Ok(space) = rustix::fs::statvfs(dir) else { return Ok(()) };
    match space.f_bavail.saturating_mul(space.f_frsize) < bytes {
        true => Err(wrong(&format!(
            "{} are needed, and the disk has less free space",
            size_text(bytes)
        ))),
        false => Ok(()),
    }
}

/// Copies the whole input. `cause` converts errors of reading; errors of writing have their own message.
pub(crate) fn copy(
    input: &mut dyn Read,
    out: &mut dyn Write,
    cause: fn(io::Error) -> ClientError,
) -> Result<(), Failure> {
    let mut bytes = Zeroizing::new(vec![0; 64 << 10]);
    loop {
        interrupt::check()?;
        let read = match input.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(cause(error).into()),
        };
        let part = bytes.get(..read).unwrap_or_default();
        out.write_all(part).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::closed_pipe(),
            _ => Failure::failed(format!("the output cannot be written: {error}")),
        })?;
    }
}

/// An incomplete file.
enum UnfinishedFile {
    /// A file without a name: it disappears with the process.
    Nameless(File),
    /// For file systems without unnamed files (NFS, FAT).
    Hidden(NamedTempFile),
}

impl UnfinishedFile {
    fn create(dir: &Path) -> io::Result<Self> {
        let mut created = Self::opened(dir)?;
        // Independent of the umask.
        created.file().set_permissions(Permissions::from_mode(0o600))?;
        Ok(created)
    }

    fn opened(dir: &Path) -> io::Result<Self> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) if Path::new("/proc/self/fd").exists() => Ok(Self::Nameless(file.into())),
            _ => {
                let named = Builder::new().prefix(".sealdrop-").suffix(".part").tempfile_in(dir);
                Ok(Self::Hidden(named?))
            }
        }
    }

    fn file(&mut self) -> &mut File {
        match self {
            Self::Nameless(file) => file,
            Self::Hidden(file) => file.as_file_mut(),
        }
    }

    /// Gives the file its name; an error if the name is taken.
    fn finish(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Nameless(file) => {
                let file = format!("/proc/self/fd/{}", file.as_raw_fd());
                Ok(rustix::fs::linkat(CWD, file, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
            }
            // Dropping this removes the temporary name.
            Self::Hidden(file) => std::fs::hard_link(file.path(), path)
                .or_else(|error| no_links(error, file.path(), path)),
        }
    }
}

/// Renames the file instead: FAT has no hard links.
fn no_links(error: io::Error, hidden: &Path, path: &Path) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => {
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            Ok(rustix::fs::renameat_with(CWD, hidden, CWD, path, flags)?)
        }
        _ => Err(error),
    }
}

/// `photo.jpg`, `photo (2).jpg`, …
fn numbered(name: &str, number: u32) -> String {
    if number == 1 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem} ({number}).{extension}"),
        _ => format!("{name} ({number})"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn never_over_a_file_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.txt"), "old").unwrap();
        std::os::unix::fs::symlink("/nowhere", dir.path().join("a (2).txt")).unwrap();
        let path = save(dir.path(), "a.txt", |out| Ok(out.write_all(b"new")?)).unwrap();
        assert_eq!(path, dir.path().join("a (3).txt"));
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(dir.path().join("a.txt")).unwrap(), b"old");
    }

    #[test]
    fn where_files_must_have_names() {
        let dir = tempfile::tempdir().unwrap();
        let hidden = || UnfinishedFile::Hidden(NamedTempFile::new_in(dir.path()).unwrap());
        let path = dir.path().join("a");
        hidden().finish(&path).unwrap();
        let again = hidden().finish(&path).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        let without_links = |path: &Path| {
            let hidden = NamedTempFile::new_in(dir.path()).unwrap();
            no_links(io::ErrorKind::PermissionDenied.into(), hidden.path(), path)
        };
        without_links(&dir.path().join("b")).unwrap();
        assert_eq!(without_links(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let failed = save(dir.path(), "a", |out| {
            out.write_all(b"half")?;
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name yet");
            Err(Failure::failed("cut"))
        });
        assert_eq!(failed, Err(Failure::failed("cut")));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(save(&dir.path().join("none"), "a", |_| Ok(())).is_err());
    }
}
