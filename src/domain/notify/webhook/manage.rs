//! Webhooks added, listed, removed, and fetched for a call.
//!
//! What the operator asks for blocks until it is durable; the rest are changes for the store's writer.

use serde::{Deserialize, Serialize};

use super::{
    Endpoint, EventKind, MAX_WEBHOOKS, Webhook,
    url::{BadUrl, WebhookUrl, shown_text},
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, SecretText, random_array},
    domain::{
        account::{Account, AccountError},
        numbers::{AccountNumber, WebhookNumber},
        operator, schema,
    },
    store::{FoundPayload, Record, Store, StoreError, Transaction},
};

/// A new webhook, whose signing key is shown nowhere else.
pub struct NewWebhook {
    /// What it is called from now on.
    pub id: String,
    /// The URL for people, see [`WebhookUrl::shown`].
    pub url: String,
    /// The signing key as Standard Webhooks writes it: `whsec_` and base64.
    pub key: SecretText,
}

/// A webhook as the operator sees it.
pub struct ListedWebhook {
    /// See [`WebhookNumber::id`].
    pub id: String,
    /// The name of its account.
    pub account: String,
    /// The URL for people, see [`WebhookUrl::shown`].
    pub url: String,
    /// Age and events.
    pub webhook: Webhook,
}

/// Why something about a webhook can not be done.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// See [`BadUrl`].
    #[error(transparent)]
    BadUrl(#[from] BadUrl),
    /// See [`MAX_WEBHOOKS`].
    #[error("an account has 10 webhooks at most: remove one first")]
    TooMany,
    /// No such webhook.
    #[error("there is no webhook {0}: see the ids in the list of webhooks")]
    Unknown(String),
    /// About its account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The number that the next webhook gets.
#[derive(Serialize, Deserialize)]
struct NextWebhook(u32);

impl Record for NextWebhook {
    const VERSION: u8 = 1;
}

/// The longest id that an error repeats.
const MAX_ID_CHARS: usize = 12;

/// Adds a webhook to `account`, for `events`, or for all where that is empty. Makes its signing key.
///
/// # Errors
///
/// See [`WebhookError`].
pub fn add(
    store: &Store,
    account: AccountNumber,
    url: &WebhookUrl,
    events: &[EventKind],
    random: &dyn Random,
    now: UnixSeconds,
) -> Result<NewWebhook, WebhookError> {
    let endpoint = Endpoint { url: url.as_str().to_owned(), key: random_array(random) };
    let key = endpoint.key_text();
    let payload = store.seal(random, Endpoint::CONTEXT, endpoint.to_payload())?;
    let wanted = |kind: &EventKind| events.is_empty() || events.contains(kind);
    let webhook =
        Webhook { created_at: now, events: EventKind::ALL.into_iter().filter(wanted).collect() };
    let number = store
        .change(move |transaction| {
            operator::check_live(transaction, account)?;
            if transaction.keys(&schema::webhooks(account), MAX_WEBHOOKS).len() == MAX_WEBHOOKS {
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

/// The webhooks of one account, or of all. Blocks.
///
/// # Errors
///
/// See [`WebhookError`].
pub fn list(
    store: &Store,
    account: Option<AccountNumber>,
) -> Result<Vec<ListedWebhook>, WebhookError> {
    let prefix = account.map_or_else(schema::all_webhooks, schema::webhooks);
    let mut listed = Vec::new();
    for item in store.range::<Webhook>(&prefix) {
        let (key, webhook) = item?;
        let Some(number) = schema::webhook_number(&key) else { continue };
        // Removed since, or half removed by a crash: nobody calls it any more.
        let Some(payload) = store.change(fetch(number)).wait()? else { continue };
        let endpoint = Endpoint::open(payload)?;
        let (id, account) = (number.id(), account_name(store, number.account)?);
        listed.push(ListedWebhook { id, account, url: shown_text(&endpoint.url), webhook });
    }
    listed.sort_by_key(|listed| (listed.webhook.created_at, listed.id.len(), listed.id.clone()));
    Ok(listed)
}

/// Removes a webhook: its address and its key are burned, and what waits for it in the outbox goes when it
/// is due. Returns its account's name.
///
/// # Errors
///
/// See [`WebhookError`].
pub fn remove(store: &Store, number: WebhookNumber) -> Result<String, WebhookError> {
    let key = schema::webhook(number);
    let account = account_name(store, number.account)?;
    store
        .change(move |transaction| {
            if transaction.get::<Webhook>(&key)?.is_none() {
                return Err(WebhookError::Unknown(number.id()));
            }
            Ok(transaction.delete(&key)?)
        })
        .wait()?;
    Ok(account)
}

/// The webhook with this id, of one account or of any.
///
/// # Errors
///
/// [`WebhookError::Unknown`].
pub fn find(
    store: &Store,
    account: Option<AccountNumber>,
    id: &str,
) -> Result<WebhookNumber, WebhookError> {
    store
        .keys(&account.map_or_else(schema::all_webhooks, schema::webhooks))
        .filter_map(|key| schema::webhook_number(&key))
        .find(|number| number.id() == id)
        .ok_or_else(|| WebhookError::Unknown(id.chars().take(MAX_ID_CHARS).collect()))
}

/// The sealed [`Endpoint`] of a webhook, for a call. `None` where the webhook is removed: what waits for
/// it is to be taken out.
pub fn fetch(
    number: WebhookNumber,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<FoundPayload>, StoreError> + Send + 'static
{
    move |transaction| {
        let key = schema::webhook(number);
        let payload = transaction.payload(&key)?;
        if payload.is_none() {
            // A crash may have come between wiping its key and its record.
            transaction.delete(&key)?;
        }
        Ok(payload)
    }
}

/// Removes all webhooks of an account.
pub(crate) fn remove_all(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
) -> Result<(), StoreError> {
    for key in transaction.keys(&schema::webhooks(account), MAX_WEBHOOKS) {
        transaction.delete(&key)?;
    }
    Ok(())
}

fn account_name(store: &Store, number: AccountNumber) -> Result<String, StoreError> {
    let account = store.get::<Account>(&schema::account(number))?;
    Ok(account.map(|account| account.name).unwrap_or_default())
}
