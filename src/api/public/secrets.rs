//! `/api/public/secrets`: secrets without an account, and the operations for their senders.

use std::sync::Arc;

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{ApiError, App, Client, attachments, secrets::shown},
    PublicData,
};
use crate::{
    api::{
        load::work::blocking,
        secrets::{change, late_tries, new_secret, secret_item::SecretListItem},
    },
    config::SecretCreation,
    crypto::sha256,
    domain::{
        numbers::SecretId,
        secret::{list::SecretListEntry, manage},
        text::Text,
    },
    http::response::{Body, json},
};

/// The header with the manage token from the creation.
const MANAGE_TOKEN: &str = "manage-token";

/// A secret that was just created without an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ManagedSecret")]
pub(in crate::api) struct PublicSecretCreated {
    #[serde(flatten)]
    item: SecretListItem,
    /// The token for the status of the secret, and for changing and deleting it. Only this answer contains it.
    #[schemars(example = &"bm90LWEtcmVhbC10b2tlbg")]
    manage_token: String,
    /// The token for uploading the attachments, if the secret is a draft. Only this answer contains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    upload_token: Option<String>,
}

/// `POST /api/public/secrets`.
pub(in crate::api) async fn create(
    app: &Arc<App>,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    if app.rules.create == SecretCreation::Account {
        return Err(ApiError::Forbidden(
            "Only accounts can create secrets on this server: send POST /api/secrets with an API key",
        ));
    }
    counted_as_creation(app, client, create_one(app, client, headers, body)).await
}

async fn create_one(
    app: &Arc<App>,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let payer = app.load.body_budget.anybody(client);
    let mut new = new_secret::read(app, client, &payer, headers, body).await?;
    let upload_token = attachments::upload_token(app, &mut new.attachments);
    let texts = [&new.description, &new.message].map(|text| text.clone().map(Text::into_string));
    let (now, reply_key) = (app.clock.now(), new.reply_key.clone());
    let (token, hash) = manage::generate(&*app.random);
    let (number, secret) = app.store.change(manage::create(new, hash, now)).await?;
    let entry = SecretListEntry::fresh(number, secret, texts, reply_key);
    let item = SecretListItem::new(app, entry, now);
    let (manage_token, upload_token) = (shown(token), upload_token.map(shown));
    let data = PublicSecretCreated { item, manage_token, upload_token };
    Ok(json(StatusCode::CREATED, &PublicData { data }))
}

/// `GET /api/public/secrets/<id>/status`: the secret in the format of the list.
pub(in crate::api) async fn status(
    app: &Arc<App>,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let token_hash = token_hash(headers)?;
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let read = || {
        let reader = Arc::clone(app);
        blocking(move || manage::status(&reader.store, id, token_hash))
    };
    let mut listed = read().await??;
    // Holders of the token get the complete log, so late attempts are written first.
    if late_tries::write(app).await {
        listed = read().await??;
    }
    Ok(json(
        StatusCode::OK,
        &PublicData { data: SecretListItem::new(app, listed, app.clock.now()) },
    ))
}

/// `PATCH /api/public/secrets/<id>`: changes the secret before its first view. Counts as a creation.
pub(in crate::api) async fn change(
    app: &Arc<App>,
    client: Client,
    id: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let token_hash = token_hash(headers)?;
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    counted_as_creation(app, client, change_one(app, client, (id, token_hash), headers, body)).await
}

async fn change_one(
    app: &Arc<App>,
    client: Client,
    (id, token_hash): (SecretId, [u8; 32]),
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let payer = app.load.body_budget.anybody(client);
    let wanted = change::read(app, id, &payer, headers, body).await?;
    let (now, keep_log) = (app.clock.now(), app.rules.keep_log_seconds);
    let changed = app.store.change(manage::change(id, token_hash, wanted, now, keep_log)).await?;
    let entry = changed.ok_or(ApiError::NotFound)?;
    Ok(json(StatusCode::OK, &PublicData { data: SecretListItem::new(app, entry, now) }))
}

/// `DELETE /api/public/secrets/<id>`: burns the secret and deletes its log.
pub(in crate::api) async fn delete(
    app: &App,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let token_hash = token_hash(headers)?;
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    app.store.change(manage::delete(id, token_hash)).await?;
    Ok(json(StatusCode::OK, &PublicData { data: () }))
}

/// Does `work` as an attempt that counts to the creations of the client. If it fails, it does not count.
///
/// # Errors
///
/// 429 if the client has created too much: `work` is not begun then. Else the errors of `work`.
pub(super) async fn counted_as_creation<T>(
    app: &App,
    client: Client,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let creation = app.attempts.creations.begin(client.net(), app.clock.monotonic())?;
    let done = work.await;
    if done.is_err() {
        creation.undone();
    }
    done
}

pub(super) fn token_hash(headers: &HeaderMap) -> Result<[u8; 32], ApiError> {
    let token = headers.get(MANAGE_TOKEN).ok_or(ApiError::Forbidden(
        "The manage token is needed: send the header Manage-Token: <token>",
    ))?;
    Ok(sha256(token.as_bytes()))
}
