//! One connection, from its acceptance to its end.

use std::{
    io,
    pin::pin,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::watch, time::timeout};
use tokio_rustls::TlsAcceptor;

use super::{
    client_address::{Peer, Proxies},
    connections::{ConnectionPermit, Connections, Owner, Refused},
    lingering::Lingering,
    listener::AcceptedStream,
    multiplexed,
    patience::Patient,
    proxy_header,
    requests::RequestContext,
    transport::{self, HttpVersion},
    watched::WatchedStream,
};
use crate::{
    domain::limits::client_net::ClientNet,
    metrics::{ConnectionKind, RefusedBy},
    router::{HttpsRedirect, Site, log_refusal},
};

/// How long an answer may still be written after its connection had to end.
pub(super) const LAST_WRITE: Duration = Duration::from_secs(1);
/// The limit for all headers of a request together.
pub(super) const MAX_HEADER_BYTES: u32 = 16 << 10;
/// The most that is read or written at once, which is also the limit for pieces of bodies elsewhere. hyper
/// starts with 8 KiB, and takes more only if it is filled, so idle connections stay small.
pub(super) const MAX_BUFFER_BYTES: usize = 64 << 10;

/// What all connections share.
pub(super) struct ConnectionContext {
    pub(super) site: Arc<Site>,
    pub(super) proxies: Proxies,
    pub(super) connections: Arc<Connections>,
    pub(super) tls: Option<TlsAcceptor>,
    /// What is answered on the listeners for plain HTTP beside HTTPS.
    pub(super) redirect: Option<Arc<HttpsRedirect>>,
    /// Whether browsers are told to use nothing but HTTPS from now on (HSTS, RFC 6797).
    pub(super) is_https_only: bool,
    /// Whether trusted proxies send the header of the PROXY protocol.
    pub(super) has_proxy_headers: bool,
    /// Whether each answer ends its connection, because another process takes the listeners over.
    pub(super) is_leaving: AtomicBool,
}

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListenerRole {
    /// The APIs and the pages.
    Site,
    /// The redirect to them.
    Redirect,
}

impl ConnectionContext {
    /// Serves a connection in the background, or refuses it.
    pub(super) fn admit(
        self: &Arc<Self>,
        stream: AcceptedStream,
        peer: Peer,
        role: ListenerRole,
        stopped: &watch::Receiver<bool>,
    ) {
        let Ok(place) = self.place(&stream, peer, role) else { return };
        if let Err(error) = stream.set_nodelay() {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        tokio::spawn(Arc::clone(self).serve(stream, peer, role, place, stopped.clone()));
    }

    /// A place for a connection of `peer`. Tells the client if there is none.
    fn place(
        &self,
        stream: &AcceptedStream,
        peer: Peer,
        role: ListenerRole,
    ) -> Result<ConnectionPermit, Refused> {
        let owner = match self.proxies.is_trusted(peer) {
            true => Owner::Proxies,
            false => Owner::Client(ClientNet::of(peer.address)),
        };
        self.connections.admit(owner).inspect_err(|why| {
            let limit = match why {
                Refused::Share => "max_connections_per_client",
                Refused::Full => "max_connections",
            };
            log_refusal(&self.site, RefusedBy(limit), peer.address);
            // A TLS client could not read it.
            if self.tls(stream, role).is_none() {
                // The text fits into the buffer of a new socket; if the write fails, the client has
                // already disconnected.
                let _ = stream.try_write(refusal(*why).as_bytes());
            }
        })
    }

    /// TLS for a connection. A Unix socket is reached by a proxy on this machine, which ends TLS itself.
    fn tls(&self, stream: &AcceptedStream, role: ListenerRole) -> Option<&TlsAcceptor> {
        self.tls.as_ref().filter(|_| role == ListenerRole::Site && !stream.is_unix())
    }

    async fn serve(
        self: Arc<Self>,
        mut stream: AcceptedStream,
        mut peer: Peer,
        role: ListenerRole,
        mut place: ConnectionPermit,
        stopped: watch::Receiver<bool>,
    ) {
        if self.has_proxy_headers && self.proxies.is_trusted(peer) {
            let header = timeout(transport::HANDSHAKE, proxy_header::read(&mut stream));
            let client = tokio::select! {
                client = header => client.map_err(io::Error::from).flatten(),
                () = place.connection().ended() => return,
            };
            match client {
                // The proxy asks for itself, or does not know the client.
                Ok(None) => peer.is_unnamed = true,
                // Counted as if the client had connected itself.
                Ok(Some(address)) => {
                    peer = Peer { address, is_unix: false, is_unnamed: false };
                    let Ok(own) = self.place(&stream, peer, role) else { return };
                    place = own;
                }
                // A proxy looks whether the port is open.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
                Err(error) => {
                    tracing::warn!(proxy = %peer.address, %error, "a connection is closed");
                    return;
                }
            }
        }
        let tls = self.tls(&stream, role);
        let is_proxy = self.proxies.is_trusted(peer);
        let kind = ConnectionKind { is_tls: tls.is_some(), is_proxy };
        let _counted = self.site.app.metrics.connections.open(kind);
        let opened = tokio::select! {
            opened = transport::open(stream, tls) => opened,
            () = place.connection().ended() => return,
        };
        match opened {
            Ok((stream, version)) => {
                let is_secure = tls.is_some();
                let open = Arc::clone(place.connection());
                let requests = RequestContext::new(self, peer, role, is_secure, open);
                match version {
                    HttpVersion::Http1 => serve_http1(requests, stream, place, stopped).await,
                    HttpVersion::Http2 => {
                        multiplexed::serve(requests, stream, place, stopped).await;
                    }
                }
            }
            Err(error) => {
                tracing::debug!(address = %peer.address, %error, "a TLS handshake failed")
            }
        }
    }
}

async fn serve_http1(
    requests: RequestContext,
    stream: transport::BoxedTransport,
    place: ConnectionPermit,
    mut stopped: watch::Receiver<bool>,
) {
    let (place, requests) = (Arc::new(place), Arc::new(requests));
    let address = requests.peer.address;
    let stream = Lingering::new(stream, requests.unread.clone());
    let stream = WatchedStream { stream, place: Arc::clone(&place) };
    let stream = Patient::new(stream, Arc::clone(place.connection()));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let requests = Arc::clone(&requests);
        async move { requests.answer(request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // `Patient` distinguishes idle connections from slow heads.
        .header_read_timeout(None)
        .max_header_size(MAX_HEADER_BYTES as usize)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            outcome = connection.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a connection failed");
                }
                return;
            }
            () = place.connection().ended() => {
                tracing::debug!(%address, "an idle connection is closed to make room");
                if place.connection().is_cut() {
                    let _ = timeout(LAST_WRITE, connection).await;
                }
                return;
            }
            () = told_to_stop(&mut stopped), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Returns once the connections must end.
pub(super) async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error is a sender that is gone, and with it the server.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

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
