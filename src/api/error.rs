//! Errors of the Secrets API, and their status codes.
//!
//! The texts are public, so they contain nothing secret and nothing internal. The cause of an internal
//! error goes to the log.

use std::time::Duration;

use hyper::{
    Method, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_RANGE, HeaderMap, HeaderValue, RETRY_AFTER,
        WWW_AUTHENTICATE,
    },
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    domain::{
        limits::{
            captcha::CaptchaError,
            try_limit::{TooMany, in_words},
        },
        request::RequestError,
        secret::{SecretError, attachment::AttachmentError, change::SecretChangeError},
    },
    http::{
        error::HttpError,
        response::{Body, json, method_list},
        upload_headers::upload_headers,
    },
    metrics::RefusedBy,
    store::StoreError,
};

/// The reason why a request failed.
#[derive(Debug)]
pub enum ApiError {
    /// 400: not a valid request of this API.
    Malformed(String),
    /// 400: a head that other programs could interpret differently. The connection is closed.
    BadHead(&'static str),
    /// 401: no API key.
    NoKey,
    /// 403: an API key that is unknown or does not have the right.
    Forbidden(&'static str),
    /// 403 on a field: the secret's password is missing or wrong.
    Password(&'static str),
    /// 403: the account's allowance is used up.
    OverAllowance(u64),
    /// 403: the list of secret requests has reached this maximum.
    OverRequestAllowance(u64),
    /// 403: the allowance of the requester is used up. The text does not state its size.
    ReceiverOverAllowance,
    /// 404, for any reason.
    NotFound,
    /// 405, with the allowed methods.
    MethodNotAllowed(&'static [Method]),
    /// 409: a part does not begin at the end of the stored bytes.
    Elsewhere {
        /// The end of the stored bytes.
        received: u64,
        /// Whether the attachment is complete.
        is_complete: bool,
    },
    /// 409: another upload of the same attachment is in progress.
    UnderWay {
        /// The number of bytes that the other upload has stored.
        received: u64,
    },
    /// 409: the operation is not possible in this state.
    Conflict(&'static str),
    /// 408: the body made no progress, or was too slow.
    BodyTimeout,
    /// 413: more bytes, or more characters in a field, than allowed.
    TooLarge {
        /// The field, if the error is about one.
        field: Option<&'static str>,
        /// The error text, with the limit.
        message: String,
    },
    /// 415: a body that is not JSON.
    NotJson,
    /// 415: a body with a content coding, which the text names.
    ContentCoding(String),
    /// 416: a range of a secret, which can only be fetched as a whole.
    NoRanges,
    /// 416: a range after the end of an attachment.
    BadRange {
        /// The length of the attachment.
        bytes: u64,
    },
    /// 422: a field is invalid.
    Field {
        /// The name of the field in the API.
        field: &'static str,
        /// The reason, as in "can't be blank".
        reason: String,
    },
    /// 429: a limit on attempts is reached.
    TooMany {
        /// The field with the attempt, if any.
        field: Option<&'static str>,
        /// What was counted, in which period, and when to try again.
        counted: TooMany,
    },
    /// 429 on a field: the limit on mails is reached.
    TooManyMails {
        /// The field that requests the mail.
        field: &'static str,
        /// The time until the next mail is possible.
        retry_after: Duration,
    },
    /// 500: an error of the daemon; the log has the cause.
    Internal,
    /// 501: an unknown transfer coding, which the text names. The connection is closed.
    TransferCoding(String),
    /// 503: the queue for slow work is full.
    Busy,
    /// 507: the disk is full.
    Full,
    /// 507: the storage limit for attachments is reached.
    OverQuota,
}

/// An error of all operations except those of the Key Service.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error", deny_unknown_fields)]
pub(super) struct ErrorBody {
    error: ErrorFields,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
struct ErrorFields {
    /// A sentence in English for people. Programs use the status and `field` instead: the text can change.
    #[schemars(length(min = 1), example = &"Not found")]
    message: String,
    /// The name of the invalid field or header in the API. Null if the error is about no field.
    field: Option<&'static str>,
}

impl ApiError {
    /// An [`ApiError::Field`].
    pub fn field(field: &'static str, reason: impl ToString) -> Self {
        Self::Field { field, reason: reason.to_string() }
    }

    /// Makes the answer.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let error = ErrorFields { message: self.message(), field: self.field_name() };
        let mut response = json(self.status(), &ErrorBody { error });
        if let Some(limit) = self.refused_by() {
            response.extensions_mut().insert(limit);
        }
        let headers = response.headers_mut();
        match self {
            Self::NoKey => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey"));
            }
            Self::MethodNotAllowed(allowed) => {
                headers.insert(ALLOW, method_list(allowed));
            }
            Self::TooMany { counted, .. } => {
                insert_retry_after(headers, counted.retry_after());
            }
            Self::TooManyMails { retry_after, .. } => insert_retry_after(headers, retry_after),
            Self::Elsewhere { received, is_complete } => {
                upload_headers(headers, received, is_complete);
            }
            Self::UnderWay { received } => upload_headers(headers, received, false),
            Self::BadRange { bytes } => {
                if let Ok(range) = HeaderValue::from_str(&format!("bytes */{bytes}")) {
                    headers.insert(CONTENT_RANGE, range);
                }
            }
            Self::Busy => {
                headers.insert(RETRY_AFTER, HeaderValue::from(1));
            }
            // Names the accepted coding (RFC 9110, 15.5.16).
            Self::ContentCoding(_) => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            // The rest of the body is not read, or cannot be separated from the next request.
            Self::TooLarge { .. }
            | Self::BodyTimeout
            | Self::BadHead(_)
            | Self::TransferCoding(_) => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::BadHead(_) => StatusCode::BAD_REQUEST,
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_)
            | Self::Password(_)
            | Self::OverAllowance(_)
            | Self::OverRequestAllowance(_)
            | Self::ReceiverOverAllowance => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Elsewhere { .. } | Self::UnderWay { .. } | Self::Conflict(_) => {
                StatusCode::CONFLICT
            }
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson | Self::ContentCoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoRanges | Self::BadRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Field { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany { .. } | Self::TooManyMails { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TransferCoding(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full | Self::OverQuota => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// The limit that is the reason, if it is one.
    fn refused_by(&self) -> Option<RefusedBy> {
        Some(RefusedBy(match self {
            Self::TooMany { counted, .. } => counted.limit(),
            Self::TooManyMails { .. } => "mails",
            Self::OverAllowance(_) | Self::ReceiverOverAllowance => "allowance",
            Self::OverRequestAllowance(_) => "request_allowance",
            Self::OverQuota => "storage",
            Self::Full => "disk",
            Self::Busy => "busy",
            _ => return None,
        }))
    }

    fn field_name(&self) -> Option<&'static str> {
        match self {
            Self::Field { field, .. } | Self::TooManyMails { field, .. } => Some(field),
            Self::TooLarge { field, .. } | Self::TooMany { field, .. } => *field,
            Self::Password(_) => Some("password"),
            _ => None,
        }
    }

    /// The error text, without the name of the field.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Malformed(message) => message.clone(),
            Self::BadHead(message) => (*message).into(),
            Self::NoKey => {
                "An API key is needed: send the header Authorization: ApiKey <key>".into()
            }
            Self::Forbidden(message) | Self::Password(message) => (*message).into(),
            Self::OverAllowance(allowance) => format!(
                "The allowance of {allowance} secrets a month is used up: it starts again with the \
                 next month (UTC)"
            ),
            Self::OverRequestAllowance(allowance) => format!(
                "The list of secret requests is full: {allowance} are allowed. Delete one, or wait until \
                 one that has ended is removed"
            ),
            Self::ReceiverOverAllowance => {
                "The requester cannot receive more secrets this month".into()
            }
            Self::NotFound => "Not found".into(),
            Self::MethodNotAllowed(_) => "Method not allowed".into(),
            Self::Elsewhere { is_complete: true, .. } => "This attachment is complete".into(),
            Self::Elsewhere { received, .. } => {
                format!("A part must begin where the stored bytes end, at {received}")
            }
            Self::UnderWay { .. } => "Another upload of this attachment is under way".into(),
            Self::BadRange { bytes } => {
                format!("The attachment has {bytes} bytes: request a range within them")
            }
            Self::Conflict(message) => (*message).into(),
            Self::BodyTimeout => "The request's body stopped coming".into(),
            Self::TooLarge { message, .. } => message.clone(),
            Self::NotJson => "Send the body as Content-Type: application/json".into(),
            Self::ContentCoding(coding) => {
                format!("The body has Content-Encoding: {coding}. Send it without a content coding")
            }
            Self::TransferCoding(coding) => format!(
                "The body has Transfer-Encoding: {coding}. Send it with a Content-Length, or chunked"
            ),
            Self::NoRanges => "A secret is sent whole: ask without Range".into(),
            Self::Field { field, reason } => format!("{} {reason}", humanize(field)),
            Self::TooMany { counted, .. } => counted.to_string(),
            Self::TooManyMails { field, retry_after } => format!(
                "{} cannot get this mail now: the hourly limit of mails for the address or the account is \
                 reached. Try again in {}",
                humanize(field),
                in_words(retry_after.as_secs())
            ),
            Self::Internal => "Internal error".into(),
            Self::Busy => "Busy: try again in a moment".into(),
            Self::Full => "No space left for new secrets".into(),
            Self::OverQuota => {
                "The storage for attachments is full. It has space again when secrets with attachments are \
                 deleted or expire"
                    .into()
            }
        }
    }
}

/// Turns `password_part_private` into `Password part private`.
fn humanize(field: &str) -> String {
    let mut name = field.replace('_', " ");
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// Sets `Retry-After` in whole seconds (RFC 9110, 10.2.3), at least 1.
pub(super) fn insert_retry_after(headers: &mut HeaderMap, after: Duration) {
    headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
}

impl From<HttpError> for ApiError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::BadHead(message) => Self::BadHead(message),
            HttpError::TransferCoding(coding) => Self::TransferCoding(coding),
            HttpError::ContentCoding(coding) => Self::ContentCoding(coding),
            HttpError::NotJson => Self::NotJson,
            HttpError::TooLarge(message) => Self::TooLarge { field: None, message },
            HttpError::BodyTimeout => Self::BodyTimeout,
            HttpError::Malformed(message) => Self::Malformed(message),
            HttpError::Field { field, reason } => Self::Field { field, reason },
            HttpError::Busy => Self::Busy,
        }
    }
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NotFound => Self::NotFound,
            SecretError::OverAllowance(allowance) => Self::OverAllowance(allowance),
            SecretError::PasswordNeeded(_) | SecretError::CaptchaNeeded(Some(_)) => {
                Self::Password("Password is required")
            }
            SecretError::CaptchaNeeded(None) => Self::field("captcha", "is required"),
            SecretError::Captcha(error) => error.into(),
            SecretError::Locked => {
                Self::Password("Password was wrong too often: the secret is locked")
            }
            SecretError::OverQuota => Self::OverQuota,
            SecretError::Store(error) => error.into(),
        }
    }
}

impl From<SecretChangeError> for ApiError {
    fn from(error: SecretChangeError) -> Self {
        match error {
            SecretChangeError::Viewed => Self::Conflict(
                "The secret was viewed, and cannot be changed any more: create a new one",
            ),
            SecretChangeError::Unpublished => Self::Conflict(
                "The secret has attachments that are not complete: upload them, or delete the draft, first",
            ),
            SecretChangeError::Secret(error) => error.into(),
        }
    }
}

impl ApiError {
    /// Converts an error of a secret request. `field` is the one that requests its mail.
    pub(super) fn from_request(error: RequestError, field: &'static str) -> Self {
        match error {
            RequestError::NotFound => Self::NotFound,
            RequestError::OverAllowance(allowance) => Self::OverRequestAllowance(allowance),
            RequestError::ReceiverOverAllowance => Self::ReceiverOverAllowance,
            RequestError::TooManyMails { retry_after_seconds } => {
                Self::TooManyMails { field, retry_after: Duration::from_secs(retry_after_seconds) }
            }
            RequestError::OverQuota => Self::OverQuota,
            RequestError::Store(error) => error.into(),
        }
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self::from_request(error, "send_to_email")
    }
}

impl From<AttachmentError> for ApiError {
    fn from(error: AttachmentError) -> Self {
        match error {
            AttachmentError::NotFound => Self::NotFound,
            AttachmentError::Elsewhere { received, is_complete } => {
                Self::Elsewhere { received, is_complete }
            }
            AttachmentError::UnderWay { received } => Self::UnderWay { received },
            AttachmentError::OtherTotal => {
                Self::field("Content-Range", "must have the same total in all parts")
            }
            AttachmentError::Incomplete => {
                Self::Conflict("Not all attachments are complete: upload what is missing")
            }
            AttachmentError::Published => Self::Conflict("The secret is published already"),
            AttachmentError::OverQuota => Self::OverQuota,
            AttachmentError::TooManyMails { retry_after_seconds } => Self::TooManyMails {
                field: "send_to_email",
                retry_after: Duration::from_secs(retry_after_seconds),
            },
            AttachmentError::Store(error) => error.into(),
        }
    }
}

impl From<TooMany> for ApiError {
    fn from(counted: TooMany) -> Self {
        Self::TooMany { field: None, counted }
    }
}

impl From<CaptchaError> for ApiError {
    fn from(error: CaptchaError) -> Self {
        match error {
            CaptchaError::Bad(_) | CaptchaError::Used => Self::field("captcha", error),
            CaptchaError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::Full,
            StoreError::Closed | StoreError::Unavailable => Self::Busy,
            StoreError::Damaged(_)
            | StoreError::UnknownVersion(_)
            | StoreError::TooLarge(_)
            | StoreError::PayloadFile(_) => {
                tracing::error!(%error, "the store has failed");
                Self::Internal
            }
        }
    }
}
