//! Opening a backup: decryption, and what is told when it does not open.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use super::encryption::{PASSPHRASE_FLAG, identities};
use crate::{
    cli::{
        Context, Exit, Failure, context::STANDARD_INPUT, interrupt, progress::CommandProgress,
        prompt,
    },
    client::Watch,
    clock::{Clock, TimeRecord, UnixSeconds},
    crypto::{
        AgeError, AgeKey,
        age_file::{AGE_MAGIC, AgeFile},
    },
    store::backup::{BackupError, BackupReader, LeftOutError, RestoreError},
};

/// The arguments that name a backup and what opens it.
pub(in crate::cli) struct BackupFlags<'a> {
    /// A path, or standard input.
    pub(in crate::cli) file: &'a str,
    pub(in crate::cli) identity: &'a [String],
    pub(in crate::cli) passphrase_file: Option<&'a str>,
    /// The earlier backups, newest first.
    pub(in crate::cli) base: &'a [String],
}

impl<'a> BackupFlags<'a> {
    /// The name of the file for messages.
    pub(super) fn shown(&self) -> &'a str {
        if self.file == STANDARD_INPUT { "standard input" } else { self.file }
    }
}

/// Calls `work` with a backup, decrypted. Shows progress as `what`.
pub(super) fn with_backup<T>(
    flags: &BackupFlags<'_>,
    what: &'static str,
    context: &mut Context<'_>,
    work: impl FnOnce(&mut BackupReader<&mut dyn Read>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    (context.daemon.protect)();
    // Work that is interrupted must clean up.
    let _held = interrupt::hold()?;
    let progress = CommandProgress::new(what);
    let file = flags.file;
    if file == STANDARD_INPUT {
        let plain = decrypted(&mut *context.input, flags)?;
        return read(plain, file, work);
    }
    let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?.len(), opened)));
    let (total, opened) =
        opened.map_err(|error| Failure::failed(format!("cannot read {file}: {error}")))?;
    let watched = WatchedFile { file: opened, done: 0, total, progress: &progress };
    let mut input = BufReader::with_capacity(256 << 10, watched);
    let plain = decrypted(&mut input, flags)?;
    read(plain, file, work)
}

fn read<'a, T>(
    mut plain: Box<dyn Read + 'a>,
    file: &str,
    work: impl FnOnce(&mut BackupReader<&mut dyn Read>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut reader = BackupReader::begin(&mut *plain as &mut dyn Read)
        .map_err(|error| unreadable(file, &error))?;
    work(&mut reader)
}

/// The failure for a backup that cannot be read.
pub(super) fn unreadable(file: &str, error: &BackupError) -> Failure {
    // A signal ends reading with an error.
    if let (BackupError::Read(_), Err(interrupted)) = (error, interrupt::check()) {
        return interrupted;
    }
    let exit = match error {
        BackupError::Read(_) | BackupError::Newer(_) | BackupError::Failed(_) => Exit::Failed,
        BackupError::NotABackup | BackupError::CutOff | BackupError::Damaged(_) => Exit::Damaged,
    };
    Failure { exit, message: format!("{file}: {error}") }
}

/// The failure for a backup that was not restored.
pub(super) fn not_restored(file: &str, error: RestoreError) -> Failure {
    match error {
        RestoreError::Backup(error) => unreadable(file, &error),
        RestoreError::LeftOut(LeftOutError::Backup(error)) => unreadable(file, &error),
        RestoreError::NotEmpty(_) => Failure::usage(error.to_string()),
        RestoreError::LeftOut(LeftOutError::NoBase(_) | LeftOutError::OtherBase(_)) => {
            Failure::failed(format!("{file}: {error}"))
        }
        RestoreError::Unusable(_) | RestoreError::LeftOut(_) => {
            Failure { exit: Exit::Damaged, message: format!("{file}: {error}") }
        }
        other => Failure::failed(format!("{file}: {other}; nothing is left of the attempt")),
    }
}

/// The time now.
pub(super) fn now() -> UnixSeconds {
    Clock::system(TimeRecord::default()).now()
}

fn decrypted<'a>(
    input: &'a mut dyn BufRead,
    flags: &BackupFlags<'_>,
) -> Result<Box<dyn Read + 'a>, Failure> {
    let file = flags.file;
    let failed = |exit, message: String| Failure { exit, message: format!("{file}: {message}") };
    let beginning = input.fill_buf().map_err(|error| unreadable(file, &error.into()))?;
    let compared = beginning.len().min(AGE_MAGIC.len());
    if beginning.is_empty() || beginning.get(..compared) != AGE_MAGIC.get(..compared) {
        // Decrypted by another program, or something else.
        return Ok(Box::new(input));
    }
    let encrypted = AgeFile::begin(input).map_err(|error| told(file, &error))?;
    let key = match encrypted.needs_passphrase() {
        true => AgeKey::Passphrase(match flags.passphrase_file {
            Some(path) => prompt::passphrase_in(path, PASSPHRASE_FLAG)?,
            None => prompt::password("Passphrase", PASSPHRASE_FLAG)?,
        }),
        false if flags.identity.is_empty() => {
            let message = "it is encrypted for recipients of age: give --identity FILE";
            return Err(failed(Exit::Refused, message.into()));
        }
        false => AgeKey::Identities(identities(flags.identity)?),
    };
    let plain = encrypted.open(&key).map_err(|error| told(file, &error))?;
    Ok(Box::new(plain))
}

fn told(file: &str, error: &AgeError) -> Failure {
    let exit = match error {
        AgeError::WrongIdentity | AgeError::WrongPassphrase => Exit::Refused,
        AgeError::Damaged => Exit::Damaged,
        AgeError::TooMuchWork => Exit::Failed,
        AgeError::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof => return unreadable(file, &BackupError::CutOff),
            _ => Exit::Failed,
        },
    };
    Failure { exit, message: format!("{file}: {error}") }
}

/// A file whose progress is shown, and whose reading ends at a signal.
struct WatchedFile<'a> {
    file: File,
    done: u64,
    total: u64,
    progress: &'a CommandProgress,
}

impl Read for WatchedFile<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if interrupt::check().is_err() {
            // Not of the kind Interrupted, which readers repeat.
            return Err(io::Error::other("interrupted"));
        }
        let read = self.file.read(bytes)?;
        self.done += read as u64;
        self.progress.moved(self.done, self.total);
        Ok(read)
    }
}
