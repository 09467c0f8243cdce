//! The stream of a connection: plain, or with TLS.

use std::{io, pin::Pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::listener::AcceptedStream;
use crate::certificates::{ALPN_ACME, ALPN_HTTP2};

/// A client that reads nothing of an answer for this long counts as gone.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The time limit for the handshake, as for the head of a request.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// How much of a request in plain text is discarded after its answer.
const MAX_UNREAD_BYTES: u64 = 64 << 10;
/// The type of the first TLS record, a handshake (RFC 8446 5.1). A request in plain text begins with a letter.
const HANDSHAKE_RECORD: u8 = 22;
/// The answer to a request in plain text at an address that speaks TLS.
const PLAIN_HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 52\r\nconnection: close\r\ncache-control: no-store\r\n\r\n\
    This server speaks HTTPS here: begin with https://.\n";

/// The two kinds of streams.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Transport for S {}

/// A stream of either kind.
pub(super) type BoxedTransport = Pin<Box<dyn Transport>>;

/// The version of HTTP that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HttpVersion {
    /// HTTP/1.1, or 1.0.
    Http1,
    /// HTTP/2, which TLS has negotiated.
    Http2,
}

/// Makes the stream of a connection; with `tls`, after the handshake.
///
/// # Errors
///
/// That of the handshake, and [`io::ErrorKind::TimedOut`] if it takes too long.
pub(super) async fn open(
    stream: AcceptedStream,
    tls: Option<&TlsAcceptor>,
) -> io::Result<(BoxedTransport, HttpVersion)> {
    let Some(tls) = tls else { return Ok((with_limit(stream), HttpVersion::Http1)) };
    let handshake = async {
        // Nothing is a client that has left; the handshake reports it.
        if stream.peek().await?.is_some_and(|first| first != HANDSHAKE_RECORD) {
            let mut stream = with_limit(stream);
            stream.write_all(PLAIN_HTTP).await?;
            stream.shutdown().await?;
            // A socket that is closed with unread bytes is reset, and the client might not see the answer.
            tokio::io::copy(&mut stream.take(MAX_UNREAD_BYTES), &mut tokio::io::sink()).await?;
            return Err(io::Error::other("the client does not speak TLS"));
        }
        let stream = tls.accept(with_limit(stream)).await?;
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(ALPN_HTTP2) => HttpVersion::Http2,
            // The authority has seen what it wanted (RFC 8737 3).
            Some(ALPN_ACME) => return Err(io::Error::other("an authority has checked a domain")),
            _ => HttpVersion::Http1,
        };
        let stream: BoxedTransport = Box::pin(stream);
        Ok((stream, version))
    };
    timeout(HANDSHAKE, handshake).await?
}

fn with_limit(stream: AcceptedStream) -> BoxedTransport {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    Box::pin(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_plain_answer_is_right() {
        let text = std::str::from_utf8(PLAIN_HTTP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
