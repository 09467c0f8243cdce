//! The answers on plain HTTP beside HTTPS: an authority's check, and where to go instead.

use std::sync::Arc;

use hyper::{
    Method, Request, Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HOST, HeaderValue, LOCATION},
};

use crate::{api::ApiError, certificates::DomainCertificates, http::response};

/// Where an authority looks for HTTP-01 (RFC 8555 8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";
const TELLS: &str = "This server answers over HTTPS only. What you have sent could be read on its way: change \
                     the API key or password in it, and use https://";

/// Sends people from plain HTTP to HTTPS.
pub struct HttpsRedirect {
    /// Host names and the HTTPS origin of each, the main one first.
    origins: Vec<(String, String)>,
    /// The port of HTTPS for other hosts, if there are no origins: `:8443`, or empty.
    port: String,
    certificates: Option<Arc<DomainCertificates>>,
}

impl HttpsRedirect {
    /// `origins` has the host names of this server, the main one first, and the HTTPS origin of each. Without
    /// any, a request is sent to its own host on `port`.
    #[must_use]
    pub fn new(
        origins: Vec<(String, String)>,
        port: u16,
        certificates: Option<Arc<DomainCertificates>>,
    ) -> Self {
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        Self { origins, port, certificates }
    }

    /// Answers one request.
    pub fn answer<B>(&self, request: &Request<B>) -> Response<response::Body> {
        let mut answer = match request.uri().path().strip_prefix(CHALLENGES) {
            Some(token) => self.challenge(token),
            None => self.elsewhere(request),
        };
        response::add_common_headers(answer.headers_mut());
        answer
    }

    fn challenge(&self, token: &str) -> Response<response::Body> {
        let found = self.certificates.as_ref().and_then(|all| all.key_authorization(token));
        let Some(found) = found else { return ApiError::NotFound.into_response() };
        let mut answer = Response::new(response::Body::from(Bytes::from(found)));
        let kind = HeaderValue::from_static("application/octet-stream");
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        answer
    }

    fn elsewhere<B>(&self, request: &Request<B>) -> Response<response::Body> {
        // Other requests carry what must not be sent in plain text again: whoever sent it must notice.
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return ApiError::Forbidden(TELLS).into_response();
        }
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let target =
            self.origin(request).and_then(|origin| HeaderValue::try_from(origin + path).ok());
        let Some(target) = target else {
            return ApiError::BadHead("The header Host is not a host name").into_response();
        };
        let mut answer = Response::new(response::Body::from(Bytes::new()));
        *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
        answer.headers_mut().insert(LOCATION, target);
        answer
    }

    /// The HTTPS origin of the host that a request names, or the main one.
    fn origin<B>(&self, request: &Request<B>) -> Option<String> {
        let named = request.uri().authority().cloned().or_else(|| {
            let host = request.headers().get(HOST)?;
            host.to_str().ok()?.parse().ok()
        });
        let host = named.as_ref().map(|named| named.host());
        let own = self
            .origins
            .iter()
            .find(|(name, _)| host.is_some_and(|host| host.eq_ignore_ascii_case(name)));
        match own.or(self.origins.first()) {
            Some((_, origin)) => Some(origin.clone()),
            None => host
                .filter(|host| !host.contains('@'))
                .map(|host| format!("https://{host}{}", self.port)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_go_to_https_and_scripts_are_refused() {
        let origins = ["drop.example", "b.example"]
            .map(|host| (host.to_owned(), format!("https://{host}")))
            .to_vec();
        let domains = HttpsRedirect::new(origins, 443, None);
        let any = HttpsRedirect::new(Vec::new(), 8443, None);
        // (redirect, method, host, path) -> the target, or the status
        let cases = [
            (&domains, "GET", "drop.example", "/a?b=c", Ok("https://drop.example/a?b=c")),
            (&domains, "HEAD", "B.example:80", "/", Ok("https://b.example/")),
            (&domains, "GET", "other.example", "/x", Ok("https://drop.example/x")),
            (&domains, "GET", "", "/", Ok("https://drop.example/")),
            (&domains, "POST", "drop.example", "/api/secrets", Err(403)),
            (&domains, "GET", "drop.example", "/.well-known/acme-challenge/x", Err(404)),
            (&any, "GET", "192.0.2.1:8080", "/a", Ok("https://192.0.2.1:8443/a")),
            (&any, "GET", "[2001:db8::1]", "/", Ok("https://[2001:db8::1]:8443/")),
            (&any, "GET", "", "/", Err(400)),
            (&any, "GET", "a b", "/", Err(400)),
        ];
        for (redirect, method, host, path, expected) in cases {
            let mut request = Request::builder().method(method).uri(path);
            if !host.is_empty() {
                request = request.header(HOST, host);
            }
            let answer = redirect.answer(&request.body(()).unwrap());
            let got = answer.headers().get(LOCATION).map(|target| target.to_str().unwrap());
            assert_eq!(got.ok_or(answer.status().as_u16()), expected, "{method} {host} {path}");
            assert!(answer.headers().contains_key("referrer-policy"));
        }
    }
}
