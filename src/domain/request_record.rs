//! The record of a secret request, and the changes of it that the drafts of secrets cause.
//!
//! It stands below [`super::secret`], because a draft that answers a request returns its use when it ends.

use std::num::{NonZeroU8, NonZeroU16};

use serde::{Deserialize, Serialize};

use super::{
    lifetime::Lifetime,
    notify::{language::Language, mailbox::Mailbox},
    numbers::{RequestNumber, SecretNumber},
    request_id::RequestId,
    schema::{self, Due},
};
use crate::{
    clock::UnixSeconds,
    crypto::PasswordHash,
    store::{Key, Record, StoreError, Transaction},
};

/// A request's record.
#[derive(Clone, Serialize, Deserialize)]
pub struct Request {
    pub(super) id: RequestId,
    /// The time of creation.
    pub created_at: UnixSeconds,
    /// The lifetime of the request.
    pub lifetime: Lifetime,
    /// The time from which the request cannot be used; `None` for a request that never expires.
    pub expires_at: Option<UnixSeconds>,
    /// The number of secrets that can be created through the request.
    pub limit: NonZeroU16,
    /// The number of secrets that were created through it.
    pub used: u16,
    /// The recipient of the secrets' links, by mail.
    pub send_to: Option<Mailbox>,
    /// The language of mails about the request, if the requester has chosen one.
    pub language: Option<Language>,
    /// The lifetime of each secret.
    pub secret_lifetime: Lifetime,
    /// The number of views of each secret.
    pub secret_max_views: NonZeroU8,
    /// Whether viewers need a password. Keeps its value when the hash is deleted.
    pub has_secret_password: bool,
    pub(super) secret_password: Option<PasswordHash>,
    /// Which of the texts exist, indexed by [`schema::RequestText`].
    pub(super) has_text: [bool; 4],
    /// The time of the end, once it was recorded.
    pub(super) ended_at: Option<UnixSeconds>,
    /// The time of the request's entry in the index of due times.
    pub(super) due_at: Option<UnixSeconds>,
    /// The number of secrets that are drafts. Their uses may be returned.
    pub(super) drafts: u16,
}

impl Record for Request {
    const VERSION: u8 = 2;

    fn sealed_by(key: &Key) -> Option<Key> {
        Some(key.clone())
    }
}

impl Request {
    /// The id in its link.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// The number of secrets that can still be created through it before it expires.
    #[must_use]
    pub fn uses_left(&self) -> u16 {
        self.limit.get().saturating_sub(self.used)
    }

    /// Whether the request has expired at `now`. The time of expiry itself counts as expired.
    #[must_use]
    pub fn is_expired(&self, now: UnixSeconds) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// Whether all uses are spent and none can be returned by a draft.
    pub(super) fn is_used_for_good(&self) -> bool {
        self.uses_left() == 0 && self.drafts == 0
    }

    pub(super) fn is_open(&self, now: UnixSeconds) -> bool {
        self.ended_at.is_none() && !self.is_expired(now) && self.uses_left() > 0
    }

    /// Moves the request's entry in the index of due times. The caller writes the record.
    pub(super) fn reschedule(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: RequestNumber,
        at: Option<UnixSeconds>,
    ) -> Result<(), StoreError> {
        if let Some(due) = self.due_at {
            transaction.delete(&schema::request_due(due, number))?;
        }
        if let Some(due) = at {
            transaction.put(&schema::request_due(due, number), &Due)?;
        }
        self.due_at = at;
        Ok(())
    }

    /// Records that the request has ended at `at`. The caller writes the record.
    pub(super) fn end(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: RequestNumber,
        at: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<(), StoreError> {
        self.secret_password = None;
        self.ended_at = Some(at);
        self.reschedule(transaction, number, Some(at.plus(keep_log_seconds)))
    }
}

/// Records that a draft was published. Returns the request's id if the request still exists.
pub(super) fn published(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<Option<RequestId>, StoreError> {
    let key = schema::request(number);
    let Some(mut request) = transaction.get::<Request>(&key)? else { return Ok(None) };
    request.drafts = request.drafts.saturating_sub(1);
    if request.is_used_for_good() && request.ended_at.is_none() {
        request.end(transaction, number, now, keep_log_seconds)?;
    }
    transaction.put(&key, &request)?;
    Ok(Some(request.id))
}

/// Records that a draft has ended, and returns its use.
pub(super) fn given_back(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
    secret: SecretNumber,
) -> Result<(), StoreError> {
    let key = schema::request(number);
    let Some(mut request) = transaction.get::<Request>(&key)? else { return Ok(()) };
    request.drafts = request.drafts.saturating_sub(1);
    request.used = request.used.saturating_sub(1);
    transaction.delete(&schema::made_secret(number, secret))?;
    transaction.delete(&schema::sealed_part(secret))?;
    transaction.put(&key, &request)
}
