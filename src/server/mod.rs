//! The listeners: they accept connections, enforce their limits, and pass requests to the router.

mod client_address;
mod connection;
mod connections;
mod evidence;
mod lingering;
mod listener;
mod multiplexed;
mod open_connection;
mod patience;
mod proxy_header;
mod requests;
mod transport;
mod watched;

use std::{
    io, mem,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::server::ResolvesServerCert};

pub use self::{
    client_address::{Peer, Proxies},
    connections::ConnectionLimits,
    evidence::{ArrivedRequest, DOCTOR_HEADER, ProxyEvidence},
    listener::{Listener, LocalAddress},
};
use self::{
    connection::{ConnectionContext, ListenerRole},
    connections::Connections,
};
use crate::{
    certificates::server_config,
    router::{HttpsRedirect, Site},
};

/// How long requests may continue after a signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long requests may continue while the listeners are handed over: new connections are served meanwhile.
const HANDING_OVER: Duration = Duration::from_secs(60);
/// How long idle connections stay open while the listeners are handed over. A request that arrives in this
/// time is answered, and ends its connection.
const LAST_REQUEST: Duration = Duration::from_secs(1);
/// The same after the last connection was accepted.
const SETTLING: Duration = Duration::from_millis(500);
/// The pause after an error of accept (for example, no more file descriptors), which would otherwise be
/// repeated at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bound listeners that do not serve yet.
pub struct Server {
    listeners: Vec<(Listener, ListenerRole)>,
    context: ConnectionContext,
}

/// How a server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Requests in progress are finished within 10 seconds; new connections are refused.
    Now,
    /// The listeners stay open for another process. Nobody notices but by a short wait: requests are answered
    /// on all connections that were accepted, and connections end when they have been idle for a second, or
    /// after their next answer.
    HandOver,
}

impl Server {
    /// Will answer the connections of `listeners` with `site`.
    #[must_use]
    pub fn new(
        listeners: Vec<Listener>,
        site: Arc<Site>,
        proxies: impl Into<Proxies>,
        limits: ConnectionLimits,
    ) -> Self {
        let context = ConnectionContext {
            site,
            proxies: proxies.into(),
            connections: Connections::new(limits),
            tls: None,
            redirect: None,
            is_https_only: false,
            has_proxy_headers: false,
            is_leaving: false.into(),
        };
        let listeners = listeners.into_iter().map(|listener| (listener, ListenerRole::Site));
        Self { listeners: listeners.collect(), context }
    }

    /// Serves HTTPS with these certificates on the TCP listeners, and no plain HTTP.
    #[must_use]
    pub fn with_certificates(mut self, certificates: Arc<dyn ResolvesServerCert>) -> Self {
        self.context.tls = Some(TlsAcceptor::from(Arc::new(server_config(certificates))));
        self
    }

    /// Answers plain HTTP on `listeners` with `redirect`.
    #[must_use]
    pub fn with_redirect(mut self, listeners: Vec<Listener>, redirect: HttpsRedirect) -> Self {
        let more = listeners.into_iter().map(|listener| (listener, ListenerRole::Redirect));
        self.listeners.extend(more);
        self.context.redirect = Some(Arc::new(redirect));
        self
    }

    /// Tells browsers to use nothing but HTTPS for this name from now on.
    #[must_use]
    pub fn https_only(mut self) -> Self {
        self.context.is_https_only = true;
        self
    }

    /// Expects the header of the PROXY protocol on each connection of a trusted proxy.
    #[must_use]
    pub fn with_proxy_protocol(mut self) -> Self {
        self.context.has_proxy_headers = true;
        self
    }

    /// The addresses of the listeners for the APIs and the pages.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn addresses(&self) -> io::Result<Vec<LocalAddress>> {
        let sites = self.listeners.iter().filter(|(_, role)| *role == ListenerRole::Site);
        sites.map(|(listener, _)| listener.address()).collect()
    }

    /// What is noticed about proxies.
    #[must_use]
    pub fn proxy_evidence(&self) -> Arc<ProxyEvidence> {
        self.context.proxies.evidence()
    }

    /// Serves until `stop` completes, then stops as it says. Returns the listeners that are handed over, which
    /// accept nothing any more, but stay open until they are dropped.
    pub async fn run(self, stop: impl Future<Output = Stop>) -> KeptListeners {
        let context = Arc::new(self.context);
        let listeners = self.listeners.into_iter();
        let listeners: Vec<_> =
            listeners.map(|(listener, role)| (Arc::new(listener), role)).collect();
        let mut serving = Accepting::start(&listeners, &context);
        let mut kept = Vec::new();
        match stop.await {
            Stop::Now => drop(listeners),
            Stop::HandOver => {
                // Connections that are open now may need more time than those to come, which are answered
                // at once: new ones are accepted until the old ones have ended.
                context.is_leaving.store(true, Ordering::Relaxed);
                let old =
                    mem::replace(&mut serving, Accepting::start(&listeners, &context)).end().await;
                sleep(LAST_REQUEST).await;
                old.finish(HANDING_OVER).await;
                kept = listeners;
            }
        }
        let open = serving.end().await;
        if !kept.is_empty() {
            sleep(SETTLING).await;
        }
        open.finish(GRACE).await;
        let mut result = KeptListeners::default();
        for (listener, role) in kept {
            let Some(listener) = Arc::into_inner(listener) else { continue };
            match role {
                ListenerRole::Site => result.site.push(listener),
                ListenerRole::Redirect => result.redirect.push(listener),
            }
        }
        result
    }
}

/// The listeners of a server that has stopped.
#[derive(Default)]
pub struct KeptListeners {
    /// Those of the APIs and the pages.
    pub site: Vec<Listener>,
    /// Those of the redirect to them.
    pub redirect: Vec<Listener>,
}

/// The tasks that accept connections, and the connections that they have accepted.
struct Accepting {
    tasks: JoinSet<()>,
    open: OpenOnes,
}

/// Open connections: each has a receiver.
struct OpenOnes(watch::Sender<bool>);

impl Accepting {
    fn start(
        listeners: &[(Arc<Listener>, ListenerRole)],
        context: &Arc<ConnectionContext>,
    ) -> Self {
        let (stopping, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (listener, role) in listeners {
            let (listener, context) = (Arc::clone(listener), Arc::clone(context));
            tasks.spawn(accept(listener, *role, context, stopped.clone()));
        }
        Self { tasks, open: OpenOnes(stopping) }
    }

    /// Accepts no more. Returns the connections that are open.
    async fn end(mut self) -> OpenOnes {
        self.tasks.shutdown().await;
        self.open
    }
}

impl OpenOnes {
    /// Ends the idle connections, and lets the requests on others finish within `limit`.
    async fn finish(self, limit: Duration) {
        // There is no receiver if no connection is open.
        let _ = self.0.send(true);
        if timeout(limit, self.0.closed()).await.is_err() {
            tracing::warn!("some requests were not finished within {} seconds", limit.as_secs());
        }
    }
}

async fn accept(
    listener: Arc<Listener>,
    role: ListenerRole,
    context: Arc<ConnectionContext>,
    stopped: watch::Receiver<bool>,
) {
    loop {
        // The connection is accepted before the limits are checked: a client that has used up its share
        // does not delay others.
        match listener.accept().await {
            Ok((stream, peer)) => context.admit(stream, peer, role, &stopped),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                context.connections.make_room();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
