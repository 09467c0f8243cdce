//! Where the file of the ring is: in the data directory, or elsewhere, with a symbolic link to it. So whatever
//! opens the directory finds the ring, and a copy of the directory that leaves links as they are has none.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, symlink},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    files::{overwrite, remove_if_there, sync_parent},
    key_files::open_in_place,
};

/// The name of a link before it replaces a file.
const NEW_LINK: &str = "ring.link";
/// The old ring, until it is overwritten.
const OLD_RING: &str = "ring.old";

/// Why a ring cannot be moved.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    #[error("cannot move it to {}: {source}", to.display())]
    Io { to: PathBuf, source: io::Error },
    #[error(
        "cannot move it to {}, because there is another file: move that away, or give another name with --ring",
        .0.display()
    )]
    Taken(PathBuf),
}

/// Makes `link`, the name of the ring in its data directory, lead to the file `wanted`.
///
/// A ring that is elsewhere is copied there; [`wipe_old_ring`] overwrites it where it was. Without a ring, there
/// is only the link afterwards: to a ring that somebody has put there, or to one that will be created.
pub(super) fn put_ring(link: &Path, wanted: &Path) -> Result<(), PlaceError> {
    let failed = |source| PlaceError::Io { to: wanted.to_path_buf(), source };
    let wanted = std::path::absolute(wanted).map_err(failed)?;
    let found = match fs::symlink_metadata(link) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let leads_there =
        || fs::read_link(link).is_ok_and(|target| target == wanted) || is_same(link, &wanted);
    match found {
        None => symlink(&wanted, link).and_then(|()| sync_parent(link)).map_err(failed),
        Some(_) if leads_there() => Ok(()),
        Some(_) => move_ring(link, &wanted).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => PlaceError::Taken(wanted.clone()),
            _ => failed(error),
        }),
    }
}

/// Whether both names lead to one file.
fn is_same(link: &Path, wanted: &Path) -> bool {
    match (fs::canonicalize(link), fs::canonicalize(wanted)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn move_ring(link: &Path, wanted: &Path) -> io::Result<()> {
    let old = open_in_place(link)?;
    let mut content =
        Zeroizing::new(vec![0; usize::try_from(old.metadata()?.len()).map_err(io::Error::other)?]);
    old.read_exact_at(&mut content, 0)?;
    // A crash has left the same bytes there, or the beginning of them.
    let is_left =
        fs::read(wanted).map(Zeroizing::new).is_ok_and(|bytes| content.starts_with(&bytes));
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if is_left {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut new = options.open(wanted)?;
    new.write_all(&content)?;
    new.sync_all()?;
    sync_parent(wanted)?;
    let (new_link, old_name) = (link.with_file_name(NEW_LINK), link.with_file_name(OLD_RING));
    remove_if_there(&new_link)?;
    remove_if_there(&old_name)?;
    // A second name for the file that is to be overwritten, also if a crash comes before that.
    match fs::read_link(link) {
        Ok(target) => symlink(target, &old_name)?,
        Err(_) => fs::hard_link(link, &old_name)?,
    }
    symlink(wanted, &new_link)?;
    sync_parent(link)?;
    fs::rename(&new_link, link)?;
    sync_parent(link)
}

/// Overwrites and deletes the file that a ring was moved away from. The ring is known to be good where it is.
pub(super) fn wipe_old_ring(link: &Path) -> io::Result<()> {
    let old_name = link.with_file_name(OLD_RING);
    let old = match open_in_place(&old_name) {
        Err(error) if error.kind() == ErrorKind::NotFound => return remove_if_there(&old_name),
        old => old?,
    };
    let (old_found, found) = (old.metadata()?, fs::metadata(link)?);
    // A crash before the move has left a second name for the ring itself.
    if (old_found.dev(), old_found.ino()) != (found.dev(), found.ino()) {
        overwrite(&old)?;
        if let Ok(target) = fs::read_link(&old_name) {
            remove_if_there(&target)?;
        }
    }
    remove_if_there(&old_name)?;
    sync_parent(link)
}
