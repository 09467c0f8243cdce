//! The first byte of a server, which distinguishes TLS from a protocol in plain text.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connection that keeps the first byte of the server, also if TLS fails.
pub(super) struct FirstByte {
    tcp: TcpStream,
    first: Arc<First>,
}

/// The first byte of a server.
#[derive(Default)]
pub(super) struct First(AtomicU16);

/// Whether TLS starts with this byte: a handshake or an alert (RFC 8446, 5.1).
pub(super) fn is_tls(byte: u8) -> bool {
    matches!(byte, 0x15 | 0x16)
}

impl FirstByte {
    /// Wraps a connection from which nothing was read.
    pub(super) fn of(tcp: TcpStream) -> (Self, Arc<First>) {
        let first = Arc::new(First::default());
        (Self { tcp, first: Arc::clone(&first) }, first)
    }

    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

impl First {
    fn note(&self, bytes: &[u8]) {
        if let Some(byte) = bytes.first() {
            let noted = 0x100 | u16::from(*byte);
            // Only the first byte is kept.
            let _ = self.0.compare_exchange(0, noted, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The byte, once it was received.
    pub(super) fn byte(&self) -> Option<u8> {
        match self.0.load(Ordering::Relaxed).to_be_bytes() {
            [0, _] => None,
            [_, byte] => Some(byte),
        }
    }
}

impl AsyncRead for FirstByte {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(context, buffer);
        self.first.note(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for FirstByte {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
