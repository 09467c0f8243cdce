//! The URL of a webhook, validated when the webhook is added.

use url::{Host, Position, Url};

use super::address::{refusal, remedy};

/// An absolute `http` or `https` URL with a host, without user info and fragment.
///
/// No Debug, because path and query may contain credentials.
pub struct WebhookUrl(Url);

/// The reason why a URL is refused. It never contains the path or the query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the URL {0}")]
pub struct BadUrl(String);

impl BadUrl {
    /// The statement about the URL, as in "has no host".
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl WebhookUrl {
    /// The longest URL, in characters, so that it fits into a record.
    pub const MAX_CHARS: usize = 2000;

    /// Parses a URL in the same way as browsers (WHATWG): all notations of an IPv4 address are recognized.
    ///
    /// # Errors
    ///
    /// [`BadUrl`], also for an address that is never called, and for a private one without `allow_private`.
    pub fn parse(text: &str, allow_private: bool) -> Result<Self, BadUrl> {
        let bad = |problem: &str| BadUrl(problem.to_owned());
        if text.chars().count() > Self::MAX_CHARS {
            return Err(bad("has more than 2000 characters"));
        }
        let url = Url::parse(text)
            .map_err(|error| bad(&format!("cannot be parsed ({error}): give an absolute URL")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("must have no user name and password: calls are signed instead"));
        }
        if url.fragment().is_some() {
            return Err(bad("must have no fragment (#…): it is never sent"));
        }
        if url.port() == Some(0) {
            return Err(bad("has the port 0"));
        }
        let literal = match url.host() {
            None => return Err(bad("has no host")),
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
        };
        if let Some((address, what)) =
            literal.and_then(|address| Some((address, refusal(address, allow_private)?)))
        {
            let remedy = remedy(address);
            return Err(bad(&format!(
                "leads nowhere: {address} is {what}, which is not called{remedy}"
            )));
        }
        // A character of the text may take three characters when it is encoded.
        if url.as_str().len() > Self::MAX_CHARS {
            return Err(bad("has more than 2000 characters when it is encoded"));
        }
        Ok(Self(url))
    }

    /// The URL in its encoded form, as used in calls.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The URL for lists, without its query, which may contain credentials.
    #[must_use]
    pub fn shown(&self) -> String {
        shown(&self.0)
    }
}

/// The form of [`WebhookUrl::shown`], for a URL that was validated when it was added.
pub(super) fn shown_text(url: &str) -> String {
    Url::parse(url).map(|url| shown(&url)).unwrap_or_default()
}

fn shown(url: &Url) -> String {
    let query = if url.query().is_some() { "?…" } else { "" };
    format!("{}{query}", &url[..Position::AfterPath])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_plain_and_leads_outside() {
        // URL -> stored form
        let long = format!("https://example.org/{}", "a".repeat(1980));
        let right = [
            ("https://example.org", "https://example.org/"),
            ("HTTPS://EXAMPLE.org:443/a b?x=ä", "https://example.org/a%20b?x=%C3%A4"),
            ("http://example.org:8080/hook?token=x", "http://example.org:8080/hook?token=x"),
            ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
            ("https://1.1.1.1/", "https://1.1.1.1/"),
            ("https://[2606:4700:4700::1111]/x", "https://[2606:4700:4700::1111]/x"),
            ("http://localhost/", "http://localhost/"), // resolved and refused at the call
            (&long, &long),
        ];
        for (text, kept) in right {
            assert_eq!(WebhookUrl::parse(text, false).ok().unwrap().as_str(), kept);
        }
        let long = format!("https://example.org/{}", "a".repeat(1981));
        let encoded = format!("https://example.org/{}", "ä".repeat(400));
        let wrong = [
            ("", "cannot be parsed"),
            ("example.org/hook", "cannot be parsed"),
            ("//example.org", "cannot be parsed"),
            ("https://", "cannot be parsed"),
            ("https:///", "cannot be parsed"),
            ("https://exa mple.org", "cannot be parsed"),
            ("https://example.org:99999", "cannot be parsed"),
            ("https://256.256.256.256", "cannot be parsed"),
            ("https://[fe80::1%25eth0]/", "cannot be parsed"),
            ("https://example.org:0", "port"),
            ("ftp://example.org", "must begin with https:// or http://"),
            ("file:///etc/passwd", "must begin with"),
            ("unix:/run/x", "must begin with"),
            ("https://joe@example.org", "user name"),
            ("https://:planted@example.org", "user name"),
            ("https://example.org/#planted", "fragment"),
            (&long, "2000 characters"),
            (&encoded, "2000 characters when"),
            ("http://127.0.0.1/planted", "127.0.0.1 is a loopback address"),
            ("http://0.0.0.0/", "0.0.0.0 is an unspecified address, which is not called"),
            ("http://192.168.1.1?planted", "the setting webhook_private allows it"),
            ("http://[::1]/planted", "::1 is a loopback address"),
            ("http://[::ffff:10.0.0.1]/", "is a private address"),
            // All notations that browsers accept.
            ("http://127.1/", "127.0.0.1 is"),
            ("http://0x7f.1/", "127.0.0.1 is"),
            ("http://0177.0.0.1/", "127.0.0.1 is"),
            ("http://2130706433/", "127.0.0.1 is"),
            ("http://0x7f000001/", "127.0.0.1 is"),
            ("http://%31%32%37.1/", "127.0.0.1 is"),
            ("http://１２７.0.0.1/", "127.0.0.1 is"),
            ("http://127.0.0.1./", "127.0.0.1 is"),
            ("http://0/", "0.0.0.0 is"),
        ];
        for (text, problem) in wrong {
            let message = WebhookUrl::parse(text, false).err().unwrap().to_string();
            assert!(message.contains(problem), "{text}: {message}");
            assert!(!message.contains("planted"), "{text}: {message}");
        }
        for text in ["http://127.1/", "https://[fd00::1]:8443/hook", "http://100.64.0.1"] {
            assert!(WebhookUrl::parse(text, true).is_ok(), "{text}");
        }
        assert!(WebhookUrl::parse("http://0/", true).is_err());
    }

    #[test]
    fn a_query_is_not_shown() {
        let shown = |text| WebhookUrl::parse(text, false).ok().unwrap().shown();
        assert_eq!(shown("https://example.org/a?token=planted"), "https://example.org/a?…");
        assert_eq!(shown("https://example.org/a"), "https://example.org/a");
        assert_eq!(shown_text("https://example.org/a?token=planted"), "https://example.org/a?…");
    }
}
