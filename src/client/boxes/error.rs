//! The errors of the Key Service. Its statuses are not specific, so its texts are evaluated.

use super::ClientError;
use crate::crypto::PublicKeyError;

/// Why an operation on a box failed.
#[derive(Debug, thiserror::Error)]
pub enum BoxClientError {
    /// The token does not exist, or the box was deleted.
    #[error("there is no such box, or it was deleted")]
    Gone,
    /// The passphrase or key is wrong.
    #[error("the passphrase or the key is not that of this box")]
    Wrong,
    /// Before its release date.
    #[error("{0}")]
    NotYet(String),
    /// After its lock date.
    #[error("{0}")]
    Locked(String),
    /// The server does not have the private key.
    #[error(
        "the server has no private key of this box, so the passphrase is not sent: use the key file, \
         without --online"
    )]
    NoKeyThere,
    /// The box, or the server's disk, is full.
    #[error("{0}")]
    Full(String),
    /// The public key cannot seal messages.
    #[error("the public key of the box cannot be used: {0}")]
    PublicKey(PublicKeyError),
    /// The message was sent completely, and no answer came, so it is unknown whether it was stored.
    #[error("{0}; the message may have arrived, so sending it again may store it twice")]
    Unsure(ClientError),
    /// Any other error.
    #[error(transparent)]
    Other(ClientError),
}

impl From<ClientError> for BoxClientError {
    fn from(error: ClientError) -> Self {
        type Known = fn(String) -> BoxClientError;
        const KNOWN: [(&str, Known); 6] = [
            ("There is no key with this token", |_| BoxClientError::Gone),
            ("The passphrase or the private key's hash is wrong", |_| BoxClientError::Wrong),
            ("The messages can be read from ", BoxClientError::NotYet),
            ("The key is locked since ", BoxClientError::Locked),
            ("This box has no private key here", |_| BoxClientError::NoKeyThere),
            ("The private key of this box is of no form", |_| BoxClientError::NoKeyThere),
        ];
        match error {
            ClientError::Failed { status: 507, message } => Self::Full(message),
            ClientError::Rejected { status: 400, field, message } => {
                match KNOWN.iter().find(|(begin, _)| message.starts_with(begin)) {
                    Some((_, known)) => known(message),
                    None => Self::Other(ClientError::Rejected { status: 400, field, message }),
                }
            }
            other => Self::Other(other),
        }
    }
}

/// An error of creating a box, with the refused parameter as its field.
pub(super) fn with_field(error: ClientError) -> ClientError {
    const PARAMETERS: [&str; 5] =
        ["releasedate", "lockdate", "notifyemail", "passphrase", "privatekey"];
    match error {
        // The API key is wrong or missing.
        ClientError::Rejected { message, .. } if message.contains("with an API key only") => {
            ClientError::Refused { field: None, message }
        }
        ClientError::Rejected { status, field: None, message } => {
            let first = message.split(' ').next().unwrap_or_default();
            let field = PARAMETERS.contains(&first).then(|| first.to_owned());
            ClientError::Rejected { status, field, message }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(message: &str) -> ClientError {
        ClientError::Rejected { status: 400, field: None, message: message.to_owned() }
    }

    #[test]
    fn texts_of_the_service_are_known() {
        assert!(matches!(rejected("There is no key with this token").into(), BoxClientError::Gone));
        let text = "The key is locked since 2026-01-01T00:00:00Z: it takes no messages";
        let BoxClientError::Locked(told) = rejected(text).into() else { panic!("not locked") };
        assert_eq!(told, text);
        assert!(matches!(rejected("token is missing").into(), BoxClientError::Other(_)));
        let full = ClientError::Failed { status: 507, message: "The box is full".into() };
        assert!(matches!(full.into(), BoxClientError::Full(_)));
    }

    #[test]
    fn a_parameter_is_the_field() {
        let field = |text| match with_field(rejected(text)) {
            ClientError::Rejected { field, .. } => field,
            other => panic!("{other}"),
        };
        assert_eq!(field("lockdate must be a date").as_deref(), Some("lockdate"));
        assert_eq!(field("No boxes can be created here"), None);
        let why = "Boxes are created with an API key only: it is missing";
        assert!(matches!(with_field(rejected(why)), ClientError::Refused { .. }));
    }
}
