//! The server of the administration socket: one request line, one reply line, then close.
//!
//! A process that can open the socket has all rights; the mode of the file is the only check.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    future::Future,
    io::{self, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

use super::{Command, CommandError, ErrorKind, Reply, backup::send_backup};
use crate::store::backup::BackupOrder;

/// The socket's name in the data directory.
pub const SOCKET_NAME: &str = "admin.sock";

/// Commands are short; a longer line is a mistake.
const MAX_REQUEST_BYTES: u64 = 64 * 1024;

/// The timeout for the request line and for the reply: the client is a program on the same machine that has
/// its line ready.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);

/// Creates the socket in `dir` with mode 0600, and replaces one that a dead daemon left.
///
/// The caller holds the lock of the data directory, so no other daemon uses the old socket. Must be called
/// within a tokio runtime.
///
/// A socket gets its mode from the umask, which belongs to the whole process and cannot be changed for a
/// moment. So the socket is created in a new directory that only this user can enter, gets its mode there,
/// and is then moved to its place. Other users cannot open it at any time.
///
/// # Errors
///
/// The error of the file system.
pub fn bind(dir: &Path) -> io::Result<UnixListener> {
    let dir = File::open(dir)?;
    let nursery = below(&dir, ".admin.sock.new");
    match fs::remove_dir_all(&nursery) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let young = nursery.join(SOCKET_NAME);
    let listener = UnixListener::bind(&young)?;
    fs::set_permissions(&young, Permissions::from_mode(0o600))?;
    fs::rename(&young, below(&dir, SOCKET_NAME))?;
    fs::remove_dir(&nursery)?;
    Ok(listener)
}

/// Executes commands with `run`, on the blocking pool, until `stop` is done; then ends when the commands that
/// had arrived are answered.
///
/// A command whose client has disconnected is still executed. `back_up` writes the answer to
/// [`Command::CreateBackup`], with keys or without, until its last argument returns true. The file of the socket
/// stays.
pub async fn serve<R, B>(listener: UnixListener, run: R, back_up: B, stop: impl Future<Output = ()>)
where
    R: Fn(Command) -> Result<Reply, CommandError> + Send + Sync + 'static,
    B: Fn(&mut dyn Write, BackupOrder<'_>, &dyn Fn() -> bool) -> Result<(), CommandError>
        + Send
        + Sync
        + 'static,
{
    let (run, back_up) = (Arc::new(run), Arc::new(back_up));
    let (running, stopping) = watch::channel(());
    let mut conversations = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (run, back_up) = (Arc::clone(&run), Arc::clone(&back_up));
                    let stopping = stopping.clone();
                    conversations.spawn(converse(stream, run, back_up, stopping, CLIENT_PATIENCE));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection on the administration socket");
                    // Probably out of file descriptors: an immediate retry would fail as well.
                    sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = conversations.join_next() => {}
        }
    }
    drop((listener, running));
    while conversations.join_next().await.is_some() {}
}

/// The path of `name` in the open directory `dir`. It is short even if the path of `dir` is long: the address
/// of a Unix socket has 108 bytes (unix(7)).
pub(super) fn below(dir: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()))
}

/// One request, one reply. `stopping` ends the wait for a request when its sender is dropped.
async fn converse<R, B>(
    mut stream: UnixStream,
    run: Arc<R>,
    back_up: Arc<B>,
    mut stopping: watch::Receiver<()>,
    patience: Duration,
) where
    R: Fn(Command) -> Result<Reply, CommandError> + Send + Sync + 'static,
    B: Fn(&mut dyn Write, BackupOrder<'_>, &dyn Fn() -> bool) -> Result<(), CommandError>
        + Send
        + Sync
        + 'static,
{
    let request = tokio::select! {
        request = timeout(patience, read_command(&mut stream)) => request,
        _ = stopping.changed() => return,
    };
    // No reply: the client sent nothing in time, or closed the connection.
    let Ok(Ok(Some(request))) = request else { return };
    let answer = match request {
        Ok(Command::CreateBackup { with_keys, since }) => {
            return send_backup(stream, with_keys, since, back_up, stopping).await;
        }
        Ok(command) => {
            tokio::task::spawn_blocking(move || run(command)).await.unwrap_or_else(|_| {
                Err(CommandError::new(
                    ErrorKind::Failed,
                    "the command was interrupted; see the daemon's log",
                ))
            })
        }
        Err(refused) => Err(refused),
    };
    // Wiped, and large enough not to be moved while it holds a key.
    let mut line = Zeroizing::new(Vec::with_capacity(4096));
    if let Err(error) = serde_json::to_writer(&mut *line, &answer) {
        tracing::error!(%error, "cannot encode a reply of the administration");
        return;
    }
    line.push(b'\n');
    if !matches!(timeout(patience, stream.write_all(&line)).await, Ok(Ok(()))) {
        tracing::warn!("a client of the administration disconnected before its reply");
    }
}

/// The command, or an error; `None` if the client closed the connection without a command.
async fn read_command(
    stream: &mut UnixStream,
) -> io::Result<Option<Result<Command, CommandError>>> {
    let mut line = Vec::new();
    let limited = stream.take(MAX_REQUEST_BYTES + 1);
    BufReader::new(limited).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    let refused = |message: String| Err(CommandError::new(ErrorKind::Usage, message));
    if line.len() as u64 > MAX_REQUEST_BYTES {
        return Ok(Some(refused(format!("the command is longer than {MAX_REQUEST_BYTES} bytes"))));
    }
    if line.last() != Some(&b'\n') {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line).or_else(|error| {
        refused(format!(
            "the daemon does not know this command: {error}; does it have another version?"
        ))
    })))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::FileTypeExt, thread};

    use super::*;
    use crate::admin::{SocketError, call};

    fn refuse(command: Command) -> Result<Reply, CommandError> {
        Err(CommandError::new(ErrorKind::Conflict, format!("{command:?}")))
    }

    fn no_backup(
        _: &mut dyn Write,
        _: BackupOrder<'_>,
        _: &dyn Fn() -> bool,
    ) -> Result<(), CommandError> {
        Err(CommandError::new(ErrorKind::Failed, "no backup"))
    }

    fn message(answer: Result<Reply, SocketError>) -> String {
        answer.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn a_long_path_a_stale_socket_and_a_private_mode() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("d".repeat(200));
        fs::create_dir(&dir).unwrap();
        drop(bind(&dir).unwrap());
        fs::create_dir(dir.join(".admin.sock.new")).unwrap();
        let not_there = call(&dir, &Command::ListAccounts);
        assert!(matches!(not_there, Err(SocketError::NotThere)), "a stale socket");

        let listener = bind(&dir).unwrap();
        let file = fs::metadata(dir.join(SOCKET_NAME)).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing else is left");

        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let client = thread::spawn(move || {
            let answers = [
                call(&dir, &Command::ListAccounts),
                call(&dir, &Command::RevokeApiKey { id: "i".into() }),
            ];
            stop.send(()).unwrap();
            answers.map(message)
        });
        serve(listener, refuse, no_backup, async { stopped.await.unwrap() }).await;
        let answers = client.join().unwrap();
        assert_eq!(answers, ["ListAccounts", "RevokeApiKey { id: \"i\" }"]);
    }

    /// What the server answers to `request` if it waits for `patience`.
    async fn exchange(request: &[u8], patience: Duration) -> String {
        let (mut client, server) = UnixStream::pair().unwrap();
        let (_running, stopping) = watch::channel(());
        let server = tokio::spawn(converse(
            server,
            Arc::new(refuse),
            Arc::new(no_backup),
            stopping,
            patience,
        ));
        client.write_all(request).await.unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.unwrap();
        server.await.unwrap();
        reply
    }

    #[tokio::test]
    async fn a_request_is_one_line_of_limited_length() {
        let mut long = vec![b' '; 64 * 1024];
        long.push(b'\n');
        // (request, part of the reply)
        let cases: [(&[u8], _); 4] = [
            (b"\"list_accounts\"\n", r#"{"Err":{"kind":"conflict","message":"ListAccounts"}}"#),
            (b"{}\n", "does not know this command"),
            (b"\"dance\"\n", "does it have another version?"),
            (&long, "longer than 65536 bytes"),
        ];
        for (request, part) in cases {
            let reply = exchange(request, CLIENT_PATIENCE).await;
            assert!(reply.contains(part) && reply.ends_with('\n'), "{reply}");
        }
    }

    #[tokio::test]
    async fn silence_ends_the_conversation() {
        assert_eq!(exchange(b"", Duration::ZERO).await, "");
        assert_eq!(exchange(b"\"list_acc", Duration::ZERO).await, "");
    }

    #[tokio::test]
    async fn stopping_does_not_wait_for_a_silent_client() {
        let (client, server) = UnixStream::pair().unwrap();
        let (running, stopping) = watch::channel(());
        drop(running);
        // Would hang for an hour if it waited.
        converse(
            server,
            Arc::new(refuse),
            Arc::new(no_backup),
            stopping,
            Duration::from_secs(3600),
        )
        .await;
        drop(client);
    }

    #[tokio::test]
    async fn a_command_that_panics_is_answered() {
        let (mut client, server) = UnixStream::pair().unwrap();
        let (_running, stopping) = watch::channel(());
        let run = |_: Command| -> Result<Reply, CommandError> { panic!("planted") };
        tokio::spawn(converse(
            server,
            Arc::new(run),
            Arc::new(no_backup),
            stopping,
            CLIENT_PATIENCE,
        ));
        client.write_all(b"\"list_accounts\"\n").await.unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.unwrap();
        assert!(
            reply.contains("the command was interrupted") && !reply.contains("planted"),
            "{reply}"
        );
    }
}
