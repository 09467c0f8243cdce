//! Addresses to listen on.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::{Path, PathBuf},
};

use super::{BadSetting, Settings, sources::Sources};

/// The host that stands for all addresses of the machine.
pub const ALL: &str = "*";

/// Where connections are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A numeric TCP address, or a name, of which each address counts.
    Tcp {
        /// The host, without brackets; `*` for all addresses of the machine.
        host: String,
        /// The port; 0 picks a free one.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// A port on all addresses.
    pub(super) fn all(port: u16) -> Self {
        Self::Tcp { host: ALL.to_owned(), port }
    }

    /// The IP address, if it is numeric.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp { host, .. } => host.parse().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// Shows it as it is written in a setting.
impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Addresses, separated by commas. At least one.
pub(super) fn addresses(text: &str) -> Result<Vec<ListenAddress>, String> {
    text.split(',').map(str::trim).map(address).collect()
}

/// As [`addresses`]; none for `off`.
pub(super) fn addresses_or_off(text: &str) -> Result<Vec<ListenAddress>, String> {
    if ["off", ""].contains(&text) { Ok(Vec::new()) } else { addresses(text) }
}

/// `192.0.2.1:8080`, `[2001:db8::1]:8080`, `localhost:8080` or `unix:/run/sealdrop/http.sock`.
fn address(text: &str) -> Result<ListenAddress, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match Path::new(path).is_absolute() {
            true => Ok(ListenAddress::Unix(path.into())),
            false => Err(format!("{text:?} has no absolute path after unix:")),
        };
    }
    let wrong = || format!("{text:?} is not an address and port");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().is_ok(),
        None => host == ALL || is_name(host),
    };
    let has_digits = port.bytes().all(|byte| byte.is_ascii_digit());
    if !is_host || !has_digits {
        return Err(wrong());
    }
    let port = port.parse().map_err(|_| wrong())?;
    Ok(ListenAddress::Tcp { host: bare.unwrap_or(host).to_owned(), port })
}

/// A host name or an IPv4 address, by its characters; looking it up shows whether it exists.
fn is_name(host: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.bytes().all(is_allowed)
}

/// Checks that somebody can send the header of the PROXY protocol. Sockets from a service manager are not known
/// yet.
pub(super) fn check(settings: &Settings, sources: &Sources) -> Result<(), BadSetting> {
    let is_unix = |address: &ListenAddress| matches!(address, ListenAddress::Unix(_));
    let has_proxies = !settings.trusted_proxies.is_empty() || settings.listen.iter().any(is_unix);
    match settings.proxy_protocol && !has_proxies {
        true => Err(sources.bad("proxy_protocol", "no proxy is trusted")),
        false => Ok(()),
    }
}

/// The permissions of a file, in octal digits.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && text.len() <= 4 && !text.starts_with('+'))
        .ok_or_else(|| format!("{text:?} is not a file mode"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_several_forms() {
        let good = [
            "127.0.0.1:8080",
            "[::1]:0",
            "localhost:8080",
            "*:443",
            "secrets.example.org:443",
            "unix:/run/sealdrop/http.sock",
        ];
        for text in good {
            assert_eq!(address(text).unwrap().to_string(), text);
        }
        let two = addresses("127.0.0.1:80, unix:/run/a").unwrap();
        assert_eq!(
            two.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.1:80", "unix:/run/a"]
        );
        let bad = [
            "",
            "8080",
            ":8080",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:+80",
            "127.0.0.1:70000",
            "::1:8080",
            "[127.0.0.1]:80",
            "[::1]",
            "http://a:80",
            "a b:80",
            "unix:",
            "unix:relative",
            "127.0.0.1:80,",
        ];
        for text in bad {
            assert!(addresses(text).is_err(), "{text}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!([mode("660"), mode("0666"), mode("0")], [Ok(0o660), Ok(0o666), Ok(0)]);
        for text in ["", "8", "1777", "+660", "00660", "rw", "-1"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }
}
