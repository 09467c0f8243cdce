//! Attachments of secrets: `/api/secrets/<id>/attachments/<n>` and the operations on drafts. [`upload`]
//! receives them, [`fetch`] sends them; the rules are in [`crate::domain::secret::attachment`].

pub mod fetch;
mod progress;
mod transfers;
pub mod upload;

use std::num::NonZeroU8;

use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::transfers::Transfers;
use super::{ApiError, App};
use crate::{
    crypto::{SecretText, stream::plain_len, without_line_ends},
    domain::secret::{
        attachment::{AttachmentLimits, NewAttachments, SealedAttachment},
        manage,
    },
    http::{
        body::bytes_in_words,
        json_fields::{CountOrList, Field, FieldKind, JsonFields},
    },
};

/// The field of a new secret with its attachments.
pub(crate) const ATTACHMENTS: Field =
    Field::new("attachments", FieldKind::Named("Attachments"), "");

/// An attachment. Its name, type and key are in the secret itself.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AttachmentItem")]
pub(super) struct AttachmentForViewer {
    /// The number of the attachment, from 1.
    n: NonZeroU8,
    /// The number of bytes of the encrypted file.
    size: u64,
}

impl AttachmentForViewer {
    pub(super) fn one((n, size): (NonZeroU8, u64)) -> Self {
        Self { n, size }
    }

    /// The attachments with these sizes, in order.
    pub(super) fn all(sizes: Vec<u64>) -> Vec<Self> {
        let numbers = (1..=u8::MAX).filter_map(NonZeroU8::new);
        numbers.zip(sizes).map(Self::one).collect()
    }
}

/// The attachments of a new secret: decoded bytes, or `None` for a later upload.
pub(super) type Given = Vec<Option<Vec<u8>>>;

/// Reads the field `attachments`.
///
/// # Errors
///
/// [`ApiError::Field`] for an invalid list, [`ApiError::TooLarge`] for one above a limit.
pub(super) fn given(app: &App, fields: &JsonFields<'_>) -> Result<Given, ApiError> {
    let limits = app.rules.attachments;
    let items = match fields.count_or_list(&ATTACHMENTS)? {
        None => Vec::new(),
        Some(CountOrList::Count(count)) => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            vec![None; count.min(usize::from(limits.max_count) + 1)]
        }
        Some(CountOrList::List(items)) => items,
    };
    if items.len() > usize::from(limits.max_count) {
        let reason = format!("are too many: {} are allowed", limits.max_count);
        return Err(ApiError::field(ATTACHMENTS.name, reason));
    }
    let decode = |text: &str| {
        let wrong = || ApiError::field(ATTACHMENTS.name, "must each be null or base64");
        let bytes = STANDARD.decode(&*without_line_ends(text)).map_err(|_| wrong())?;
        check_length(bytes.len() as u64, limits, ATTACHMENTS.name)?;
        Ok(bytes)
    };
    items.into_iter().map(|item| item.map(decode).transpose()).collect()
}

/// Checks that a sealed file can have this length, and that the limit allows it.
fn check_length(bytes: u64, limits: AttachmentLimits, field: &'static str) -> Result<(), ApiError> {
    if let Some(most) = limits.max_bytes.filter(|most| bytes > *most) {
        // The text states the limit for the plain file, unless no sealed file has exactly the limit's
        // length.
        let most = bytes_in_words(plain_len(most).unwrap_or(most));
        let message = format!("A file is too large: {most} are allowed");
        return Err(ApiError::TooLarge { field: None, message });
    }
    match plain_len(bytes) {
        Some(_) => Ok(()),
        None => Err(ApiError::field(field, "has a length that is not possible for a sealed file")),
    }
}

/// Seals the attachments that the body contains, for the secret with these `random` bits. Blocks.
pub(super) fn seal(
    app: &App,
    random: &[u8; 15],
    given: Given,
) -> Result<Option<NewAttachments>, ApiError> {
    if given.is_empty() {
        return Ok(None);
    }
    let numbers = (1..=u8::MAX).filter_map(NonZeroU8::new);
    let sealed = numbers.zip(given).map(|(n, item)| {
        let seal =
            |bytes: Vec<u8>| SealedAttachment::new(&app.store, &*app.random, random, n, &bytes);
        item.map(seal).transpose()
    });
    let items = sealed.collect::<Result<Vec<_>, _>>()?;
    let limits = app.rules.attachments;
    Ok(Some(NewAttachments { items, token_hash: [0; 32], limits }))
}

/// Makes the token for uploading the remaining attachments; `None` if there are none.
pub(super) fn upload_token(
    app: &App,
    attachments: &mut Option<NewAttachments>,
) -> Option<SecretText> {
    let attachments = attachments.as_mut().filter(|attachments| attachments.is_draft())?;
    let (token, hash) = manage::generate(&*app.random);
    attachments.token_hash = hash;
    Some(token)
}

/// The number of an attachment in a path: `1` to `255`, without a sign or leading zeros.
fn number(text: &str) -> Result<NonZeroU8, ApiError> {
    let is_plain = !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_plain).ok_or(ApiError::NotFound)
}
