//! What becomes of a request whose answer is a draft: the use counts at once, and comes back where the
//! draft ends without being published.

use std::num::{NonZeroU8, NonZeroU16};

use serde::{Deserialize, Serialize};

use super::{Request, RequestId, RequestNumber};
use crate::{
    clock::UnixSeconds,
    crypto::PasswordHash,
    domain::{
        notify::{language::Language, mailbox::Mailbox},
        schema,
        secret::{SecretNumber, lifetime::Lifetime},
    },
    store::{StoreError, Transaction},
};

/// A draft was published. Answers the request's id, if it is still there.
pub(in crate::domain) fn published(
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

/// A draft has ended, and gives its use back.
pub(in crate::domain) fn given_back(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
    secret: SecretNumber,
) -> Result<(), StoreError> {
    let key = schema::request(number);
    let Some(mut request) = transaction.get::<Request>(&key)? else { return Ok(()) };
    request.drafts = request.drafts.saturating_sub(1);
    request.used = request.used.saturating_sub(1);
    transaction.delete(&schema::made_secret(number, secret))?;
    transaction.put(&key, &request)
}

/// Before there were drafts.
#[derive(Serialize, Deserialize)]
pub(super) struct RequestV1 {
    id: RequestId,
    created_at: UnixSeconds,
    lifetime: Lifetime,
    expires_at: Option<UnixSeconds>,
    limit: NonZeroU16,
    used: u16,
    send_to: Option<Mailbox>,
    language: Option<Language>,
    secret_lifetime: Lifetime,
    secret_max_views: NonZeroU8,
    has_secret_password: bool,
    secret_password: Option<PasswordHash>,
    has_text: [bool; 4],
    ended_at: Option<UnixSeconds>,
    due_at: Option<UnixSeconds>,
}

impl From<RequestV1> for Request {
    fn from(old: RequestV1) -> Self {
        Self {
            id: old.id,
            created_at: old.created_at,
            lifetime: old.lifetime,
            expires_at: old.expires_at,
            limit: old.limit,
            used: old.used,
            send_to: old.send_to,
            language: old.language,
            secret_lifetime: old.secret_lifetime,
            secret_max_views: old.secret_max_views,
            has_secret_password: old.has_secret_password,
            secret_password: old.secret_password,
            has_text: old.has_text,
            ended_at: old.ended_at,
            due_at: old.due_at,
            drafts: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::account::AccountNumber,
        store::{Record, Store},
    };

    impl Record for RequestV1 {
        const VERSION: u8 = 1;
    }

    #[test]
    fn a_request_from_before_drafts_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let number = RequestNumber { account: AccountNumber::NOBODY, sequence: 1 };
        let put = move |transaction: &mut Transaction<'_, '_>| {
            let id = "00000000-0000-4000-8000-000000000000";
            let old = RequestV1 {
                id: RequestId::parse(id).unwrap(),
                created_at: UnixSeconds(5),
                lifetime: Lifetime::of_record(1),
                expires_at: Some(UnixSeconds(3605)),
                limit: NonZeroU16::MAX,
                used: 7,
                send_to: None,
                language: None,
                secret_lifetime: Lifetime::of_record(2),
                secret_max_views: NonZeroU8::MIN,
                has_secret_password: true,
                secret_password: None,
                has_text: [false, true, false, false],
                ended_at: None,
                due_at: Some(UnixSeconds(3605)),
            };
            transaction.put(&schema::request(number), &old)
        };
        store.change(put).wait().unwrap();
        let read: Request = store.get(&schema::request(number)).unwrap().unwrap();
        assert_eq!((read.used, read.drafts, read.due_at), (7, 0, Some(UnixSeconds(3605))));
        assert!(read.has_secret_password && read.secret_lifetime.hours() == 2);
        store.close();
    }
}
