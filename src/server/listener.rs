//! What connections are accepted on: TCP addresses and Unix sockets, of our own or from the service manager.

use std::{
    fmt, fs,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::{FileTypeExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

use super::client_address::Peer;

/// A bound socket that accepts connections.
pub struct Listener {
    socket: ListeningSocket,
    /// The file of a Unix socket that this process has made; removed on drop.
    made: Option<PathBuf>,
}

enum ListeningSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The address of a listener: `127.0.0.1:8080` or `unix:/run/sealdrop/http.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAddress {
    /// A TCP address.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl LocalAddress {
    /// The TCP address.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The port of a TCP address.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.tcp().map(|address| address.port())
    }

    /// Several of them, for people.
    #[must_use]
    pub fn list(addresses: &[Self]) -> String {
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listener {
    /// Binds a TCP address; port 0 picks a free one. Needs the context of a runtime.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::new(ListeningSocket::Tcp(TcpListener::bind(address).await?)))
    }

    /// Makes a Unix socket with the permissions `mode`. A socket that an earlier process has left is
    /// replaced. Needs the context of a runtime. Blocks.
    ///
    /// # Errors
    ///
    /// The system's; [`ErrorKind::AddrInUse`] if another process listens there, or the path is another kind
    /// of file.
    pub fn unix(path: &Path, mode: u32) -> io::Result<Self> {
        remove_left(path)?;
        // The mask of the process leaves it to its owner until the permissions are set.
        let listener = UnixListener::bind(path)?;
        let made = Some(path.to_owned());
        let listener = Self { socket: ListeningSocket::Unix(listener), made };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        Ok(listener)
    }

    /// Takes over a listening TCP socket. Needs the context of a runtime.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn inherited_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::new(ListeningSocket::Tcp(TcpListener::from_std(listener)?)))
    }

    /// Takes over a listening Unix socket, whose file another process removes. Needs the context of a
    /// runtime.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn inherited_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::new(ListeningSocket::Unix(UnixListener::from_std(listener)?)))
    }

    fn new(socket: ListeningSocket) -> Self {
        Self { socket, made: None }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn address(&self) -> io::Result<LocalAddress> {
        match &self.socket {
            ListeningSocket::Tcp(listener) => listener.local_addr().map(LocalAddress::Tcp),
            ListeningSocket::Unix(listener) => {
                let path = listener.local_addr()?.as_pathname().map(Path::to_owned);
                Ok(LocalAddress::Unix(path.unwrap_or_default()))
            }
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(AcceptedStream, Peer)> {
        match &self.socket {
            ListeningSocket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                let address = peer.ip().to_canonical();
                let peer = Peer { address, is_unix: false, is_unnamed: false };
                Ok((AcceptedStream::Tcp(stream), peer))
            }
            ListeningSocket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
                let peer = Peer { address, is_unix: true, is_unnamed: false };
                Ok((AcceptedStream::Unix(stream), peer))
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            ListeningSocket::Tcp(listener) => listener.as_fd(),
            ListeningSocket::Unix(listener) => listener.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.made
            && let Err(error) = fs::remove_file(path)
        {
            tracing::debug!(%error, path = %path.display(), "cannot remove the socket");
        }
    }
}

/// Removes a socket that nobody listens on any more.
fn remove_left(path: &Path) -> io::Result<()> {
    let in_use = |why: &str| Err(io::Error::new(ErrorKind::AddrInUse, why));
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => return in_use("the path is no socket"),
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => in_use("another process listens there"),
    }
}

/// The stream of an accepted connection.
pub(super) enum AcceptedStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AcceptedStream {
    pub(super) fn is_unix(&self) -> bool {
        matches!(self, Self::Unix(_))
    }

    /// Sends each answer at once and completely; waiting to fill a packet only delays it.
    pub(super) fn set_nodelay(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nodelay(true),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Writes what fits into the socket's buffer.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    /// The first byte that has arrived, which stays unread; `None` if the peer has closed the connection.
    pub(super) async fn peek(&self) -> io::Result<Option<u8>> {
        let mut first = [0];
        let seen = match self {
            Self::Tcp(stream) => stream.peek(&mut first).await?,
            Self::Unix(_) => return Err(ErrorKind::Unsupported.into()),
        };
        Ok((seen == 1).then_some(first[0]))
    }
}

/// Passes a call on to the stream of either kind.
macro_rules! either {
    ($stream:ident.$call:ident($($argument:expr),*)) => {
        match $stream.get_mut() {
            AcceptedStream::Tcp(stream) => Pin::new(stream).$call($($argument),*),
            AcceptedStream::Unix(stream) => Pin::new(stream).$call($($argument),*),
        }
    };
}

impl AsyncRead for AcceptedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self.poll_read(context, buffer))
    }
}

impl AsyncWrite for AcceptedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_left_socket_is_replaced_and_a_used_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("http.sock");
        let left = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(left);
        let listener = Listener::unix(&path, 0o660).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(listener.address().unwrap().to_string(), format!("unix:{}", path.display()));
        let refused = |path: &Path| Listener::unix(path, 0o660).err().map(|error| error.kind());
        assert_eq!(refused(&path), Some(ErrorKind::AddrInUse));
        drop(listener);
        assert!(!path.exists(), "it goes with its listener");
        fs::write(&path, "a file").unwrap();
        assert_eq!(refused(&path), Some(ErrorKind::AddrInUse));
        assert_eq!(fs::read(&path).unwrap(), b"a file");
        assert_eq!(refused(&dir.path().join("absent/http.sock")), Some(ErrorKind::NotFound));
    }
}
