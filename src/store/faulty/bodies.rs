//! Payload files in memory. What was not synced may be lost.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Cursor, Write},
};

use super::disk::{MemoryBody, Process};
use crate::store::{
    Space,
    bodies::{Bodies, BodyReader, BodyWriter, FileName, SettledFiles},
    engine::DiskFailure,
};

#[derive(Clone)]
pub(super) struct MemoryBodies(pub(super) Process);

struct MemoryWriter {
    bodies: MemoryBodies,
    name: FileName,
    /// [`MemoryBody::reopened`] at its opening.
    reopened: u64,
}

struct SettledBodies(MemoryBodies, Vec<FileName>);

impl MemoryBodies {
    fn body<T>(&self, name: FileName, read: impl FnOnce(&mut MemoryBody) -> T) -> io::Result<T> {
        let mut disk = self.0.disk().map_err(io::Error::other)?;
        let body = disk.bodies.get_mut(&name).ok_or(io::ErrorKind::NotFound)?;
        Ok(read(body))
    }

    fn reader(&self, name: FileName, is_named: bool) -> io::Result<Box<dyn BodyReader>> {
        let found = self.body(name, |body| {
            (body.is_named == is_named).then(|| Cursor::new(body.bytes.clone()))
        })?;
        Ok(Box::new(found.ok_or(io::ErrorKind::NotFound)?))
    }
}

impl Bodies for MemoryBodies {
    fn create(&self, name: FileName) -> io::Result<Box<dyn BodyWriter>> {
        let made = self.0.step(|disk, _| {
            disk.held.insert(name);
            disk.bodies.insert(name, MemoryBody::default());
        });
        made.map_err(failed)?;
        Ok(Box::new(MemoryWriter { bodies: self.clone(), name, reopened: 0 }))
    }

    fn reopen(&self, name: FileName, bytes: u64) -> io::Result<Box<dyn BodyWriter>> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        let reopened = self.body(name, |body| {
            let is_long = body.bytes.len() >= bytes;
            body.bytes.truncate(bytes);
            body.synced = body.synced.min(body.bytes.len());
            body.reopened += 1;
            is_long.then_some(body.reopened)
        })?;
        let reopened = reopened.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Box::new(MemoryWriter { bodies: self.clone(), name, reopened }))
    }

    fn keep(&self, names: &[FileName]) -> io::Result<()> {
        for name in names {
            let kept =
                self.0.step(|disk, _| disk.bodies.get_mut(name).map(|body| body.is_named = true));
            kept.map_err(failed)?.ok_or(io::ErrorKind::NotFound)?;
        }
        let synced = self.0.step(|disk, _| {
            disk.bodies.values_mut().for_each(|body| body.is_name_synced = body.is_named);
        });
        synced.map_err(failed)
    }

    fn release(&self, name: FileName, is_kept: bool) {
        if let Ok(mut disk) = self.0.disk() {
            disk.held.remove(&name);
            if !is_kept && disk.bodies.get(&name).is_some_and(|body| !body.is_named) {
                disk.bodies.remove(&name);
            }
        }
    }

    fn open(&self, name: FileName) -> io::Result<Box<dyn BodyReader>> {
        self.reader(name, true)
    }

    fn open_new(&self, name: FileName) -> io::Result<Box<dyn BodyReader>> {
        self.reader(name, false)
    }

    fn bytes(&self, name: FileName) -> io::Result<u64> {
        let bytes = self.body(name, |body| body.is_named.then_some(body.bytes.len() as u64))?;
        Ok(bytes.ok_or(io::ErrorKind::NotFound)?)
    }

    fn delete(&self, name: FileName) -> io::Result<()> {
        // Not a step, because it happens in a thread of its own.
        self.0.disk().map_err(io::Error::other)?.bodies.remove(&name);
        Ok(())
    }

    fn names(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<FileName>>>> {
        let disk = self.0.disk().map_err(io::Error::other)?;
        let named: Vec<_> = disk.bodies.iter().filter(|(_, body)| body.is_named).collect();
        let names: Vec<FileName> = named.into_iter().map(|(name, _)| *name).collect();
        Ok(Box::new(names.into_iter().map(Ok)))
    }

    fn temporary(&self) -> io::Result<File> {
        tempfile::tempfile()
    }

    fn list(&self) -> io::Result<Box<dyn SettledFiles + '_>> {
        let disk = self.0.disk().map_err(io::Error::other)?;
        let found = disk.bodies.keys().filter(|name| !disk.held.contains(*name)).copied();
        Ok(Box::new(SettledBodies(self.clone(), found.collect())))
    }

    fn space(&self) -> io::Result<Space> {
        Ok(Space { free: u64::MAX, total: u64::MAX })
    }
}

impl SettledFiles for SettledBodies {
    fn is_empty(&self) -> bool {
        self.1.is_empty()
    }

    fn sweep(&self, named: &BTreeSet<FileName>) -> io::Result<u64> {
        let mut swept = 0;
        for name in self.1.iter().filter(|name| !named.contains(*name)) {
            self.0.delete(*name)?;
            swept += 1;
        }
        Ok(swept)
    }
}

impl MemoryWriter {
    /// Checks that the file was not opened again.
    fn check(&self, body: &MemoryBody) -> io::Result<()> {
        match body.reopened == self.reopened {
            true => Ok(()),
            false => Err(io::ErrorKind::StaleNetworkFileHandle.into()),
        }
    }
}

impl Write for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bodies.body(self.name, |body| {
            self.check(body)?;
            body.bytes.extend_from_slice(bytes);
            Ok(bytes.len())
        })?
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BodyWriter for MemoryWriter {
    fn sync(&self) -> io::Result<()> {
        let synced = self.bodies.0.step(|disk, _| {
            let body = disk.bodies.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
            self.check(body)?;
            body.synced = body.bytes.len();
            Ok(())
        });
        synced.map_err(failed)?
    }

    fn finish(&self) -> io::Result<()> {
        self.sync()
    }
}

impl BodyReader for Cursor<Vec<u8>> {
    fn try_clone(&self) -> io::Result<Box<dyn BodyReader>> {
        Ok(Box::new(self.clone()))
    }
}

fn failed(failure: DiskFailure) -> io::Error {
    io::Error::other(failure.0)
}
