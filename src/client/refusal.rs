//! The message of an error answer, and whether sealdrop sent it.

use std::{io::Read, time::Duration};

use serde::Deserialize;
use ureq::{
    Body,
    http::{Response, header::RETRY_AFTER},
};

use super::{
    error::ClientError,
    server::{Dialect, ServerClient},
};

/// The longest error that is read.
const MAX_BYTES: u64 = 64 << 10;

/// Reads an answer that is not 2xx or 304.
pub(super) fn read(server: &ServerClient, response: Response<Body>, is_head: bool) -> ClientError {
    let status = response.status();
    if status.is_redirection() {
        let to = response.headers().get("Location").and_then(|to| to.to_str().ok());
        let to = to.unwrap_or("another address");
        return server.misunderstood(format!(
            "it redirects to {to}; give this address with --server or, for a login, its header with --header"
        ));
    }
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|seconds| seconds.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let mut body = Vec::new();
    let mut reader = response.into_body().into_reader().take(MAX_BYTES);
    // A message that cannot be read is treated as missing.
    let _ = reader.read_to_end(&mut body);
    let (field, message) = said(&body);
    // The answer to HEAD has no message, and other servers have messages of their own.
    if message.is_none() && !is_head && server.dialect() == Dialect::Sealdrop {
        let hint = match status.as_u16() {
            401 | 403 => Some(
                "; if it wants a password or a token, give --header 'NAME: VALUE', or the server as \
                 https://NAME:PASSWORD@HOST",
            ),
            407 => Some("; give the proxy as http://NAME:PASSWORD@HOST"),
            404 if !body.is_empty() => Some("; is the address right, including its path?"),
            408 | 429 => Some(""),
            500.. => Some("; sealdrop may be down behind it, or a --header may be missing"),
            _ => None,
        };
        if let Some(hint) = hint {
            return ClientError::InFront { host: server.host(), status, hint, retry_after };
        }
    }
    let message = message.unwrap_or_else(|| status.to_string());
    match status.as_u16() {
        404 => ClientError::Gone,
        401 | 403 => ClientError::Refused { field, message },
        408 | 429 | 502..=504 => ClientError::Busy { message, retry_after },
        status @ 500.. => ClientError::Failed { status, message },
        status => ClientError::Rejected { status, field, message },
    }
}

/// Field and message of an error: of the Secrets API, or the text of the Key Service. Both are `None` in
/// any other form: the page of a proxy, the JSON of a gateway.
fn said(body: &[u8]) -> (Option<String>, Option<String>) {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Secrets { error: RefusalFields },
        Service(String),
    }
    #[derive(Deserialize)]
    struct RefusalFields {
        message: String,
        field: Option<String>,
    }
    match serde_json::from_slice(body) {
        Ok(Told::Secrets { error }) => (error.field, Some(error.message)),
        Ok(Told::Service(message)) => (None, Some(message)),
        Err(_) => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Way;

    fn told(dialect: Dialect, status: u16, body: &[u8], is_head: bool) -> ClientError {
        let root = "http://127.0.0.1".parse().unwrap();
        let server = ServerClient::new(root, None, dialect, Way::default()).unwrap();
        let body = Body::builder().data(body.to_vec());
        read(&server, Response::builder().status(status).body(body).unwrap(), is_head)
    }

    #[test]
    fn what_is_not_ours_is_known_by_its_words() {
        let ours = br#"{"error":{"message":"no","field":"password"}}"#;
        let is_in_front = |status, body: &[u8], is_head| {
            matches!(told(Dialect::Sealdrop, status, body, is_head), ClientError::InFront { .. })
        };
        for status in [401, 403, 404, 407, 408, 429, 500, 502, 503, 504, 520] {
            for foreign in
                [&b"<html>"[..], b"{\"message\":\"no\"}", b"{\"error\":\"no\"}", b"\xff", b"{}"]
            {
                assert!(is_in_front(status, foreign, false), "{status} {foreign:?}");
                assert!(!is_in_front(status, foreign, true), "{status}");
            }
            assert!(!is_in_front(status, ours, false), "{status}");
            assert!(!is_in_front(status, b"\"The box is full\"", false), "{status}");
            let other = told(Dialect::PasswordLink, status, b"<html>", false);
            assert!(!matches!(other, ClientError::InFront { .. }), "{status}");
        }
        assert!(matches!(told(Dialect::Sealdrop, 404, b"", false), ClientError::Gone));
        let refused = told(Dialect::Sealdrop, 403, ours, false);
        assert!(
            matches!(refused, ClientError::Refused { field: Some(field), .. } if field == "password")
        );
    }
}
