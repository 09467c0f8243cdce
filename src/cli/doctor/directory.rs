//! The data directory: permissions, file system, room and speed.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::{Duration, Instant},
};

use super::finding::{Diagnosis, DoctorCheck};
use crate::{size::size_text, store::Space};

/// The entries of the data directory that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// The number of writes that are measured, and the length of each: a page.
const WRITES: usize = 50;
const PAGE: [u8; 4096] = [0; 4096];
/// A change waits for one or two durable writes, and a page is to answer within a second.
const SLOW_MEDIAN: Duration = Duration::from_millis(100);
const SLOW_MOST: Duration = Duration::from_secs(2);

/// Examines the directory. Blocks.
pub(super) fn examine(dir: &Path, diagnosis: &mut Diagnosis) {
    let place = dir.display();
    let found = match fs::metadata(dir) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => {
            let problem = format!("{place} is not a directory.");
            return diagnosis.find(DoctorCheck::Settings, problem, "Give --data.");
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = format!("There is no data directory at {place}.");
            let remedy = "Give --data or --config as to sealdrop serve, or start the daemon first.";
            return diagnosis.find(DoctorCheck::Settings, problem, remedy);
        }
        Err(error) => {
            let problem = format!("{place} cannot be examined: {error}.");
            let remedy = "Run this as the user of the daemon: sudo -u sealdrop sealdrop doctor.";
            return diagnosis.find(DoctorCheck::DataPermissions, problem, remedy);
        }
    };
    permissions(dir, &found, diagnosis);
    file_system(dir, diagnosis);
    room(dir, diagnosis);
    if diagnosis.wants(DoctorCheck::DiskSpeed) {
        speed(dir, diagnosis);
    }
}

fn permissions(dir: &Path, found: &fs::Metadata, diagnosis: &mut Diagnosis) {
    let (place, mode) = (dir.display(), found.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        let problem = format!("Other users can enter {place} (mode {mode:o}).");
        diagnosis.find(DoctorCheck::DataPermissions, problem, format!("chmod 700 {place}"));
    }
    let (mut open, mut foreign) = (0_u64, 0_u64);
    let mut folders = vec![dir.to_owned()];
    let mut left = MAX_ENTRIES;
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                let problem = format!("A folder in {place} cannot be read: {error}.");
                let remedy =
                    "Run this as the user of the daemon: sudo -u sealdrop sealdrop doctor.";
                return diagnosis.find(DoctorCheck::DataPermissions, problem, remedy);
            }
        };
        for entry in entries.flatten() {
            if left == 0 {
                break;
            }
            left -= 1;
            // The daemon may have removed it in the meantime.
            let Ok(entry_found) = entry.metadata() else { continue };
            open += u64::from(entry_found.permissions().mode() & 0o077 != 0);
            foreign += u64::from(entry_found.uid() != found.uid());
            if entry_found.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    if open > 0 {
        let problem = format!("{open} files or folders in {place} are open to other users.");
        diagnosis.find(DoctorCheck::DataPermissions, problem, format!("chmod -R go= {place}"));
    }
    if foreign > 0 {
        let problem = format!("{foreign} files or folders in {place} belong to another user.");
        let remedy = format!("chown -R --reference={place} {place}");
        diagnosis.find(DoctorCheck::DataPermissions, problem, remedy);
    }
}

/// Checks a file with a key or a password: only its owner and its group may read it, only its owner write it.
pub(super) fn secret_file(setting: &str, path: &Path, diagnosis: &mut Diagnosis) {
    let place = path.display();
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o027 != 0 => {
            let mode = found.permissions().mode() & 0o777;
            let problem =
                format!("The file of {setting} is open to other users (mode {mode:o}): {place}.");
            let check = DoctorCheck::SecretPermissions;
            diagnosis.find(check, problem, format!("chmod o=,g-w {place}"));
        }
        Ok(_) => {}
        Err(error) => {
            let problem = format!("The file of {setting} cannot be read: {place}: {error}.");
            let remedy = format!("Correct {setting}, or let the user of the daemon read the file.");
            diagnosis.find(DoctorCheck::SecretPermissions, problem, remedy);
        }
    }
}

/// How a file system treats what is overwritten or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overwriting {
    /// Writes go to new blocks.
    Copies(&'static str),
    /// In memory: lost at a restart.
    Volatile(&'static str),
    /// On another machine.
    Remote(&'static str),
    /// In place, as far as is known.
    InPlace,
}

/// By the number of statfs(2) (linux/magic.h, and those of zfs and others outside of it).
fn overwriting(magic: u64) -> Overwriting {
    match magic {
        0x9123_683e => Overwriting::Copies("btrfs"),
        0x2fc1_2fc1 => Overwriting::Copies("zfs"),
        0xca45_1a4e => Overwriting::Copies("bcachefs"),
        0xf2f5_2010 => Overwriting::Copies("f2fs"),
        0x3434 => Overwriting::Copies("nilfs2"),
        0x794c_7630 => Overwriting::Copies("overlayfs"),
        0x0102_1994 => Overwriting::Volatile("tmpfs"),
        0x8584_58f6 => Overwriting::Volatile("ramfs"),
        0x6969 => Overwriting::Remote("nfs"),
        0xff53_4d42 => Overwriting::Remote("cifs"),
        0xfe53_4d42 => Overwriting::Remote("smb2"),
        0x517b => Overwriting::Remote("smb"),
        0x00c3_6400 => Overwriting::Remote("ceph"),
        0x0102_1997 => Overwriting::Remote("9p"),
        0x6573_5546 => Overwriting::Remote("fuse"),
        _ => Overwriting::InPlace,
    }
}

fn file_system(dir: &Path, diagnosis: &mut Diagnosis) {
    let Ok(found) = rustix::fs::statfs(dir) else { return };
    // A signed number on some systems.
    let magic = u64::try_from(found.f_type).unwrap_or_default() & 0xffff_ffff;
    let place = dir.display();
    let (name, problem, remedy) = match overwriting(magic) {
        Overwriting::InPlace => {
            diagnosis.measured.file_system = Some(format!("{magic:#x}"));
            return;
        }
        Overwriting::Copies(name) => (
            name,
            format!(
                "{place} is on {name}, which writes to new blocks: a destroyed secret, still encrypted with \
                 a destroyed key, can stay on the disk."
            ),
            "Move the data directory to ext4 or xfs (in a container, mount a volume there). If that is not \
             possible, encrypt the disk (docs/store.md), and leave this check out with --skip file-system.",
        ),
        Overwriting::Volatile(name) => (
            name,
            format!("{place} is on {name}, in memory: all secrets and keys are lost at a restart."),
            "Move the data directory to a disk; in a container, mount a volume there.",
        ),
        Overwriting::Remote(name) => (
            name,
            format!(
                "{place} is on {name}: locks and durable writes may not work there, and another machine keeps \
                 what is destroyed here."
            ),
            "Move the data directory to a local disk with ext4 or xfs.",
        ),
    };
    diagnosis.measured.file_system = Some(name.to_owned());
    diagnosis.find(DoctorCheck::FileSystem, problem, remedy);
}

fn room(dir: &Path, diagnosis: &mut Diagnosis) {
    let Ok(space) = Space::of(dir) else { return };
    diagnosis.measured.free_bytes = Some(space.free);
    let (free, reserve) = (size_text(space.free), size_text(space.reserve()));
    let remedy = "Make room on the disk, or lower max_box, max_account and max_storage.";
    if !space.allows_creation() {
        let problem =
            format!("The disk is full: {free} are free, and secrets need {reserve} to be created.");
        diagnosis.find(DoctorCheck::DiskSpace, problem, remedy);
    } else if space.free < space.reserve().saturating_mul(2) {
        let problem = format!(
            "The disk is nearly full: {free} are free; below {reserve} no secret can be created."
        );
        diagnosis.find(DoctorCheck::DiskSpace, problem, remedy);
    }
}

/// Measures durable writes in a file without a name, which vanishes also if this process is killed.
fn speed(dir: &Path, diagnosis: &mut Diagnosis) {
    let mut times = match measure(dir) {
        Ok(times) => times,
        Err(error) => {
            let problem = format!("A file in {} cannot be written: {error}.", dir.display());
            let remedy =
                "Run this as the user of the daemon, and make sure that the disk is writable.";
            return diagnosis.find(DoctorCheck::DiskSpeed, problem, remedy);
        }
    };
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let most = times.last().copied().unwrap_or_default();
    let millis = |time: Duration| (time.as_secs_f64() * 100_000.0).round() / 100.0;
    diagnosis.measured.sync_p50_ms = Some(millis(median));
    diagnosis.measured.sync_p99_ms = Some(millis(most));
    if is_slow(median, most) {
        let problem = format!(
            "The disk is slow: a durable write takes {} ms (median of {WRITES}), {} ms at most; every change \
             waits for one.",
            millis(median),
            millis(most)
        );
        let remedy =
            "Use an SSD instead of an SD card or a network disk, or find out what else writes.";
        diagnosis.find(DoctorCheck::DiskSpeed, problem, remedy);
    }
}

fn measure(dir: &Path) -> io::Result<Vec<Duration>> {
    let mut file = tempfile::tempfile_in(dir)?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let start = Instant::now();
        file.write_all(&PAGE)?;
        rustix::fs::fdatasync(&file)?;
        times.push(start.elapsed());
    }
    Ok(times)
}

fn is_slow(median: Duration, most: Duration) -> bool {
    median > SLOW_MEDIAN || most > SLOW_MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_and_speeds_are_judged() {
        assert_eq!(overwriting(0xef53), Overwriting::InPlace, "ext4");
        assert_eq!(overwriting(0x5846_5342), Overwriting::InPlace, "xfs");
        assert_eq!(overwriting(0x9123_683e), Overwriting::Copies("btrfs"));
        assert_eq!(overwriting(0xff53_4d42), Overwriting::Remote("cifs"));
        // (median, slowest, slow?) in milliseconds
        for (median, most, slow) in
            [(1, 30, false), (100, 2000, false), (101, 101, true), (1, 2001, true)]
        {
            let [median, most] = [median, most].map(Duration::from_millis);
            assert_eq!(is_slow(median, most), slow, "{median:?} {most:?}");
        }
    }
}
