//! The listener: accepts connections, enforces their limits, and passes requests to the router.

mod certificate;
mod client_address;
mod connections;
mod lingering;
mod patience;
mod transport;
mod watched;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Version,
    body::Incoming,
    header::{CONNECTION, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

pub use self::{
    certificate::{BadCertificate, Certificate, CertificateFiles, self_signed},
    client_address::Proxies,
    connections::ConnectionLimits,
};
use self::{
    connections::{ConnectionPermit, Connections, Owner, Refused},
    lingering::{Lingering, Unread},
    patience::{IDLE, Patient},
    watched::{Answering, WatchedBody, WatchedStream},
};
use crate::{
    api::{ApiError, Client},
    domain::limits::client_net::ClientNet,
    http::body::LeftUnread,
    metrics::{ConnectionKind, RefusedBy},
    router::{RequestSender, Site, log_refusal, refuse, route},
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
/// How long an answer may still be written after its connection had to end.
const LAST_WRITE: Duration = Duration::from_secs(1);
/// The limit for all headers of a request together.
const MAX_HEADER_BYTES: usize = 16 << 10;
/// The most that is read or written at once, which is also the limit for pieces of bodies elsewhere. hyper
/// starts with 8 KiB, and takes more only if it is filled, so idle connections stay small.
const MAX_BUFFER_BYTES: usize = 64 << 10;
/// How long requests may continue after a signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// The pause after an error of accept (for example, no more file descriptors), which would otherwise be
/// repeated at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound listener that does not serve yet.
pub struct Server {
    listener: TcpListener,
    site: Arc<Site>,
    proxies: Arc<Proxies>,
    connections: Arc<Connections>,
    tls: Option<TlsAcceptor>,
}

impl Server {
    /// Binds to `listen`; port 0 picks a free one.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn bind(
        listen: SocketAddr,
        site: Arc<Site>,
        proxies: impl Into<Proxies>,
        limits: ConnectionLimits,
    ) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(listen).await?,
            site,
            proxies: Arc::new(proxies.into()),
            connections: Connections::new(limits),
            tls: None,
        })
    }

    /// Serves HTTPS with this certificate, and no plain HTTP.
    #[must_use]
    pub fn with_certificate(self, certificate: &Arc<Certificate>) -> Self {
        Self { tls: Some(TlsAcceptor::from(Arc::new(certificate.server_config()))), ..self }
    }

    /// The address of the listener.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` completes, then finishes the requests in progress within 10 seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        tokio::select! {
            () = stop => {}
            () = self.accept(&graceful) => {}
        }
        drop(self.listener);
        if timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were not finished within 10 seconds");
        }
    }

    async fn accept(&self, graceful: &GracefulShutdown) {
        loop {
            // The connection is accepted before the limits are checked: a client that has used up its share
            // does not delay others.
            match self.listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer, graceful),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    self.connections.make_room();
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, graceful: &GracefulShutdown) {
        let address = peer.ip().to_canonical();
        let owner = match self.proxies.is_trusted(address) {
            true => Owner::Proxies,
            false => Owner::Client(ClientNet::of(address)),
        };
        match self.connections.admit(owner) {
            Ok(place) => self.serve(stream, peer, place, owner == Owner::Proxies, graceful),
            Err(why) => {
                let limit = match why {
                    Refused::Share => "max_connections_per_client",
                    Refused::Full => "max_connections",
                };
                log_refusal(&self.site, RefusedBy(limit), address);
                // A TLS client could not read it.
                if self.tls.is_none() {
                    // The text fits into the buffer of a new socket; if the write fails, the client has
                    // already disconnected.
                    let _ = stream.try_write(refusal(why).as_bytes());
                }
            }
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: ConnectionPermit,
        is_proxy: bool,
        graceful: &GracefulShutdown,
    ) {
        // Answers are written at once and completely; waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        let place = Arc::new(place);
        let (site, proxies) = (Arc::clone(&self.site), Arc::clone(&self.proxies));
        let (connections, open) = (Arc::clone(&self.connections), Arc::clone(place.connection()));
        let opened = Arc::clone(&open);
        let kind = ConnectionKind { is_tls: self.tls.is_some(), is_proxy };
        let counted = self.site.app.metrics.connections.open(kind);
        let sender = if is_proxy { RequestSender::TrustedProxy } else { RequestSender::Client };
        let unread = Unread::default();
        let linger = unread.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let unread = unread.clone();
            let (site, proxies) = (Arc::clone(&site), Arc::clone(&proxies));
            let (connections, connection) = (Arc::clone(&connections), Arc::clone(&open));
            async move {
                if !connection.begin_request() {
                    return Err(MadeRoom);
                }
                let stays_open = keeps_alive(&request);
                let client = Client { address: proxies.client(peer.ip(), request.headers()) };
                // A proxy's own requests, such as health checks, do not count against a share.
                let is_passed_on = is_proxy && client.address != peer.ip().to_canonical();
                let place =
                    is_passed_on.then(|| connections.admit_request(client.net())).transpose();
                let (place, mut answer) = match place {
                    Ok(place) => (place, route(&site, client, sender, request).await),
                    Err(_) => (None, refuse(&site, ApiError::Busy, client, sender, request)),
                };
                if answer.extensions().get::<LeftUnread>().is_some() {
                    unread.set();
                }
                if stays_open && !answer.headers().contains_key(CONNECTION) {
                    let value = HeaderValue::from_str(&format!("timeout={}", IDLE.as_secs()));
                    answer.headers_mut().extend(value.ok().map(|value| (KEEP_ALIVE, value)));
                }
                let answering = Answering { connection, place };
                Ok::<_, MadeRoom>(answer.map(|body| WatchedBody { body, answering }))
            }
        });
        let (watcher, tls) = (graceful.watcher(), self.tls.clone());
        tokio::spawn(async move {
            let _counted = counted;
            let stream = tokio::select! {
                stream = transport::open(stream, tls) => stream,
                () = place.ended() => return,
            };
            let stream = match stream {
                Ok(stream) => Lingering::new(stream, linger),
                Err(error) => {
                    tracing::debug!(%peer, %error, "a TLS handshake failed");
                    return;
                }
            };
            let stream = WatchedStream { stream, place: Arc::clone(&place) };
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                // `Patient` distinguishes idle connections from slow heads.
                .header_read_timeout(None)
                .max_header_size(MAX_HEADER_BYTES)
                .max_buf_size(MAX_BUFFER_BYTES)
                .serve_connection(TokioIo::new(Patient::new(stream, opened)), service);
            let mut connection = pin!(watcher.watch(connection));
            tokio::select! {
                outcome = &mut connection => if let Err(error) = outcome {
                    tracing::debug!(%error, "a connection failed");
                },
                () = place.ended() => {
                    tracing::debug!(%peer, "an idle connection is closed to make room");
                    if place.is_cut() {
                        let _ = timeout(LAST_WRITE, connection).await;
                    }
                }
            }
        });
    }
}

/// Whether a client expects its connection to stay open after the answer (RFC 9112, 9.3).
fn keeps_alive(request: &hyper::Request<Incoming>) -> bool {
    let values = request.headers().get_all(CONNECTION).iter();
    let mut options = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    match request.version() {
        Version::HTTP_11 => {
            !options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
        }
        _ => options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"keep-alive")),
    }
}

/// A request arrived on an idle connection that was already being closed.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed to make room for another")]
struct MadeRoom;

/// The answer on a connection that is refused.
fn refusal(why: Refused) -> String {
    let message = match why {
        Refused::Share => "Busy: your address has too many connections",
        Refused::Full => "Busy: try again in a moment",
    };
    let body = format!("{{\"error\":{{\"message\":\"{message}\",\"field\":null}}}}");
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nretry-after: 1\r\nconnection: close\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n\r\n{body}",
        body.len()
    )
}
