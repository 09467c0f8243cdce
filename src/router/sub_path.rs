//! The path of `public_url`, which a proxy in front keeps in its requests or removes.
//!
//! Both kinds of requests are accepted without a setting, because they differ: no path of the daemon starts
//! with a usual path of `public_url`. If the operator chooses one with which paths of the daemon start
//! (`/api`, for example), a request is not changed, so the proxy has to remove the path.

use hyper::{
    Uri,
    http::uri::{Parts, PathAndQuery},
};

/// The path of a request below the root.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InnerPath {
    /// The path of the request, unchanged.
    Here,
    /// The path of the request without the prefix.
    Below(Uri),
    /// One segment deeper: the links of pages need the missing slash at the end. Relative.
    AfterSlash(String),
}

/// Removes `prefix`, such as `/secrets`, from a path that starts with it, unless `is_known` has something
/// at the full path.
pub(super) fn find(prefix: &str, uri: &Uri, is_known: impl FnOnce(&Uri) -> bool) -> InnerPath {
    let rest = match uri.path().strip_prefix(prefix) {
        Some(rest) if !prefix.is_empty() && (rest.is_empty() || rest.starts_with('/')) => rest,
        _ => return InnerPath::Here,
    };
    if is_known(uri) {
        return InnerPath::Here;
    }
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    if rest.is_empty() {
        let last = prefix.rsplit('/').next().unwrap_or_default();
        return InnerPath::AfterSlash(format!("{last}/{query}"));
    }
    let mut parts = Parts::from(uri.clone());
    let stripped = PathAndQuery::try_from(format!("{rest}{query}")).ok();
    parts.path_and_query = stripped;
    // A part of a path is a valid path, so this does not fail.
    Uri::from_parts(parts).map_or(InnerPath::Here, InnerPath::Below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_kept_or_stripped() {
        let is_known = |uri: &Uri| matches!(uri.path(), "/" | "/health" | "/api/secrets");
        let below = |uri: &str| InnerPath::Below(uri.parse().unwrap());
        let slash = |path: &str| InnerPath::AfterSlash(path.to_owned());
        let cases = [
            ("/secrets", "/health", InnerPath::Here),
            ("/secrets", "/", InnerPath::Here),
            ("/secrets", "/nothing", InnerPath::Here),
            ("/secrets", "/secretsfoo", InnerPath::Here),
            ("/secrets", "/Secrets/health", InnerPath::Here),
            ("/secrets", "/secrets", slash("secrets/")),
            ("/secrets", "/secrets?id&x=1", slash("secrets/?id&x=1")),
            ("/secrets", "/secrets/", below("/")),
            ("/secrets", "/secrets/health?x=%20", below("/health?x=%20")),
            ("/secrets", "/secrets/nothing", below("/nothing")),
            ("/secrets", "/secrets/secrets/x", below("/secrets/x")),
            ("/secrets", "http://h:1/secrets/health", below("http://h:1/health")),
            ("/secrets", "/secrets//evil", below("//evil")),
            ("/a/b", "/a/b", slash("b/")),
            ("/a/b", "/a/b/health", below("/health")),
            ("/a/b", "/a/health", InnerPath::Here),
            // A name that the daemon uses itself: its own path has priority.
            ("/api", "/api/secrets", InnerPath::Here),
            ("/api", "/api/api/secrets", below("/api/secrets")),
            ("/api", "/api/", below("/")),
            ("", "/health", InnerPath::Here),
            ("", "//", InnerPath::Here),
        ];
        for (prefix, uri, found) in cases {
            assert_eq!(find(prefix, &uri.parse().unwrap(), is_known), found, "{prefix} {uri}");
        }
        assert_eq!(find("/secrets", &Uri::from_static("*"), is_known), InnerPath::Here);
    }
}
