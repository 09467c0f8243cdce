//! Connections to a mail server, until mails can be sent: TCP, TLS, and STARTTLS.
//!
//! STARTTLS is done here, before lettre has the connection: lettre uses one buffer for the time before and
//! after TLS begins, so an attacker on the network could insert replies into it.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::first_byte::{First, FirstByte, is_tls};
use crate::{
    config::{SmtpHost, SmtpTls},
    tls,
};

/// The time limit of each step.
pub(super) const STEP: Duration = Duration::from_secs(30);
/// How long the greeting of a server may take before a second connection tests whether the server expects
/// TLS. Servers that are slow on purpose take a few seconds; their greeting is still accepted.
const SILENCE: Duration = Duration::from_secs(4);
/// The time limit of the first answer in TLS.
const TLS_ANSWER: Duration = Duration::from_secs(5);
/// How long a server that should use TLS from the start may be silent. A server that expects STARTTLS may
/// be, too.
const TLS_SILENCE: Duration = Duration::from_secs(8);
/// The longest reply that is read before TLS.
const MAX_REPLY_BYTES: usize = 16 << 10;
/// The part of a server's reply that error texts contain.
const MAX_SHOWN_CHARS: usize = 300;
/// The greeting that lettre reads if the server's greeting was already read here.
const GREETING: &[u8] = b"220 here\r\n";

/// A connection that is ready for mails.
pub(super) struct Wire {
    stream: SmtpStream,
    /// Read before the stream itself.
    greeting: &'static [u8],
}

enum SmtpStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<FirstByte>>),
}

/// The server of a connection, for messages about it.
struct DialedServer<'a> {
    host: &'a SmtpHost,
    port: u16,
}

impl Wire {
    /// Connects to `host`. `tls` is `None` only if the connection is not encrypted.
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
        let peer = DialedServer { host, port };
        let mut tcp = step(&what, TcpStream::connect((host.as_str(), port))).await?;
        let _ = tcp.set_nodelay(true);
        if security == SmtpTls::Implicit {
            let stream = peer.implicit_tls(tcp, tls).await?;
            return Ok(Self { stream: SmtpStream::Tls(Box::new(stream)), greeting: b"" });
        }
        let greeting = GREETING;
        peer.greeting(&mut tcp).await?;
        let has_begun = security != SmtpTls::Off && starttls(&mut tcp, hello).await?;
        if has_begun {
            let stream = step("TLS", peer.handshake(tcp, tls)?.0).await?;
            return Ok(Self { stream: SmtpStream::Tls(Box::new(stream)), greeting });
        }
        match security {
            SmtpTls::Required => {
                Err("STARTTLS: the server does not offer it, and it is required: if it \
                                      has another port with TLS (465), write smtps:// in smtp_url"
                    .to_owned())
            }
            _ => Ok(Self { stream: SmtpStream::Plain(tcp), greeting }),
        }
    }

    /// Whether the connection is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.stream, SmtpStream::Tls(_))
    }
}

impl DialedServer<'_> {
    /// A handshake that has not started yet, and the first byte of the server once it has.
    fn handshake(
        &self,
        tcp: TcpStream,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<(tokio_rustls::Connect<FirstByte>, Arc<First>), String> {
        let host = self.host;
        let config = tls.ok_or("TLS: it is not set up")?;
        let name = ServerName::try_from(host.as_str().to_owned())
            .map_err(|_| format!("TLS: {host} is not a name that a certificate can have"))?;
        let (stream, first) = FirstByte::of(tcp);
        Ok((TlsConnector::from(Arc::clone(config)).connect(name, stream), first))
    }

    /// TLS from the start. For a failure before the first byte, the error names the most likely cause.
    async fn implicit_tls(
        &self,
        tcp: TcpStream,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<TlsStream<FirstByte>, String> {
        let (handshake, first) = self.handshake(tcp, tls)?;
        let silence = async {
            sleep(TLS_SILENCE).await;
            if first.byte().is_some() {
                std::future::pending::<()>().await;
            }
        };
        let outcome = tokio::select! {
            outcome = step("TLS", handshake) => outcome,
            () = silence => Err(format!("TLS: no answer within {} seconds", TLS_SILENCE.as_secs())),
        };
        let Self { host, port } = self;
        outcome.map_err(|error| match first.byte() {
            Some(byte) if byte.is_ascii_digit() => format!(
                "TLS: the server at {host} port {port} begins without TLS, as servers with STARTTLS do: \
                 write smtp:// in smtp_url instead of smtps://"
            ),
            Some(byte) if !is_tls(byte) => {
                format!("TLS: the server at {host} port {port} speaks neither TLS nor SMTP")
            }
            Some(_) => error,
            None => format!(
                "{error}; if the server at {host} port {port} expects STARTTLS (usual on the ports 587 and \
                 25), write smtp:// in smtp_url instead of smtps://"
            ),
        })
    }

    /// Reads the greeting of a server that should not use TLS from the start. If the server is silent, a
    /// second connection tests whether it expects TLS.
    async fn greeting(&self, tcp: &mut TcpStream) -> Result<(), String> {
        const WHAT: &str = "the server's greeting";
        // A server that has started its greeting is not tested: some send the first line at once and the
        // last one seconds later, and treat a client that connects twice as a robot (postscreen).
        let has_begun = AtomicBool::new(false);
        let mut greeting = pin!(async {
            let greeting = step(WHAT, async {
                // A greeting starts with a digit; another byte may be an alert of TLS.
                let mut first = [0];
                tcp.peek(&mut first).await?;
                has_begun.store(first[0].is_ascii_digit(), Ordering::Relaxed);
                reply(tcp).await
            });
            lines_of(&greeting.await?, WHAT, 220)
        });
        let waits_for_tls = async {
            sleep(SILENCE).await;
            if has_begun.load(Ordering::Relaxed)
                || !self.answers_tls().await
                || has_begun.load(Ordering::Relaxed)
            {
                std::future::pending::<()>().await;
            }
        };
        let outcome = tokio::select! {
            outcome = &mut greeting => outcome,
            () = waits_for_tls => return Err(self.wants_smtps()),
        };
        let Err(error) = outcome else { return Ok(()) };
        // The server closed the connection, or sent an alert of TLS.
        if !has_begun.load(Ordering::Relaxed) && self.answers_tls().await {
            tracing::debug!(%error, "a mail server expects TLS from the first byte");
            return Err(self.wants_smtps());
        }
        Err(error)
    }

    fn wants_smtps(&self) -> String {
        let Self { host, port } = self;
        format!(
            "TLS: the server at {host} port {port} expects TLS from the first byte: write smtps:// in \
             smtp_url instead of smtp://"
        )
    }

    /// Whether the server answers a TLS handshake with TLS. Its certificate does not matter, because
    /// nothing is sent.
    async fn answers_tls(&self) -> bool {
        let asked = async {
            let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.ok()?;
            let config = Arc::new(tls::without_trust().ok()?);
            let (handshake, first) = self.handshake(tcp, Some(&config)).ok()?;
            // The handshake fails because no authority is trusted; only the first byte matters.
            let _ = handshake.await;
            first.byte()
        };
        timeout(TLS_ANSWER, asked).await.ok().flatten().is_some_and(is_tls)
    }
}

/// Sends EHLO and prepares a connection for TLS. Returns `false` if the server does not offer TLS.
async fn starttls(tcp: &mut TcpStream, hello: &str) -> Result<bool, String> {
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

/// Reads a reply, which must have this code. Returns its lines without the codes.
async fn expect(tcp: &mut TcpStream, what: &str, code: u16) -> Result<Vec<String>, String> {
    lines_of(&step(what, reply(tcp)).await?, what, code)
}

fn lines_of(text: &str, what: &str, code: u16) -> Result<Vec<String>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let code = code.to_string();
    if lines.iter().any(|line| !line.starts_with(&code)) {
        return Err(format!("{what}: the server answered {}", shown(&lines.join(" "))));
    }
    Ok(lines.iter().map(|line| line.get(4..).unwrap_or_default().to_owned()).collect())
}

/// A server's words without control characters, for a terminal.
fn shown(text: &str) -> String {
    let plain = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    plain.take(MAX_SHOWN_CHARS).collect()
}

/// Reads one reply and no byte more.
async fn reply(tcp: &mut TcpStream) -> io::Result<String> {
    let mut reply = Vec::new();
    let mut line_starts_at = 0;
    loop {
        let byte = tcp.read_u8().await?;
        if reply.is_empty() && !byte.is_ascii_digit() {
            return Err(io::Error::other("the server does not speak SMTP"));
        }
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

/// One step, with the time limit [`STEP`].
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
            SmtpStream::Plain(tcp) => tcp.peer_addr(),
            SmtpStream::Tls(tls) => tls.get_ref().0.peer_addr(),
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
            SmtpStream::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            SmtpStream::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
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
            SmtpStream::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            SmtpStream::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            SmtpStream::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            SmtpStream::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            SmtpStream::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            SmtpStream::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
