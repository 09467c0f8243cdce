//! The calls about secret requests: `docs/secrets-api.md`, "Secret requests", and `docs/public-api.md`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::http::request::Builder;

use super::{
    error::ClientError,
    link::is_id,
    secrets::{ApiAnswer, CreatedSecret, SealedFields, exposed, may_be, secret},
    server::{Again, ServerClient, Watch, in_path},
};
use crate::crypto::SecretText;

/// The path of the list.
pub const LIST: &str = "api/secret_requests";
/// The path for requests without an account, and for everybody who has the link of a request.
const OPEN: &str = "api/public/secret_requests";

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
    /// The moment at which the request expires, RFC 3339, in place of a lifetime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
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
    /// The public key for the answers; without it, who answers has to send the link of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_key: Option<String>,
}

/// A new request.
#[derive(Deserialize)]
pub struct CreatedRequest {
    /// Its id.
    pub id: String,
    /// The token that allows the requester to manage it; only without an account.
    #[serde(default, deserialize_with = "secret")]
    pub manage_token: Option<SecretText>,
}

/// A request with its answers, as its requester sees it.
#[derive(Deserialize)]
pub struct RequestStatus {
    /// How many secrets were made with it.
    pub used: u64,
    /// How many can be made in total.
    pub limit: u64,
    /// Whether it has expired.
    pub expired: bool,
    /// When it expires, RFC 3339; `None` if it does not expire.
    pub expires_at: Option<String>,
    /// The answers, oldest first; JSON, so that fields of newer servers are kept.
    pub answers: Vec<Value>,
    /// The cursor of the answers after these; `None` after the last one.
    #[serde(default)]
    next_cursor: Option<String>,
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
    /// The public key for the answers, if the requester has one.
    #[serde(default)]
    pub answer_key: Option<String>,
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

/// Creates a request, in the account of the key if there is one.
///
/// # Errors
///
/// [`ClientError`], if the server did not create it.
pub fn create(
    server: &ServerClient,
    new: &NewRequestFields,
    watch: &dyn Watch,
) -> Result<CreatedRequest, ClientError> {
    let path = if server.has_key() { LIST } else { OPEN };
    let request = || server.request_with_key("POST", path);
    let made: ApiAnswer<CreatedRequest> = server
        .json(request, Some(new), Again::IfNothingWasDone, watch)
        .map_err(|error| may_be(server, error))?;
    let token = made.data.manage_token.as_ref();
    match is_id(&made.data.id) && token.is_none_or(|token| is_id(token.expose_secret())) {
        true => Ok(made.data),
        false => Err(server.misunderstood("its id of the request is not valid")),
    }
}

/// A request with all its answers, for the holder of its manage token, or of the key of its account.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it does not exist, or the token is wrong.
pub fn status(
    server: &ServerClient,
    id: &str,
    manage_token: Option<&SecretText>,
    watch: &dyn Watch,
) -> Result<RequestStatus, ClientError> {
    let (mut whole, mut query): (Option<RequestStatus>, _) = (None, String::new());
    loop {
        let path = match manage_token {
            Some(_) => format!("{OPEN}/{}/status{query}", in_path(id)),
            None => format!("{LIST}/{}{query}", in_path(id)),
        };
        let request = || as_requester(server, "GET", &path, manage_token);
        let mut page: ApiAnswer<RequestStatus> =
            server.json(request, None::<&()>, Again::Harmless, watch)?;
        let next = page.data.next_cursor.take();
        let so_far = match whole.take() {
            Some(mut whole) => {
                whole.answers.append(&mut page.data.answers);
                whole
            }
            None => page.data,
        };
        let Some(cursor) = next else { return Ok(so_far) };
        query = format!("?cursor={}", in_path(&cursor));
        whole = Some(so_far);
    }
}

/// Deletes a request. The secrets that were made with a request of an account stay; without an account they
/// are deleted, too.
///
/// # Errors
///
/// [`ClientError`], if the server did not delete it.
pub fn delete(
    server: &ServerClient,
    id: &str,
    manage_token: Option<&SecretText>,
    watch: &dyn Watch,
) -> Result<(), ClientError> {
    let path = match manage_token {
        Some(_) => format!("{OPEN}/{}", in_path(id)),
        None => format!("{LIST}/{}", in_path(id)),
    };
    let request = || as_requester(server, "DELETE", &path, manage_token);
    let _: ApiAnswer<()> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(())
}

/// A call of the requester: with the manage token, or with the key of the account.
fn as_requester(
    server: &ServerClient,
    method: &str,
    path: &str,
    manage_token: Option<&SecretText>,
) -> Builder {
    match manage_token {
        Some(token) => server.request(method, path).header("Manage-Token", token.expose_secret()),
        None => server.request_with_key(method, path),
    }
}

/// Looks at a request; spends nothing.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it does not exist or has expired.
pub fn look(server: &ServerClient, id: &str, watch: &dyn Watch) -> Result<Asked, ClientError> {
    let path = format!("{OPEN}/{}", in_path(id));
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
    let path = format!("{OPEN}/{}/secrets", in_path(id));
    let request = || server.request("POST", &path);
    let made: ApiAnswer<CreatedSecret> = server
        .json(request, Some(sealed), Again::IfNothingWasDone, watch)
        .map_err(|error| match error {
            ClientError::Gone => error,
            error => may_be(server, error),
        })?;
    made.data.checked(server)
}
