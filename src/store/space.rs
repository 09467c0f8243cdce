//! The free space of the disk, part of which is kept for views and deletions.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use rustix::fs::statvfs;

use super::bodies::{Bodies, BodyWriter, StagedFile};
use crate::crypto::Random;

/// Creations are refused if less than this is free, or less than [`RESERVE_SHARE`] of the disk, whichever is
/// more.
const RESERVE_BYTES: u64 = 64 << 20;
const RESERVE_SHARE: u64 = 50;

/// The number of bytes between two checks of the free space, which take a microsecond each. Each of several
/// concurrent files may exceed the reserve by this size.
const CHECK_EVERY_BYTES: u64 = 256 << 10;

/// The space of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The free space for unprivileged processes.
    pub free: u64,
    /// The size of the file system.
    pub total: u64,
}

impl Space {
    /// The space of the file system that contains `path`. Blocks.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn of(path: &Path) -> io::Result<Self> {
        let stat = statvfs(path)?;
        Ok(Self {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    /// The space that must stay free for views and deletions, which write to the log.
    #[must_use]
    pub fn reserve(self) -> u64 {
        RESERVE_BYTES.max(self.total / RESERVE_SHARE)
    }

    /// Whether the free space allows new secrets.
    #[must_use]
    pub fn allows_creation(self) -> bool {
        self.free >= self.reserve()
    }
}

/// A file whose writer fails with [`io::ErrorKind::StorageFull`] before the disk is full.
pub(super) struct SpaceCheckedFile {
    file: Box<dyn BodyWriter>,
    bodies: Arc<dyn Bodies>,
    /// Whether the free space allows more.
    has_room: fn(Space) -> bool,
    /// The number of bytes until the next check of the free space.
    until_check: u64,
}

impl SpaceCheckedFile {
    pub(super) fn new(
        file: Box<dyn BodyWriter>,
        bodies: &Arc<dyn Bodies>,
        has_room: fn(Space) -> bool,
    ) -> Self {
        Self { file, bodies: Arc::clone(bodies), has_room, until_check: 0 }
    }

    /// Creates a staged payload file.
    pub(super) fn create(
        bodies: &Arc<dyn Bodies>,
        random: &dyn Random,
    ) -> io::Result<(Self, StagedFile)> {
        let (file, staged) = StagedFile::create(bodies, random)?;
        Ok((Self::new(file, bodies, Space::allows_creation), staged))
    }

    /// Makes the written bytes durable. More may follow.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Makes the complete file durable.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.file.finish()
    }
}

impl Write for SpaceCheckedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.until_check == 0 {
            if !(self.has_room)(self.bodies.space()?) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.until_check = CHECK_EVERY_BYTES;
        }
        let written = self.file.write(bytes)?;
        self.until_check = self.until_check.saturating_sub(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_64_mib_or_a_fiftieth() {
        // (free, total) in MiB -> allowed
        let cases = [
            ((64, 100), true),
            ((63, 100), false),
            ((200, 10_000), true),
            ((199, 10_000), false),
            ((0, 0), false),
        ];
        for ((free, total), allowed) in cases {
            let space = Space { free: free << 20, total: total << 20 };
            assert_eq!(space.allows_creation(), allowed, "{space:?}");
        }
    }
}
