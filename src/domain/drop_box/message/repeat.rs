//! Messages that are sent again because their answer got lost: each is in its box once.
//!
//! A sender names what it sends by a key of its own choice. In the change that puts the message into the
//! box the key is noted, for a day, whether the message is read and burned meanwhile or not.

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixSeconds,
    crypto::sha256,
    domain::{
        drop_box::{BoxError, find},
        numbers::{BoxId, BoxNumber, MessageId},
        schema,
    },
    store::{Record, Store, StoreError, Transaction},
};

/// How long a key counts: longer than a client tries, or a person waits before trying again.
const SECONDS: u64 = 24 * 3600;
/// How far behind the newest message of the box a key may be. It bounds how many are kept, so whoever sends
/// thousands of messages a day has to repeat sooner.
const MOST_BEHIND: u32 = 4096;
/// How many of the oldest one message may push out: more than one, so that they grow fewer.
const PUSHED_OUT: usize = 8;

/// What a sender calls a message by: the beginning of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey(pub(in crate::domain) [u8; 16]);

/// When a message has come under a key.
#[derive(Serialize, Deserialize)]
struct Repeatable {
    message: MessageId,
    at: UnixSeconds,
}

/// The key that a message has come under.
#[derive(Serialize, Deserialize)]
struct Remembered(IdempotencyKey);

impl Record for Repeatable {
    const VERSION: u8 = 1;
}
impl Record for Remembered {
    const VERSION: u8 = 1;
}

impl IdempotencyKey {
    /// Of any text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut beginning = [0; 16];
        beginning.copy_from_slice(&sha256(text.as_bytes())[..16]);
        Self(beginning)
    }
}

impl Repeatable {
    /// Whether it counts, when the box has got as far as `newest`.
    fn counts(&self, newest: MessageId, now: UnixSeconds) -> bool {
        now.0 < self.at.0.saturating_add(SECONDS)
            && newest.0.saturating_sub(self.message.0) <= MOST_BEHIND
    }
}

/// Whether messages have come under this key before: what is sent under it again has been delivered.
///
/// # Errors
///
/// [`BoxError::NotFound`], [`BoxError::Store`].
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

/// Notes that `message` comes under a key. Gives whether it is the first to do so.
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
    for oldest in transaction.keys(&schema::remembered(number), PUSHED_OUT) {
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
