//! The list of an account's secrets, for the owner: all metadata, no payload.

use std::num::NonZeroU8;

use super::{
    Secret, SecretError,
    attachment::{self, Attachment},
    event::SecretEvent,
    reply::SecretReply,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        account::{Account, Metadata},
        numbers::{AccountNumber, SecretNumber},
        page::{PageKeys, PageStart},
        schema::{self, TextField},
        sealed_part::StoredAnswerKey,
        text::Text,
        view::View,
    },
    store::{Store, StoreError},
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
    let metadata = owner.metadata(now);
    if start.is_after(owner.secrets_total) {
        return Ok(SecretPage { entries: Vec::new(), next: None, metadata });
    }
    let PageKeys { keys, next } = PageKeys::newest_first(
        store,
        &schema::secrets(account),
        start,
        schema::secret,
        schema::secret_number,
    )?;
    let mut entries = Vec::new();
    for key in keys {
        // A secret that was deleted after its key was read is left out.
        if let (Some(number), Some(secret)) = (schema::secret_number(&key), store.get(&key)?) {
            entries.push(details(store, number, secret)?);
        }
    }
    Ok(SecretPage { entries, next, metadata })
}

/// All metadata and logs of one secret.
pub(super) fn details(
    store: &Store,
    number: SecretNumber,
    secret: Secret,
) -> Result<SecretListEntry, StoreError> {
    let [description, message] = [TextField::Description, TextField::Message]
        .map(|field| store.get::<Text>(&schema::text(number, field)));
    let views = store
        .range::<View>(&schema::views(number))
        .map(|item| item.map(|(_, view)| view))
        .collect::<Result<_, _>>()?;
    let mut events: Vec<SecretEvent> = match secret.events.total() {
        0 => Vec::new(),
        _ => store
            .range::<SecretEvent>(&schema::events(number))
            .map(|item| item.map(|(_, event)| event))
            .collect::<Result<_, _>>()?,
    };
    // A late attempt may be written up to a second after later events.
    events.sort_by_key(|event| event.at);
    let mut attachments = Vec::new();
    for n in attachment::numbers(&secret) {
        let found = store.get::<Attachment>(&schema::attachment(number, n))?;
        attachments.extend(found.map(|found| (n, found)));
    }
    Ok(SecretListEntry {
        number,
        secret,
        description: description?.map(Text::into_string),
        message: message?.map(Text::into_string),
        views,
        events,
        attachments,
        reply: SecretReply::read(store, number)?,
    })
}
