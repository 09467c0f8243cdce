//! Management of webhooks: add, list, remove, and read one for a call.
//!
//! Functions for the operator block until their changes are durable. The others return changes for the
//! store's writer.

use serde::{Deserialize, Serialize};

use super::{
    Endpoint, MAX_WEBHOOKS, Webhook,
    url::{BadUrl, WebhookUrl, shown_text},
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, SecretText, random_array},
    domain::{
        account::{Account, AccountError, api_key::AskedBy, check_live},
        notify::event::WebhookEventKind,
        numbers::{AccountNumber, WebhookNumber},
        schema,
    },
    store::{FoundPayload, Record, Store, StoreError, Transaction},
};

/// A new webhook. Its signing key is shown only here.
pub struct NewWebhook {
    /// The public id of the webhook.
    pub id: String,
    /// The URL in the form for people; see [`WebhookUrl::shown`].
    pub url: String,
    /// The signing key in the form of Standard Webhooks: `whsec_` and base64.
    pub key: SecretText,
}

/// A webhook, as shown to the operator.
pub struct ListedWebhook {
    /// The public id; see [`WebhookNumber::id`].
    pub id: String,
    /// The name of its account.
    pub account: String,
    /// The URL in the form for people; see [`WebhookUrl::shown`].
    pub url: String,
    /// The time of creation, and the events.
    pub webhook: Webhook,
}

/// The reason why an operation on a webhook failed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The URL is not allowed.
    #[error(transparent)]
    BadUrl(#[from] BadUrl),
    /// The account already has [`MAX_WEBHOOKS`] webhooks.
    #[error("an account has 10 webhooks at most: remove one first")]
    TooMany,
    /// No webhook has this id.
    #[error("there is no webhook {0}: see the ids in the list of webhooks")]
    Unknown(String),
    /// An error of the account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The number of the next webhook.
#[derive(Serialize, Deserialize)]
struct NextWebhook(u32);

impl Record for NextWebhook {
    const VERSION: u8 = 1;
}

/// The longest part of an id that an error repeats, in characters.
const MAX_ID_CHARS: usize = 12;

/// Adds a webhook to `account` for `events`, or for all events if `events` is empty. Generates its signing
/// key.
pub fn add(
    store: &Store,
    account: AccountNumber,
    url: &WebhookUrl,
    events: &[WebhookEventKind],
    by: AskedBy,
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<NewWebhook, WebhookError> {
    let endpoint = Endpoint { url: url.as_str().to_owned(), key: random_array(random) };
    let key = endpoint.key_text();
    let payload = store.seal(random, Endpoint::CONTEXT, endpoint.to_payload())?;
    let is_selected = |kind: &WebhookEventKind| events.is_empty() || events.contains(kind);
    let webhook = Webhook {
        created_at: now,
        events: WebhookEventKind::ALL.into_iter().filter(is_selected).collect(),
    };
    let number = store
        .change(move |transaction| {
            transaction.check_room()?;
            by.check(transaction)?;
            check_live(transaction, account)?;
            if transaction.keys(&schema::webhooks(account), MAX_WEBHOOKS)?.len() == MAX_WEBHOOKS {
                return Err(WebhookError::TooMany);
            }
            let next = transaction.get::<NextWebhook>(&schema::next_webhook())?;
            let sequence = next.map_or(1, |NextWebhook(next)| next);
            let number = WebhookNumber { account, sequence };
            transaction.put_sealed(&schema::webhook(number), &webhook, &payload)?;
            let next = sequence.checked_add(1).ok_or(WebhookError::TooMany)?;
            transaction.put(&schema::next_webhook(), &NextWebhook(next))?;
            Ok::<_, WebhookError>(number)
        })
        .wait()?;
    Ok(NewWebhook { id: number.id(), url: url.shown(), key })
}

/// The webhooks of one account, or of all accounts. Blocks.
pub fn list(
    store: &Store,
    account: Option<AccountNumber>,
) -> Result<Vec<ListedWebhook>, WebhookError> {
    let prefix = account.map_or_else(schema::all_webhooks, schema::webhooks);
    let mut listed = Vec::new();
    for item in store.range::<Webhook>(&prefix) {
        let (key, webhook) = item?;
        let Some(number) = schema::webhook_number(&key) else { continue };
        // A webhook that was removed in the meantime, or partly removed before a crash, is never called.
        let Some(payload) = store.change(fetch(number)).wait()? else { continue };
        let endpoint = Endpoint::open(payload)?;
        let (id, account) = (number.id(), account_name(store, number.account)?);
        listed.push(ListedWebhook { id, account, url: shown_text(&endpoint.url), webhook });
    }
    listed.sort_by_key(|listed| (listed.webhook.created_at, listed.id.len(), listed.id.clone()));
    Ok(listed)
}

/// Removes a webhook: its URL and key are burned, and its items in the outbox are deleted when they are due.
/// Returns the name of its account.
pub fn remove(store: &Store, number: WebhookNumber, by: AskedBy) -> Result<String, WebhookError> {
    let key = schema::webhook(number);
    let account = account_name(store, number.account)?;
    store
        .change(move |transaction| {
            by.check(transaction)?;
            if transaction.get::<Webhook>(&key)?.is_none() {
                return Err(WebhookError::Unknown(number.id()));
            }
            Ok(transaction.delete(&key)?)
        })
        .wait()?;
    Ok(account)
}

/// The webhook with this id, in one account or in any.
///
/// # Errors
///
/// [`WebhookError::Unknown`] if it does not exist, and errors of the store.
pub fn find(
    store: &Store,
    account: Option<AccountNumber>,
    id: &str,
) -> Result<WebhookNumber, WebhookError> {
    for key in store.keys(&account.map_or_else(schema::all_webhooks, schema::webhooks)) {
        let number = schema::webhook_number(&key?);
        if let Some(number) = number.filter(|number| number.id() == id) {
            return Ok(number);
        }
    }
    Err(WebhookError::Unknown(id.chars().take(MAX_ID_CHARS).collect()))
}

/// The sealed [`Endpoint`] of a webhook, for a call. `None` if the webhook was removed; the caller then
/// deletes the call from the outbox.
pub fn fetch(
    number: WebhookNumber,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<FoundPayload>, StoreError> + Send + 'static
{
    move |transaction| {
        let key = schema::webhook(number);
        let payload = transaction.payload(&key)?;
        if payload.is_none() {
            // A crash may have happened between wiping the key and deleting the record.
            transaction.delete(&key)?;
        }
        Ok(payload)
    }
}

/// Whether the store has ever had a webhook. Reads one record, which only a new webhook changes.
///
/// # Errors
///
/// The errors of [`Transaction::get`].
pub(super) fn is_any_added(transaction: &Transaction<'_, '_>) -> Result<bool, StoreError> {
    Ok(transaction.get::<NextWebhook>(&schema::next_webhook())?.is_some())
}

/// Removes all webhooks of an account.
pub(crate) fn remove_all(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
) -> Result<(), StoreError> {
    for key in transaction.keys(&schema::webhooks(account), MAX_WEBHOOKS)? {
        transaction.delete(&key)?;
    }
    Ok(())
}

fn account_name(store: &Store, number: AccountNumber) -> Result<String, StoreError> {
    let account = store.get::<Account>(&schema::account(number))?;
    Ok(account.map(|account| account.name).unwrap_or_default())
}
