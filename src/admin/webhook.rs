//! The commands about webhooks.

use tokio::runtime::Handle;

use super::{
    CommandError, ErrorKind, Reply, WebhookAdded, WebhookRemoved, WebhookRow, WebhookTested,
};
use crate::{
    clock::UnixSeconds,
    crypto::Random,
    delivery::webhook::{Caller, TestError},
    domain::{
        account::{api_key::AskedBy, find_account},
        notify::{
            event::WebhookEventKind,
            webhook::{self, WebhookError, WebhookUrl},
        },
    },
    store::Store,
};

pub(super) fn add(
    store: &Store,
    account: String,
    url: &str,
    events: &[WebhookEventKind],
    allow_private: bool,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<Reply, WebhookError> {
    let url = WebhookUrl::parse(url, allow_private)?;
    let number = find_account(store, &account)?;
    let webhook::NewWebhook { id, url, key: signing_key } =
        webhook::add(store, number, &url, events, AskedBy::Operator, random, now)?;
    Ok(Reply::WebhookAdded(WebhookAdded { id, account, url, signing_key }))
}

pub(super) fn list(store: &Store, account: Option<&str>) -> Result<Reply, WebhookError> {
    let account = account.map(|name| find_account(store, name)).transpose()?;
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
    let account = webhook::remove(store, webhook::find(store, None, &id)?, AskedBy::Operator)?;
    Ok(Reply::WebhookRemoved(WebhookRemoved { id, account }))
}

pub(super) fn needs_daemon() -> CommandError {
    CommandError::new(
        ErrorKind::Failed,
        "no daemon runs here, and only a running daemon calls webhooks: start it first",
    )
}

/// Calls a webhook with a `test` event. Blocks; must be called on a blocking thread of tokio.
///
/// # Errors
///
/// The webhook is unknown, or the reason why its receiver did not accept the call.
pub fn test(
    store: &Store,
    caller: &Caller,
    id: String,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<Reply, CommandError> {
    let number = webhook::find(store, None, &id)?;
    let called = Handle::current().block_on(caller.test(store, number, random, now));
    let status = called.map_err(|error| match error {
        TestError::Gone => WebhookError::Unknown(id.clone()).into(),
        TestError::Store(error) => WebhookError::from(error).into(),
        TestError::Call(error) => {
            let text = format!("the call of webhook {id} failed: {error}");
            CommandError::new(ErrorKind::Failed, text)
        }
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
