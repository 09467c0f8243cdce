//! The body of a call, and its signature: Standard Webhooks 1.0.0 (<https://www.standardwebhooks.com>).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::Full;
use hyper::{
    Method, Request,
    body::Bytes,
    header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
    http,
};
use serde::Serialize;
use url::{Position, Url};

use crate::{
    clock::UnixSeconds,
    crypto::hmac_sha256,
    domain::{
        id::Ids,
        notify::{event::WebhookEvent, webhook::Endpoint},
    },
};

const AGENT: &str = concat!("sealdrop/", env!("CARGO_PKG_VERSION"));

#[derive(Serialize)]
struct WebhookMessage<'a> {
    r#type: &'a str,
    /// RFC 3339.
    timestamp: String,
    data: EventData,
}

#[derive(Default, Serialize)]
struct EventData {
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_request_id: Option<String>,
}

/// The body of a call for `event`: ids and times only.
#[must_use]
pub fn body(event: &WebhookEvent, ids: &Ids) -> Vec<u8> {
    let data = EventData {
        secret_id: Some(ids.text(&event.secret)),
        secret_request_id: event.request.as_ref().map(ToString::to_string),
    };
    to_json(event.kind.name(), event.at, data)
}

/// The body of a test call.
#[must_use]
pub(super) fn test_body(now: UnixSeconds) -> Vec<u8> {
    to_json("test", now, EventData::default())
}

fn to_json(r#type: &str, at: UnixSeconds, data: EventData) -> Vec<u8> {
    serde_json::to_vec(&WebhookMessage { r#type, timestamp: at.to_string(), data })
        .expect("strings become JSON")
}

/// The complete request. hyper adds the length.
pub(super) fn request(
    url: &Url,
    endpoint: &Endpoint,
    id: &str,
    now: UnixSeconds,
    body: &[u8],
) -> Result<Request<Full<Bytes>>, http::Error> {
    Request::builder()
        .method(Method::POST)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .header("webhook-id", id)
        .header("webhook-timestamp", now.0)
        .header("webhook-signature", signature(&endpoint.key, id, now, body))
        .body(Full::new(Bytes::copy_from_slice(body)))
}

/// The signature of the id, the time of this attempt, and the body, separated by dots.
fn signature(key: &[u8; 32], id: &str, now: UnixSeconds, body: &[u8]) -> String {
    let time = now.0.to_string();
    let code = hmac_sha256(key, &[id.as_bytes(), b".", time.as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SeededRandom,
        domain::{
            notify::event::WebhookEventKind,
            numbers::{AccountNumber, SecretId, SecretNumber},
            request_id::RequestId,
        },
        store::Store,
    };

    #[test]
    fn a_body_has_ids_and_times() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 16 << 20).unwrap();
        let ids = Ids::load(&store, &SeededRandom::new(1)).unwrap();
        let number = SecretNumber { account: AccountNumber::new(1).unwrap(), sequence: 2 };
        let secret = SecretId { number, random: [3; 15] };
        let at = UnixSeconds(951_827_696);
        let text = |request, kind| {
            String::from_utf8(body(&WebhookEvent { kind, at, secret, request }, &ids)).unwrap()
        };
        let id = ids.text(&secret);
        let request = "abababab-abab-4bab-abab-abababababab";
        assert_eq!(
            text(None, WebhookEventKind::SecretViewed),
            format!(
                "{{\"type\":\"secret.viewed\",\"timestamp\":\"2000-02-29T12:34:56Z\",\
                 \"data\":{{\"secret_id\":\"{id}\"}}}}"
            )
        );
        assert_eq!(
            text(RequestId::parse(request), WebhookEventKind::RequestAnswered),
            format!(
                "{{\"type\":\"secret_request.answered\",\"timestamp\":\"2000-02-29T12:34:56Z\",\
                 \"data\":{{\"secret_id\":\"{id}\",\
                 \"secret_request_id\":\"{request}\"}}}}"
            )
        );
        assert_eq!(
            test_body(at),
            br#"{"type":"test","timestamp":"2000-02-29T12:34:56Z","data":{}}"#
        );
        store.close();
    }

    /// Computed with Python's hmac.
    #[test]
    fn a_request_is_signed_and_names_its_host() {
        let url = Url::parse("https://example.org:8443/a/b?token=x").unwrap();
        let endpoint = Endpoint { url: url.as_str().into(), key: [7; 32] };
        let request = request(&url, &endpoint, "msg_1", UnixSeconds(1234), b"{}").unwrap();
        assert_eq!(request.uri(), "/a/b?token=x");
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("host"), Some("example.org:8443"));
        assert_eq!(header("webhook-id"), Some("msg_1"));
        assert_eq!(header("webhook-timestamp"), Some("1234"));
        assert_eq!(
            header("webhook-signature"),
            Some("v1,gZXTRIgvmMMjJZkslYw+UOnvzZAoegyKQbou2WcJ2mk=")
        );
    }
}
