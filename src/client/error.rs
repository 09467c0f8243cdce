//! Why something failed, as far as whoever asked would do something else about it.

use std::{io, time::Duration};

use ureq::http::StatusCode;

/// Why a client could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// 404: it never was, or has expired, was used up or burned.
    #[error("it is gone: it was viewed, has expired, was burned, or never was")]
    Gone,
    /// 401 and 403: a key or a password is missing or wrong, or the operator does not allow it.
    #[error("the server refuses: {message}")]
    Refused {
        /// The field that it is about.
        field: Option<String>,
        /// In the server's words.
        message: String,
    },
    /// Any other status of 4xx: what was asked can not be done.
    #[error("the server does not take it: {message}")]
    Rejected {
        /// The status.
        status: u16,
        /// The field that it is about.
        field: Option<String>,
        /// In the server's words.
        message: String,
    },
    /// 408, 429, 502, 503, 504: it may go well later.
    #[error("the server is busy: {message}")]
    Busy {
        /// In the server's words.
        message: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// A status in words that are none of ours: of a login, a proxy or a gateway before the server.
    #[error("something in front of {host} answered, not sealdrop: {status}{hint}")]
    InFront {
        /// The server.
        host: String,
        /// The status, with its name.
        status: StatusCode,
        /// What may help.
        hint: &'static str,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// Any other status of 5xx.
    #[error("the server has failed ({status}): {message}")]
    Failed {
        /// The status.
        status: u16,
        /// In the server's words.
        message: String,
    },
    /// No answer, or none that is whole.
    #[error("{host} can not be reached: {cause}")]
    Unreachable {
        /// Who.
        host: String,
        /// Why.
        cause: String,
        /// How far it came.
        reach: Reach,
    },
    /// An answer that is none of the API.
    #[error("{host} does not answer as sealdrop does: {cause}")]
    Misunderstood {
        /// Who.
        host: String,
        /// What is wrong with it.
        cause: String,
    },
    /// What came is not what was sealed, or the key is another one.
    #[error("{0}")]
    Damaged(String),
    /// A file here.
    #[error("{what}: {cause}")]
    File {
        /// What was to be done with which file.
        what: String,
        /// Why it could not be.
        cause: io::Error,
    },
}

/// How far a call without an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody was there, and it is no use to ask again: no such name, a wrong certificate.
    Never,
    /// There was no connection: it has surely not been done.
    NotConnected,
    /// It may have been done.
    Sent,
}

impl ClientError {
    /// Whether it may go well if it is tried again soon.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::InFront { status, .. } => matches!(status.as_u16(), 408 | 429 | 502..=504),
            Self::Unreachable { reach, .. } => *reach != Reach::Never,
            _ => false,
        }
    }

    /// Whether the server has surely done nothing.
    #[must_use]
    pub fn did_nothing(&self) -> bool {
        match self {
            // The other statuses of this kind come from something between, which may have passed it on.
            Self::Busy { retry_after, .. } | Self::InFront { retry_after, .. } => {
                retry_after.is_some()
            }
            Self::Unreachable { reach, .. } => *reach != Reach::Sent,
            _ => false,
        }
    }
}
