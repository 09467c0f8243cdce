//! `/api/account`: the data and settings of an account, for its private API key.
//!
//! The rules are those of `sealdrop account`, `sealdrop apikey` and `sealdrop webhook`: both use the same
//! functions.

pub(super) mod keys;
pub(super) mod server;
pub(super) mod webhooks;

use std::sync::Arc;

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use self::webhooks::WebhookItem;
use super::{
    ApiError, App, Client, auth,
    load::work::blocking,
    mail::{mailbox, mailbox_field},
};
use crate::{
    clock::UnixSeconds,
    crypto::random_array,
    domain::{
        account::{
            Account, AccountCounts, AccountError, RequestMetadata,
            api_key::with_key,
            display_name::{DisplayName, display_name, display_name_set},
            read_live,
        },
        notify::{self, mailbox::Mailbox, webhook},
        numbers::AccountNumber,
    },
    http::{
        body::read_json,
        body_budget::SMALL_BYTES,
        json_fields::{BodyFields as JsonBody, Field, JsonFields},
        response::{Body, DataAnswer, json},
    },
};

const NOTIFY_EMAIL: Field = mailbox_field(
    "notify_email",
    "The address for notifications of views and of late attempts; null ends them. One plain address, ASCII, \
     at most 254 characters; an empty string is null. 422 if the server sends no mail.",
);
const DISPLAY_NAME: Field = Field::text(
    "display_name",
    "The name that viewers of the account's secrets see before they view them; null or an empty string for \
     none. One line; blanks at its ends are removed.",
)
.with_max_chars(DisplayName::MAX_CHARS);
/// The body of `PUT /api/account`.
pub(super) const BODY: JsonBody =
    JsonBody { name: "AccountChange", meaning: "", fields: &[NOTIFY_EMAIL, DISPLAY_NAME] };

/// An account as its owner sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Account")]
pub(super) struct AccountForOwner {
    #[schemars(example = &"default")]
    name: String,
    /// The address for notifications. Null if there are none.
    #[schemars(example = &"alice@example.org")]
    notify_email: Option<Mailbox>,
    /// The name that viewers of the account's secrets see. Null if there is none.
    #[schemars(example = &"Alice")]
    display_name: Option<String>,
    /// Whether the server sends mails.
    #[schemars(example = true)]
    mail_ready: bool,
    /// Whether the account can see the state of the server: the first account can.
    #[schemars(example = true)]
    owns_server: bool,
    #[schemars(length(max = webhook::MAX_WEBHOOKS))]
    webhooks: Vec<WebhookItem>,
}

/// `GET /api/account`.
pub(super) async fn show(
    app: &Arc<App>,
    account: AccountNumber,
) -> Result<Response<Body>, ApiError> {
    Ok(json(StatusCode::OK, &shown(app, account).await?))
}

async fn shown(
    app: &Arc<App>,
    account: AccountNumber,
) -> Result<DataAnswer<AccountForOwner, RequestMetadata>, ApiError> {
    let (reader, now) = (Arc::clone(app), app.clock.now());
    let read = move || {
        let found = read_live(&reader.store, account)?;
        let webhooks = webhook::list(&reader.store, Some(account))?;
        let data = AccountForOwner {
            notify_email: notify::email(&reader.store, account)?,
            display_name: display_name(&reader.store, account)?.map(DisplayName::into_string),
            mail_ready: reader.mail_ready(),
            owns_server: server::is_owner(account),
            webhooks: webhooks.into_iter().map(WebhookItem::from).collect(),
            name: found.name.clone(),
        };
        let metadata = figures(&reader, account, &found, now)?;
        Ok(DataAnswer { data, metadata })
    };
    blocking(read).await?
}

/// `PUT /api/account`: changes the fields that the body contains.
pub(super) async fn change(
    app: &Arc<App>,
    client: Client,
    account: AccountNumber,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let body =
        read_json(headers, body, SMALL_BYTES, &app.load.body_budget.with_key(client)).await?;
    let fields = JsonFields::parse(body.bytes(), BODY.fields)?;
    let name = name(&fields, &DISPLAY_NAME)?;
    auth::recheck(app, headers)?;
    // Read before the change: if it fails, nothing is changed.
    let mut answer = shown(app, account).await?;
    let email = match fields.has(&NOTIFY_EMAIL) {
        true => {
            let email = mailbox(app, &fields, &NOTIFY_EMAIL)?;
            answer.data.notify_email.clone_from(&email);
            Some(notify::email_set(account, email, random_array(&*app.random)))
        }
        false => None,
    };
    let name = fields.has(&DISPLAY_NAME).then(|| {
        answer.data.display_name = name.clone().map(DisplayName::into_string);
        display_name_set(account, name)
    });
    let change = with_key(auth::key_hash(headers)?, move |transaction| {
        email.as_ref().map_or(Ok(()), |set| set(transaction))?;
        name.as_ref().map_or(Ok::<_, AccountError>(()), |set| set(transaction))
    });
    auth::allowed(app.store.change(change).await)??;
    Ok(json(StatusCode::OK, &answer))
}

/// A name in one line, if there is one.
fn name(fields: &JsonFields<'_>, field: &Field) -> Result<Option<DisplayName>, ApiError> {
    let given = fields.string(field)?.filter(|name| !name.is_empty());
    let name = given.map(DisplayName::new).transpose();
    name.map_err(|error| ApiError::field(field.name, error))
}

/// All numbers of the account; pages show them together. Blocks.
fn figures(
    app: &App,
    number: AccountNumber,
    account: &Account,
    now: UnixSeconds,
) -> Result<RequestMetadata, ApiError> {
    let counts = AccountCounts::read(&app.store, number, account)?;
    Ok(counts.request_metadata(account, now, app.rules.request_allowance))
}

/// The account's numbers after a change.
async fn figures_now(app: &Arc<App>, account: AccountNumber) -> Result<RequestMetadata, ApiError> {
    let (reader, now) = (Arc::clone(app), app.clock.now());
    blocking(move || {
        let found = read_live(&reader.store, account)?;
        figures(&reader, account, &found, now)
    })
    .await?
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Store(error) => error.into(),
            // The account was deleted, or the key revoked, after the check of the key. The next request
            // gets the same error.
            AccountError::Gone
            | AccountError::Revoked
            | AccountError::Unknown(_)
            | AccountError::BadName
            | AccountError::Exists(_)
            | AccountError::UnknownKey(_)
            | AccountError::TooMany => Self::Forbidden(auth::UNKNOWN_KEY),
        }
    }
}
