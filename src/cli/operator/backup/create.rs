//! `sealdrop backup create`

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use serde::Serialize;

use super::{
    encryption::LockFlags,
    index,
    named::{self, file_name},
    part::PartsOfFile,
    verify::VerifiedBackup,
};
use crate::{
    admin::{self, IncomingBackup},
    cli::{
        Context, Exit, Failure, context::STANDARD_INPUT, flags::command, interrupt,
        operator::administration::write_json, progress::CommandProgress, secret::saved::save,
    },
    client::Watch,
    crypto::{
        AgeLock,
        age_file::{self, AgeWriter},
    },
    store::backup::{
        BackupError, BackupFrame, BackupHeader, BackupIndex, BackupReader, EarlierBackup,
        IndexedFiles,
    },
};

command! {
    /// Back up all data, whether the daemon runs or not: accounts, secrets, boxes and all files, as they are at
    /// one moment, encrypted. Without --with-keys, it opens no secret by itself. The price of --with-keys: whoever
    /// can open the backup, and has the link of a secret that was live at that moment, can open the secret, also
    /// after it was viewed or burned; and a restore brings it back. Keep few such backups, and not for long.
    #[argh(
        subcommand,
        name = "create",
        help_triggers("-h", "--help"),
        usage = "FILE|DIR|- [--with-keys] [--recipient AGE]… [--recipients-file FILE] [--passphrase-file FILE] \
                 [--index FILE] [--since FILE] [--resume] \
                 [--json] [--data DIR] [--config FILE]",
        example = "{command_name} /var/backups/sealdrop --with-keys --recipient age1… --data /var/lib/sealdrop\n\
                   {command_name} - --with-keys --recipients-file keys.txt --data /var/lib/sealdrop |\n\
                   \x20   ssh backup.example.org 'cat >sealdrop.age'",
        note = "age-keygen makes a key pair: give its public key as recipient, and keep the private one \
                elsewhere. {command_name} needs no key that opens a backup."
    )]
    pub(crate) struct BackupCreateCommand: json, directory {
        /// the file to make; or a directory, in which the backup gets a name with its time; or - for standard
        /// output
        #[argh(positional, arg_name = "FILE|DIR|-")]
        destination: String,

        /// include the keys of all live secrets, so that the backup can be restored alone. Without them, a restore
        /// needs the key table (serve --keys-out) and the ring of today, and burned secrets stay burned
        #[argh(switch)]
        with_keys: bool,

        /// a public key of age (age1…) that can open the backup; repeat it for several
        #[argh(option, arg_name = "AGE")]
        recipient: Vec<String>,

        /// a file with such keys, one in each line
        #[argh(option, arg_name = "FILE")]
        recipients_file: Option<String>,

        /// encrypt with the passphrase in this file instead (default without recipients: ask at the terminal)
        #[argh(option, arg_name = "FILE")]
        passphrase_file: Option<String>,

        /// when the backup is complete, write its index to this file, for a later --since: names, lengths and
        /// digests of its files
        #[argh(option, arg_name = "FILE")]
        index: Option<String>,

        /// leave out the files that an earlier backup has, which wrote this index. A restore needs that backup,
        /// too, and those that it was made since
        #[argh(option, arg_name = "FILE")]
        since: Option<String>,

        /// with a FILE: if the backup is interrupted, keep what is complete of it as FILE.part1, and the next time
        /// leave that out. A restore needs such parts, too
        #[argh(switch)]
        resume: bool,
    }
}

/// A backup that was made.
#[derive(Serialize)]
struct CreatedBackup {
    /// `None` for standard output.
    file: Option<String>,
    #[serde(flatten)]
    backup: VerifiedBackup,
}

impl BackupCreateCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let to_output = self.destination == STANDARD_INPUT;
        let destination = Path::new(&self.destination);
        if to_output && context.out_is_terminal {
            return Err(Failure::usage(
                "a backup is not written to a terminal: redirect the output",
            ));
        }
        if to_output && self.json {
            return Err(Failure::usage("give either - or --json: both write to standard output"));
        }
        if !to_output && !destination.is_dir() && destination.symlink_metadata().is_ok() {
            let message = format!("{}: there is such a file already", self.destination);
            return Err(Failure::usage(message));
        }
        if self.resume && (to_output || destination.is_dir()) {
            return Err(Failure::usage(
                "--resume needs the name of a file: only that can be continued",
            ));
        }
        let lock = LockFlags {
            recipients: &self.recipient,
            recipients_file: self.recipients_file.as_deref(),
            passphrase_file: self.passphrase_file.as_deref(),
        };
        let lock = lock.lock(context)?;
        let dir = self.directory().directory(context)?;
        let earlier = self.since.as_deref().map(index::read).transpose()?;
        let (parts, earlier) = match self.resume {
            true => {
                let (parts, earlier) = PartsOfFile::find(destination, earlier)?;
                (Some(parts), earlier)
            }
            false => (None, earlier),
        };
        (context.daemon.protect)();
        // Work that is interrupted must clean up.
        let _held = interrupt::hold()?;
        let since = earlier.as_ref().map(|index| &index.backup);
        let incoming =
            admin::begin_backup(&dir, self.with_keys, since, context.daemon.open_backup)?;
        let recorded = RecordedInput { input: incoming, bytes: Vec::new() };
        let arriving = BackupReader::begin(recorded).map_err(|error| broken_off(&error))?;
        let header = arriving.header().clone();
        if header.since.as_ref() != since {
            return Err(Failure::failed(
                "the running daemon is of another version, and does not know --since: restart it",
            ));
        }
        let mut files = BackupFiles {
            earlier: earlier.as_ref(),
            indexed: (self.index.is_some() || self.resume)
                .then(|| IndexedFiles::since(earlier.as_ref())),
        };
        if to_output {
            let made = encrypt(arriving, &lock, &mut files, &mut *context.out, &mut |_, _| Ok(()))
                .map_err(nothing_left)?;
            self.write_index(files, &header, None)?;
            return Ok(writeln!(context.err, "made a backup: {}", made.contents())?);
        }
        let (folder, name) = match destination.is_dir() {
            true => {
                (destination, file_name(header.created_at, since.map(|since| since.created_at)))
            }
            false => parent_and_name(destination)?,
        };
        let mut made = None;
        let path = match parts {
            Some(parts) => parts.save(destination, &header, |out, noted| {
                made = Some(encrypt(arriving, &lock, &mut files, out, noted)?);
                Ok(())
            })?,
            None => save(folder, &name, |out| {
                let done = encrypt(arriving, &lock, &mut files, out, &mut |_, _| Ok(()));
                made = Some(done.map_err(nothing_left)?);
                Ok(())
            })?,
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| {
            Failure::failed(format!("cannot sync {}: {error}", folder.display()))
        })?;
        let backup = made.ok_or_else(|| Failure::failed("the backup was not written"))?;
        let file = path.display().to_string();
        self.write_index(files, &header, path.file_name().and_then(|name| name.to_str()))?;
        if self.json {
            let created = CreatedBackup { file: Some(file), backup };
            return Ok(write_json(context.out, &created)?);
        }
        Ok(writeln!(context.out, "{file}: {}", backup.contents())?)
    }

    /// Writes the index, if one is wanted, of a backup in the file `name`.
    fn write_index(
        &self,
        files: BackupFiles<'_>,
        header: &BackupHeader,
        name: Option<&str>,
    ) -> Result<(), Failure> {
        let (Some(path), Some(indexed)) = (&self.index, files.indexed) else { return Ok(()) };
        let file = name.map(str::to_owned);
        let BackupHeader { id, created_at, .. } = header.clone();
        let backup = EarlierBackup { id, created_at, file, is_part: false };
        index::write(path, &indexed.finish(backup)).map_err(|error| {
            Failure::failed(format!("the backup is complete, but not its index, {path}: {error}"))
        })
    }
}

/// What is known about the files of a backup that is being made.
struct BackupFiles<'a> {
    /// What an earlier backup has, for one since it.
    earlier: Option<&'a BackupIndex>,
    /// The new index, if one is wanted.
    indexed: Option<IndexedFiles<'a>>,
}

/// The failure for a backup that did not arrive as a whole.
fn broken_off(error: &BackupError) -> Failure {
    match error {
        BackupError::CutOff => {
            Failure::failed("the daemon closed the connection before the backup was complete")
        }
        BackupError::Failed(reason) => Failure::failed(reason.clone()),
        other => Failure::failed(format!("what arrives is no backup: {other}")),
    }
}

fn parent_and_name(path: &Path) -> Result<(&Path, String), Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::usage("the backup needs the name of a file"))?;
    let folder = path.parent().filter(|parent| *parent != Path::new(""));
    Ok((folder.unwrap_or(Path::new(".")), name.to_owned()))
}

/// Encrypts the rest of a backup that arrives, and checks it on the way.
fn encrypt(
    arriving: BackupReader<RecordedInput>,
    lock: &AgeLock,
    files: &mut BackupFiles<'_>,
    out: &mut dyn Write,
    noted: &mut dyn FnMut(u64, &IndexedFiles<'_>) -> Result<(), Failure>,
) -> Result<VerifiedBackup, Failure> {
    let out = BufWriter::with_capacity(256 << 10, out);
    let note = named::note(arriving.header());
    let encrypted = age_file::encrypt(out, lock, note).map_err(|error| unwritten(&error))?;
    let arriving = arriving.map_input(|recorded| CopiedInput::begin(recorded, encrypted));
    let mut arriving = arriving.map_err(|error| unwritten(&error))?;
    let progress = CommandProgress::new("Backing up");
    let about = arriving.header().about_bytes;
    loop {
        interrupt::check()?;
        // An error of writing looks like one of reading.
        let next = arriving.next_frame().map(|frame| {
            let frame = frame?;
            if let Some(indexed) = &mut files.indexed {
                indexed.note(&frame);
            }
            match frame {
                BackupFrame::File(name) => Some(Some(name)),
                _ => Some(None),
            }
        });
        let file = match next {
            Ok(Some(file)) => file,
            Ok(None) => break,
            Err(error) => {
                let failed = arriving.input_mut().failed.take();
                return Err(failed.map_or_else(|| broken_off(&error), |e| unwritten(&e)));
            }
        };
        if let (Some(name), Some(earlier)) = (file, files.earlier) {
            // If it fails, so does reading.
            let _ = arriving.input_mut().input.answer(earlier.find(name));
        }
        let done = arriving.input_mut().done;
        if let Some(indexed) = &files.indexed {
            noted(done, indexed)?;
        }
        progress.moved(done, about.max(done));
    }
    progress.end();
    let cut = arriving.cut().ok_or_else(|| Failure::failed("the backup has no commit"))?;
    let made = VerifiedBackup::new(arriving.header(), cut, arriving.counts());
    arriving.into_input().finish().map_err(|error| unwritten(&error))?;
    Ok(made)
}

fn unwritten(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::closed_pipe(),
        _ => Failure {
            exit: Exit::Failed,
            message: format!("the backup cannot be written: {error}"),
        },
    }
}

fn nothing_left(failure: Failure) -> Failure {
    match failure.exit {
        Exit::Failed => Failure::failed(format!("{}; nothing is left of it", failure.message)),
        _ => failure,
    }
}

/// The beginning of a backup, which is read before there is an output.
struct RecordedInput {
    input: IncomingBackup,
    bytes: Vec<u8>,
}

impl Read for RecordedInput {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(bytes)?;
        self.bytes.extend_from_slice(bytes.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// A backup that is encrypted as it is read.
struct CopiedInput<'a> {
    input: IncomingBackup,
    out: AgeWriter<BufWriter<&'a mut dyn Write>>,
    done: u64,
    /// The error of the output.
    failed: Option<io::Error>,
}

impl<'a> CopiedInput<'a> {
    fn begin(
        recorded: RecordedInput,
        mut out: AgeWriter<BufWriter<&'a mut dyn Write>>,
    ) -> io::Result<Self> {
        out.write_all(&recorded.bytes)?;
        Ok(Self { input: recorded.input, out, done: 0, failed: None })
    }

    fn finish(self) -> io::Result<()> {
        self.out.finish()?.flush()
    }
}

impl Read for CopiedInput<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(bytes)?;
        let new = bytes.get(..read).unwrap_or_default();
        self.done += read as u64;
        if let Err(error) = self.out.write_all(new) {
            self.failed = Some(error);
            return Err(io::Error::other("the backup cannot be written"));
        }
        Ok(read)
    }
}
