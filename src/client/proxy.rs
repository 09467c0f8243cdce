//! The proxy to a server, from the environment variables that all programs share.
//!
//! The names are curl's: `http_proxy` and `https_proxy` for servers of that scheme, `all_proxy` for both,
//! `no_proxy` for hosts that need no proxy; each in capitals, too. A proxy that cannot be used is an error:
//! a direct connection would be a different route than the user chose.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use ureq::{Proxy, ProxyProtocol};
use url::{Host, Url};

/// An example of Tor's proxy for error texts.
const TOR: &str = "ALL_PROXY=socks5h://127.0.0.1:9050";

/// Why the proxy cannot be determined. The texts do not repeat the value of a variable: it may contain a
/// password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProxy {
    /// The scheme of the proxy is unknown.
    #[error(
        "{variable}: sealdrop does not support proxies of the scheme {scheme}; give http, https, socks5h, \
         socks5, socks4a or socks4"
    )]
    Scheme {
        /// The environment variable.
        variable: &'static str,
        /// The scheme.
        scheme: String,
    },
    /// The value is not an address.
    #[error("{0}: this is not the address of a proxy; give one such as socks5h://127.0.0.1:9050")]
    Address(&'static str),
    /// A name that only Tor resolves; it must not be sent to DNS servers (RFC 7686).
    #[error("{host} is reached through Tor only, which looks its name up: set {TOR}{why}")]
    Onion {
        /// The server.
        host: String,
        /// The obstacle, for the error text.
        why: String,
    },
}

/// The proxy to the server at `root`; `variable` reads the environment.
///
/// # Errors
///
/// [`BadProxy`], if the proxy cannot be used, or Tor is needed.
pub fn find(
    root: &Url,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, BadProxy> {
    let names: [&'static str; 4] = match root.scheme() {
        "https" => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        _ => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let value = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let named = names.into_iter().find_map(|name| Some((name, value(name)?)));
    let exceptions = value("no_proxy").or_else(|| value("NO_PROXY")).unwrap_or_default();
    let proxy = match named {
        Some((name, text)) => Some((name, parsed(name, text.trim())?)),
        None => None,
    };
    let proxy = proxy.filter(|_| !is_excepted(root, &exceptions));
    let host = root.host_str().unwrap_or_default().trim_end_matches('.');
    if host == "onion" || host.ends_with(".onion") {
        let why = match &proxy {
            None => Some(String::new()),
            Some((name, proxy)) if proxy.resolve_target() => Some(format!(
                "; with {}:// as {name} has it, this machine would look the name up",
                proxy.protocol().to_string().to_lowercase()
            )),
            Some(_) => None,
        };
        if let Some(why) = why {
            return Err(BadProxy::Onion { host: host.to_owned(), why });
        }
    }
    Ok(proxy.map(|(_, proxy)| proxy))
}

fn parsed(variable: &'static str, text: &str) -> Result<Proxy, BadProxy> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let protocol = match scheme.to_ascii_lowercase().as_str() {
        "http" => ProxyProtocol::Http,
        "https" => ProxyProtocol::Https,
        "socks5h" => ProxyProtocol::Socks5h,
        "socks5" | "socks" => ProxyProtocol::Socks5,
        "socks4a" => ProxyProtocol::Socks4A,
        "socks4" => ProxyProtocol::Socks4,
        // A text that is not a scheme may be a part of a password.
        other
            if other.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) =>
        {
            return Err(BadProxy::Scheme { variable, scheme: other.to_owned() });
        }
        _ => return Err(BadProxy::Address(variable)),
    };
    let wrong = || BadProxy::Address(variable);
    // A scheme whose hosts are names and addresses, and whose default port is not needed here.
    let url = Url::parse(&format!("ws://{rest}")).map_err(|_| wrong())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong());
    }
    let mut proxy = Proxy::builder(protocol).host(host);
    // 80 is the default port of `ws`, so the URL does not show whether it was given.
    let port = url.port().or_else(|| says_80(rest).then_some(80));
    if let Some(port) = port {
        proxy = proxy.port(port);
    }
    let decoded = |text: &str| {
        percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| wrong())
    };
    if !url.username().is_empty() || url.password().is_some() {
        proxy = proxy.username(&decoded(url.username())?);
        proxy = proxy.password(&decoded(url.password().unwrap_or_default())?);
    }
    proxy.build().map_err(|_| wrong())
}

fn says_80(authority: &str) -> bool {
    authority.trim_end_matches('/').ends_with(":80")
}

/// Whether `no_proxy` contains the server: `*`, or a list of names, which include their subdomains,
/// addresses, and networks such as `10.0.0.0/8`, each with an optional port.
fn is_excepted(root: &Url, exceptions: &str) -> bool {
    let port = root.port_or_known_default();
    exceptions.split([',', ' ', '\t', '\n']).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        match root.host() {
            Some(Host::Domain(name)) => {
                let (entry, of_port) = split_port(entry);
                let entry = entry.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
                let name = name.trim_end_matches('.');
                let is_below = name.strip_suffix(&entry).is_some_and(|rest| rest.ends_with('.'));
                !entry.is_empty()
                    && (name == entry || is_below)
                    && (of_port.is_none() || of_port == port)
            }
            Some(Host::Ipv4(address)) => is_address(entry, address.into(), port),
            Some(Host::Ipv6(address)) => is_address(entry, address.into(), port),
            None => false,
        }
    })
}

fn is_address(entry: &str, address: IpAddr, port: Option<u16>) -> bool {
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_owned();
    if let Ok(network) = IpNet::from_str(entry) {
        return network.contains(&address);
    }
    // Checked before the port: an IPv6 address contains colons.
    if let Ok(known) = bare(entry).parse::<IpAddr>() {
        return known == address;
    }
    let (entry, of_port) = split_port(entry);
    of_port == port && bare(entry).parse::<IpAddr>().is_ok_and(|known| known == address)
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
        Some((name, Ok(port))) => (name, Some(port)),
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(root: &str, variables: &[(&str, &str)]) -> Result<Option<String>, BadProxy> {
        let value = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let proxy = find(&Url::parse(root).unwrap(), value)?;
        Ok(proxy.map(|proxy| format!("{} {}:{}", proxy.protocol(), proxy.host(), proxy.port())))
    }

    #[test]
    fn a_proxy_is_found_by_the_scheme_of_the_server() {
        const HTTP: [(&str, &str); 3] =
            [("http_proxy", "p:1"), ("HTTP_PROXY", "q:1"), ("ALL_PROXY", "socks5h://t:2")];
        type Case = (&'static str, &'static [(&'static str, &'static str)], Option<&'static str>);
        let cases: [Case; 15] = [
            ("http://x.org/", &[], None),
            ("http://x.org/", &HTTP, Some("HTTP p:1")),
            ("https://x.org/", &HTTP, Some("SOCKS5h t:2")),
            ("http://x.org/", &[("HTTP_PROXY", "http://p")], Some("HTTP p:80")),
            ("http://x.org/", &[("HTTP_PROXY", "https://p")], Some("HTTPS p:443")),
            ("http://x.org/", &[("HTTP_PROXY", "https://p:80/")], Some("HTTPS p:80")),
            ("http://x.org/", &[("http_proxy", " "), ("HTTP_PROXY", "p:1")], Some("HTTP p:1")),
            ("https://x.org/", &[("HTTP_PROXY", "p:1")], None),
            ("https://x.org/", &[("https_proxy", "HTTP://[::1]:3")], Some("HTTP [::1]:3")),
            ("http://x.org/", &[("all_proxy", "SOCKS5H://t")], Some("SOCKS5h t:1080")),
            ("http://x.org/", &[("ALL_PROXY", "socks://t:1")], Some("SOCKS5 t:1")),
            ("http://x.org/", &[("ALL_PROXY", "socks4a://t:1")], Some("SOCKS4a t:1")),
            ("http://a.onion/", &[("ALL_PROXY", "socks5h://t:1")], Some("SOCKS5h t:1")),
            ("http://a.onion/", &[("HTTP_PROXY", "http://t:1")], Some("HTTP t:1")),
            ("http://x.org/", &[("ALL_PROXY", "p:1"), ("NO_PROXY", "X.org")], None),
        ];
        for (root, variables, expected) in cases {
            let proxy = found(root, variables);
            assert_eq!(proxy, Ok(expected.map(str::to_owned)), "{root} {variables:?}");
        }
    }

    #[test]
    fn what_can_not_be_used_is_no_way_around_it() {
        let bad = [
            ("ftp://p:1", "ALL_PROXY: sealdrop does not support proxies of the scheme ftp"),
            (
                "socks6://u:secret@p",
                "ALL_PROXY: sealdrop does not support proxies of the scheme socks6",
            ),
            ("http://", "ALL_PROXY: this is not the address"),
            ("http://u:secret@", "ALL_PROXY: this is not the address"),
            ("http://p:99999", "ALL_PROXY: this is not the address"),
            ("u:sec/ret://p", "ALL_PROXY: this is not the address"),
            ("http://p/path", "ALL_PROXY: this is not the address"),
        ];
        for (value, says) in bad {
            let error = found("http://x.org/", &[("ALL_PROXY", value)]).unwrap_err().to_string();
            assert!(error.starts_with(says) && !error.contains("sec"), "{value}: {error}");
        }
        // Variables that do not apply to the server are not checked.
        let others = [("ALL_PROXY", "ftp://p"), ("http_proxy", "p:1")];
        assert_eq!(found("http://x.org/", &others), Ok(Some("HTTP p:1".to_owned())));
    }

    #[test]
    fn names_of_tor_are_looked_up_by_tor() {
        for root in ["http://a.onion/", "https://b.A.ONION./", "http://onion/"] {
            for variables in [
                &[][..],
                &[("ALL_PROXY", "socks5://t:1")],
                &[("ALL_PROXY", "socks4://t:1")],
                &[("ALL_PROXY", "socks5h://t:1"), ("NO_PROXY", "onion")],
            ] {
                let error = found(root, variables).unwrap_err();
                assert!(matches!(error, BadProxy::Onion { .. }), "{root} {variables:?}");
                assert!(error.to_string().contains("ALL_PROXY=socks5h://"), "{error}");
            }
        }
        assert_eq!(found("http://onion.org/", &[]), Ok(None));
    }

    #[test]
    fn exceptions_are_read_as_curl_reads_them() {
        // (server, no_proxy, excepted)
        let cases = [
            ("http://x.org/", "*", true),
            ("http://x.org/", "a.org, x.org", true),
            ("http://x.org/", "a.org x.org", true),
            ("http://a.x.org/", "x.org", true),
            ("http://a.x.org/", ".x.org", true),
            ("http://a.x.org/", "*.x.org", true),
            ("http://ax.org/", "x.org", false),
            ("http://x.org/", "a.x.org", false),
            ("http://x.org./", "X.ORG.", true),
            ("http://x.org:81/", "x.org:81", true),
            ("http://x.org/", "x.org:80", true),
            ("http://x.org:82/", "x.org:81", false),
            ("http://10.1.2.3/", "10.0.0.0/8", true),
            ("http://11.1.2.3/", "10.0.0.0/8", false),
            ("http://127.0.0.1/", "localhost", false),
            ("http://127.0.0.1:81/", "127.0.0.1", true),
            ("http://127.0.0.1:81/", "127.0.0.1:82", false),
            ("http://[::1]:81/", "::1", true),
            ("http://[::1]:81/", "[::1]:81", true),
            ("http://x.org/", ".,*.,", false),
        ];
        for (root, exceptions, expected) in cases {
            let root = Url::parse(root).unwrap();
            assert_eq!(is_excepted(&root, exceptions), expected, "{root} {exceptions}");
        }
    }

    #[test]
    fn a_login_is_decoded() {
        let variable = |name: &str| (name == "ALL_PROXY").then(|| "http://a:b%40c@p:1".to_owned());
        let proxy = find(&Url::parse("http://x.org").unwrap(), variable).unwrap().unwrap();
        assert_eq!((proxy.username(), proxy.password()), (Some("a"), Some("b@c")));
    }
}
