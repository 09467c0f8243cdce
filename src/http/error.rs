//! Why a request cannot be read, whatever it asks for.

/// Why a request cannot be read. Each API gives it a status and a text.
#[derive(Debug)]
pub enum HttpError {
    /// A head that another program could read in another way.
    BadHead(&'static str),
    /// A transfer coding that is not known here, with its name.
    TransferCoding(String),
    /// A content coding, with its name.
    ContentCoding(String),
    /// A body that is not sent as JSON.
    NotJson,
    /// A body that is longer than allowed, in words.
    TooLarge(String),
    /// The body stopped coming.
    BodyTimeout,
    /// A body that is broken off, or not the JSON object it should be, in words.
    Malformed(String),
    /// A field of a JSON body has a wrong value.
    Field {
        /// Its name in the API.
        field: &'static str,
        /// What is wrong, as in "can't be blank".
        reason: String,
    },
    /// The memory for large bodies is in use.
    Busy,
}

impl HttpError {
    /// A [`HttpError::Field`].
    pub(crate) fn field(field: &'static str, reason: impl ToString) -> Self {
        Self::Field { field, reason: reason.to_string() }
    }
}
