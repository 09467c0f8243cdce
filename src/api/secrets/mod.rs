//! `/api/secrets`: the operations of the Secrets API on secrets.

pub(crate) mod answer_item;
pub(crate) mod change;
pub mod late_tries;
pub(crate) mod new_secret;
pub(crate) mod secret_item;
pub(crate) mod showing;
pub(crate) mod visitor;

use std::sync::Arc;

use hyper::{
    Response, StatusCode,
    body::Incoming,
    header::{HeaderMap, RANGE},
};
use schemars::JsonSchema;
use serde::Serialize;

use self::{
    secret_item::SecretListItem,
    showing::{LeaseShown, SecretForViewer, check_password, lease_token, open},
};
use super::{
    ApiError, App, Client,
    attachments::{self, AttachmentForViewer},
    auth,
    load::work::blocking,
    paging::page_start,
};
use crate::{
    crypto::{SecretText, hex, random_array},
    domain::{
        account::api_key::with_key,
        id::CursorList,
        numbers::{AccountNumber, LeaseToken, SecretId},
        secret::{
            self, SecretError,
            list::{self, SecretListEntry, SecretPage},
            viewing::{LateTry, Viewed, Visit},
        },
        text::Text,
        view::View,
    },
    http::response::{Body, DataAnswer, PageAnswer, json},
};

/// The header with the password of a secret, in UTF-8.
const SECRET_PASSWORD: &str = "secret-password";

/// A secret that was just created.
#[derive(Serialize, JsonSchema)]
pub(super) struct SecretCreated {
    #[serde(flatten)]
    item: SecretListItem,
    /// The token for uploading the attachments, if the secret is a draft. Only this answer contains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    upload_token: Option<String>,
}

/// A secret, for a viewer with an API key. `sjcl.decrypt(privateHalf + publicHalf, message)` decrypts it; the
/// link contains the public half.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SeenSecret")]
pub(super) struct SeenWithFiles {
    #[serde(flatten)]
    seen: SecretForViewer,
    /// Present if the secret has attachments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachmentForViewer>,
    /// The lease for the attachments. Present if the secret has attachments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LeaseShown")]
    lease: Option<LeaseShown>,
}

/// `POST /api/secrets`.
pub async fn create(
    app: &Arc<App>,
    client: Client,
    account: AccountNumber,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let payer = app.load.body_budget.with_key(client);
    let mut new = new_secret::read(app, client, &payer, headers, body).await?;
    new.is_from_owner = true;
    let upload_token = attachments::upload_token(app, &mut new.attachments);
    auth::recheck(app, headers)?;
    let texts = [&new.description, &new.message].map(|text| text.clone().map(Text::into_string));
    let (now, reply_key) = (app.clock.now(), new.reply_key.clone());
    let create = with_key(auth::key_hash(headers)?, secret::create(account, new, now));
    let (number, secret, metadata) = auth::allowed(app.store.change(create).await)??;
    let entry = SecretListEntry::fresh(number, secret, texts, reply_key);
    let item = SecretListItem::new(app, entry, now);
    let data = SecretCreated { item, upload_token: upload_token.map(shown) };
    Ok(json(StatusCode::CREATED, &DataAnswer { data, metadata }))
}

/// `GET /api/secrets/<id>`: spends a view.
pub async fn view(
    app: &Arc<App>,
    client: Client,
    account: AccountNumber,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    if headers.contains_key(RANGE) {
        return Err(ApiError::NoRanges);
    }
    let secret_id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let password = headers.get(SECRET_PASSWORD).map(|value| value.as_bytes());
    let mut entry = visitor::entry(app, client, headers);
    // The lease is only useful if the secret has attachments.
    let token = hex(&random_array::<16>(&*app.random));
    let lease = lease_token(&token)?;
    let key = (account, auth::key_hash(headers)?);
    let viewed = spend(app, key, (secret_id, lease), client, password, &mut entry).await;
    let now = entry.at;
    let late = LateTry { id: secret_id, visitor: entry, what: Visit::WithKey };
    let viewed = visitor::note_too_late(app, client, late, viewed)?;
    app.deliveries.wake_for_new(&app.store);
    let Viewed { payload, message, metadata, attachments, lease_ends } = viewed;
    let attachments = AttachmentForViewer::all(attachments);
    let lease = lease_ends.map(|end| LeaseShown::new(token, end, now));
    let answer =
        move |seen| DataAnswer { data: SeenWithFiles { seen, attachments, lease }, metadata };
    open(id, secret_id, payload, message, answer).await
}

/// `GET /api/secrets`.
pub async fn list(
    app: &Arc<App>,
    account: AccountNumber,
    query: Option<&str>,
) -> Result<Response<Body>, ApiError> {
    let start = page_start(app, account, &CursorList::Secrets, query)?;
    late_tries::write(app).await;
    let now = app.clock.now();
    let reader = Arc::clone(app);
    let page = blocking(move || list::list(&reader.store, account, start, now)).await??;
    let SecretPage { entries, next, metadata } = page;
    let data: Vec<SecretListItem> =
        entries.into_iter().map(|entry| SecretListItem::new(app, entry, now)).collect();
    let next_cursor = next.map(|next| app.ids.cursor(&CursorList::Secrets, next));
    Ok(json(StatusCode::OK, &PageAnswer { data, metadata, next_cursor }))
}

/// `DELETE /api/secrets/<id>`.
pub async fn delete(
    app: &App,
    account: AccountNumber,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let delete = secret::delete(account, id, app.clock.now());
    let delete = with_key(auth::key_hash(headers)?, delete);
    let metadata = auth::allowed(app.store.change(delete).await)??;
    Ok(json(StatusCode::OK, &DataAnswer { data: (), metadata }))
}

/// The text of a token, for the only answer that contains it.
pub(super) fn shown(token: SecretText) -> String {
    token.expose_secret().to_owned()
}

async fn spend(
    app: &App,
    (account, key): (AccountNumber, [u8; 32]),
    (id, lease): (SecretId, LeaseToken),
    client: Client,
    password: Option<&[u8]>,
    entry: &mut View,
) -> Result<Viewed, ApiError> {
    let spend = |entry: &View, proof| {
        let keep_log = app.rules.keep_log_seconds;
        let view = secret::viewing::view(account, id, entry.clone(), proof, lease, keep_log);
        app.store.change(with_key(key, view))
    };
    let viewed = match (auth::allowed(spend(entry, None).await)?, password) {
        (Err(SecretError::PasswordNeeded(needed)), Some(password)) => {
            let password = std::str::from_utf8(password).map_err(|_| {
                ApiError::field("password", "must be UTF-8 in the header Secret-Password")
            })?;
            let right = check_password(app, id, client, needed.clone(), password, None).await?;
            // The check may have taken time.
            entry.at = app.clock.now();
            let viewed = spend(entry, Some(needed)).await;
            right.right();
            auth::allowed(viewed)??
        }
        (outcome, _) => outcome?,
    };
    viewed.ok_or(ApiError::NotFound)
}
