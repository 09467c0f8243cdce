//! The URL under which people reach the daemon.

use std::fmt;

use hyper::Uri;

/// An absolute http or https URL, perhaps with a path, without a trailing slash.
///
/// It has only simple characters, because it becomes part of pages, mails and command lines without escaping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    path_starts_at: usize,
}

impl PublicUrl {
    /// Parses `text`; the error names the problem.
    ///
    /// # Errors
    ///
    /// Anything but http(s), a host, perhaps a port, and a path of letters, digits and `-._~`: no
    /// user name, query or fragment, no empty path segment, `.` or `..`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let problem = |what: &str| format!("{text:?} {what}");
        // `Uri` silently drops a fragment.
        if text.contains(['?', '#']) {
            return Err(problem("has a query or a fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| problem("is not a URL"))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(problem("is not an absolute http or https URL"));
        };
        if authority.as_str().contains('@') {
            return Err(problem("contains a user name"));
        }
        let port_is_wrong = authority.port().is_none() && authority.as_str() != authority.host();
        if !is_host(authority.host()) || port_is_wrong || authority.port_u16() == Some(0) {
            return Err(problem("has an invalid host or port"));
        }
        let path = uri.path().trim_end_matches('/');
        if !path.split('/').skip(1).all(is_segment) {
            return Err(problem("has a path with other characters than letters, digits and -._~"));
        }
        let origin = format!("{scheme}://{authority}");
        Ok(Self { path_starts_at: origin.len(), text: origin + path })
    }

    /// The whole URL, without a trailing slash: `https://example.org/secrets`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host's name or address: `example.org`.
    #[must_use]
    pub fn host_name(&self) -> Option<String> {
        let uri: Uri = self.text.parse().ok()?;
        Some(uri.host()?.trim_matches(['[', ']']).to_owned())
    }

    /// Scheme, host and port: `https://example.org`.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.text.split_at(self.path_starts_at).0
    }

    /// The path of the root: `/secrets`, or empty.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.split_at(self.path_starts_at).1
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    }
}

fn is_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}
