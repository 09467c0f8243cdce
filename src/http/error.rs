//! Errors of reading a request, independent of its operation.

/// An error of reading a request. Each API gives it a status and a text.
#[derive(Debug)]
pub enum HttpError {
    /// A head that another program could interpret differently.
    BadHead(&'static str),
    /// An unknown transfer coding, with its name.
    TransferCoding(String),
    /// An unsupported content coding, with its name.
    ContentCoding(String),
    /// A content type that is not JSON.
    NotJson,
    /// A body longer than allowed, described in words.
    TooLarge(String),
    /// The body made no progress, or was too slow.
    BodyTimeout,
    /// An incomplete body, or one that is not the expected JSON object, described in words.
    Malformed(String),
    /// A JSON field with an invalid value.
    Field {
        /// The name of the field in the API.
        field: &'static str,
        /// The reason, as in "can't be blank".
        reason: String,
    },
    /// The memory for large bodies is in use.
    Busy,
}

impl HttpError {
    /// An [`HttpError::Field`].
    pub(crate) fn field(field: &'static str, reason: impl ToString) -> Self {
        Self::Field { field, reason: reason.to_string() }
    }
}
