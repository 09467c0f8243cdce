//! Errors of the Key Service: a string in JSON or XML, with the status codes of its document.
//!
//! As for [`ApiError`], the texts are public and causes go to the log.

use std::{io, time::Duration};

use hyper::{
    Method, Response, StatusCode,
    header::{ACCEPT_ENCODING, ALLOW, CONNECTION, HeaderValue, RETRY_AFTER},
};

use super::{input::names::EMAIL, output::format::Format};
use crate::{
    api::{ApiError, error::insert_retry_after},
    clock::UnixSeconds,
    domain::{
        drop_box::BoxError, limits::try_limit::TooMany, notify::outbox::OutboxError,
        secret::self_destruct::SelfDestructError,
    },
    http::{
        error::HttpError,
        response::{Body, method_list},
    },
    metrics::RefusedBy,
    store::StoreError,
};

/// The reason why a request failed.
#[derive(Debug)]
pub enum ServiceError {
    /// 400: a required parameter is missing.
    Missing(&'static str),
    /// 400: a parameter is invalid.
    Parameter {
        /// The name of the parameter in the API.
        name: &'static str,
        /// The reason, as in "must be a whole number".
        reason: String,
    },
    /// 400: not a valid request of this API.
    Malformed(String),
    /// 400: a head that other programs could interpret differently. The connection is closed.
    BadHead(&'static str),
    /// 400: a rule forbids it. The text is returned unchanged.
    Invalid(String),
    /// 400: the body made no progress, or was too slow. The document has no 408.
    BodyStopped,
    /// 400: a wrong passphrase, or a wrong hash of the private key. Both have the same text, so that it
    /// does not show which one a box accepts.
    WrongPassphrase,
    /// 400: an unknown token, or that of a deleted box.
    NoBox,
    /// 400: the messages cannot be read before this time.
    NotYet(UnixSeconds),
    /// 400: the box has not accepted messages since this time.
    Locked(UnixSeconds),
    /// 403: sent by a page of an origin that `--cors` does not allow.
    ForeignPage,
    /// 404: unknown URL.
    NotFound,
    /// 405, with the allowed methods.
    MethodNotAllowed(&'static [Method]),
    /// 413: more bytes than allowed; the text states the limit.
    TooLarge(String),
    /// 415: a body with a content coding, which the text names.
    ContentCoding(String),
    /// 501: a body with an unknown transfer coding, which the text names. The connection is closed.
    TransferCoding(String),
    /// 429: a limit on attempts is reached.
    TooMany {
        /// What was counted, in which period, and when to try again.
        message: String,
        /// The time until the next attempt is possible.
        retry_after: Duration,
        /// The name of the limit.
        limit: RefusedBy,
    },
    /// 500: an error of the daemon; the log has the cause.
    Internal,
    /// 503: a queue is full.
    Busy,
    /// 507: no space left; the text says where.
    Full(&'static str),
}

impl ServiceError {
    /// A [`ServiceError::Parameter`].
    pub fn parameter(name: &'static str, reason: impl ToString) -> Self {
        Self::Parameter { name, reason: reason.to_string() }
    }

    /// Makes the answer.
    #[must_use]
    pub fn into_response(self, format: Format) -> Response<Body> {
        let mut response = format.string(&self.message());
        *response.status_mut() = self.status();
        let refused_by = match self {
            Self::TooMany { limit, .. } => Some(limit),
            Self::Busy => Some(RefusedBy("busy")),
            Self::Full(NO_SPACE) => Some(RefusedBy("disk")),
            Self::Full(_) => Some(RefusedBy("storage")),
            _ => None,
        };
        if let Some(limit) = refused_by {
            response.extensions_mut().insert(limit);
        }
        let headers = response.headers_mut();
        match self {
            Self::MethodNotAllowed(allowed) => {
                headers.insert(ALLOW, method_list(allowed));
            }
            Self::TooMany { retry_after, .. } => insert_retry_after(headers, retry_after),
            Self::Busy => {
                headers.insert(RETRY_AFTER, HeaderValue::from(1));
            }
            Self::ContentCoding(_) => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            // The rest of the body is not read, or cannot be separated from the next request.
            Self::TooLarge(_) | Self::BodyStopped | Self::BadHead(_) | Self::TransferCoding(_) => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Missing(_)
            | Self::Parameter { .. }
            | Self::Malformed(_)
            | Self::BadHead(_)
            | Self::Invalid(_)
            | Self::BodyStopped
            | Self::WrongPassphrase
            | Self::NoBox
            | Self::NotYet(_)
            | Self::Locked(_) => StatusCode::BAD_REQUEST,
            Self::ForeignPage => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentCoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TransferCoding(_) => StatusCode::NOT_IMPLEMENTED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// The error text.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Missing(name) => format!("{name} is missing"),
            Self::Parameter { name, reason } => format!("{name} {reason}"),
            Self::Malformed(text)
            | Self::Invalid(text)
            | Self::TooLarge(text)
            | Self::ContentCoding(text)
            | Self::TransferCoding(text) => text.clone(),
            Self::BadHead(text) => (*text).into(),
            Self::BodyStopped => "The request's body stopped coming".into(),
            Self::WrongPassphrase => "The passphrase or the private key's hash is wrong".into(),
            Self::NoBox => "There is no key with this token".into(),
            Self::NotYet(release) => format!("The messages can be read from {release} on"),
            Self::Locked(lock) => format!("The key is locked since {lock}: it takes no messages"),
            Self::ForeignPage => "Pages of this origin may not call this server".into(),
            Self::NotFound => "Not found".into(),
            Self::MethodNotAllowed(_) => "Method not allowed".into(),
            Self::TooMany { message, .. } => message.clone(),
            Self::Internal => "Internal error".into(),
            Self::Busy => "Busy: try again in a moment".into(),
            Self::Full(text) => (*text).into(),
        }
    }
}

const NO_SPACE: &str = "No space left for new messages";

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<BoxError> for ServiceError {
    fn from(error: BoxError) -> Self {
        match error {
            BoxError::NotFound => Self::NoBox,
            BoxError::NotReleased(release) => Self::NotYet(release),
            BoxError::Locked(lock) => Self::Locked(lock),
            BoxError::Full => Self::Full("The box is full"),
            BoxError::Store(error) => error.into(),
        }
    }
}

impl From<SelfDestructError> for ServiceError {
    fn from(error: SelfDestructError) -> Self {
        match error {
            SelfDestructError::Outbox(OutboxError::TooMany { retry_after_seconds }) => {
                let retry_after = Duration::from_secs(retry_after_seconds);
                ApiError::TooManyMails { field: EMAIL, retry_after }.into()
            }
            SelfDestructError::Outbox(OutboxError::Store(error)) => error.into(),
            SelfDestructError::Secret(error) => ApiError::from(error).into(),
        }
    }
}

impl From<TooMany> for ServiceError {
    fn from(error: TooMany) -> Self {
        if error.is_under_way() {
            // Several readers with the right passphrase can share one address.
            return Self::Busy;
        }
        let (retry_after, limit) = (error.retry_after(), RefusedBy(error.limit()));
        Self::TooMany { message: error.to_string(), retry_after, limit }
    }
}

/// An error of a file of the store.
impl From<io::Error> for ServiceError {
    fn from(error: io::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// Converts errors of shared code: queues, budgets, bodies.
impl From<HttpError> for ServiceError {
    fn from(error: HttpError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<ApiError> for ServiceError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Malformed(text) => Self::Malformed(text),
            ApiError::BadHead(text) => Self::BadHead(text),
            ApiError::ContentCoding(_) => Self::ContentCoding(error.message()),
            ApiError::TransferCoding(_) => Self::TransferCoding(error.message()),
            ApiError::NotFound => Self::NotFound,
            ApiError::MethodNotAllowed(allowed) => Self::MethodNotAllowed(allowed),
            ApiError::BodyTimeout => Self::BodyStopped,
            ApiError::TooLarge { message, .. } => Self::TooLarge(message),
            ApiError::TooMany { counted, .. } => counted.into(),
            ApiError::TooManyMails { retry_after, .. } => {
                Self::TooMany { message: error.message(), retry_after, limit: RefusedBy("mails") }
            }
            ApiError::Internal => Self::Internal,
            ApiError::Busy => Self::Busy,
            ApiError::Full => Self::Full(NO_SPACE),
            // The Key Service document has no status codes for these errors of the Secrets API.
            ApiError::NoKey
            | ApiError::Forbidden(_)
            | ApiError::Password(_)
            | ApiError::OverAllowance(_)
            | ApiError::OverRequestAllowance(_)
            | ApiError::ReceiverOverAllowance
            | ApiError::NotJson
            | ApiError::NoRanges
            | ApiError::BadRange { .. }
            | ApiError::Elsewhere { .. }
            | ApiError::UnderWay { .. }
            | ApiError::Conflict(_)
            | ApiError::OverQuota
            | ApiError::Field { .. } => Self::Invalid(error.message()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_status_and_headers() {
        use ServiceError as E;
        // (error, status, header)
        let cases = [
            (E::Missing("token"), 400, None),
            (E::parameter("v", "must be 1"), 400, None),
            (E::BodyStopped, 400, Some((CONNECTION, "close"))),
            (E::WrongPassphrase, 400, None),
            (E::NotYet(UnixSeconds(0)), 400, None),
            (E::MethodNotAllowed(&[Method::GET, Method::PUT]), 405, Some((ALLOW, "GET, PUT"))),
            (E::TooLarge("long".into()), 413, Some((CONNECTION, "close"))),
            (
                E::TooMany {
                    message: "m".into(),
                    retry_after: Duration::from_millis(10),
                    limit: RefusedBy("mails"),
                },
                429,
                Some((RETRY_AFTER, "1")),
            ),
            (E::from(ApiError::Internal), 500, None),
            (E::from(ApiError::Busy), 503, Some((RETRY_AFTER, "1"))),
            (E::from(StoreError::Full), 507, None),
            (E::from(ApiError::NotJson), 400, None),
        ];
        for (error, status, header) in cases {
            let told = format!("{error:?}");
            let response = error.into_response(Format::Json);
            assert_eq!(response.status(), status, "{told}");
            if let Some((name, value)) = header {
                assert_eq!(response.headers().get(name).unwrap(), value, "{told}");
            }
        }
    }
}
