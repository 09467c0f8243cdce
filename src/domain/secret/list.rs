//! The list of an account's secrets, for the owner: all metadata, no payload.

use std::num::NonZeroU8;

use super::{
    Secret, SecretError,
    attachment::{self, Attachment},
    event::SecretEvent,
    gaps,
    reply::SecretReply,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        account::{Account, AccountCounts, Metadata},
        numbers::{AccountNumber, SecretNumber},
        page::{PageKeys, PageStart},
        schema,
        sealed_part::StoredAnswerKey,
        text::Text,
        view::View,
    },
    store::{Key, Store, StoreError},
};

/// A secret in the list.
pub struct SecretListEntry {
    /// The location of the record. Together with the record it gives the id.
    pub number: SecretNumber,
    /// The record.
    pub secret: Secret,
    /// The description, visible to the owner only.
    pub description: Option<String>,
    /// The message, visible to the owner and the viewer.
    pub message: Option<String>,
    /// The views, in order.
    pub views: Vec<View>,
    /// The other events, in order.
    pub events: Vec<SecretEvent>,
    /// The attachments with their numbers, without missing and burned ones.
    pub attachments: Vec<(NonZeroU8, Attachment)>,
    /// The key for a reply, and the reply, if the sender has allowed one.
    pub reply: Option<SecretReply>,
}

impl SecretListEntry {
    /// A secret that was just created, with its description and message.
    #[must_use]
    pub fn fresh(
        number: SecretNumber,
        secret: Secret,
        texts: [Option<String>; 2],
        reply_key: Option<StoredAnswerKey>,
    ) -> Self {
        let [description, message] = texts;
        let (views, events) = (Vec::new(), Vec::new());
        let reply = reply_key.map(SecretReply::awaited);
        let attachments = Vec::new();
        Self { number, secret, description, message, views, events, attachments, reply }
    }
}

/// A page of the secrets of an account.
pub struct SecretPage {
    /// The secrets, newest first.
    pub entries: Vec<SecretListEntry>,
    /// The secret after which the next page begins; `None` at the end of the list.
    pub next: Option<SecretNumber>,
    /// The account's figures.
    pub metadata: Metadata,
}

/// The page of an account's secrets that begins at `start`, with at most [`MAX_LISTED`] of them, newest first.
/// Reads the disk, so it must run on a blocking thread.
///
/// [`MAX_LISTED`]: crate::domain::page::MAX_LISTED
///
/// # Errors
///
/// [`SecretError::NotFound`] for a deleted account, and [`StoreError`].
pub fn list(
    store: &Store,
    account: AccountNumber,
    start: PageStart<SecretNumber>,
    now: UnixSeconds,
) -> Result<SecretPage, SecretError> {
    // An account that is being deleted has an empty list.
    let owner = store.get::<Account>(&schema::account(account))?;
    let owner = owner.filter(|owner| !owner.deleting).ok_or(SecretError::NotFound)?;
    let counts = AccountCounts::read(store, account, &owner)?;
    let metadata = counts.metadata(&owner, now);
    if start.is_after(counts.secrets_total) {
        return Ok(SecretPage { entries: Vec::new(), next: None, metadata });
    }
    let scan = gaps::scan_from(store, account, start, counts.next_secret())?;
    let PageKeys { keys, next } = PageKeys::read(store, scan, schema::secret_number)?;
    let secrets = store.get_many(&keys)?;
    // A secret that was deleted after its key was read is left out.
    let found = keys.iter().zip(secrets);
    let found = found.filter_map(|(key, secret)| Some((schema::secret_number(key)?, secret?)));
    let entries = details(store, found.collect())?;
    Ok(SecretPage { entries, next, metadata })
}

/// All metadata and logs of some secrets. Reads the records of each kind together.
pub(super) fn details(
    store: &Store,
    secrets: Vec<(SecretNumber, Secret)>,
) -> Result<Vec<SecretListEntry>, StoreError> {
    let keys = |of: fn(SecretNumber, &Secret) -> Vec<Key>| -> Vec<Key> {
        secrets.iter().flat_map(|(number, secret)| of(*number, secret)).collect()
    };
    let mut reader = store.reader();
    let mut texts = reader.get_many::<Text>(&keys(text_keys))?.into_iter();
    let mut views = reader.get_many::<View>(&keys(view_keys))?.into_iter();
    let mut events = reader.get_many::<SecretEvent>(&keys(event_keys))?.into_iter();
    let mut attachments = store.get_many::<Attachment>(&keys(attachment_keys))?.into_iter();
    let numbers: Vec<SecretNumber> = secrets.iter().map(|(number, _)| *number).collect();
    let mut replies = SecretReply::read(store, &numbers)?.into_iter();
    let entry = |(number, secret): (SecretNumber, Secret)| {
        let [description, message] = secret.text_fields().map(|(_, there)| {
            let text = if there { texts.next() } else { None };
            text.flatten().map(Text::into_string)
        });
        let views = views.by_ref().take(secret.view_times.into()).flatten().collect();
        let mut events: Vec<SecretEvent> =
            events.by_ref().take(secret.events.total().into()).flatten().collect();
        // A late attempt may be written up to a second after later events.
        events.sort_by_key(|event| event.at);
        let attachments = attachment::numbers(&secret)
            .zip(attachments.by_ref())
            .filter_map(|(n, found)| Some((n, found?)))
            .collect();
        let reply = replies.next().flatten();
        SecretListEntry { number, secret, description, message, views, events, attachments, reply }
    };
    Ok(secrets.into_iter().map(entry).collect())
}

fn text_keys(number: SecretNumber, secret: &Secret) -> Vec<Key> {
    let there = secret.text_fields().into_iter().filter(|(_, there)| *there);
    there.map(|(field, _)| schema::text(number, field)).collect()
}

fn view_keys(number: SecretNumber, secret: &Secret) -> Vec<Key> {
    (0..secret.view_times).map(|index| schema::view(number, index)).collect()
}

fn event_keys(number: SecretNumber, secret: &Secret) -> Vec<Key> {
    (0..secret.events.total()).map(|index| schema::event(number, index)).collect()
}

fn attachment_keys(number: SecretNumber, secret: &Secret) -> Vec<Key> {
    attachment::numbers(secret).map(|n| schema::attachment(number, n)).collect()
}
