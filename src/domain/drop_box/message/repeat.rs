//! Idempotency keys: a message that is sent again because the response got lost is stored only once.
//!
//! A sender chooses a key for a message. The change that puts the message into the box records the key for a
//! day, even if the message is read and burned in that time.

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixSeconds,
    domain::{
        drop_box::{BoxError, find},
        numbers::{BoxId, BoxNumber, IdempotencyKey, MessageId},
        schema,
    },
    store::{Record, Store, StoreError, Transaction},
};

/// The lifetime of a key: longer than a client retries, and longer than a person waits before a retry.
const SECONDS: u64 = 24 * 3600;
/// The number of newer messages in the box after which a key is deleted. It bounds the number of stored keys;
/// a sender of thousands of messages a day must therefore retry sooner.
const MOST_BEHIND: u32 = 4096;
/// The number of old keys that one message deletes at most. More than one, so that their number decreases.
const PUSHED_OUT: usize = 8;

/// The time at which a message was sent with a key.
#[derive(Serialize, Deserialize)]
struct Repeatable {
    message: MessageId,
    at: UnixSeconds,
}

/// The key that a message was sent with.
#[derive(Serialize, Deserialize)]
struct Remembered(IdempotencyKey);

impl Record for Repeatable {
    const VERSION: u8 = 1;
}
impl Record for Remembered {
    const VERSION: u8 = 1;
}

impl Repeatable {
    /// Whether the key is still valid at `now`, in a box whose newest message is `newest`.
    fn counts(&self, newest: MessageId, now: UnixSeconds) -> bool {
        now.0 < self.at.0.saturating_add(SECONDS)
            && newest.0.saturating_sub(self.message.0) <= MOST_BEHIND
    }
}

/// Whether messages were already sent with this key; a repetition has then been delivered before.
///
/// # Errors
///
/// [`BoxError::NotFound`] for an unknown box, [`BoxError::Store`].
pub fn has_come(
    store: &Store,
    id: BoxId,
    key: IdempotencyKey,
    now: UnixSeconds,
) -> Result<bool, BoxError> {
    let newest = find(store, id)?.next_message();
    let found = store.get::<Repeatable>(&schema::repeatable(id.number, key))?;
    Ok(found.is_some_and(|found| found.counts(newest, now)))
}

/// Records that `message` was sent with a key. Returns whether it is the first with this key.
pub(super) fn note(
    transaction: &mut Transaction<'_, '_>,
    number: BoxNumber,
    (key, message): (IdempotencyKey, MessageId),
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let place = schema::repeatable(number, key);
    if let Some(found) = transaction.get::<Repeatable>(&place)? {
        if found.counts(message, now) {
            return Ok(false);
        }
        transaction.delete(&schema::remembered_message(number, found.message))?;
    }
    for oldest in transaction.keys(&schema::remembered(number), PUSHED_OUT)? {
        let Some(Remembered(key)) = transaction.get(&oldest)? else { continue };
        let place = schema::repeatable(number, key);
        if transaction.get::<Repeatable>(&place)?.is_some_and(|old| old.counts(message, now)) {
            break;
        }
        transaction.delete(&place)?;
        transaction.delete(&oldest)?;
    }
    transaction.put(&place, &Repeatable { message, at: now })?;
    transaction.put(&schema::remembered_message(number, message), &Remembered(key))?;
    Ok(true)
}
