//! The stream of a connection: plain, or with TLS.

use std::{io, pin::Pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// A client that reads nothing of an answer for this long counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The time limit for the handshake, as for the head of a request.
const HANDSHAKE: Duration = Duration::from_secs(10);
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

/// Makes the stream of a connection; with `tls`, after the handshake.
///
/// # Errors
///
/// That of the handshake, and [`io::ErrorKind::TimedOut`] if it takes too long.
pub(super) async fn open(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
) -> io::Result<Pin<Box<dyn Transport>>> {
    let Some(tls) = tls else { return Ok(with_limit(stream)) };
    let handshake = async {
        let mut first = [0];
        // An empty result is a client that has left; the handshake reports it.
        if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE_RECORD] {
            let mut stream = with_limit(stream);
            stream.write_all(PLAIN_HTTP).await?;
            stream.shutdown().await?;
            // A socket that is closed with unread bytes is reset, and the client might not see the answer.
            tokio::io::copy(&mut stream.take(MAX_UNREAD_BYTES), &mut tokio::io::sink()).await?;
            return Err(io::Error::other("the client does not speak TLS"));
        }
        let stream: Pin<Box<dyn Transport>> = Box::pin(tls.accept(with_limit(stream)).await?);
        Ok(stream)
    };
    timeout(HANDSHAKE, handshake).await?
}

fn with_limit(stream: TcpStream) -> Pin<Box<dyn Transport>> {
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
