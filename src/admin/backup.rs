//! The backup that a daemon sends through the administration socket, or that the command line makes itself.
//!
//! The answer to [`Command::CreateBackup`] is the backup itself, unencrypted: the socket does not leave the
//! machine, and who can open it can read the data directory. An error before its first byte is a reply like
//! any other.
//!
//! For a backup since an earlier one, the client answers after the name of each file: a zero, or a one and the
//! file that the earlier backup has. So the daemon need not remember what is in it.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use super::{
    Command, CommandError, OpenFailure, Reply, SocketError,
    client::{connect, read_reply},
};
use crate::store::backup::{BackupOrder, EarlierBackup, EarlierFile, EarlierFiles};

/// Makes a backup of a store that was opened for it, and closes the store.
pub type OpenedBackup =
    Box<dyn FnOnce(&mut dyn Write, BackupOrder<'_>) -> Result<(), CommandError> + Send>;

/// How long a client may take to receive the next bytes, or to answer. It may write to a slow disk or network; a client
/// that hangs would keep the files of burned secrets on the disk.
const CLIENT_PATIENCE: Duration = Duration::from_secs(600);
/// How long a backup may take to say that the daemon stops.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// A backup that arrives.
pub struct IncomingBackup {
    input: BufReader<UnixStream>,
    /// Makes the backup, where no daemon does.
    worker: Option<JoinHandle<()>>,
}

impl IncomingBackup {
    /// Answers after the name of a file in a backup since an earlier one: what the earlier one has.
    ///
    /// # Errors
    ///
    /// The connection is closed.
    pub fn answer(&mut self, known: Option<EarlierFile>) -> io::Result<()> {
        let mut answer = vec![u8::from(known.is_some())];
        answer.extend(known.map(EarlierFile::to_bytes).into_iter().flatten());
        self.input.get_ref().write_all(&answer)
    }
}

impl Read for IncomingBackup {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.input.read(bytes)
    }
}

impl Drop for IncomingBackup {
    fn drop(&mut self) {
        // Ends a worker that still writes. It closes the store before it ends.
        let _ = self.input.get_ref().shutdown(std::net::Shutdown::Both);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// Begins a backup of the data directory `dir`: through the daemon if one runs there, otherwise of the store
/// that `open` opens. For a backup since an earlier one, which the header then names, the caller must
/// [answer](IncomingBackup::answer) after the name of each file. Waits up to 5 s for a daemon that is starting.
///
/// # Errors
///
/// The obstacle and a remedy.
pub fn begin_backup(
    dir: &Path,
    with_keys: bool,
    since: Option<&EarlierBackup>,
    open: impl Fn(&Path) -> Result<OpenedBackup, OpenFailure>,
) -> Result<IncomingBackup, CommandError> {
    super::patiently(
        dir,
        super::StoreCreation::Never,
        || ask_daemon(dir, with_keys, since),
        || open(dir).map(|opened| made_here(with_keys, since, opened)),
        super::pauses(),
    )?
}

fn ask_daemon(
    dir: &Path,
    with_keys: bool,
    since: Option<&EarlierBackup>,
) -> Result<Result<IncomingBackup, CommandError>, SocketError> {
    let mut stream = connect(dir)?;
    let command = Command::CreateBackup { with_keys, since: since.cloned() };
    let mut request = serde_json::to_vec(&command).map_err(io::Error::from)?;
    request.push(b'\n');
    stream.write_all(&request)?;
    receive(stream, None)
}

fn made_here(
    with_keys: bool,
    since: Option<&EarlierBackup>,
    back_up: OpenedBackup,
) -> Result<IncomingBackup, CommandError> {
    let failed = |error: &dyn std::fmt::Display| super::failed(error.to_string());
    let (ours, theirs) = UnixStream::pair().map_err(|error| failed(&error))?;
    let since = since.cloned();
    let worker = thread::spawn(move || answer(theirs, with_keys, since, back_up));
    receive(ours, Some(worker)).map_err(|error| failed(&error))?
}

/// Waits for the first byte of a backup, or for a reply instead.
fn receive(
    stream: UnixStream,
    worker: Option<JoinHandle<()>>,
) -> Result<Result<IncomingBackup, CommandError>, SocketError> {
    let mut incoming =
        IncomingBackup { input: BufReader::with_capacity(256 << 10, stream), worker };
    match incoming.input.fill_buf()?.first() {
        None => Ok(Err(super::failed("the daemon ended before the backup began".into()))),
        Some(b'{') => {
            let mut line = Vec::new();
            incoming.input.read_until(b'\n', &mut line)?;
            match read_reply(&line) {
                Ok(_) => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
                Err(SocketError::Refused(error)) => Ok(Err(error)),
                Err(other) => Err(other),
            }
        }
        Some(_) => Ok(Ok(incoming)),
    }
}

/// Writes a backup to `stream`, or a reply if it fails before its first byte.
fn answer(
    stream: UnixStream,
    with_keys: bool,
    since: Option<EarlierBackup>,
    back_up: impl FnOnce(&mut dyn Write, BackupOrder<'_>) -> Result<(), CommandError>,
) {
    let answers = stream.try_clone();
    let mut out = BackupOutput { out: io::BufWriter::with_capacity(256 << 10, stream), any: false };
    let outcome = answers.map_err(|error| super::failed(error.to_string())).and_then(|answers| {
        let mut files = ClientFiles(answers);
        let since = since.map(|backup| (backup, &mut files as &mut dyn EarlierFiles));
        back_up(&mut out, BackupOrder { with_keys, since })
    });
    if let Err(error) = outcome {
        tracing::warn!(%error, "a backup was not finished");
        if !out.any {
            let reply: Result<Reply, CommandError> = Err(error);
            // A client that has left needs no reply.
            let _ = serde_json::to_writer(&mut out, &reply)
                .map_err(io::Error::from)
                .and_then(|()| out.write_all(b"\n"));
        }
    }
    let _ = out.flush();
}

/// The files of an earlier backup, which the client knows.
struct ClientFiles(UnixStream);

impl EarlierFiles for ClientFiles {
    fn find(&mut self, _: [u8; 16]) -> io::Result<Option<EarlierFile>> {
        let mut is_known = [0];
        self.0.read_exact(&mut is_known)?;
        if is_known == [0] {
            return Ok(None);
        }
        let mut known = [0; EarlierFile::BYTES];
        self.0.read_exact(&mut known)?;
        Ok(Some(EarlierFile::from_bytes(&known)))
    }
}

struct BackupOutput<W> {
    out: W,
    any: bool,
}

impl<W: Write> Write for BackupOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.any = true;
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Sends a backup to a client of the socket. `stopping` ends it when its sender is dropped.
pub(super) async fn send_backup<B>(
    stream: tokio::net::UnixStream,
    with_keys: bool,
    since: Option<EarlierBackup>,
    back_up: Arc<B>,
    mut stopping: watch::Receiver<()>,
) where
    B: Fn(&mut dyn Write, BackupOrder<'_>, &dyn Fn() -> bool) -> Result<(), CommandError>
        + Send
        + Sync
        + 'static,
{
    let opened = stream.into_std().and_then(|stream| {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(CLIENT_PATIENCE))?;
        stream.set_read_timeout(Some(CLIENT_PATIENCE))?;
        Ok((stream.try_clone()?, stream))
    });
    let (stream, same) = match opened {
        Ok(streams) => streams,
        Err(error) => {
            tracing::warn!(%error, "cannot send a backup to the administration socket");
            return;
        }
    };
    let stops = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stops);
    let mut work = tokio::task::spawn_blocking(move || {
        let stops = || asked.load(Ordering::Relaxed);
        answer(stream, with_keys, since, |out, order| back_up(out, order, &stops));
    });
    tokio::select! {
        _ = &mut work => return,
        _ = stopping.changed() => stops.store(true, Ordering::Relaxed),
    }
    if timeout(STOP_GRACE, &mut work).await.is_err() {
        // It waits for its client.
        let _ = same.shutdown(std::net::Shutdown::Both);
        let _ = work.await;
    }
}
