//! Changes of a secret by its sender or owner, until the first view.

use std::num::NonZeroU8;

use super::{
    Secret, SecretError,
    attachment::{self, draft::Draft},
    event::{SecretEvent, SecretEventKind},
    list::SecretListEntry,
    metadata, owned_secret,
    reply::{self, SecretReply},
};
use crate::{
    clock::UnixSeconds,
    domain::{
        account::Metadata,
        lifetime::Lifetime,
        numbers::{AccountNumber, SecretId, SecretNumber},
        schema::{self, Due, TextField},
        text::Text,
    },
    store::{Payload, StoreError, Transaction},
};

/// A change, already validated. `None` leaves a property as it is.
pub struct SecretChange {
    /// The lifetime, counted from the change.
    pub lifetime: Option<Lifetime>,
    /// The number of views that are allowed.
    pub max_views: Option<NonZeroU8>,
    /// The new ciphertext and private half, sealed with the random bits of the secret's id as the context.
    /// They replace the old ones and all attachments.
    pub content: Option<Payload>,
}

/// The reason why a change was refused.
#[derive(Debug, thiserror::Error)]
pub enum SecretChangeError {
    /// A view was spent.
    #[error("the secret was viewed")]
    Viewed,
    /// Attachments are missing.
    #[error("the secret is a draft")]
    Unpublished,
    /// The secret cannot be found, or the store failed.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl From<StoreError> for SecretChangeError {
    fn from(error: StoreError) -> Self {
        Self::Secret(error.into())
    }
}

/// Changes a secret of `account`. Returns its entry in the list, and the account's figures.
///
/// `Ok(None)` means [`SecretError::NotFound`], in a change that still writes something.
pub fn change(
    account: AccountNumber,
    id: SecretId,
    change: SecretChange,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<(SecretListEntry, Metadata)>, SecretChangeError>
+ Send
+ 'static {
    move |transaction| {
        let secret = owned_secret(transaction, account, id)?;
        let metadata = metadata(transaction, account, now)?;
        let entry = apply(transaction, id.number, secret, &change, now, keep_log_seconds)?;
        Ok(entry.map(|entry| (entry, metadata)))
    }
}

/// Does the work of [`change`] for a secret that the caller may change.
pub(super) fn apply(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    mut secret: Secret,
    change: &SecretChange,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<Option<SecretListEntry>, SecretChangeError> {
    check(transaction, number, &secret, now)?;
    if secret.payload(transaction, number, now, keep_log_seconds)?.is_none() {
        return Ok(None);
    }
    if let Some(lifetime) = change.lifetime {
        if let Some(old) = secret.expires_at {
            transaction.delete(&schema::due(old, number))?;
        }
        secret.expiration_hours = lifetime.hours();
        secret.expires_at = lifetime.ends_at(now);
        if let Some(end) = secret.expires_at {
            transaction.put(&schema::due(end, number), &Due)?;
        }
    }
    if let Some(max_views) = change.max_views {
        secret.max_views = max_views;
    }
    let event = SecretEvent { kind: SecretEventKind::Changed, at: now, address: None, agent: None };
    secret.events.log(transaction, number, &event)?;
    let key = schema::secret(number);
    match &change.content {
        Some(content) => {
            transaction.check_room()?;
            // A crash must not destroy the old attachments before the new content is on disk.
            transaction.burn_last();
            if secret.attachments > 0 {
                attachment::remove_all(transaction, number, &secret)?;
                transaction.delete(&schema::draft(number))?;
            }
            (secret.attachments, secret.attachment_bytes) = (0, 0);
            transaction.put_sealed(&key, &secret, content)?;
        }
        None => transaction.put(&key, &secret)?,
    }
    Ok(Some(entry(transaction, number, secret)?))
}

/// Checks that a secret can be changed at `now`.
fn check(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
    now: UnixSeconds,
) -> Result<(), SecretChangeError> {
    if secret.is_draft {
        let draft = transaction.get::<Draft>(&schema::draft(number))?;
        let is_live = draft.is_some_and(|draft| now < draft.until);
        return Err(match is_live {
            true => SecretChangeError::Unpublished,
            false => SecretError::NotFound.into(),
        });
    }
    if secret.view_times > 0 {
        return Err(SecretChangeError::Viewed);
    }
    if secret.is_live(now) { Ok(()) } else { Err(SecretError::NotFound.into()) }
}

/// The secret as [`super::list::list`] returns it, after the changes of this transaction. It was not viewed.
fn entry(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    secret: Secret,
) -> Result<SecretListEntry, StoreError> {
    let text = |field| {
        let found = transaction.get::<Text>(&schema::text(number, field))?;
        Ok::<_, StoreError>(found.map(Text::into_string))
    };
    let (description, message) = (text(TextField::Description)?, text(TextField::Message)?);
    let mut events = Vec::new();
    for index in 0..secret.events.total() {
        events.extend(transaction.get::<SecretEvent>(&schema::event(number, index))?);
    }
    events.sort_by_key(|event| event.at);
    let mut attachments = Vec::new();
    for n in attachment::numbers(&secret) {
        let found = transaction.get(&schema::attachment(number, n))?;
        attachments.extend(found.map(|found| (n, found)));
    }
    let views = Vec::new();
    let reply = reply::awaited_key(transaction, number)?.map(SecretReply::awaited);
    Ok(SecretListEntry { number, secret, description, message, views, events, attachments, reply })
}
