//! The calls about secret requests: `docs/secrets-api.md`, "Secret requests", and `docs/public-api.md`.

use serde::{Deserialize, Serialize};

use super::{
    error::ClientError,
    link::is_id,
    secrets::{Answer, Created, SealedFields, exposed, may_be},
    server::{Again, Server, Watch, in_path},
};
use crate::crypto::SecretText;

/// The path of the list.
pub const LIST: &str = "api/secret_requests";

/// A request that is to be made.
#[derive(Default, Serialize)]
pub struct NewRequest {
    /// For whoever opens the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// For the list only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many hours the request lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
    /// How many secrets can be made through it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Whom the link of the request is mailed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_request_to_email: Option<String>,
    /// Whom the link of each secret is mailed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_to_email: Option<String>,
    /// The message of the secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_message: Option<String>,
    /// The description of the secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_description: Option<String>,
    /// How many hours each secret lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_expiration: Option<u64>,
    /// How often each can be viewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_max_views: Option<u64>,
    /// What viewers of the secrets must know.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub secret_password: Option<SecretText>,
}

/// A request that is in the list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// What it asks for.
    pub message: Option<String>,
    /// What it is, for its owner.
    pub description: Option<String>,
    /// Until when it can be answered, RFC 3339; none for ever.
    pub expires_at: Option<String>,
    /// Whether its time is over.
    pub expired: bool,
    /// How many secrets were made through it.
    pub used: u64,
    /// How many can be.
    pub limit: u64,
}

/// What whoever answers a request sees of it.
#[derive(Deserialize)]
pub struct Asked {
    /// What is asked for.
    pub message: Option<String>,
    /// Until when, RFC 3339; none for ever.
    pub expires_at: Option<String>,
    /// Who gets the finished link by mail; none for nobody.
    pub send_to_email: Option<String>,
    /// What the secret will be like.
    pub secret: AskedSecret,
}

/// What the secret that answers a request will be like.
#[derive(Deserialize)]
pub struct AskedSecret {
    /// Whether viewers must know a password that whoever asks has set.
    pub password: bool,
    /// How often it can be viewed.
    pub max_views: u64,
}

/// Makes a request. Gives its id.
///
/// # Errors
///
/// [`ClientError`].
pub fn create(server: &Server, new: &NewRequest, watch: &dyn Watch) -> Result<String, ClientError> {
    #[derive(Deserialize)]
    struct Made {
        id: String,
    }
    let request = || server.request_with_key("POST", LIST);
    let made: Answer<Made> = server
        .json(request, Some(new), Again::IfNothingWasDone, watch)
        .map_err(|error| may_be(server, error))?;
    match is_id(&made.data.id) {
        true => Ok(made.data.id),
        false => Err(server.misunderstood("what it calls the request is no id")),
    }
}

/// Deletes a request; the secrets that were made through it stay.
///
/// # Errors
///
/// [`ClientError`].
pub fn delete(server: &Server, id: &str, watch: &dyn Watch) -> Result<(), ClientError> {
    let path = format!("{LIST}/{}", in_path(id));
    let request = || server.request_with_key("DELETE", &path);
    let _: Answer<()> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(())
}

/// Looks at a request; spends nothing.
///
/// # Errors
///
/// [`ClientError`].
pub fn look(server: &Server, id: &str, watch: &dyn Watch) -> Result<Asked, ClientError> {
    let path = format!("api/public/secret_requests/{}", in_path(id));
    let request = || server.request("GET", &path);
    let seen: Answer<Asked> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(seen.data)
}

/// Makes the secret that answers a request.
///
/// # Errors
///
/// [`ClientError`].
pub fn answer(
    server: &Server,
    id: &str,
    sealed: &SealedFields<'_>,
    watch: &dyn Watch,
) -> Result<Created, ClientError> {
    let path = format!("api/public/secret_requests/{}/secrets", in_path(id));
    let request = || server.request("POST", &path);
    let made: Answer<Created> = server
        .json(request, Some(sealed), Again::IfNothingWasDone, watch)
        .map_err(|error| match error {
            ClientError::Gone => error,
            error => may_be(server, error),
        })?;
    made.data.checked(server)
}
