//! `/api/account/webhooks`: an account adds, removes and tests its webhooks.

use std::sync::Arc;

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::figures_now;
use crate::{
    api::{ApiError, App, Client, auth, json_time::JsonTime, load::work::blocking},
    delivery::webhook::TestError,
    domain::{
        account::api_key::AskedBy,
        notify::{
            event::WebhookEventKind,
            webhook::{self, ListedWebhook, NewWebhook, WebhookError, WebhookUrl},
        },
        numbers::AccountNumber,
    },
    http::{
        body::read_json,
        body_budget::SMALL_BYTES,
        json_fields::{BodyFields as JsonBody, Field, FieldKind, JsonFields},
        response::{Body, DataAnswer, json},
    },
};

const URL: Field = Field::text(
    "url",
    "Absolute, `https` or `http`, without user name, password and fragment. Addresses of private networks \
     are refused, unless the operator allows them (`--webhook-private`).",
)
.with_format("webhook-url")
.with_max_chars(WebhookUrl::MAX_CHARS)
.required();
const EVENTS: Field = Field::new(
    "events",
    FieldKind::Names(|| WebhookEventKind::ALL.map(WebhookEventKind::name).to_vec()),
    "The events that it gets; all if the array is empty or absent.",
);
/// The body of `POST /api/account/webhooks`.
pub(in crate::api) const BODY: JsonBody =
    JsonBody { name: "NewWebhook", meaning: "", fields: &[URL, EVENTS] };

/// A webhook: a URL that the server calls for events.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
pub(in crate::api) struct WebhookItem {
    /// The id in other operations. Ids are not reused.
    #[schemars(example = &"w1")]
    id: String,
    /// The URL without its query, which may contain a password.
    #[schemars(example = &"https://example.org/hook?…")]
    url: String,
    /// The events that the URL is called for.
    #[schemars(example = WebhookEventKind::ALL)]
    events: Vec<WebhookEventKind>,
    created_at: JsonTime,
}

/// A new webhook.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddedWebhook")]
pub(in crate::api) struct Added {
    #[serde(flatten)]
    item: WebhookItem,
    /// The key that signs the calls (Standard Webhooks). Only this answer contains it.
    #[schemars(regex(pattern = "^whsec_"), example = &"whsec_bm90LWEtcmVhbC1rZXk=")]
    signing_key: String,
}

/// The result of a test call.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TestedWebhook")]
pub(in crate::api) struct Tested {
    #[schemars(example = &"w1")]
    id: String,
    /// Whether the receiver has accepted the call, with a status from 200 to 299.
    #[schemars(example = true)]
    delivered: bool,
    /// The status. Null if the receiver has not accepted the call.
    #[schemars(range(min = 200, max = 299), example = 204)]
    status: Option<u16>,
    /// The reason why the receiver has not accepted the call.
    error: Option<String>,
}

impl From<ListedWebhook> for WebhookItem {
    fn from(listed: ListedWebhook) -> Self {
        Self {
            id: listed.id,
            url: listed.url,
            events: listed.webhook.events,
            created_at: JsonTime(listed.webhook.created_at),
        }
    }
}

/// `POST /api/account/webhooks`.
pub(in crate::api) async fn add(
    app: &Arc<App>,
    client: Client,
    account: AccountNumber,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let body =
        read_json(headers, body, SMALL_BYTES, &app.load.body_budget.with_key(client)).await?;
    let fields = JsonFields::parse(body.bytes(), BODY.fields)?;
    let url = url(app, &fields)?;
    let wanted = events(&fields)?;
    auth::recheck(app, headers)?;
    let by = AskedBy::Key(auth::key_hash(headers)?);
    // Read before the change: a read that fails must not leave a webhook whose key was never shown.
    let metadata = figures_now(app, account).await?;
    let (writer, now) = (Arc::clone(app), app.clock.now());
    let add = move || {
        let App { store, random, .. } = &*writer;
        webhook::add(store, account, &url, &wanted, by, &**random, now).map(|new| (new, wanted))
    };
    let (NewWebhook { id, url, key }, wanted) = blocking(add).await??;
    let is_wanted = |kind: &WebhookEventKind| wanted.is_empty() || wanted.contains(kind);
    let events = WebhookEventKind::ALL.into_iter().filter(is_wanted).collect();
    let item = WebhookItem { id, url, events, created_at: JsonTime(now) };
    let data = Added { item, signing_key: key.expose_secret().to_owned() };
    Ok(json(StatusCode::CREATED, &DataAnswer { data, metadata }))
}

/// `DELETE /api/account/webhooks/<id>`.
pub(in crate::api) async fn remove(
    app: &Arc<App>,
    account: AccountNumber,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let by = AskedBy::Key(auth::key_hash(headers)?);
    let metadata = figures_now(app, account).await?;
    let (writer, id) = (Arc::clone(app), id.to_owned());
    let remove = move || {
        let number = webhook::find(&writer.store, Some(account), &id)?;
        webhook::remove(&writer.store, number, by)
    };
    blocking(remove).await??;
    Ok(json(StatusCode::OK, &DataAnswer { data: (), metadata }))
}

/// `POST /api/account/webhooks/<id>/test`: calls the webhook once, immediately. If the receiver rejects the
/// call, the answer reports it and is not an error.
pub(in crate::api) async fn test(
    app: &Arc<App>,
    account: AccountNumber,
    id: &str,
) -> Result<Response<Body>, ApiError> {
    let (store, id) = (app.store.clone(), id.to_owned());
    let number = blocking(move || webhook::find(&store, Some(account), &id)).await??;
    let now = app.clock.now();
    // On drop, the attempt is counted.
    let _try = app.attempts.webhook_tests.begin(account, app.clock.monotonic())?;
    let (status, error) = match app.caller.test(&app.store, number, &*app.random, now).await {
        Ok(status) => (Some(status.as_u16()), None),
        Err(TestError::Call(error)) => (None, Some(error.to_string())),
        Err(TestError::Gone) => return Err(ApiError::NotFound),
        Err(TestError::Store(error)) => return Err(error.into()),
    };
    let data = Tested { id: number.id(), delivered: status.is_some(), status, error };
    let metadata = figures_now(app, account).await?;
    Ok(json(StatusCode::OK, &DataAnswer { data, metadata }))
}

fn url(app: &App, fields: &JsonFields<'_>) -> Result<WebhookUrl, ApiError> {
    let given = fields.string(&URL)?.filter(|given| !given.is_empty());
    let given = given.ok_or_else(|| ApiError::field(URL.name, "can't be blank"))?;
    WebhookUrl::parse(given, app.rules.webhook_private)
        .map_err(|error| ApiError::field(URL.name, error.reason()))
}

/// The events of a webhook; an empty list means all.
fn events(fields: &JsonFields<'_>) -> Result<Vec<WebhookEventKind>, ApiError> {
    let named = fields.strings(&EVENTS)?.unwrap_or_default();
    let kinds = named.into_iter().map(WebhookEventKind::from_name);
    kinds.collect::<Option<_>>().ok_or_else(|| {
        let names = WebhookEventKind::ALL.map(WebhookEventKind::name).join(", ");
        ApiError::field(EVENTS.name, format!("may contain only {names}"))
    })
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Unknown(_) => Self::NotFound,
            WebhookError::TooMany => {
                Self::Forbidden("An account has 10 webhooks at most: remove one first")
            }
            WebhookError::BadUrl(error) => Self::field(URL.name, error.reason()),
            WebhookError::Account(error) => error.into(),
            WebhookError::Store(error) => error.into(),
        }
    }
}
