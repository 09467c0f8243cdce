//! The listener: connections come in, each within its limits, and requests go to the router.

mod client_address;
mod housekeeping;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use ipnet::IpNet;
use tokio::{
    join,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;

pub use self::client_address::client_address;
use crate::{
    api::{App, Client},
    delivery,
    router::route,
};

/// Headers that are not there by then never come. Also ends idle connections.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that takes nothing of an answer for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// All headers of a request together.
const MAX_HEADER_BYTES: usize = 16 << 10;
/// The most that is read, or written, at once: as much as of a body is held anywhere else. hyper begins with
/// 8 KiB, and takes more only while it is filled, so idle connections stay small.
const MAX_BUFFER_BYTES: usize = 64 << 10;
/// How long requests may go on after a signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// After an error of accept (no more file descriptors, say), which would only come again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound listener that is not served yet.
pub struct Server {
    listener: TcpListener,
    app: Arc<App>,
    trusted_proxies: Arc<[IpNet]>,
    connections: Arc<Semaphore>,
}

impl Server {
    /// Binds to `listen`; port 0 picks a free one.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn bind(
        listen: SocketAddr,
        app: Arc<App>,
        trusted_proxies: Vec<IpNet>,
        max_connections: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(listen).await?,
            app,
            trusted_proxies: trusted_proxies.into(),
            connections: Arc::new(Semaphore::new(max_connections)),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is done, then finishes the requests under way within 10 seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let housekeeping = housekeeping::start(&self.app);
        let deliveries = delivery::start(&self.app);
        let graceful = GracefulShutdown::new();
        tokio::select! {
            () = stop => {}
            () = self.accept(&graceful) => {}
        }
        drop(self.listener);
        drop(housekeeping);
        let (drained, ()) = join!(timeout(GRACE, graceful.shutdown()), deliveries.stop());
        if drained.is_err() {
            tracing::warn!("some requests were not finished within 10 seconds");
        }
    }

    async fn accept(&self, graceful: &GracefulShutdown) {
        loop {
            // Beyond the limit, connections wait in the system's queue. The semaphore is never closed.
            let Ok(place) = Arc::clone(&self.connections).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, peer)) => self.serve(stream, peer, place, graceful),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
        graceful: &GracefulShutdown,
    ) {
        // Answers are written at once and whole; waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        let (app, trusted) = (Arc::clone(&self.app), Arc::clone(&self.trusted_proxies));
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (app, trusted) = (Arc::clone(&app), Arc::clone(&trusted));
            async move {
                let address = client_address(peer.ip(), request.headers(), &trusted);
                Ok::<_, Infallible>(route(&app, Client { address }, request).await)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(MAX_BUFFER_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(place);
        });
    }
}
