//! The client of the administration socket, for the command line. It blocks.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{
    Command, CommandError, Reply,
    socket::{SOCKET_NAME, below},
};

/// The error of a call without a reply.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// No daemon listens: the directory or the socket is missing, or no process accepts. Nothing was sent.
    #[error("no daemon answers")]
    NotThere,
    /// This user has no access to the directory or the socket. Nothing was sent.
    #[error("permission denied")]
    NotAllowed,
    /// The connection ended before the reply: it is unknown whether the command was executed.
    #[error("the daemon closed the connection before it answered")]
    BrokenOff,
    /// The daemon took longer than the limit of the call.
    #[error("the daemon does not answer")]
    Silent,
    /// The connection failed, or the reply is not valid.
    #[error("the daemon's answer cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The daemon answered that it did not execute the command.
    #[error(transparent)]
    Refused(#[from] CommandError),
}

/// Sends a command to the daemon that runs on the data directory `dir`, and waits for the reply without a
/// timeout.
///
/// # Errors
///
/// [`SocketError`] as a failure of the command.
pub fn call(dir: &Path, command: &Command) -> Result<Reply, SocketError> {
    call_within(dir, command, None)
}

/// As [`call`], but waits at most `limit` for each part of the reply.
pub(super) fn call_within(
    dir: &Path,
    command: &Command,
    limit: Option<Duration>,
) -> Result<Reply, SocketError> {
    let mut stream = connect(dir)?;
    stream.set_read_timeout(limit)?;
    stream.set_write_timeout(limit)?;
    let mut request = serde_json::to_vec(command).map_err(io::Error::from)?;
    request.push(b'\n');
    // Wiped, and large enough not to be moved while it holds a key; lists may be longer.
    let mut reply = Zeroizing::new(Vec::with_capacity(4096));
    let exchanged = stream.write_all(&request).and_then(|()| stream.read_to_end(&mut reply));
    // The system's word for a timeout of a socket.
    if exchanged.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
        return Err(SocketError::Silent);
    }
    if exchanged.is_err() || reply.last() != Some(&b'\n') {
        return Err(SocketError::BrokenOff);
    }
    read_reply(&reply)
}

/// Decodes a reply.
pub(super) fn read_reply(line: &[u8]) -> Result<Reply, SocketError> {
    let answer: Result<Reply, CommandError> =
        serde_json::from_slice(line).map_err(io::Error::from)?;
    Ok(answer?)
}

/// Connects to the daemon that runs on the data directory `dir`.
pub(super) fn connect(dir: &Path) -> Result<UnixStream, SocketError> {
    let connected = File::open(dir).and_then(|dir| UnixStream::connect(below(&dir, SOCKET_NAME)));
    connected.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => SocketError::NotThere,
        io::ErrorKind::PermissionDenied => SocketError::NotAllowed,
        _ => SocketError::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        os::unix::net::UnixListener,
        thread,
    };

    use super::*;

    /// What the client makes of a daemon that answers `reply` and closes.
    fn answered(reply: &'static [u8]) -> Result<Reply, SocketError> {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join(SOCKET_NAME)).unwrap();
        let daemon = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            BufReader::new(&stream).read_line(&mut String::new()).unwrap();
            stream.write_all(reply).unwrap();
        });
        let outcome = call(dir.path(), &Command::ListAccounts);
        daemon.join().unwrap();
        outcome
    }

    #[test]
    fn a_reply_is_one_whole_line() {
        assert!(matches!(answered(b""), Err(SocketError::BrokenOff)));
        assert!(matches!(answered(b"{\"Ok\":{\"acc"), Err(SocketError::BrokenOff)));
        assert!(matches!(answered(b"{\"Ok\":{\"dance\":[]}}\n"), Err(SocketError::Io(_))));
        assert!(matches!(answered(b"{\"Ok\":{\"accounts\":[]}}\n"), Ok(Reply::Accounts(_))));
    }

    #[test]
    fn a_silent_daemon_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        // Connections wait in its queue.
        let _listener = UnixListener::bind(dir.path().join(SOCKET_NAME)).unwrap();
        let limit = Some(Duration::from_millis(1));
        let outcome = call_within(dir.path(), &Command::CheckHealth, limit);
        assert!(matches!(outcome, Err(SocketError::Silent)));
    }

    #[test]
    fn where_nobody_listens_nothing_was_asked() {
        let dir = tempfile::tempdir().unwrap();
        for dir in [dir.path(), &dir.path().join("absent")] {
            let outcome = call(dir, &Command::ListAccounts);
            assert!(matches!(outcome, Err(SocketError::NotThere)));
        }
    }
}
