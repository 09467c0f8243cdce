//! Drafts: secrets with missing attachments. A draft cannot be viewed. It is published, dropped, or ends an
//! hour after the last byte was received.

use serde::{Deserialize, Serialize};

use super::{Attachment, AttachmentError, NewAttachments, count_in, numbers};
use crate::{
    clock::UnixSeconds,
    crypto::bytes_equal,
    domain::{
        account,
        lifetime::Lifetime,
        notify::{
            self,
            language::Language,
            mailbox::Mailbox,
            outbox::{self, Letter, NewMail},
        },
        numbers::{RequestNumber, SecretId, SecretNumber},
        request_record,
        schema::{self, Due},
        secret::{self, Secret},
    },
    store::{Key, Record, StoreError, Transaction},
};

/// The lifetime of a draft after the last byte was received.
pub const DRAFT_SECONDS: u64 = 3600;
/// The longest lifetime of a draft, even while bytes are received.
const MAX_DRAFT_SECONDS: u64 = 24 * 3600;

/// The record of a draft. If a mail with the link is due, its payload is attached. The record is kept after
/// the publication, so that an uploader who missed the response can see that the secret is published.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::domain) struct Draft {
    token_hash: [u8; 32],
    /// The time from which the draft has ended.
    pub(in crate::domain) until: UnixSeconds,
    /// The secret request that the draft answers.
    request: Option<RequestNumber>,
    /// The recipient of the mail with the complete link, and the language.
    mail: Option<(Mailbox, Option<Language>)>,
}

impl Record for Draft {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        Some(key.clone())
    }
}

/// The result of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The expiry of the secret; `None` if it never expires.
    pub expires_at: Option<UnixSeconds>,
}

/// Writes the attachments of a new secret, and makes it a draft if some are missing. The caller writes the
/// secret's record.
pub(in crate::domain) fn begin(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    secret: &mut Secret,
    (new, lifetime): (&NewAttachments, Lifetime),
    now: UnixSeconds,
) -> Result<(), AttachmentError> {
    // The limit of the API is lower.
    secret.attachments = u8::try_from(new.items.len()).unwrap_or(0);
    let complete = new.items.iter().flatten();
    let bytes = complete.map(|item| item.bytes).fold(0, u64::saturating_add);
    if bytes > 0 {
        count_in(transaction, number.account, bytes, new.limits)?;
    }
    for (n, item) in numbers(secret).zip(&new.items) {
        let Some(item) = item else { continue };
        let total = item.bytes;
        let record = Attachment { received: total, total: Some(total), is_complete: true, tail: 0 };
        transaction.put_sealed(&schema::attachment(number, n), &record, &item.payload)?;
        secret.attachment_bytes += total;
    }
    if new.is_draft() {
        secret.is_draft = true;
        secret.expires_at = lifetime.moment();
        let until = now.plus(DRAFT_SECONDS);
        let token_hash = new.token_hash;
        let draft = Draft { token_hash, until, request: None, mail: None };
        transaction.put(&schema::draft(number), &draft)?;
        transaction.put(&schema::due(until, number), &Due)?;
    }
    Ok(())
}

/// Records the secret request that a draft answers, and the recipient of the complete link.
pub(in crate::domain) fn answers(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    request: RequestNumber,
    mail: Option<&NewMail>,
) -> Result<(), StoreError> {
    let key = schema::draft(number);
    let Some(draft) = transaction.get::<Draft>(&key)? else { return Ok(()) };
    let to = mail.map(|mail| (mail.to.clone(), mail.language));
    let draft = Draft { request: Some(request), mail: to, ..draft };
    match mail.and_then(|mail| mail.payload.as_ref()) {
        Some(payload) => transaction.put_sealed(&key, &draft, payload),
        None => transaction.put(&key, &draft),
    }
}

/// The secret of an uploader, and its draft. The draft is live at `now` or published.
pub(super) fn find(
    transaction: &Transaction<'_, '_>,
    id: SecretId,
    token_hash: &[u8; 32],
    now: UnixSeconds,
) -> Result<(Secret, Draft), AttachmentError> {
    let secret = secret::linked_secret(transaction, id).map_err(|error| match error {
        secret::SecretError::Store(error) => AttachmentError::Store(error),
        _ => AttachmentError::NotFound,
    })?;
    let draft = transaction.get::<Draft>(&schema::draft(id.number))?;
    let draft = draft.filter(|draft| {
        let is_right = bytes_equal(&draft.token_hash, token_hash);
        let is_live = now < draft.until && !secret.is_expired(now);
        is_right && (!secret.is_draft || is_live)
    });
    Ok((secret, draft.ok_or(AttachmentError::NotFound)?))
}

/// Extends the lifetime of a draft after bytes were received.
pub(super) fn touch(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    (secret, draft): (&Secret, &Draft),
    now: UnixSeconds,
) -> Result<(), StoreError> {
    // The existing entry in the index of due times stays; the sweeper writes the next one.
    let last = secret.created_at.plus(MAX_DRAFT_SECONDS);
    let until = draft.until.max(now.plus(DRAFT_SECONDS).min(last));
    transaction.put(&schema::draft(number), &Draft { until, ..draft.clone() })
}

/// Publishes a draft with complete attachments. Does nothing if it is already published.
pub fn publish(
    id: SecretId,
    token_hash: [u8; 32],
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Published, AttachmentError> + Send + 'static {
    move |transaction| {
        let (mut secret, draft) = find(transaction, id, &token_hash, now)?;
        if !secret.is_draft {
            return Ok(Published { expires_at: secret.expires_at });
        }
        if !is_complete(transaction, id.number, &secret)? {
            return Err(AttachmentError::Incomplete);
        }
        publish_in(transaction, id.number, (&mut secret, draft), now, keep_log_seconds)
    }
}

pub(super) fn is_complete(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<bool, StoreError> {
    for n in numbers(secret) {
        let found = transaction.get::<Attachment>(&schema::attachment(number, n))?;
        if !found.is_some_and(|attachment| attachment.is_complete) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Turns a complete draft into a normal secret, whose lifetime begins now. Changes nothing if the mail cannot
/// be queued.
pub(super) fn publish_in(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    (secret, draft): (&mut Secret, Draft),
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<Published, AttachmentError> {
    let id = secret.id(number);
    let key = schema::draft(number);
    // Queued first, because it can fail.
    if let Some((to, language)) = draft.mail.clone() {
        let found = transaction.payload(&key)?;
        let payload = found.and_then(crate::store::FoundPayload::into_payload);
        // A crash has burned the half of the link for the mail, so the secret must be sent again.
        if payload.is_none() {
            return Err(AttachmentError::NotFound);
        }
        let mail = NewMail { account: Some(number.account), to, language, payload };
        outbox::put_mail(transaction, &mail, Letter::Secret { secret: id }, now)?;
        transaction.burn(&key)?;
    }
    secret.is_draft = false;
    secret.attachment_bytes =
        super::sizes(transaction, number, secret)?.into_iter().fold(0, u64::saturating_add);
    // A moment that the sender has chosen is known already.
    secret.expires_at = secret.expires_at.or_else(|| secret.lifetime_ends(now));
    if let Some(end) = secret.expires_at {
        transaction.put(&schema::due(end, number), &Due)?;
    }
    transaction.put(&schema::secret(number), secret)?;
    // Another key, so that the address cannot be read any more.
    transaction.delete(&key)?;
    transaction.put(&key, &Draft { request: None, mail: None, ..draft.clone() })?;
    if let Some(request) = draft.request {
        request_record::published(transaction, request, now, keep_log_seconds)?
            .map_or(Ok(()), |request| notify::answered(transaction, request, id, now))?;
    }
    Ok(Published { expires_at: secret.expires_at })
}

/// Drops a draft, on request of its uploader.
pub fn drop_draft(
    id: SecretId,
    token_hash: [u8; 32],
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), AttachmentError> + Send + 'static {
    move |transaction| {
        let (secret, _) = find(transaction, id, &token_hash, now)?;
        if !secret.is_draft {
            return Err(AttachmentError::Published);
        }
        Ok(end(transaction, id.number, &secret)?)
    }
}

/// Deletes a draft and all its records and files, and returns its use of the allowance.
pub(in crate::domain) fn end(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<(), StoreError> {
    if let Some(request) =
        transaction.get::<Draft>(&schema::draft(number))?.and_then(|draft| draft.request)
    {
        request_record::given_back(transaction, request, number)?;
    }
    account::recount(transaction, number.account, |counts| {
        counts.uncount_creation(secret.created_at);
    })?;
    secret::remove(transaction, number, secret)
}
