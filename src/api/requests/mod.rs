//! `/api/secret_requests`: the operations of the Secrets API on secret requests.

pub(in crate::api) mod answers;

use std::{
    num::{NonZeroU8, NonZeroU16},
    sync::Arc,
};

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ApiError, App, Client, auth,
    json_time::JsonTime,
    links::PageLink,
    load::work::blocking,
    mail::{mailbox, mailbox_field, preferred_language},
    paging::page_start,
    secrets::new_secret::{
        EXPIRES_AT, OTHER_FIELDS_BYTES, answer_key, answer_key_field, hash, lifetime,
        lifetime_field, max_views, max_views_field, own_lifetime, password, password_field, text,
    },
};
use crate::{
    clock::UnixSeconds,
    crypto::SecretText,
    domain::{
        account::api_key::with_key,
        id::CursorList,
        notify::mailbox::Mailbox,
        numbers::AccountNumber,
        request::{self, NewRequest, RequestListEntry, RequestPage, Texts},
        request_id::RequestId,
        text::Text,
    },
    http::{
        body::read_json,
        json_fields::{BodyFields as JsonBody, Field, JsonFields, without_bom},
        response::{Body, DataAnswer, PageAnswer, json},
    },
};

const DESCRIPTION: Field =
    Field::text("description", "For yourself: only in the list.").with_max_chars(Text::MAX_CHARS);
const MESSAGE: Field =
    Field::text("message", "For the person who opens the link: what you ask for.")
        .with_max_chars(Text::MAX_CHARS);
const EXPIRATION: Field =
    lifetime_field("expiration", "How long the request lives, in hours, as for secrets.");
/// The maximum number of secrets for one request.
const MAX_LIMIT: u64 = 1000;
const LIMIT: Field = Field::number(
    "limit",
    1,
    MAX_LIMIT,
    "How many secrets can be created through the request, 1 to 1,000; 1 by default.",
);
const SEND_REQUEST_TO_EMAIL: Field = mailbox_field(
    "send_request_to_email",
    "The link of the request is sent by mail to this address. One plain address, ASCII, 254 characters at \
     most; an empty string counts as absent. 422 if the server sends no mail.",
);
const SEND_TO_EMAIL: Field = mailbox_field(
    "send_to_email",
    "The finished link of each secret is sent by mail to this address. One plain address, ASCII, 254 \
     characters at most; an empty string counts as absent. 422 if the server sends no mail.",
);
const SECRET_DESCRIPTION: Field =
    Field::text("secret_description", "The `description` of the secrets.")
        .with_max_chars(Text::MAX_CHARS);
const SECRET_MESSAGE: Field =
    Field::text("secret_message", "The `message` of the secrets.").with_max_chars(Text::MAX_CHARS);
const SECRET_EXPIRATION: Field =
    lifetime_field("secret_expiration", "How long each secret lives, in hours from its creation.");
const SECRET_PASSWORD: Field =
    password_field("secret_password", "The `password` of the secrets, with its limits.");
const SECRET_MAX_VIEWS: Field = max_views_field(
    "secret_max_views",
    "How often each secret can be viewed, 1 to 100; 1 by default.",
);
const ANSWER_KEY: Field = answer_key_field(
    "answer_key",
    "A public key of yours for the answers: P-256, the base64url of the uncompressed point. The page of the \
     request encrypts the public half of each answer's link for it, and the status of the request returns \
     that as `sealed_part`. So you can open the answers, and the server cannot.",
);
/// The body of `POST /api/secret_requests`.
pub(crate) const BODY: JsonBody = JsonBody {
    name: "NewRequest",
    meaning: "All fields are optional, and so is the whole body.",
    fields: &[
        DESCRIPTION,
        MESSAGE,
        EXPIRATION,
        EXPIRES_AT,
        LIMIT,
        SEND_REQUEST_TO_EMAIL,
        SEND_TO_EMAIL,
        SECRET_DESCRIPTION,
        SECRET_MESSAGE,
        SECRET_EXPIRATION,
        SECRET_PASSWORD,
        SECRET_MAX_VIEWS,
        ANSWER_KEY,
    ],
};
const OPEN_LIMIT: Field = Field::number(
    "limit",
    1,
    request::manage::MAX_ANSWERS,
    "How many secrets can be created through the request, 1 to 100; 1 by default.",
);
/// The body of `POST /api/public/secret_requests`. Without an account there is no mail: a stranger could send
/// it to anybody.
pub(crate) const OPEN_BODY: JsonBody = JsonBody {
    name: "NewOpenRequest",
    meaning: "All fields are optional, and so is the whole body.",
    fields: &[
        DESCRIPTION,
        MESSAGE,
        EXPIRATION,
        EXPIRES_AT,
        OPEN_LIMIT,
        SECRET_DESCRIPTION,
        SECRET_MESSAGE,
        SECRET_EXPIRATION,
        SECRET_PASSWORD,
        SECRET_MAX_VIEWS,
        ANSWER_KEY,
    ],
};

/// `POST /api/secret_requests`.
pub async fn create(
    app: &App,
    client: Client,
    account: AccountNumber,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let body = read_json(headers, body, OTHER_FIELDS_BYTES, &app.load.body_budget.with_key(client))
        .await?;
    let mut new = read(app, client, body.bytes(), Requester::Account).await?;
    new.language = preferred_language(headers);
    auth::recheck(app, headers)?;
    let id = new.id.to_string();
    let data = RequestCreated { link: PageLink::of_request(app, &id), id };
    let create = request::create(account, new, app.rules.request_allowance, app.clock.now());
    let create = with_key(auth::key_hash(headers)?, create);
    let metadata = auth::allowed(app.store.change(create).await)?;
    let metadata =
        metadata.map_err(|error| ApiError::from_request(error, SEND_REQUEST_TO_EMAIL.name))?;
    app.deliveries.wake();
    Ok(json(StatusCode::CREATED, &DataAnswer { data, metadata }))
}

/// `GET /api/secret_requests`.
pub async fn list(
    app: &Arc<App>,
    account: AccountNumber,
    query: Option<&str>,
) -> Result<Response<Body>, ApiError> {
    let start = page_start(app, account, &CursorList::Requests, query)?;
    let (reader, now) = (Arc::clone(app), app.clock.now());
    let read = move || {
        let allowance = reader.rules.request_allowance;
        request::list(&reader.store, account, start, allowance, now)
    };
    let RequestPage { entries, next, metadata } = blocking(read).await??;
    let data: Vec<RequestListItem> =
        entries.into_iter().map(|entry| RequestListItem::new(app, entry, now)).collect();
    let next_cursor = next.map(|next| app.ids.cursor(&CursorList::Requests, next));
    Ok(json(StatusCode::OK, &PageAnswer { data, metadata, next_cursor }))
}

/// `DELETE /api/secret_requests/<id>`.
pub async fn delete(
    app: &App,
    account: AccountNumber,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let id = RequestId::parse(id).ok_or(ApiError::NotFound)?;
    let delete = request::delete(account, id, app.rules.request_allowance, app.clock.now());
    let delete = with_key(auth::key_hash(headers)?, delete);
    let metadata = auth::allowed(app.store.change(delete).await)??;
    Ok(json(StatusCode::OK, &DataAnswer { data: (), metadata }))
}

/// Who creates a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Requester {
    /// An account.
    Account,
    /// A client without an account.
    Anybody,
}

/// Reads a new request, and hashes the password of its secrets.
pub(in crate::api) async fn read(
    app: &App,
    client: Client,
    body: &[u8],
    requester: Requester,
) -> Result<NewRequest, ApiError> {
    let (mut new, password) = prepare(app, body, requester)?;
    if let Some(password) = password {
        new.secret_password = Some(hash(app, client, password).await?);
    }
    Ok(new)
}

/// Checks the body. The password is hashed later.
fn prepare(
    app: &App,
    body: &[u8],
    requester: Requester,
) -> Result<(NewRequest, Option<SecretText>), ApiError> {
    // The example in the Secrets API document has no body.
    let body = if without_bom(body).is_empty() { b"{}" } else { body };
    let fields = JsonFields::parse(body, BODY.fields)?;
    let (send_request_to, send_to) = match requester {
        Requester::Account => {
            (mailbox(app, &fields, &SEND_REQUEST_TO_EMAIL)?, mailbox(app, &fields, &SEND_TO_EMAIL)?)
        }
        Requester::Anybody => {
            refuse_mail(&fields)?;
            (None, None)
        }
    };
    let limit_field = if requester == Requester::Account { &LIMIT } else { &OPEN_LIMIT };
    let new = NewRequest {
        texts: Texts {
            description: text(&fields, &DESCRIPTION)?,
            message: text(&fields, &MESSAGE)?,
            secret_description: text(&fields, &SECRET_DESCRIPTION)?,
            secret_message: text(&fields, &SECRET_MESSAGE)?,
        },
        lifetime: own_lifetime(app, &fields, &EXPIRATION)?,
        limit: limit(&fields, limit_field)?,
        send_request_to,
        send_to,
        language: None,
        secret_lifetime: lifetime(app, fields.number(&SECRET_EXPIRATION)?, &SECRET_EXPIRATION)?,
        secret_max_views: max_views(&fields, &SECRET_MAX_VIEWS)?,
        secret_password: None,
        answer_key: answer_key(&fields, &ANSWER_KEY)?,
        id: RequestId::new(&*app.random),
    };
    Ok((new, password(&fields, &SECRET_PASSWORD)?))
}

/// How many secrets a request accepts; the default is one.
fn limit(fields: &JsonFields<'_>, field: &Field) -> Result<NonZeroU16, ApiError> {
    let uses = fields.number_in_range(field)?;
    Ok(uses.and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN))
}

/// Refuses addresses for mails.
fn refuse_mail(fields: &JsonFields<'_>) -> Result<(), ApiError> {
    for field in [SEND_REQUEST_TO_EMAIL, SEND_TO_EMAIL] {
        if fields.string(&field)?.is_some_and(|address| !address.is_empty()) {
            let reason =
                "needs an account: send POST /api/secret_requests with an API key, or leave it out";
            return Err(ApiError::field(field.name, reason));
        }
    }
    Ok(())
}

/// A secret request that was just created.
#[derive(Serialize, JsonSchema)]
pub(super) struct RequestCreated {
    #[schemars(extend("format" = "uuid"), example = &"7d1cf6a5-5dd4-4b0c-9c0e-0b0c6a2f9d11")]
    id: String,
    #[serde(flatten)]
    link: PageLink,
}

/// A secret request as its owner sees it.
// The fields of the original service come first, in its order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Request")]
pub(in crate::api) struct RequestListItem {
    #[schemars(extend("format" = "uuid"), example = &"7d1cf6a5-5dd4-4b0c-9c0e-0b0c6a2f9d11")]
    id: String,
    #[serde(flatten)]
    link: PageLink,
    /// The owner's own text.
    #[schemars(example = &"for the printer")]
    description: Option<String>,
    /// The text for the person who opens the link.
    #[schemars(example = &"The password, please.")]
    message: Option<String>,
    /// The lifetime in hours; 0 for no end.
    #[schemars(example = 24)]
    expiration: u64,
    /// How many secrets can be created through the request.
    #[schemars(range(max = MAX_LIMIT))]
    limit: NonZeroU16,
    /// The address that the finished links are mailed to.
    send_to_email: Option<Mailbox>,
    /// The `description` of the secrets.
    secret_description: Option<String>,
    /// The `message` of the secrets.
    secret_message: Option<String>,
    /// The lifetime of each secret in hours; 0 for no end.
    #[schemars(example = 168)]
    secret_expiration: u64,
    #[schemars(range(max = 100))]
    secret_max_views: NonZeroU8,
    /// Whether the secrets have a password.
    secret_password: bool,
    /// Always null: only the original service has templates.
    template_id: (),
    created_at: JsonTime,
    /// Null if the request does not expire.
    #[schemars(example = &"2026-11-23T12:00:00Z")]
    expires_at: Option<JsonTime>,
    /// The number of secrets that were created through the request.
    used: u16,
    expired: bool,
    /// The ids of the created secrets that are still in the list of secrets, oldest first.
    secrets: Vec<String>,
}

impl RequestListItem {
    pub(in crate::api) fn new(app: &App, listed: RequestListEntry, now: UnixSeconds) -> Self {
        let RequestListEntry { request, texts, secrets } = listed;
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
            created_at: JsonTime(request.created_at),
            expires_at: request.expires_at.map(JsonTime),
            used: request.used,
            expired: request.is_expired(now),
            secrets: secrets.iter().map(|id| app.ids.text(id)).collect(),
            send_to_email: request.send_to,
        }
    }
}
