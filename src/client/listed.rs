//! Secrets in the list of their sender: `docs/secrets-api.md`, "In the list".

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
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
    let mut pages = ListPages::new(server, path);
    while all.len() < limit
        && let Some(page) = pages.next(watch)?
    {
        all.extend(page);
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
    let mut pages = ListPages::new(server, "api/secrets");
    while let Some(page) = pages.next(watch)? {
        let mut items = page.into_iter();
        if let Some(found) = items.find(|item| item.get("id").is_some_and(|known| known == id)) {
            return Ok(found);
        }
    }
    Err(ClientError::Gone)
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

/// The pages of a list, one after the other: by cursor, or by offset from a server without cursors.
struct ListPages<'a> {
    server: &'a ServerClient,
    path: &'a str,
    place: NextPage,
    /// The number of entries before the next page.
    count: usize,
    first: Option<Value>,
}

enum NextPage {
    Offset,
    Cursor(String),
    None,
}

/// A page. Servers without cursors leave the cursor out; it is null at the end of the list.
#[derive(Deserialize)]
struct PageOfList {
    data: Vec<Value>,
    #[serde(default, deserialize_with = "given")]
    next_cursor: Option<Option<String>>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl<'a> ListPages<'a> {
    fn new(server: &'a ServerClient, path: &'a str) -> Self {
        Self { server, path, place: NextPage::Offset, count: 0, first: None }
    }

    /// The entries of the next page; `None` after the last one.
    fn next(&mut self, watch: &dyn Watch) -> Result<Option<Vec<Value>>, ClientError> {
        let Self { server, path, .. } = self;
        let path = match &self.place {
            NextPage::Offset => format!("{path}?offset={}", self.count),
            NextPage::Cursor(cursor) => format!("{path}?cursor={}", in_path(cursor)),
            NextPage::None => return Ok(None),
        };
        let request = || server.request_with_key("GET", &path);
        let PageOfList { data, next_cursor } =
            server.json(request, None::<&()>, Again::Harmless, watch)?;
        // A server without support for offsets sends the first page each time.
        if self.count > 0 && data.first() == self.first.as_ref() {
            return Ok(None);
        }
        self.place = match next_cursor {
            Some(Some(cursor)) => NextPage::Cursor(cursor),
            None if data.len() >= PAGE => NextPage::Offset,
            Some(None) | None => NextPage::None,
        };
        self.count += data.len();
        self.first = self.first.take().or_else(|| data.first().cloned());
        Ok(Some(data))
    }
}
