//! A reply to a secret: a secret that a viewer creates for the sender. It belongs to the sender, like an answer
//! to a secret request, and its public half is sealed for the key that the sender has named.

use serde::{Deserialize, Serialize};

use super::{
    NewSecret, Secret, SecretError, insert,
    lease::{self, Lease},
    linked_secret, remove,
    sealed_answer::SealedAnswer,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        alike::{self, StandIn},
        lifetime::Lifetime,
        numbers::{LeaseToken, SecretId, SecretNumber},
        schema,
        sealed_part::{SealedHalf, StoredAnswerKey},
    },
    store::{Key, Record, Store, StoreError, Transaction},
};

/// The shortest wait before a secret whose reply never expires is checked again.
const CHECK_SECONDS: u64 = 24 * 3600;

/// The record of a secret that its viewers can reply to, once.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::domain) struct ReplyTerms {
    key: StoredAnswerKey,
    made: Option<SecretNumber>,
}

impl Record for ReplyTerms {
    const VERSION: u8 = 1;
}

/// The key for replies to a secret, and the reply.
pub struct SecretReply {
    /// The key that the reply is sealed for.
    pub key: StoredAnswerKey,
    /// The reply, if there is one and it was not deleted.
    pub answer: Option<SealedAnswer>,
}

impl SecretReply {
    /// The key of a secret without a reply.
    #[must_use]
    pub fn awaited(key: StoredAnswerKey) -> Self {
        Self { key, answer: None }
    }

    /// Reads the replies to secrets; `None` where the sender has allowed none.
    pub(super) fn read(
        store: &Store,
        secrets: &[SecretNumber],
    ) -> Result<Vec<Option<Self>>, StoreError> {
        let keys: Vec<Key> = secrets.iter().map(|number| schema::reply(*number)).collect();
        let terms = store.get_many::<ReplyTerms>(&keys)?;
        let made: Vec<SecretNumber> =
            terms.iter().flatten().filter_map(|terms| terms.made).collect();
        let mut answers = SealedAnswer::read(store, &made)?.into_iter();
        let mut reply = |terms: ReplyTerms| {
            let answer = terms.made.and_then(|_| answers.next()).flatten();
            Self { key: terms.key, answer }
        };
        Ok(terms.into_iter().map(|terms| terms.map(&mut reply)).collect())
    }
}

/// Allows one reply to a secret.
pub(super) fn allow(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    key: &StoredAnswerKey,
) -> Result<(), StoreError> {
    let terms = ReplyTerms { key: key.clone(), made: None };
    transaction.put(&schema::reply(number), &terms)
}

/// The key for a reply that can still be made.
pub(super) fn awaited_key(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
) -> Result<Option<StoredAnswerKey>, StoreError> {
    let terms = transaction.get::<ReplyTerms>(&schema::reply(number))?;
    Ok(terms.filter(|terms| terms.made.is_none()).map(|terms| terms.key))
}

/// The lifetime of a reply by a viewer who has the `token` of a lease of the secret `id`, also of one that has
/// ended. Reads the disk, so it must run on a blocking thread.
///
/// # Errors
///
/// [`SecretError::NotFound`] for an unknown secret, for one that allows no reply, and without such a lease.
pub fn lifetime(store: &Store, id: SecretId, token: LeaseToken) -> Result<Lifetime, SecretError> {
    let key = schema::secret(id.number);
    let secret = alike::read(|key| store.get::<Secret>(key), &key, StandIn::Secret)?;
    let lease = store.get::<Lease>(&schema::lease(id.number, token))?;
    let terms = store.get::<ReplyTerms>(&schema::reply(id.number))?;
    let secret = secret.filter(|secret| secret.id(id.number) == id);
    match (secret, lease, terms) {
        (Some(secret), Some(_), Some(_)) => Ok(Lifetime::of_record(secret.expiration_hours)),
        _ => Err(SecretError::NotFound),
    }
}

/// Replies to the secret `id` with `new`, for the viewer of [`lifetime`]. The reply belongs to the sender and
/// counts to the sender's allowance. Returns its record.
///
/// `Ok(None)` means that there is a reply already.
pub fn reply(
    id: SecretId,
    token: LeaseToken,
    new: NewSecret,
    sealed_part: SealedHalf,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<Secret>, SecretError> + Send + 'static {
    move |transaction| {
        linked_secret(transaction, id)?;
        let key = schema::reply(id.number);
        let terms = transaction.get::<ReplyTerms>(&key)?.ok_or(SecretError::NotFound)?;
        if !lease::is_known(transaction, id.number, token)? {
            return Err(SecretError::NotFound);
        }
        if terms.made.is_some() {
            return Ok(None);
        }
        let (number, secret, _) = insert(transaction, id.number.account, &new, now)?;
        transaction.put(&schema::sealed_part(number), &sealed_part)?;
        transaction.put(&key, &ReplyTerms { made: Some(number), ..terms })?;
        Ok(Some(secret))
    }
}

/// Deletes the reply to a secret with the secret: nobody could find it any more.
pub(super) fn remove_with(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
) -> Result<(), StoreError> {
    let key = schema::reply(number);
    let Some(terms) = transaction.get::<ReplyTerms>(&key)? else { return Ok(()) };
    transaction.delete(&key)?;
    let Some(made) = terms.made else { return Ok(()) };
    transaction.delete(&schema::sealed_part(made))?;
    match transaction.get::<Secret>(&schema::secret(made))? {
        Some(reply) => remove(transaction, made, &reply),
        None => Ok(()),
    }
}

/// The time at which the reply to a secret cannot be viewed any more; `None` if that is now. The record of the
/// secret stays until then.
pub(in crate::domain) fn ends_at(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, StoreError> {
    let terms = transaction.get::<ReplyTerms>(&schema::reply(number))?;
    let Some(made) = terms.and_then(|terms| terms.made) else { return Ok(None) };
    let reply = transaction.get::<Secret>(&schema::secret(made))?;
    let live = reply.filter(|reply| reply.is_live(now));
    Ok(live.map(|reply| reply.expires_at.unwrap_or_else(|| now.plus(CHECK_SECONDS))))
}
