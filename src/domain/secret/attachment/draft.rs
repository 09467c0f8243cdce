//! Drafts: secrets whose attachments are not all there. Nobody views one; it is published, dropped, or
//! ends by itself an hour after the last byte came in.

use serde::{Deserialize, Serialize};

use super::{Attachment, AttachmentError, NewAttachments, count_in, numbers};
use crate::{
    clock::UnixSeconds,
    crypto::bytes_equal,
    domain::{
        account::Account,
        notify::{
            self,
            language::Language,
            mailbox::Mailbox,
            outbox::{self, Letter, NewMail},
        },
        numbers::{RequestNumber, SecretId, SecretNumber},
        request, schema,
        secret::{self, Due, Secret},
    },
    store::{Record, StoreError, Transaction},
};

/// How long a draft lives after the last byte came in.
pub const DRAFT_SECONDS: u64 = 3600;
/// How long it lives at most, however slowly they come.
const MAX_DRAFT_SECONDS: u64 = 24 * 3600;

/// What belongs to a draft. The mail's payload, where there is one, is attached to it. It stays when the
/// secret is published, so that an uploader who missed the answer learns that all is well.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::domain) struct Draft {
    token_hash: [u8; 32],
    /// From this moment on it is over.
    pub(in crate::domain) until: UnixSeconds,
    /// The secret request that it answers.
    request: Option<RequestNumber>,
    /// Who gets the finished link by mail.
    mail: Option<(Mailbox, Option<Language>)>,
}

impl Record for Draft {
    const VERSION: u8 = 1;
}

/// What publishing has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// When the secret expires; `None` for never.
    pub expires_at: Option<UnixSeconds>,
}

/// Puts the attachments of a secret that is being made, and makes it a draft where some are to come. The
/// caller puts the secret's record.
pub(in crate::domain) fn begin(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    secret: &mut Secret,
    new: &NewAttachments,
    now: UnixSeconds,
) -> Result<(), AttachmentError> {
    // The API allows fewer.
    secret.attachments = u8::try_from(new.items.len()).unwrap_or(0);
    for (n, item) in numbers(secret).zip(&new.items) {
        let Some(item) = item else { continue };
        let total = item.bytes;
        let record = Attachment { received: total, total: Some(total), is_complete: true, tail: 0 };
        count_in(transaction, number.account, total, new.limits)?;
        transaction.put_sealed(&schema::attachment(number, n), &record, &item.payload)?;
        secret.attachment_bytes += total;
    }
    if new.is_draft() {
        secret.is_draft = true;
        secret.expires_at = None;
        let until = now.plus(DRAFT_SECONDS);
        let token_hash = new.token_hash;
        let draft = Draft { token_hash, until, request: None, mail: None };
        transaction.put(&schema::draft(number), &draft)?;
        transaction.put(&schema::due(until, number), &Due)?;
    }
    Ok(())
}

/// Notes that a draft answers a secret request, and whom the finished link is mailed to.
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

/// The secret that an uploader means, and its draft: not over at `now`, or published.
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
        is_right && (!secret.is_draft || now < draft.until)
    });
    Ok((secret, draft.ok_or(AttachmentError::NotFound)?))
}

/// Makes a draft live on, since bytes have come in.
pub(super) fn touch(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    (secret, draft): (&Secret, &Draft),
    now: UnixSeconds,
) -> Result<(), StoreError> {
    // Its entry in the index of dues stays: the sweeper makes the next one.
    let last = secret.created_at.plus(MAX_DRAFT_SECONDS);
    let until = draft.until.max(now.plus(DRAFT_SECONDS).min(last));
    transaction.put(&schema::draft(number), &Draft { until, ..draft.clone() })
}

/// Publishes a draft whose attachments are all there. Does nothing where it is published already.
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

/// Makes a complete draft a secret like any other, whose life begins now. Where the mail can not be sent,
/// nothing has changed.
pub(super) fn publish_in(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    (secret, draft): (&mut Secret, Draft),
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<Published, AttachmentError> {
    let id = secret.id(number);
    let key = schema::draft(number);
    // First, since it may fail.
    if let Some((to, language)) = draft.mail.clone() {
        let found = transaction.payload(&key)?;
        let payload = found.and_then(crate::store::FoundPayload::into_payload);
        // A crash has burned the half of the link that was to be mailed: it must be handed over anew.
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
    secret.expires_at = secret.lifetime_ends(now);
    if let Some(end) = secret.expires_at {
        transaction.put(&schema::due(end, number), &Due)?;
    }
    transaction.put(&schema::secret(number), secret)?;
    transaction.put(&key, &Draft { request: None, mail: None, ..draft.clone() })?;
    if let Some(request) = draft.request {
        request::published(transaction, request, now, keep_log_seconds)?
            .map_or(Ok(()), |request| notify::answered(transaction, request, id, now))?;
    }
    Ok(Published { expires_at: secret.expires_at })
}

/// Drops a draft, by whoever uploads it.
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

/// Deletes a draft and everything that belongs to it, and gives back what it has used.
pub(in crate::domain) fn end(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<(), StoreError> {
    if let Some(request) =
        transaction.get::<Draft>(&schema::draft(number))?.and_then(|draft| draft.request)
    {
        request::given_back(transaction, request, number)?;
    }
    let account_key = schema::account(number.account);
    if let Some(mut account) = transaction.get::<Account>(&account_key)? {
        account.uncount_creation(secret.created_at);
        transaction.put(&account_key, &account)?;
    }
    secret::remove(transaction, number, secret)
}
