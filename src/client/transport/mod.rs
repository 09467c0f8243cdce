//! Connections to the server, which `ureq` leaves to its callers: with or without a proxy, TLS with the
//! settings of the whole program, and without informational answers (1xx).

mod absolute;
mod informational;
mod tls;

use std::{fmt, io, sync::Arc};

use tokio_rustls::rustls::{self, ClientConfig};
use ureq::{
    Error, ProxyProtocol,
    http::uri::Scheme,
    unversioned::transport::{
        ConnectProxyConnector, ConnectionDetails, Connector, Either, SocksConnector, TcpConnector,
        Transport,
    },
};

use self::{absolute::AbsoluteForm, informational::Informational, tls::TlsTransport};

type ClientConnection = Box<dyn Transport>;

/// Connects to one server, or to the proxy before it.
pub(super) struct ProxyRoute {
    /// `None` for connections without encryption.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// Whether there is a proxy. This is taken from ureq's settings, which have none for the connection to
    /// the proxy.
    pub(super) has_proxy: bool,
}

/// No connection was made, so nothing was sent.
#[derive(Debug)]
pub(super) struct NoConnection {
    /// The error.
    pub(super) cause: Error,
    /// Whether a retry is useless.
    pub(super) is_final: bool,
}

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for NoConnection {}

/// Omits the settings of TLS.
impl fmt::Debug for ProxyRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("has_proxy", &self.has_proxy).finish_non_exhaustive()
    }
}

impl Connector<()> for ProxyRoute {
    type Out = ClientConnection;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<ClientConnection>, Error> {
        let connected = self.open(details);
        connected.map(Some).map_err(|cause| match cause {
            // An error of the connection to the proxy.
            Error::Other(_) => cause,
            cause => {
                let is_final = is_final(&cause);
                Error::Other(Box::new(NoConnection { cause, is_final }))
            }
        })
    }
}

impl ProxyRoute {
    fn open(&self, details: &ConnectionDetails<'_>) -> Result<ClientConnection, Error> {
        let Some(proxy) = details.config.proxy() else {
            let plain = self.encrypted(tcp(details)?, details)?;
            // On a connection to a proxy, the next bytes belong to the proxy's protocol.
            return Ok(match self.has_proxy {
                true => plain,
                false => Informational::new(plain).boxed(),
            });
        };
        let is_connect = matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        let connection = if !is_connect {
            either(SocksConnector::default().connect(details, None::<()>)?)?
        } else if details.uri.scheme() == Some(&Scheme::HTTPS) {
            either(ConnectProxyConnector::default().connect(details, None::<()>)?)?
        } else {
            // RFC 9112 3.2.2: a request to a proxy has the whole address. Most proxies allow CONNECT to
            // port 443 only.
            let uri = proxy.uri();
            let addrs = details.resolver.resolve(uri, details.config, details.timeout)?;
            let to_proxy = ConnectionDetails {
                uri,
                addrs,
                config: details.config,
                request_level: details.request_level,
                resolver: details.resolver,
                now: details.now,
                timeout: details.timeout,
                current_time: details.current_time.clone(),
                run_connector: details.run_connector.clone(),
                register_shutdown: details.register_shutdown.clone(),
            };
            let connection = self.encrypted(tcp(&to_proxy)?, &to_proxy)?;
            AbsoluteForm::new(connection, details.uri, proxy)?.boxed()
        };
        Ok(Informational::new(self.encrypted(connection, details)?).boxed())
    }

    /// Adds TLS to the connection, if its address needs it.
    fn encrypted(
        &self,
        connection: ClientConnection,
        details: &ConnectionDetails<'_>,
    ) -> Result<ClientConnection, Error> {
        if details.uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(connection);
        }
        let tls = self.tls.as_ref().ok_or(Error::TlsRequired)?;
        Ok(TlsTransport::new(connection, Arc::clone(tls), details)?.boxed())
    }
}

fn tcp(details: &ConnectionDetails<'_>) -> Result<ClientConnection, Error> {
    either(TcpConnector::default().connect(details, None::<()>)?)
}

/// The result of a connector that is the first in its chain.
fn either<T: Transport>(connected: Option<Either<(), T>>) -> Result<ClientConnection, Error> {
    match connected {
        Some(Either::B(connection)) => Ok(connection.boxed()),
        Some(Either::A(())) | None => Err(Error::ConnectionFailed),
    }
}

/// Whether a retry is useless: a wrong certificate, or no TLS at all.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Tls(_) | Error::TlsRequired | Error::BadUri(_) => true,
        Error::Io(error) => is_tls(error),
        _ => false,
    }
}

/// Whether TLS is the cause: it is reported as a read error.
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>())
}
