//! `/api/secret_requests`: the calls of the Secrets API about secret requests.

use std::{
    num::{NonZeroU8, NonZeroU16},
    sync::Arc,
};

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use serde::Serialize;

use super::{
    ApiError, App, Client,
    links::PageLink,
    load::work::blocking,
    mail::preferred_language,
    secrets::{
        new_secret::{OTHER_FIELDS_BYTES, hash, lifetime, max_views, password, text},
        offset,
    },
};
use crate::{
    clock::UnixSeconds,
    crypto::SecretText,
    domain::{
        account::AccountNumber,
        notify::mailbox::Mailbox,
        request::{self, Listed, NewRequest, RequestId, Texts},
        text::Text,
    },
    http::{
        body::read_json,
        json_fields::{Field, Fields, without_bom},
        response::{Answer, Body, json},
    },
};

const DESCRIPTION: Field = Field::new("description");
const MESSAGE: Field = Field::new("message");
const EXPIRATION: Field = Field::new("expiration");
const LIMIT: Field = Field::new("limit");
const SEND_REQUEST_TO_EMAIL: Field = Field::new("send_request_to_email");
const SEND_TO_EMAIL: Field = Field::new("send_to_email");
const SECRET_DESCRIPTION: Field = Field::new("secret_description");
const SECRET_MESSAGE: Field = Field::new("secret_message");
const SECRET_EXPIRATION: Field = Field::new("secret_expiration");
const SECRET_PASSWORD: Field = Field::new("secret_password");
const SECRET_MAX_VIEWS: Field = Field::new("secret_max_views");
/// The fields of `POST /api/secret_requests`.
const FIELDS: [Field; 11] = [
    DESCRIPTION,
    MESSAGE,
    EXPIRATION,
    LIMIT,
    SEND_REQUEST_TO_EMAIL,
    SEND_TO_EMAIL,
    SECRET_DESCRIPTION,
    SECRET_MESSAGE,
    SECRET_EXPIRATION,
    SECRET_PASSWORD,
    SECRET_MAX_VIEWS,
];

/// The most secrets that one request may be for.
const MOST_USES: u64 = 1000;

/// `POST /api/secret_requests`.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn create(
    app: &App,
    client: Client,
    account: AccountNumber,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    if !app.store.space().is_ok_and(|space| space.allows_creation()) {
        return Err(ApiError::Full);
    }
    let body = read_json(headers, body, OTHER_FIELDS_BYTES, &app.load.body_budget.with_key(client))
        .await?;
    let (mut new, password) = prepare(app, body.bytes())?;
    if let Some(password) = password {
        new.secret_password = Some(hash(app, client, password).await?);
    }
    new.language = preferred_language(headers);
    let id = new.id.to_string();
    let data = Created { link: PageLink::of_request(app, &id), id };
    let create = request::create(account, new, app.rules.request_allowance, app.clock.now());
    let metadata = app.store.change(create).await;
    let metadata =
        metadata.map_err(|error| ApiError::from_request(error, SEND_REQUEST_TO_EMAIL.name))?;
    app.deliveries.wake();
    Ok(json(StatusCode::CREATED, &Answer { data, metadata }))
}

/// `GET /api/secret_requests`.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn list(
    app: &Arc<App>,
    account: AccountNumber,
    query: Option<&str>,
) -> Result<Response<Body>, ApiError> {
    let offset = offset(query)?;
    let (reader, now) = (Arc::clone(app), app.clock.now());
    let read = move || {
        let allowance = reader.rules.request_allowance;
        request::list(&reader.store, account, offset, allowance, now)
    };
    let (listed, metadata) = blocking(read).await??;
    let data: Vec<Item> = listed.into_iter().map(|listed| Item::new(app, listed, now)).collect();
    Ok(json(StatusCode::OK, &Answer { data, metadata }))
}

/// `DELETE /api/secret_requests/<id>`.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn delete(
    app: &App,
    account: AccountNumber,
    id: &str,
) -> Result<Response<Body>, ApiError> {
    let id = RequestId::parse(id).ok_or(ApiError::NotFound)?;
    let delete = request::delete(account, id, app.rules.request_allowance, app.clock.now());
    let metadata = app.store.change(delete).await?;
    Ok(json(StatusCode::OK, &Answer { data: (), metadata }))
}

/// Checks what somebody asks for. The password is hashed elsewhere.
fn prepare(app: &App, body: &[u8]) -> Result<(NewRequest, Option<SecretText>), ApiError> {
    // The document's own example has no body at all.
    let body = if without_bom(body).is_empty() { b"{}" } else { body };
    let fields = Fields::parse(body, &FIELDS)?;
    let new = NewRequest {
        texts: Texts {
            description: text(&fields, &DESCRIPTION)?,
            message: text(&fields, &MESSAGE)?,
            secret_description: text(&fields, &SECRET_DESCRIPTION)?,
            secret_message: text(&fields, &SECRET_MESSAGE)?,
        },
        lifetime: lifetime(app, fields.number(&EXPIRATION)?, &EXPIRATION)?,
        limit: limit(fields.number(&LIMIT)?)?,
        send_request_to: mailbox(app, &fields, &SEND_REQUEST_TO_EMAIL)?,
        send_to: mailbox(app, &fields, &SEND_TO_EMAIL)?,
        language: None,
        secret_lifetime: lifetime(app, fields.number(&SECRET_EXPIRATION)?, &SECRET_EXPIRATION)?,
        secret_max_views: max_views(fields.number(&SECRET_MAX_VIEWS)?, &SECRET_MAX_VIEWS)?,
        secret_password: None,
        id: RequestId::new(&*app.random),
    };
    Ok((new, password(&fields, &SECRET_PASSWORD)?))
}

fn limit(uses: Option<u64>) -> Result<NonZeroU16, ApiError> {
    uses.map_or(Some(NonZeroU16::MIN), |uses| {
        u16::try_from(uses).ok().filter(|_| uses <= MOST_USES).and_then(NonZeroU16::new)
    })
    .ok_or_else(|| ApiError::field(LIMIT.name, "must be between 1 and 1000"))
}

fn mailbox(app: &App, fields: &Fields<'_>, field: &Field) -> Result<Option<Mailbox>, ApiError> {
    let Some(given) = fields.string(field)?.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    app.need_mail(field.name)?;
    Mailbox::new(given).map(Some).map_err(|error| ApiError::field(field.name, error))
}

/// What is said of a new request.
#[derive(Serialize)]
struct Created {
    id: String,
    #[serde(flatten)]
    link: PageLink,
}

/// A request as its owner sees it: the document's fields first, in its order.
#[derive(Serialize)]
struct Item {
    id: String,
    #[serde(flatten)]
    link: PageLink,
    description: Option<String>,
    message: Option<String>,
    expiration: u64,
    limit: NonZeroU16,
    send_to_email: Option<Mailbox>,
    secret_description: Option<String>,
    secret_message: Option<String>,
    secret_expiration: u64,
    secret_max_views: NonZeroU8,
    secret_password: bool,
    /// Templates are of another service.
    template_id: (),
    created_at: String,
    expires_at: Option<String>,
    used: u16,
    expired: bool,
    secrets: Vec<String>,
}

impl Item {
    fn new(app: &App, listed: Listed, now: UnixSeconds) -> Self {
        let Listed { request, texts, secrets } = listed;
        let id = request.id().to_string();
        Self {
            link: PageLink::of_request(app, &id),
            id,
            description: texts.description.map(Text::into_string),
            message: texts.message.map(Text::into_string),
            expiration: request.lifetime.hours(),
            limit: request.limit,
            secret_description: texts.secret_description.map(Text::into_string),
            secret_message: texts.secret_message.map(Text::into_string),
            secret_expiration: request.secret_lifetime.hours(),
            secret_max_views: request.secret_max_views,
            secret_password: request.has_secret_password,
            template_id: (),
            created_at: request.created_at.to_string(),
            expires_at: request.expires_at.map(|end| end.to_string()),
            used: request.used,
            expired: request.is_expired(now),
            secrets: secrets.iter().map(|id| app.ids.text(id)).collect(),
            send_to_email: request.send_to,
        }
    }
}
