//! `/api/account/keys`: an account lists, creates, renames and revokes its API keys.

use std::sync::Arc;

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::{figures_now, name};
use crate::{
    api::{
        ApiError, App, Client, auth,
        json_time::{JsonDay, JsonTime},
        load::work::blocking,
        paging::parameter,
    },
    domain::{
        account::{
            api_key::{
                ApiKeyError, AskedBy, KeyKind, MAX_KEYS, NewApiKey, RevokedBy, StoredApiKey,
                of_account,
            },
            display_name::DisplayName,
        },
        numbers::AccountNumber,
    },
    http::{
        body::read_json,
        body_budget::SMALL_BYTES,
        json_fields::{BodyFields as JsonBody, Field, JsonFields},
        response::{Body, DataAnswer, json},
    },
};

const KIND: Field = Field::text(
    "kind",
    "`private`: all rights in the account. `public`: can only view its secrets, so it may be part of a page.",
)
.with_pattern("^(private|public)$")
.required();
const NAME: Field = Field::text(
    "name",
    "A name for people: one line; blanks at its ends are removed. Null or an empty string for none.",
)
.with_max_chars(DisplayName::MAX_CHARS);
/// The body of `POST /api/account/keys`.
pub(in crate::api) const BODY: JsonBody =
    JsonBody { name: "NewApiKey", meaning: "", fields: &[KIND, NAME] };
/// The body of `PATCH /api/account/keys/<id>`.
pub(in crate::api) const CHANGE: JsonBody = JsonBody {
    name: "ApiKeyChange",
    meaning: "The new name. Without the field, nothing is changed.",
    fields: &[NAME],
};

/// An API key, without the key itself: only its hash is stored.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
pub(in crate::api) struct ApiKeyItem {
    /// The id in other operations: 12 hexadecimal digits. It is not secret.
    #[schemars(regex(pattern = "^[0-9a-f]{12}$"), example = &"3b1d5c8e0f6a")]
    id: String,
    /// `private` for all rights in the account, `public` for viewing its secrets.
    kind: KeyKind,
    /// Null if it has none.
    #[schemars(example = &"Backup script")]
    name: Option<String>,
    created_at: JsonTime,
    /// The day of the last request with the key. Null if there was none since the server counts them.
    #[schemars(example = &"2026-11-22")]
    last_used_on: Option<JsonDay>,
    /// Whether it is the key of this request.
    current: bool,
}

/// A new API key.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CreatedApiKey")]
pub(in crate::api) struct ApiKeyCreatedItem {
    #[serde(flatten)]
    item: ApiKeyItem,
    /// The key. Only this answer contains it.
    #[schemars(
        regex(pattern = "^(private|public)_key_[0-9a-f]{64}$"),
        example = &"private_key_3b1d5c8e0f6a7294d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a098765432"
    )]
    key: String,
}

impl ApiKeyItem {
    fn new(stored: StoredApiKey, asking: [u8; 32]) -> Self {
        Self {
            id: stored.id(),
            kind: stored.key.kind,
            name: stored.key.name.map(DisplayName::into_string),
            created_at: JsonTime(stored.key.created_at),
            last_used_on: stored.key.last_used.map(JsonDay),
            current: stored.hash == asking,
        }
    }
}

/// `GET /api/account/keys`.
pub(in crate::api) async fn list(
    app: &Arc<App>,
    account: AccountNumber,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let asking = auth::key_hash(headers)?;
    let reader = Arc::clone(app);
    let read = move || {
        // The list has the uses until now, this one included.
        reader.api_keys.write_uses(&reader.store)?;
        of_account(&reader.store, account)
    };
    let keys = blocking(read).await??;
    let data: Vec<ApiKeyItem> =
        keys.into_iter().map(|stored| ApiKeyItem::new(stored, asking)).collect();
    let metadata = figures_now(app, account).await?;
    Ok(json(StatusCode::OK, &DataAnswer { data, metadata }))
}

/// `POST /api/account/keys`.
pub(in crate::api) async fn create(
    app: &Arc<App>,
    client: Client,
    account: AccountNumber,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let body =
        read_json(headers, body, SMALL_BYTES, &app.load.body_budget.with_key(client)).await?;
    let fields = JsonFields::parse(body.bytes(), BODY.fields)?;
    let (kind, name) = (kind(&fields)?, name(&fields, &NAME)?);
    auth::recheck(app, headers)?;
    let asking = auth::key_hash(headers)?;
    // Read before the change: a read that fails must not leave a key that was never shown.
    let metadata = figures_now(app, account).await?;
    let (writer, now) = (Arc::clone(app), app.clock.now());
    let create = move || {
        let App { api_keys, store, random, .. } = &*writer;
        api_keys.create(store, account, (kind, name), AskedBy::Key(asking), &**random, now)
    };
    let NewApiKey { key, stored } = blocking(create).await??;
    let item = ApiKeyItem::new(stored, asking);
    let data = ApiKeyCreatedItem { item, key: key.expose_secret().to_owned() };
    Ok(json(StatusCode::CREATED, &DataAnswer { data, metadata }))
}

/// `PATCH /api/account/keys/<id>`.
pub(in crate::api) async fn rename(
    app: &Arc<App>,
    client: Client,
    account: AccountNumber,
    id: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let body =
        read_json(headers, body, SMALL_BYTES, &app.load.body_budget.with_key(client)).await?;
    let fields = JsonFields::parse(body.bytes(), CHANGE.fields)?;
    let name = name(&fields, &NAME)?;
    let wanted = fields.has(&NAME).then_some(name);
    auth::recheck(app, headers)?;
    let asking = auth::key_hash(headers)?;
    let metadata = figures_now(app, account).await?;
    let (writer, id) = (Arc::clone(app), id.to_owned());
    let rename = move || {
        let App { api_keys, store, .. } = &*writer;
        match wanted {
            Some(name) => api_keys.rename(store, account, &id, name, AskedBy::Key(asking)),
            None => api_keys.of_id(store, account, &id),
        }
    };
    let stored = blocking(rename).await??;
    let data = ApiKeyItem::new(stored, asking);
    Ok(json(StatusCode::OK, &DataAnswer { data, metadata }))
}

/// `DELETE /api/account/keys/<id>`: the key is refused before the answer is sent.
pub(in crate::api) async fn revoke(
    app: &Arc<App>,
    account: AccountNumber,
    id: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let may_be_itself = match parameter(query, "own")?.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::field("own", "must be true or false")),
    };
    let by = RevokedBy { key: auth::key_hash(headers)?, may_be_itself };
    let metadata = figures_now(app, account).await?;
    let (writer, id) = (Arc::clone(app), id.to_owned());
    let revoke = move || writer.api_keys.revoke(&writer.store, account, &id, by);
    blocking(revoke).await??;
    Ok(json(StatusCode::OK, &DataAnswer { data: (), metadata }))
}

fn kind(fields: &JsonFields<'_>) -> Result<KeyKind, ApiError> {
    let given = fields.string(&KIND)?.filter(|given| !given.is_empty());
    let given = given.ok_or_else(|| ApiError::field(KIND.name, "is required"))?;
    given.parse().map_err(|_| ApiError::field(KIND.name, "must be private or public"))
}

impl From<ApiKeyError> for ApiError {
    fn from(error: ApiKeyError) -> Self {
        // The text of the error has the number.
        const _: () = assert!(MAX_KEYS == 100);
        match error {
            ApiKeyError::Unknown => Self::NotFound,
            ApiKeyError::TooMany => {
                Self::Conflict("An account has 100 API keys at most: revoke one first")
            }
            ApiKeyError::LastPrivate => Self::Conflict(
                "This is the only private key of the account, and only a private key can create keys: \
                 create another private key first, or ask the operator",
            ),
            ApiKeyError::Own => Self::Conflict(
                "This is the key of the request: use another private key, or add ?own=true to revoke it",
            ),
            ApiKeyError::Account(error) => error.into(),
            ApiKeyError::Store(error) => error.into(),
        }
    }
}
