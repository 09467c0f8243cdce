//! The connection of a call: the name is looked up once, the addresses are checked, and the connection is
//! opened to the checked address.
//!
//! This prevents DNS rebinding, in which a name resolves to another address a moment later.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::spawn_blocking,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};
use url::{Host, Url};

use super::Caller;
use crate::{
    domain::notify::webhook::{refusal, remedy},
    tls,
};

/// The number of addresses of a host that are tried.
const MAX_ADDRESSES: usize = 4;

/// A connection, with or without TLS.
pub(super) trait CallStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> CallStream for S {}

impl Caller {
    /// A connection to the URL's host, with TLS if the URL says so.
    pub(super) async fn open(&self, url: &Url) -> Result<Box<dyn CallStream>, String> {
        let stream = self.connect(url).await?;
        Ok(match url.scheme() {
            "https" => Box::new(self.secure(url, stream).await?),
            _ => Box::new(stream),
        })
    }

    /// Connects to the first address of the URL's host that is allowed and answers.
    async fn connect(&self, url: &Url) -> Result<TcpStream, String> {
        let addresses = self.addresses(url).await?;
        // An address that does not answer leaves time for the others.
        let patience = self.limits.connect / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        let mut problem = String::from("no address");
        for address in addresses {
            problem = match timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // The request is written at once and completely, so Nagle's algorithm is not needed; an
                    // error here does not matter.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => format!("cannot connect: {}", error.kind()),
                Err(_) => "cannot connect: no answer".into(),
            };
        }
        Err(problem)
    }

    /// The allowed addresses of the URL's host; at least one.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, String> {
        let port = url.port_or_known_default().ok_or("no port")?;
        let found: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            Some(Host::Domain(name)) => self.look_up(name.to_owned(), port).await?,
            None => Vec::new(),
        };
        let refused = |address: &SocketAddr| refusal(address.ip(), self.allow_private);
        let allowed: Vec<SocketAddr> = found
            .iter()
            .filter(|address| refused(address).is_none())
            .take(MAX_ADDRESSES)
            .copied()
            .collect();
        match found.first() {
            _ if !allowed.is_empty() => Ok(allowed),
            Some(first) => Err(explain(first.ip(), refused(first).unwrap_or_default())),
            None => Err("its name has no address".into()),
        }
    }

    async fn look_up(&self, name: String, port: u16) -> Result<Vec<SocketAddr>, String> {
        let place = Arc::clone(&self.lookups).acquire_owned().await.map_err(|_| "closed")?;
        // Not tokio's lookup: after the caller stops waiting, the thread continues, and must still be
        // counted.
        let found = spawn_blocking(move || {
            let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            drop(place);
            found
        });
        let unknown = |error: io::Error| format!("its name cannot be looked up: {error}");
        found.await.map_err(|_| "its name cannot be looked up")?.map_err(unknown)
    }

    /// TLS over `stream`, with a certificate for the URL's host.
    async fn secure(&self, url: &Url, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let name = server_name(url)?;
        let connector = self.tls.get_or_try_init(|| async {
            spawn_blocking(tls_connector).await.unwrap_or_else(|_| Err("no TLS".into()))
        });
        let connected = connector.await?.connect(name, stream).await;
        connected.map_err(|error| format!("no TLS: {error}"))
    }
}

/// The name that the certificate must have.
fn server_name(url: &Url) -> Result<ServerName<'static>, String> {
    Ok(match url.host() {
        Some(Host::Ipv4(address)) => ServerName::from(IpAddr::from(address)),
        Some(Host::Ipv6(address)) => ServerName::from(IpAddr::from(address)),
        Some(Host::Domain(name)) => {
            // A trailing dot denotes the same name; certificates have none.
            let name = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(name).map_err(|_| "its name cannot be in a certificate")?
        }
        None => return Err("no host".into()),
    })
}

fn explain(address: IpAddr, what: &str) -> String {
    format!("it is at {address}, {what}, which is not called{}", remedy(address))
}

/// Blocks: see [`tls::client_config`].
fn tls_connector() -> Result<TlsConnector, String> {
    let mut config = tls::client_config(None)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_for_the_host() {
        let cases = [
            ("https://example.org:8443/", "example.org"),
            ("https://example.org./", "example.org"),
            ("https://1.1.1.1/", "1.1.1.1"),
            ("https://[2001:200::1]/", "2001:200::1"),
        ];
        for (url, name) in cases {
            assert_eq!(server_name(&Url::parse(url).unwrap()).unwrap().to_str(), name);
        }
    }
}
