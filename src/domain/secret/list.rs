//! The list of an account's secrets: what the owner may know, which is everything but the secret.

use std::num::NonZeroU8;

use super::{
    Secret, SecretError,
    attachment::{self, Attachment},
    event::Event,
    view::View,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        account::{Account, Metadata},
        numbers::{AccountNumber, SecretNumber},
        schema::{self, TextField},
        text::Text,
    },
    store::{Store, StoreError},
};

/// The most secrets in one answer.
pub const MAX_LISTED: usize = 50;

/// A secret as it stands in the list.
pub struct Listed {
    /// Where it lies; with the record, its id.
    pub number: SecretNumber,
    /// Its record.
    pub secret: Secret,
    /// Seen by the owner only.
    pub description: Option<String>,
    /// Seen by the viewer, too.
    pub message: Option<String>,
    /// In their order.
    pub views: Vec<View>,
    /// What else happened to it, in its order.
    pub events: Vec<Event>,
    /// Its attachments, each with its number, as far as they have come and are not burned.
    pub attachments: Vec<(NonZeroU8, Attachment)>,
}

impl Listed {
    /// One that was just made, with its description and its message.
    #[must_use]
    pub fn fresh(number: SecretNumber, secret: Secret, texts: [Option<String>; 2]) -> Self {
        let [description, message] = texts;
        let (views, events) = (Vec::new(), Vec::new());
        Self { number, secret, description, message, views, events, attachments: Vec::new() }
    }
}

/// The secrets of an account, newest first, without the first `offset`, [`MAX_LISTED`] at most; and
/// the account's figures. Reads the disk: belongs on a blocking thread.
///
/// # Errors
///
/// [`SecretError::NotFound`] for an account that is gone, and [`StoreError`].
pub fn list(
    store: &Store,
    account: AccountNumber,
    offset: usize,
    now: UnixSeconds,
) -> Result<(Vec<Listed>, Metadata), SecretError> {
    // One that is being deleted has nothing to show any more.
    let owner = store.get::<Account>(&schema::account(account))?;
    let owner = owner.filter(|owner| !owner.deleting).ok_or(SecretError::NotFound)?;
    // An offset behind the end would walk through all keys to find nothing.
    if offset as u64 >= owner.secrets_total {
        return Ok((Vec::new(), owner.metadata(now)));
    }
    let newest_first = store.keys(&schema::secrets(account)).rev();
    let mut listed = Vec::new();
    for key in newest_first.skip(offset).take(MAX_LISTED) {
        // One that was deleted since its key was read is not in the list.
        if let (Some(number), Some(secret)) = (schema::secret_number(&key), store.get(&key)?) {
            listed.push(details(store, number, secret)?);
        }
    }
    Ok((listed, owner.metadata(now)))
}

/// Everything that the owner may know about one secret.
pub(super) fn details(
    store: &Store,
    number: SecretNumber,
    secret: Secret,
) -> Result<Listed, StoreError> {
    let [description, message] = [TextField::Description, TextField::Message]
        .map(|field| store.get::<Text>(&schema::text(number, field)));
    let views = store
        .range::<View>(&schema::views(number))
        .map(|item| item.map(|(_, view)| view))
        .collect::<Result<_, _>>()?;
    let mut events: Vec<Event> = match secret.events.total() {
        0 => Vec::new(),
        _ => store
            .range::<Event>(&schema::events(number))
            .map(|item| item.map(|(_, event)| event))
            .collect::<Result<_, _>>()?,
    };
    // A try that came too late is written up to a second after what came behind it.
    events.sort_by_key(|event| event.at);
    let mut attachments = Vec::new();
    for n in attachment::numbers(&secret) {
        let found = store.get::<Attachment>(&schema::attachment(number, n))?;
        attachments.extend(found.map(|found| (n, found)));
    }
    Ok(Listed {
        number,
        secret,
        description: description?.map(Text::into_string),
        message: message?.map(Text::into_string),
        views,
        events,
        attachments,
    })
}
