//! The calls about secret requests: `docs/secrets-api.md`, "Secret requests", and `docs/public-api.md`.

use serde::{Deserialize, Serialize};

use super::{
    error::ClientError,
    link::is_id,
    secrets::{ApiAnswer, CreatedSecret, SealedFields, exposed, may_be},
    server::{Again, ServerClient, Watch, in_path},
};
use crate::crypto::SecretText;

/// The path of the list.
pub const LIST: &str = "api/secret_requests";

/// The parameters of a new request.
#[derive(Default, Serialize)]
pub struct NewRequestFields {
    /// The message for recipients of the request's link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The description, only in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The lifetime of the request in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
    /// How many secrets can be made with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The address to which the link of the request is mailed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_request_to_email: Option<String>,
    /// The address to which the link of each secret is mailed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_to_email: Option<String>,
    /// The message of the secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_message: Option<String>,
    /// The description of the secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_description: Option<String>,
    /// The lifetime of each secret in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_expiration: Option<u64>,
    /// How often each secret can be viewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_max_views: Option<u64>,
    /// The password that viewers of the secrets need.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub secret_password: Option<SecretText>,
}

/// A request in the list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ListedRequest {
    /// Its id.
    pub id: String,
    /// The message of the request.
    pub message: Option<String>,
    /// The description for its owner.
    pub description: Option<String>,
    /// When it expires, RFC 3339; `None` if it does not expire.
    pub expires_at: Option<String>,
    /// Whether it has expired.
    pub expired: bool,
    /// How many secrets were made with it.
    pub used: u64,
    /// How many can be made in total.
    pub limit: u64,
}

/// A request as the sender of its secret sees it.
#[derive(Deserialize)]
pub struct Asked {
    /// The message of the request.
    pub message: Option<String>,
    /// When it expires, RFC 3339; `None` if it does not expire.
    pub expires_at: Option<String>,
    /// The address to which the finished link is mailed, if any.
    pub send_to_email: Option<String>,
    /// The properties of the secret.
    pub secret: AskedSecret,
}

/// The properties of the secret that answers a request.
#[derive(Deserialize)]
pub struct AskedSecret {
    /// Whether viewers need a password, which the requester has set.
    pub password: bool,
    /// How often it can be viewed.
    pub max_views: u64,
}

/// Creates a request. Returns its id.
///
/// # Errors
///
/// [`ClientError`], if the server did not create it.
pub fn create(
    server: &ServerClient,
    new: &NewRequestFields,
    watch: &dyn Watch,
) -> Result<String, ClientError> {
    #[derive(Deserialize)]
    struct CreatedRequest {
        id: String,
    }
    let request = || server.request_with_key("POST", LIST);
    let made: ApiAnswer<CreatedRequest> = server
        .json(request, Some(new), Again::IfNothingWasDone, watch)
        .map_err(|error| may_be(server, error))?;
    match is_id(&made.data.id) {
        true => Ok(made.data.id),
        false => Err(server.misunderstood("its id of the request is not valid")),
    }
}

/// Deletes a request; secrets made with it stay.
///
/// # Errors
///
/// [`ClientError`], if the server did not delete it.
pub fn delete(server: &ServerClient, id: &str, watch: &dyn Watch) -> Result<(), ClientError> {
    let path = format!("{LIST}/{}", in_path(id));
    let request = || server.request_with_key("DELETE", &path);
    let _: ApiAnswer<()> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(())
}

/// Looks at a request; spends nothing.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it does not exist or has expired.
pub fn look(server: &ServerClient, id: &str, watch: &dyn Watch) -> Result<Asked, ClientError> {
    let path = format!("api/public/secret_requests/{}", in_path(id));
    let request = || server.request("GET", &path);
    let seen: ApiAnswer<Asked> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(seen.data)
}

/// Creates the secret that answers a request.
///
/// # Errors
///
/// [`ClientError`], if the server did not create it.
pub fn answer(
    server: &ServerClient,
    id: &str,
    sealed: &SealedFields<'_>,
    watch: &dyn Watch,
) -> Result<CreatedSecret, ClientError> {
    let path = format!("api/public/secret_requests/{}/secrets", in_path(id));
    let request = || server.request("POST", &path);
    let made: ApiAnswer<CreatedSecret> = server
        .json(request, Some(sealed), Again::IfNothingWasDone, watch)
        .map_err(|error| match error {
            ClientError::Gone => error,
            error => may_be(server, error),
        })?;
    made.data.checked(server)
}
