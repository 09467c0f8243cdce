//! `/api/public/secret_requests` for requesters: secret requests without an account.

use std::sync::Arc;

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    PublicData,
    secrets::{counted_as_creation, token_hash},
};
use crate::{
    api::{
        ApiError, App, Client,
        json_time::JsonTime,
        links::PageLink,
        load::work::blocking,
        mail::preferred_language,
        paging::page_start,
        requests::{self, Requester, answers::RequestStatusItem},
        secrets::{new_secret::OTHER_FIELDS_BYTES, shown},
    },
    config::SecretCreation,
    domain::{
        id::CursorList, numbers::AccountNumber, request::manage, request_id::RequestId,
        secret::manage::generate,
    },
    http::{
        body::read_json,
        response::{Body, json},
    },
};

/// A secret request that was just created without an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ManagedRequest")]
pub(in crate::api) struct OpenRequestCreated {
    #[schemars(extend("format" = "uuid"), example = &"7d1cf6a5-5dd4-4b0c-9c0e-0b0c6a2f9d11")]
    id: String,
    #[serde(flatten)]
    link: PageLink,
    /// Null if the request does not expire.
    #[schemars(example = &"2026-11-23T12:00:00Z")]
    expires_at: Option<JsonTime>,
    /// The token for the status of the request and for its deletion. Only this answer contains it.
    #[schemars(example = &"bm90LWEtcmVhbC10b2tlbg")]
    manage_token: String,
}

/// `POST /api/public/secret_requests`.
pub(in crate::api) async fn create(
    app: &Arc<App>,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    if app.rules.create == SecretCreation::Account {
        return Err(ApiError::Forbidden(
            "Only accounts can create secret requests on this server: send POST /api/secret_requests with an \
             API key",
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
    let body = read_json(headers, body, OTHER_FIELDS_BYTES, &payer).await?;
    let mut new = requests::read(app, client, body.bytes(), Requester::Anybody).await?;
    new.language = preferred_language(headers);
    let id = new.id.to_string();
    let (token, hash) = generate(&*app.random);
    let request = app.store.change(manage::create(new, hash, app.clock.now())).await?;
    let link = PageLink::of_request(app, &id);
    let expires_at = request.expires_at.map(JsonTime);
    let data = OpenRequestCreated { id, link, expires_at, manage_token: shown(token) };
    Ok(json(StatusCode::CREATED, &PublicData { data }))
}

/// `GET /api/public/secret_requests/<id>/status`.
pub(in crate::api) async fn status(
    app: &Arc<App>,
    id: &str,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Response<Body>, ApiError> {
    let token_hash = token_hash(headers)?;
    let id = RequestId::parse(id).ok_or(ApiError::NotFound)?;
    let list = CursorList::Answers(id.clone());
    let start = page_start(app, AccountNumber::NOBODY, &list, query)?;
    let reader = Arc::clone(app);
    let found = blocking(move || manage::status(&reader.store, &id, token_hash, start)).await??;
    let data = RequestStatusItem::new(app, found, app.clock.now());
    Ok(json(StatusCode::OK, &PublicData { data }))
}

/// `DELETE /api/public/secret_requests/<id>`: deletes the request and its answers.
pub(in crate::api) async fn delete(
    app: &App,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let token_hash = token_hash(headers)?;
    let id = RequestId::parse(id).ok_or(ApiError::NotFound)?;
    app.store.change(manage::delete(id, token_hash)).await?;
    Ok(json(StatusCode::OK, &PublicData { data: () }))
}
