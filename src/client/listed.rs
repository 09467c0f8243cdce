//! Secrets in the list of their sender: `docs/secrets-api.md`, "In the list".

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    answers::ListedAnswer,
    error::ClientError,
    secrets::{ApiAnswer, SecretAttachment},
    server::{Again, ServerClient, Watch, in_path},
};
use crate::crypto::SecretText;

/// The number of entries in a page of a list.
pub const PAGE: usize = 50;

/// A secret in the list. Other servers may also omit fields that are not an [`Option`] here.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ListedSecret {
    /// Its id.
    pub id: String,
    /// When it was created, RFC 3339.
    pub created_at: Option<String>,
    /// When it expires, RFC 3339; `None` if it does not expire.
    pub expires_at: Option<String>,
    /// The message that viewers see.
    pub message: Option<String>,
    /// The description, only in the list.
    pub description: Option<String>,
    /// Whether viewers need a password.
    pub password: bool,
    /// Whether it has expired.
    pub expired: bool,
    /// Whether it is locked after too many wrong passwords.
    pub locked: bool,
    /// Whether its attachments are not complete yet.
    pub draft: bool,
    /// How often it was viewed.
    pub view_times: u64,
    /// How often it can be viewed in total.
    pub max_views: u64,
    /// Its views.
    pub views: Vec<ListedView>,
    /// Its other events.
    pub events: Vec<ListedEvent>,
    /// Its files.
    pub attachments: Vec<SecretAttachment>,
    /// The public key for a reply; `None` if the sender has allowed none.
    pub reply_key: Option<String>,
    /// The reply of a viewer.
    pub reply: Option<ListedAnswer>,
}

/// A view of a secret.
#[derive(Deserialize)]
pub struct ListedView {
    /// The time, RFC 3339.
    pub viewed_at: String,
    /// The address of the viewer.
    pub viewed_by_ip: Option<String>,
    /// The user agent of the viewer.
    pub viewed_by_user_agent: Option<String>,
}

/// An event that is not a view.
#[derive(Deserialize)]
pub struct ListedEvent {
    /// The name of the event.
    pub event: String,
    /// The time, RFC 3339.
    pub at: String,
    /// The address of the client.
    pub ip: Option<String>,
    /// The user agent of the client.
    pub user_agent: Option<String>,
}

/// Up to `limit` entries of a list, newest first; `path` is that of the list. They are JSON, so that fields
/// of newer servers are kept.
///
/// # Errors
///
/// [`ClientError`], if a page cannot be fetched.
pub fn list(
    server: &ServerClient,
    path: &str,
    limit: usize,
    watch: &dyn Watch,
) -> Result<Vec<Value>, ClientError> {
    let mut all = Vec::new();
    while all.len() < limit {
        let page = page(server, path, all.len(), watch)?;
        let count = page.len();
        // A server without support for offsets sends the first page each time.
        if !page.is_empty() && page.first() == all.first() {
            break;
        }
        all.extend(page);
        if count < PAGE {
            break;
        }
    }
    all.truncate(limit);
    Ok(all)
}

/// The secret `id` of the account.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if it is not in the list.
pub fn find(server: &ServerClient, id: &str, watch: &dyn Watch) -> Result<Value, ClientError> {
    let (mut offset, mut first) = (0, None);
    loop {
        let page = page(server, "api/secrets", offset, watch)?;
        offset += page.len();
        let is_last = page.len() < PAGE || page.first() == first.as_ref();
        first = first.or_else(|| page.first().cloned());
        let found = page.into_iter().find(|item| item.get("id").is_some_and(|known| known == id));
        match found {
            Some(found) => return Ok(found),
            None if is_last => return Err(ClientError::Gone),
            None => {}
        }
    }
}

/// The status of a secret that was created without an account.
///
/// # Errors
///
/// [`ClientError`], for example if the token is wrong.
pub fn status(
    server: &ServerClient,
    id: &str,
    manage_token: &SecretText,
    watch: &dyn Watch,
) -> Result<Value, ClientError> {
    let path = format!("api/public/secrets/{}/status", in_path(id));
    let request =
        || server.request("GET", &path).header("Manage-Token", manage_token.expose_secret());
    let told: ApiAnswer<Value> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(told.data)
}

/// Parses an entry of the list.
///
/// # Errors
///
/// [`ClientError::Misunderstood`], if it has another form.
pub fn entry<T: DeserializeOwned>(server: &ServerClient, value: Value) -> Result<T, ClientError> {
    serde_json::from_value(value)
        .map_err(|_| server.misunderstood("an entry of the list is not valid"))
}

fn page(
    server: &ServerClient,
    path: &str,
    offset: usize,
    watch: &dyn Watch,
) -> Result<Vec<Value>, ClientError> {
    let path = format!("{path}?offset={offset}");
    let request = || server.request_with_key("GET", &path);
    let listed: ApiAnswer<Vec<Value>> =
        server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(listed.data)
}
