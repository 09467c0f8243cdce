//! Connections to a mail server, from the first byte to where mails can be handed in: TCP, TLS, and
//! STARTTLS.
//!
//! STARTTLS is done here, before lettre has the connection: what lettre reads before TLS begins and
//! what it reads after go through one buffer, and somebody on the way could slip answers into it.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};

use crate::config::{SmtpHost, SmtpTls};

/// How long each step may take.
pub(super) const STEP: Duration = Duration::from_secs(30);
/// The longest reply that is read before TLS.
const MAX_REPLY_BYTES: usize = 16 << 10;
/// What lettre gets in place of the server's greeting, where that was read here.
const GREETING: &[u8] = b"220 here\r\n";

/// A connection that mails can be handed in through.
pub(super) struct Wire {
    stream: Stream,
    /// Read before the stream itself.
    greeting: &'static [u8],
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Connects to `host`. `tls` is `None` only where nothing protects the connection.
    ///
    /// # Errors
    ///
    /// The step that failed, and why.
    pub(super) async fn connect(
        host: &SmtpHost,
        port: u16,
        security: SmtpTls,
        tls: Option<&Arc<ClientConfig>>,
        hello: &str,
    ) -> Result<Self, String> {
        let what = format!("cannot connect to {host} port {port}");
        let mut tcp = step(&what, TcpStream::connect((host.as_str(), port))).await?;
        let _ = tcp.set_nodelay(true);
        let (is_ready, greeting): (bool, &'static [u8]) = match security {
            SmtpTls::Off => return Ok(Self { stream: Stream::Plain(tcp), greeting: b"" }),
            SmtpTls::Implicit => (true, b""),
            SmtpTls::Required | SmtpTls::Opportunistic => {
                (starttls(&mut tcp, hello).await?, GREETING)
            }
        };
        if !is_ready {
            return match security {
                SmtpTls::Opportunistic => Ok(Self { stream: Stream::Plain(tcp), greeting }),
                _ => Err("STARTTLS: the server does not offer it, and it is required".to_owned()),
            };
        }
        let config = tls.ok_or("TLS: it is not set up")?;
        let name = ServerName::try_from(host.as_str().to_owned())
            .map_err(|_| format!("TLS: {host} is no name that a certificate can have"))?;
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name, tcp);
        let stream = step("TLS", handshake).await?;
        Ok(Self { stream: Stream::Tls(Box::new(stream)), greeting })
    }

    /// Whether nobody on the way can read along.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }
}

/// Brings a fresh connection to where TLS begins. Answers `false` where the server offers no TLS.
async fn starttls(tcp: &mut TcpStream, hello: &str) -> Result<bool, String> {
    expect(tcp, "the server's greeting", 220).await?;
    say(tcp, &format!("EHLO {hello}\r\n")).await?;
    let offers = expect(tcp, "EHLO", 250).await?;
    if !offers.iter().any(|offer| offer.trim().eq_ignore_ascii_case("STARTTLS")) {
        return Ok(false);
    }
    say(tcp, "STARTTLS\r\n").await?;
    expect(tcp, "STARTTLS", 220).await?;
    Ok(true)
}

async fn say(tcp: &mut TcpStream, command: &str) -> Result<(), String> {
    step("cannot write to the server", tcp.write_all(command.as_bytes())).await
}

/// Reads a reply, which must have this code. Answers its lines without the codes.
async fn expect(tcp: &mut TcpStream, what: &str, code: u16) -> Result<Vec<String>, String> {
    let text = step(what, reply(tcp)).await?;
    let lines: Vec<&str> = text.lines().collect();
    let code = code.to_string();
    if lines.iter().any(|line| !line.starts_with(&code)) {
        return Err(format!("{what}: the server answered {}", lines.join(" ")));
    }
    Ok(lines.iter().map(|line| line.get(4..).unwrap_or_default().to_owned()).collect())
}

/// Reads one reply and not a byte more.
async fn reply(tcp: &mut TcpStream) -> io::Result<String> {
    let mut reply = Vec::new();
    let mut line_starts_at = 0;
    loop {
        let byte = tcp.read_u8().await?;
        reply.push(byte);
        if reply.len() > MAX_REPLY_BYTES {
            return Err(io::Error::other("the reply is too long"));
        }
        if byte != b'\n' {
            continue;
        }
        // `250-more`, `250 last`
        if reply.get(line_starts_at + 3) != Some(&b'-') {
            return Ok(String::from_utf8_lossy(&reply).into_owned());
        }
        line_starts_at = reply.len();
    }
}

/// One step, which may not take longer than [`STEP`].
async fn step<T>(what: &str, work: impl Future<Output = io::Result<T>>) -> Result<T, String> {
    match timeout(STEP, work).await {
        Ok(done) => done.map_err(|error| format!("{what}: {error}")),
        Err(_) => Err(format!("{what}: no answer within {} seconds", STEP.as_secs())),
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.stream {
            Stream::Plain(tcp) => tcp.peer_addr(),
            Stream::Tls(tls) => tls.get_ref().0.peer_addr(),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let (now, later) = self.greeting.split_at(self.greeting.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Stream::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
