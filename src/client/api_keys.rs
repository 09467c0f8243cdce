//! The calls about the API keys of an account: `docs/account-api.md`, "API keys".

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    error::ClientError,
    secrets::ApiAnswer,
    server::{Again, ServerClient, Watch, in_path},
};
use crate::domain::account::api_key::KeyKind;

const PATH: &str = "api/account/keys";

/// The parameters of a new key.
#[derive(Serialize)]
pub struct NewApiKeyFields {
    /// Its rights.
    pub kind: KeyKind,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An API key in the list.
#[derive(Deserialize)]
pub struct ListedAccountKey {
    /// Its id.
    pub id: String,
    /// `private` or `public`.
    pub kind: String,
    /// Its name.
    pub name: Option<String>,
    /// When it was created, RFC 3339.
    pub created_at: String,
    /// The day of its last use in UTC; `None` if it was not used.
    pub last_used_on: Option<String>,
    /// Whether it is the key that asks.
    pub current: bool,
}

/// The keys of the account, oldest first, as JSON.
///
/// # Errors
///
/// [`ClientError`], for example if the key is a public one.
pub fn list(server: &ServerClient, watch: &dyn Watch) -> Result<Vec<Value>, ClientError> {
    let request = || server.request_with_key("GET", PATH);
    let listed: ApiAnswer<Vec<Value>> =
        server.json(request, None::<&()>, Again::Harmless, watch)?;
    Ok(listed.data)
}

/// Creates a key. Returns it as JSON, with the key itself in `key`.
///
/// # Errors
///
/// [`ClientError`], if the server did not create it.
pub fn create(
    server: &ServerClient,
    new: &NewApiKeyFields,
    watch: &dyn Watch,
) -> Result<Value, ClientError> {
    let request = || server.request_with_key("POST", PATH);
    let made: ApiAnswer<Value> = server.json(request, Some(new), Again::IfNothingWasDone, watch)?;
    Ok(made.data)
}

/// Sets or removes the name of a key. Returns the key as in the list.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if the account has no such key.
pub fn rename(
    server: &ServerClient,
    id: &str,
    name: Option<&str>,
    watch: &dyn Watch,
) -> Result<Value, ClientError> {
    #[derive(Serialize)]
    struct NewName<'a> {
        name: Option<&'a str>,
    }
    let path = format!("{PATH}/{}", in_path(id));
    let request = || server.request_with_key("PATCH", &path);
    let renamed: ApiAnswer<Value> =
        server.json(request, Some(&NewName { name }), Again::Harmless, watch)?;
    Ok(renamed.data)
}

/// Revokes a key; the one that asks only if `may_be_own`.
///
/// # Errors
///
/// [`ClientError`]; [`Gone`](ClientError::Gone) if the account has no such key.
pub fn revoke(
    server: &ServerClient,
    id: &str,
    may_be_own: bool,
    watch: &dyn Watch,
) -> Result<(), ClientError> {
    let own = if may_be_own { "?own=true" } else { "" };
    let path = format!("{PATH}/{}{own}", in_path(id));
    let request = || server.request_with_key("DELETE", &path);
    // A repetition after a lost answer would not find the key.
    let _: ApiAnswer<()> = server.json(request, None::<&()>, Again::IfNothingWasDone, watch)?;
    Ok(())
}
