//! The ring of the running daemon: its settings, its copies, and its turns.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::{
        fs::{FileExt, OpenOptionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{
    api::App,
    config::{BadSetting, Loaded, RingPlace},
    master_key,
    store::{RING_BYTES, RingCopy, StoreError, StoreOptions, TurnError},
};

/// How long a command may take to store a copy.
const COMMAND_TIME: Duration = Duration::from_secs(60);
/// The interval between looks at the command.
const POLL: Duration = Duration::from_millis(20);
/// The most of a command's errors that is shown.
const MAX_ERROR_BYTES: u64 = 1024;

/// How the store is opened.
pub(super) fn store_options(loaded: &Loaded, upgrade: bool) -> Result<StoreOptions, BadSetting> {
    let settings = &loaded.settings;
    let copy: Option<Box<dyn RingCopy>> = match &settings.ring.copy {
        None => None,
        Some(RingPlace::Directory(dir)) => {
            let own = settings.ring.file.clone().unwrap_or_else(|| settings.data.join("ring"));
            let folder = |path: &Path| path.canonicalize().ok();
            if own.parent().and_then(folder).is_some_and(|own| Some(own) == folder(dir)) {
                return Err(loaded.bad("ring_copy", "the ring itself is in this directory"));
            }
            Some(Box::new(DirectoryCopy(dir.clone())))
        }
        Some(RingPlace::Command(command)) => Some(Box::new(CommandCopy(command.clone()))),
    };
    Ok(StoreOptions {
        cache_bytes: settings.cache_bytes,
        ring: settings.ring.file.clone(),
        keys_out: settings.ring.keys_out.clone(),
        ring_copies: copy.into_iter().collect(),
        master_key: master_key::configured(loaded)?,
        upgrade,
    })
}

/// Turns the ring of a daemon if that is due or the last turn `has_failed`, and otherwise finishes the turn of an
/// earlier process. Blocks.
pub(super) fn turn_if_due(app: &App, has_failed: &AtomicBool) {
    let now = app.clock.now();
    let Some(turned_at) = app.store.ring_turned_at() else { return };
    let is_due = turned_at.plus(app.rules.ring_turn_seconds) <= now || turned_at > now;
    let done = match is_due || has_failed.load(Ordering::Relaxed) {
        true => app.store.turn_ring(now),
        false => app.store.finish_turn(),
    };
    has_failed.store(done.is_err(), Ordering::Relaxed);
    match done {
        Ok(()) => {}
        // The daemon stops.
        Err(TurnError::Store(StoreError::Closed)) => {}
        Err(error) => {
            app.metrics.ring_failures.add_one();
            tracing::error!(%error, "cannot turn the ring: older copies open what was burned since");
        }
    }
}

/// A copy in a directory, usually on another disk. It is overwritten in place.
struct DirectoryCopy(PathBuf);

impl RingCopy for DirectoryCopy {
    fn write(&self, content: &[u8; RING_BYTES]) -> io::Result<()> {
        let path = self.0.join("ring");
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600);
        let (file, is_new) = match options.open(&path) {
            Ok(file) => (file, false),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Once at the beginning; later it is a disk that is not mounted.
                tracing::warn!(path = %path.display(), "there was no copy of the ring: making a new one");
                (options.create_new(true).open(&path).map_err(named)?, true)
            }
            Err(error) => return Err(named(error)),
        };
        file.write_all_at(content, 0).and_then(|()| file.sync_all()).map_err(named)?;
        if is_new { File::open(&self.0)?.sync_all().map_err(named) } else { Ok(()) }
    }
}

/// A command that stores a copy from its standard input.
struct CommandCopy(String);

impl RingCopy for CommandCopy {
    fn write(&self, content: &[u8; RING_BYTES]) -> io::Result<()> {
        // A file, which nobody has to read meanwhile.
        let mut errors = tempfile::tempfile()?;
        let mut child = Command::new("sh")
            .args(["-c", &self.0])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::from(errors.try_clone()?))
            // With what it starts, it is ended as a whole: nothing may write an older copy later.
            .process_group(0)
            .spawn()?;
        let written = match child.stdin.take() {
            // A pipe takes this much at once, so the command cannot hold this up.
            Some(mut input) => input.write_all(content),
            None => Ok(()),
        };
        let ended = wait(&mut child);
        // Also what it has left in the background. It may be gone already.
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        if ended.is_err() {
            let _ = child.wait();
        }
        let status = ended?;
        // A command that has failed tells more than the pipe that it has closed.
        if status.success() {
            return written;
        }
        let mut said = String::new();
        errors.seek(SeekFrom::Start(0))?;
        // What it says is only shown.
        let _ = errors.take(MAX_ERROR_BYTES).read_to_string(&mut said);
        Err(io::Error::other(format!(
            "the command of ring_copy failed ({status}): {}",
            said.trim()
        )))
    }
}

fn wait(child: &mut Child) -> io::Result<std::process::ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if began.elapsed() > COMMAND_TIME {
            let seconds = COMMAND_TIME.as_secs();
            return Err(io::Error::other(format!(
                "the command of ring_copy takes longer than {seconds} seconds"
            )));
        }
        thread::sleep(POLL);
    }
}
