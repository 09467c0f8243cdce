//! How a connection to the server comes about, which `ureq` leaves to its callers: through a proxy or not, TLS
//! by the rules of all of us, and answers before the answer (1xx) taken out.

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

type Connection = Box<dyn Transport>;

/// Connects to one server, or to the proxy before it.
pub(super) struct Route {
    /// None where nothing is encrypted.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// Whether there is a proxy. It is in ureq's settings, which have none where it is the proxy that is
    /// connected to.
    pub(super) has_proxy: bool,
}

/// There was no connection, so nothing was sent.
#[derive(Debug)]
pub(super) struct NoConnection {
    /// Why not.
    pub(super) cause: Error,
    /// Whether to ask again is of no use.
    pub(super) is_final: bool,
}

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for NoConnection {}

/// Not what it holds.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("has_proxy", &self.has_proxy).finish_non_exhaustive()
    }
}

impl Connector<()> for Route {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Connection>, Error> {
        let connected = self.open(details);
        connected.map(Some).map_err(|cause| match cause {
            // One that came from the connection to the proxy.
            Error::Other(_) => cause,
            cause => {
                let is_final = is_final(&cause);
                Error::Other(Box::new(NoConnection { cause, is_final }))
            }
        })
    }
}

impl Route {
    fn open(&self, details: &ConnectionDetails<'_>) -> Result<Connection, Error> {
        let Some(proxy) = details.config.proxy() else {
            let plain = self.encrypted(tcp(details)?, details)?;
            // Where a proxy is connected to, what comes next is not ours to read.
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
            // RFC 9112 3.2.2: a proxy is asked for the whole address. Most of them allow CONNECT to port 443
            // only.
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

    /// The same with TLS, if what is connected to wants it.
    fn encrypted(
        &self,
        connection: Connection,
        details: &ConnectionDetails<'_>,
    ) -> Result<Connection, Error> {
        if details.uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(connection);
        }
        let tls = self.tls.as_ref().ok_or(Error::TlsRequired)?;
        Ok(TlsTransport::new(connection, Arc::clone(tls), details)?.boxed())
    }
}

fn tcp(details: &ConnectionDetails<'_>) -> Result<Connection, Error> {
    either(TcpConnector::default().connect(details, None::<()>)?)
}

/// What came of a connector that had nothing before it.
fn either<T: Transport>(connected: Option<Either<(), T>>) -> Result<Connection, Error> {
    match connected {
        Some(Either::B(connection)) => Ok(connection.boxed()),
        Some(Either::A(())) | None => Err(Error::ConnectionFailed),
    }
}

/// Whether it is of no use to try again: a wrong certificate, or no TLS at all.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Tls(_) | Error::TlsRequired | Error::BadUri(_) => true,
        Error::Io(error) => is_tls(error),
        _ => false,
    }
}

/// Whether TLS is what went wrong: it comes as an error of reading.
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>())
}
