//! Webhooks: URLs that an account wants to be called about events of its secrets.
//!
//! This module stores webhooks and queues their calls; [`crate::delivery::webhook`] makes the calls.

pub(crate) mod address;
pub(crate) mod manage;
#[cfg(test)]
mod tests;
pub(crate) mod url;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub(crate) use self::manage::remove_all;
pub use self::{
    address::{refusal, remedy},
    manage::{ListedWebhook, NewWebhook, WebhookError, add, fetch, find, list, remove},
    url::{BadUrl, WebhookUrl},
};
use super::{
    event::{WebhookEvent, WebhookEventKind},
    outbox::{self, OutgoingContent},
};
use crate::{
    clock::UnixSeconds,
    crypto::{SecretBytes, SecretText},
    domain::{numbers::AccountNumber, schema},
    store::{FoundPayload, Record, StoreError, Transaction},
};

/// The largest number of webhooks of one account. Each event causes one call per webhook.
pub const MAX_WEBHOOKS: usize = 10;

/// A webhook's record. Its sealed [`Endpoint`] is attached to it in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Webhook {
    /// The time of creation.
    pub created_at: UnixSeconds,
    /// The events that it is called for.
    pub events: Vec<WebhookEventKind>,
}

/// The URL of a webhook and its signing key. Both are secret: the URL may give access, and the key signs
/// calls.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Endpoint {
    /// An `http` or `https` URL.
    pub url: String,
    /// The signing key, 32 bytes.
    pub key: [u8; 32],
}

impl Record for Webhook {
    const VERSION: u8 = 1;
}

impl Endpoint {
    /// The context for sealing the payload.
    pub const CONTEXT: &'static [u8] = b"webhook";

    /// The plaintext of the payload.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        // Large enough, so that writing does not reallocate and leave copies.
        let mut payload = Vec::with_capacity(4096);
        serde_json::to_writer(&mut payload, self).expect("strings and numbers become JSON");
        payload
    }

    /// Decodes a plaintext. Returns `None` for an invalid one.
    #[must_use]
    pub fn from_payload(payload: &SecretBytes) -> Option<Self> {
        serde_json::from_slice(payload.expose_secret()).ok()
    }

    /// Opens the payload that [`fetch`] returns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the payload does not match its key or has another form.
    pub fn open(found: FoundPayload) -> Result<Self, StoreError> {
        Self::from_payload(&found.open(Self::CONTEXT)?)
            .ok_or(StoreError::Damaged("a webhook's address cannot be read"))
    }

    /// The signing key in the form of Standard Webhooks: `whsec_` and base64.
    #[must_use]
    pub fn key_text(&self) -> SecretText {
        let mut text = String::with_capacity(64);
        text.push_str("whsec_");
        STANDARD.encode_string(self.key, &mut text);
        SecretText::new(text)
    }
}

/// Queues a call of each webhook of `account` that is subscribed to `event`.
pub(super) fn queue(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    event: &WebhookEvent,
) -> Result<(), StoreError> {
    // Most stores have no webhooks. A group of changes reads this record once, and would search once for each
    // account.
    if !manage::is_any_added(transaction)? {
        return Ok(());
    }
    for key in transaction.keys(&schema::webhooks(account), MAX_WEBHOOKS)? {
        let Some(webhook) = schema::webhook_number(&key) else { continue };
        let found = transaction.get::<Webhook>(&key)?;
        if found.is_some_and(|found| found.events.contains(&event.kind)) {
            let content = OutgoingContent::Webhook { webhook, event: event.clone() };
            match outbox::put(transaction, Some(account), content, None, event.at) {
                Err(StoreError::Full) => {
                    let line = "a call of a webhook was left out: the disk is full";
                    transaction.report(line, true);
                }
                queued => queued?,
            }
        }
    }
    Ok(())
}
