//! The sockets that the daemon listens on: its own, or those that a service manager or the daemon before it
//! has opened.

use std::{
    env, io,
    net::{Ipv4Addr, Ipv6Addr},
    os::fd::{AsFd, OwnedFd},
};

use listenfd::ListenFd;
use rustix::io::Errno;
use tokio::{net::lookup_host, runtime::Runtime};

use super::failure;
use crate::{
    cli::Failure,
    config::{ALL_ADDRESSES, ListenAddress, Loaded},
    server::{KeptListeners, Listener},
};

/// The names of inherited sockets, separated by colons (`sd_listen_fds_with_names(3)`).
pub(super) const NAMES: &str = "LISTEN_FDNAMES";
/// A name for a socket of a service manager, as it has none.
const MANAGED: &str = "unknown";
/// The name of a socket for plain HTTP beside HTTPS.
const HTTP: &str = "http";
/// The names of sockets that the daemon before has bound itself.
const OWN: [&str; 2] = ["own-site", "own-http"];

/// Sockets that were open before this process began (`sd_listen_fds(3)`).
pub(super) struct InheritedSockets {
    sockets: ListenFd,
    names: String,
}

/// The bound listeners.
#[derive(Default)]
pub(super) struct BoundListeners {
    /// For the APIs and the pages.
    pub(super) site: Vec<Listener>,
    /// For the redirect to them.
    pub(super) redirect: Vec<Listener>,
    pub(super) origins: SocketOrigins,
}

/// Which sockets a service manager has bound, and keeps open when this process ends.
#[derive(Clone, Copy, Default)]
pub(super) struct SocketOrigins {
    site_is_managed: bool,
    redirect_is_managed: bool,
}

impl SocketOrigins {
    /// Whether there are such sockets.
    pub(super) fn outlive_us(self) -> bool {
        self.site_is_managed || self.redirect_is_managed
    }
}

impl InheritedSockets {
    /// Takes them from the environment. Must be called before there are other threads, since it removes the
    /// variables.
    pub(super) fn take() -> Self {
        let names = env::var(NAMES).unwrap_or_default();
        Self { sockets: ListenFd::from_env(), names }
    }

    fn listeners(mut self) -> io::Result<BoundListeners> {
        let mut bound = BoundListeners::default();
        let mut names = self.names.split(':');
        for number in 0..self.sockets.len() {
            let name = names.next().unwrap_or_default();
            let listener = match self.sockets.take_tcp_listener(number) {
                Ok(Some(listener)) => Listener::inherited_tcp(listener)?,
                Ok(None) => continue,
                // It is a socket of another kind, or none.
                Err(_) => match self.sockets.take_unix_listener(number)? {
                    Some(listener) => Listener::inherited_unix(listener)?,
                    None => continue,
                },
            };
            let is_managed = !OWN.contains(&name);
            match [HTTP, OWN[1]].contains(&name) {
                true => {
                    bound.origins.redirect_is_managed = is_managed;
                    bound.redirect.push(listener);
                }
                false => {
                    bound.origins.site_is_managed = is_managed;
                    bound.site.push(listener);
                }
            }
        }
        Ok(bound)
    }
}

/// Takes the inherited sockets over. For what none is there, binds the addresses of the settings.
pub(super) fn listen(
    runtime: &Runtime,
    loaded: &Loaded,
    inherited: InheritedSockets,
) -> Result<BoundListeners, Failure> {
    let mut bound = inherited
        .listeners()
        .map_err(|error| failure::of_system("cannot take over the sockets (LISTEN_FDS)", &error))?;
    let settings = &loaded.settings;
    let bind_all = |key, addresses: &[ListenAddress]| {
        let mut listeners = Vec::new();
        for address in addresses {
            let bound = runtime.block_on(bind(address, settings.socket_mode));
            listeners.extend(bound.map_err(|error| {
                let problem = format!("cannot listen on {address}: {error}");
                failure::of_setting(&loaded.bad(key, problem), &error)
            })?);
        }
        Ok::<_, Failure>(listeners)
    };
    if bound.site.is_empty() {
        bound.site = bind_all("listen", &settings.listen)?;
    }
    if bound.redirect.is_empty() {
        bound.redirect = bind_all("http_listen", &settings.http_listen)?;
    }
    Ok(bound)
}

async fn bind(address: &ListenAddress, mode: u32) -> io::Result<Vec<Listener>> {
    let (host, port) = match address {
        ListenAddress::Tcp { host, port } => (host, *port),
        ListenAddress::Unix(path) => return Ok(vec![Listener::unix(path, mode)?]),
    };
    if host == ALL_ADDRESSES {
        // It stands for those of IPv4 as well, where there is IPv6.
        return match Listener::tcp((Ipv6Addr::UNSPECIFIED, port).into()).await {
            Err(error) if is_absent(&error) => {
                Ok(vec![Listener::tcp((Ipv4Addr::UNSPECIFIED, port).into()).await?])
            }
            listener => Ok(vec![listener?]),
        };
    }
    let mut found: Vec<_> = lookup_host((host.as_str(), port)).await?.collect();
    found.sort();
    found.dedup();
    let (mut listeners, mut absent) = (Vec::new(), None);
    for address in found {
        match Listener::tcp(address).await {
            Ok(listener) => listeners.push(listener),
            // A name may have an address of a kind that this machine does not use, such as ::1.
            Err(error) if is_absent(&error) => absent = Some(error),
            Err(error) => return Err(error),
        }
    }
    match absent {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

/// Whether this machine does not have the address.
fn is_absent(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT].contains(&errno))
}

/// The sockets of listeners, with the names under which [`InheritedSockets`] takes them over.
pub(super) fn to_leave(
    listeners: &KeptListeners,
    origins: SocketOrigins,
) -> io::Result<Vec<(OwnedFd, &'static str)>> {
    let site = if origins.site_is_managed { MANAGED } else { OWN[0] };
    let redirect = if origins.redirect_is_managed { HTTP } else { OWN[1] };
    let named = listeners.site.iter().map(|listener| (listener, site));
    let named = named.chain(listeners.redirect.iter().map(|listener| (listener, redirect)));
    named.map(|(listener, name)| Ok((listener.as_fd().try_clone_to_owned()?, name))).collect()
}
