//! The errors of a client; callers react to each kind differently.

use std::{io, time::Duration};

use ureq::http::StatusCode;

/// Why a client's operation failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// 404: unknown, expired, used up or burned.
    #[error("it is gone: it was viewed, has expired or was burned, or it never existed")]
    Gone,
    /// 401 and 403: a key or a password is missing or wrong, or the operator does not allow it.
    #[error("the server refuses: {message}")]
    Refused {
        /// The refused field.
        field: Option<String>,
        /// The server's message.
        message: String,
    },
    /// Any other 4xx status: the request is not valid.
    #[error("the server rejects it: {message}")]
    Rejected {
        /// The status.
        status: u16,
        /// The refused field.
        field: Option<String>,
        /// The server's message.
        message: String,
    },
    /// 408, 429, 502, 503, 504: a retry may succeed.
    #[error("the server is busy: {message}")]
    Busy {
        /// The server's message.
        message: String,
        /// The delay that the server asks for.
        retry_after: Option<Duration>,
    },
    /// An answer that is not sealdrop's: of a login, a proxy or a gateway in front of the server.
    #[error("something in front of {host} answered, not sealdrop: {status}{hint}")]
    InFront {
        /// The server.
        host: String,
        /// The status, with its name.
        status: StatusCode,
        /// A hint for the user.
        hint: &'static str,
        /// The delay that it asks for.
        retry_after: Option<Duration>,
    },
    /// Any other 5xx status.
    #[error("the server has failed ({status}): {message}")]
    Failed {
        /// The status.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// No answer, or an incomplete one.
    #[error("{host} cannot be reached: {cause}")]
    Unreachable {
        /// The server.
        host: String,
        /// The reason.
        cause: String,
        /// How far the call came.
        reach: RequestReach,
    },
    /// An answer that does not follow the API.
    #[error("{host} does not answer like sealdrop: {cause}")]
    Misunderstood {
        /// The server.
        host: String,
        /// What is wrong with the answer.
        cause: String,
    },
    /// The content was changed, or the key is wrong.
    #[error("{0}")]
    Damaged(String),
    /// An error of a local file.
    #[error("{what}: {cause}")]
    File {
        /// The operation and the file.
        what: String,
        /// The error.
        cause: io::Error,
    },
}

/// How far a call without an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestReach {
    /// No connection, and a retry is useless: no such name, a wrong certificate.
    Never,
    /// No connection: the server has not processed the call.
    NotConnected,
    /// The server may have processed the call.
    Sent,
}

impl ClientError {
    /// Whether a retry may succeed soon.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::InFront { status, .. } => matches!(status.as_u16(), 408 | 429 | 502..=504),
            Self::Unreachable { reach, .. } => *reach != RequestReach::Never,
            _ => false,
        }
    }

    /// Whether the server has certainly done nothing.
    #[must_use]
    pub fn did_nothing(&self) -> bool {
        match self {
            // The other statuses of this kind come from a gateway, which may have forwarded the call.
            Self::Busy { retry_after, .. } | Self::InFront { retry_after, .. } => {
                retry_after.is_some()
            }
            Self::Unreachable { reach, .. } => *reach != RequestReach::Sent,
            _ => false,
        }
    }
}
