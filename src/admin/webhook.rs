//! The commands about webhooks.

use tokio::runtime::Handle;

use super::{
    CommandError, ErrorKind, Reply, WebhookAdded, WebhookRemoved, WebhookRow, WebhookTested,
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, hex, random_array},
    domain::webhook::{self, Endpoint, EventKind, WebhookError, WebhookUrl},
    store::Store,
    webhook::{Caller, test_body},
};

pub(super) fn add(
    store: &Store,
    account: String,
    url: &str,
    events: &[EventKind],
    allow_private: bool,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<Reply, WebhookError> {
    let url = WebhookUrl::parse(url, allow_private)?;
    let webhook::NewWebhook { id, url, key: signing_key } =
        webhook::add(store, &account, &url, events, random, now)?;
    Ok(Reply::WebhookAdded(WebhookAdded { id, account, url, signing_key }))
}

pub(super) fn list(store: &Store, account: Option<&str>) -> Result<Reply, WebhookError> {
    let rows = webhook::list(store, account)?.into_iter().map(|listed| WebhookRow {
        id: listed.id,
        account: listed.account,
        url: listed.url,
        events: listed.webhook.events,
        created_at: listed.webhook.created_at,
    });
    Ok(Reply::Webhooks(rows.collect()))
}

pub(super) fn remove(store: &Store, id: String) -> Result<Reply, WebhookError> {
    let account = webhook::remove(store, &id)?;
    Ok(Reply::WebhookRemoved(WebhookRemoved { id, account }))
}

pub(super) fn needs_daemon() -> CommandError {
    CommandError::new(
        ErrorKind::Failed,
        "no daemon runs on this data directory, and it is the daemon that calls: start it first",
    )
}

/// Calls a webhook with a `test` event. Blocks; must be called on a thread of tokio's that may.
///
/// # Errors
///
/// Why the other end has not taken the call, or that there is no such webhook.
pub fn test(
    store: &Store,
    caller: &Caller,
    id: String,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<Reply, CommandError> {
    let number = webhook::find(store, &id)?;
    let payload = store.change(webhook::fetch(number)).wait().map_err(WebhookError::from)?;
    let payload = payload.ok_or_else(|| WebhookError::Unknown(id.clone()))?;
    let endpoint = Endpoint::open(payload).map_err(WebhookError::from)?;
    let name = format!("test_{}", hex(&random_array::<8>(random)));
    let body = test_body(now);
    let called = Handle::current().block_on(caller.call(&endpoint, &name, now, &body));
    let status = called.map_err(|error| {
        CommandError::new(ErrorKind::Failed, format!("the call of webhook {id} failed: {error}"))
    })?;
    Ok(Reply::WebhookTested(WebhookTested { id, status: status.as_u16() }))
}

impl From<WebhookError> for CommandError {
    fn from(error: WebhookError) -> Self {
        let kind = match error {
            WebhookError::BadUrl(_) => ErrorKind::Usage,
            WebhookError::TooMany => ErrorKind::Conflict,
            WebhookError::Unknown(_) => ErrorKind::NotFound,
            WebhookError::Account(error) => return error.into(),
            WebhookError::Store(_) => ErrorKind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}
