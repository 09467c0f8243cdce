//! What a sender sees of secrets: `docs/secrets-api.md`, "In the list".

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    error::ClientError,
    secrets::{Answer, Attachment},
    server::{Again, Server, Watch, in_path},
};
use crate::crypto::SecretText;

/// How many a page of a list has.
pub const PAGE: usize = 50;

/// A secret as it stands in the list. Servers that know less leave out what is not an [`Option`] here, too.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// When it was made, RFC 3339.
    pub created_at: Option<String>,
    /// Until when it can be viewed, RFC 3339; none for ever.
    pub expires_at: Option<String>,
    /// The words that are shown with it.
    pub message: Option<String>,
    /// The words that are shown here only.
    pub description: Option<String>,
    /// Whether viewers must know a password.
    pub password: bool,
    /// Whether its time is over.
    pub expired: bool,
    /// Whether it had too many wrong passwords.
    pub locked: bool,
    /// Whether it still waits for files.
    pub draft: bool,
    /// How often it was viewed.
    pub view_times: u64,
    /// How often it can be.
    pub max_views: u64,
    /// By whom it was.
    pub views: Vec<Viewed>,
    /// What else happened.
    pub events: Vec<Event>,
    /// Its files.
    pub attachments: Vec<Attachment>,
}

/// A view.
#[derive(Deserialize)]
pub struct Viewed {
    /// When, RFC 3339.
    pub viewed_at: String,
    /// From which address.
    pub viewed_by_ip: Option<String>,
    /// With what program.
    pub viewed_by_user_agent: Option<String>,
}

/// Something that happened, and was no view.
#[derive(Deserialize)]
pub struct Event {
    /// What.
    pub event: String,
    /// When, RFC 3339.
    pub at: String,
    /// From which address.
    pub ip: Option<String>,
    /// With what program.
    pub user_agent: Option<String>,
}

/// Up to `limit` entries of a list, newest first; `path` is that of the list. As JSON, so that nothing
/// gets lost that a newer server tells.
///
/// # Errors
///
/// [`ClientError`].
pub fn list(
    server: &Server,
    path: &str,
    limit: usize,
    watch: &dyn Watch,
) -> Result<Vec<Value>, ClientError> {
    let mut all = Vec::new();
    while all.len() < limit {
        let page = page(server, path, all.len(), watch)?;
        let count = page.len();
        // Who does not know offsets begins anew each time.
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
/// [`ClientError`]; [`Gone`](ClientError::Gone) where it is not in the list.
pub fn find(server: &Server, id: &str, watch: &dyn Watch) -> Result<Value, ClientError> {
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

/// A secret that was made without an account.
///
/// # Errors
///
/// [`ClientError`].
pub fn status(
    server: &Server,
    id: &str,
    manage_token: &SecretText,
    watch: &dyn Watch,
) -> Result<Value, ClientError> {
    let path = format!("api/public/secrets/{}/status", in_path(id));
    let request =
        || server.request("GET", &path).header("Manage-Token", manage_token.expose_secret());
    let told: Answer<Value> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(told.data)
}

/// What an entry says.
///
/// # Errors
///
/// [`ClientError::Misunderstood`].
pub fn entry<T: DeserializeOwned>(server: &Server, value: Value) -> Result<T, ClientError> {
    serde_json::from_value(value)
        .map_err(|_| server.misunderstood("an entry of the list is of another form"))
}

fn page(
    server: &Server,
    path: &str,
    offset: usize,
    watch: &dyn Watch,
) -> Result<Vec<Value>, ClientError> {
    let path = format!("{path}?offset={offset}");
    let request = || server.request_with_key("GET", &path);
    let listed: Answer<Vec<Value>> = server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(listed.data)
}
