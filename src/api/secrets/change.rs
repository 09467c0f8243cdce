//! Changes of a secret before its first view, with or without an API key.

use std::{num::NonZeroU8, sync::Arc};

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};

use super::{
    new_secret::{self, EXPIRES_AT, SecretContent, lifetime_field, max_views_field},
    secret_item::SecretListItem,
};
use crate::{
    api::{ApiError, App, Client, auth, load::work::blocking},
    domain::{
        account::api_key::with_key,
        numbers::{AccountNumber, SecretId},
        secret::change::{self, SecretChange},
    },
    http::{
        body::read_json,
        body_budget::Payer,
        json_fields::{BodyFields as JsonBody, Field, JsonFields},
        response::{Body, DataAnswer, json},
    },
};

const EXPIRATION: Field = lifetime_field(
    "expiration",
    "How long the secret lives from now on, in hours, with the limits of a new secret. 0 is the server's \
     default, which can be no end.",
);
const MAX_VIEWS: Field =
    max_views_field("max_views", "How often the secret can be viewed.").with_alias("max_visningar");
const CIPHERTEXT: Field = new_secret::CIPHERTEXT.optional();
const PASSWORD_PART_PRIVATE: Field = new_secret::PASSWORD_PART_PRIVATE.optional();

/// The body of `PATCH /api/secrets/<id>` and `PATCH /api/public/secrets/<id>`.
pub(crate) const BODY: JsonBody = JsonBody {
    name: "SecretChange",
    meaning: "What to change: one field at least. A field that is absent, `null` or empty stays as it is. \
              `ciphertext` and `password_part_private` go together: they replace the content, and all \
              attachments are deleted. Encrypt with the public half of the existing link. Unknown fields \
              are ignored.",
    fields: &[EXPIRATION, EXPIRES_AT, MAX_VIEWS, CIPHERTEXT, PASSWORD_PART_PRIVATE],
};

/// `PATCH /api/secrets/<id>`.
pub(crate) async fn change(
    app: &Arc<App>,
    client: Client,
    account: AccountNumber,
    id: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let payer = app.load.body_budget.with_key(client);
    let wanted = read(app, id, &payer, headers, body).await?;
    auth::recheck(app, headers)?;
    let (now, keep_log) = (app.clock.now(), app.rules.keep_log_seconds);
    let change = change::change(account, id, wanted, now, keep_log);
    let change = with_key(auth::key_hash(headers)?, change);
    let changed = auth::allowed(app.store.change(change).await)??;
    let (entry, metadata) = changed.ok_or(ApiError::NotFound)?;
    Ok(json(StatusCode::OK, &DataAnswer { data: SecretListItem::new(app, entry, now), metadata }))
}

/// Reads a change, and seals its content for the secret with this id.
pub(crate) async fn read(
    app: &Arc<App>,
    id: SecretId,
    payer: &Payer,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<SecretChange, ApiError> {
    let max_bytes = app.rules.max_ciphertext + new_secret::OTHER_FIELDS_BYTES;
    let body = read_json(headers, body, max_bytes, payer).await?;
    if new_secret::is_quick(body.bytes()) {
        return prepare(app, id, body.bytes());
    }
    let app = Arc::clone(app);
    blocking(move || prepare(&app, id, body.bytes())).await?
}

fn prepare(app: &App, id: SecretId, body: &[u8]) -> Result<SecretChange, ApiError> {
    let fields = JsonFields::parse(body, BODY.fields)?;
    let lifetime = new_secret::lifetime_or_end(app, &fields, &EXPIRATION)?;
    let max_views = fields.number_in_range(&MAX_VIEWS)?.and_then(NonZeroU8::new);
    let content = content(app, &fields)?;
    if lifetime.is_none() && max_views.is_none() && content.is_none() {
        let reason =
            "or expires_at, max_views, or ciphertext with password_part_private, is required";
        return Err(ApiError::field(EXPIRATION.name, reason));
    }
    let content = content.map(|content| content.seal_for(app, &id.random)).transpose()?;
    Ok(SecretChange { lifetime, max_views, content })
}

/// The new content, if it is to be replaced.
fn content(app: &App, fields: &JsonFields<'_>) -> Result<Option<SecretContent>, ApiError> {
    let given = [&CIPHERTEXT, &PASSWORD_PART_PRIVATE];
    let [ciphertext, part] = given.map(|field| fields.string(field));
    match (ciphertext?.is_some(), part?.is_some()) {
        (false, false) => Ok(None),
        (true, true) => SecretContent::new(app, fields).map(Some),
        (true, false) => {
            Err(ApiError::field(PASSWORD_PART_PRIVATE.name, "is required with ciphertext"))
        }
        (false, true) => {
            Err(ApiError::field(CIPHERTEXT.name, "is required with password_part_private"))
        }
    }
}
