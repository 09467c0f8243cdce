//! Boxes: each is a key pair with a token. Senders with the token put messages into the box.
//!
//! The messages are in [`message`]. The functions here return changes for the store's writer; those whose
//! comment says that they block run several changes.

pub mod message;
#[cfg(test)]
mod model_tests;

use serde::{Deserialize, Serialize};

use super::{
    alike::{self, StandIn},
    notify::{self, BoxNotify},
    numbers::MessageId,
    schema,
};
use crate::{
    clock::UnixSeconds,
    crypto::{SecretBytes, bytes_equal, sha256},
    domain::numbers::{BoxId, BoxNumber},
    store::{FoundPayload, Key, Payload, Record, Store, StoreError, Transaction},
};

/// The number of messages that one change burns. Small, so that other changes wait only briefly.
const BATCH: usize = 64;

/// A box. Its sealed [`Keys`] are attached to the record in the store until the box is burned.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct DropBox {
    random: [u8; 15],
    /// The time of creation.
    pub created_at: UnixSeconds,
    /// The owner's settings for the box.
    pub terms: Terms,
    /// SHA-256 of the private key's hash. The owner sends this hash to read the messages.
    authenticator: [u8; 32],
    /// Whether the server can seal messages for senders.
    pub public_key: PublicKeyUse,
    next_message: MessageId,
    messages: u32,
    /// The size of the messages on disk, in bytes.
    stored_bytes: u64,
    /// All messages up to this one were read. Counted only if the box is burned after its last message.
    read_through: MessageId,
    deleting: bool,
}

/// The owner's settings for a box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The time before which messages cannot be read.
    pub release_at: Option<UnixSeconds>,
    /// The time from which messages cannot be sent.
    pub lock_at: Option<UnixSeconds>,
    /// Whether each message is burned after it was read.
    pub delete_messages_after_reading: bool,
    /// Whether the box is burned after all its messages were read.
    pub delete_box_after_reading: bool,
}

/// The possible uses of a public key from a client. New boxes require [`PublicKeyUse::Sealing`]; older boxes
/// may have the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublicKeyUse {
    /// The server can seal messages with it.
    Sealing,
    /// The key has too few bits (the number is given): senders may seal with it, the server does not.
    TooSmall(u32),
    /// The server cannot parse the key.
    Unreadable,
}

/// The keys of a box, as shown to its owner and to senders.
#[derive(Serialize, Deserialize)]
pub struct Keys {
    /// The public key, as received from the client or as PEM.
    pub public_key: String,
    /// The encrypted private key, as received from the client or as PEM; `None` if the server does not have
    /// it.
    pub private_key: Option<String>,
}

/// The public key of a box for sealing messages: SubjectPublicKeyInfo.
#[derive(Serialize, Deserialize)]
struct PublicKeyDer(Vec<u8>);

/// A box that is being burned.
#[derive(Serialize, Deserialize)]
struct Deletion;

impl Record for DropBox {
    const VERSION: u8 = 1;
}
impl Record for PublicKeyDer {
    const VERSION: u8 = 1;
}
impl Record for Deletion {
    const VERSION: u8 = 1;
}

/// A new box, already validated.
pub struct NewBox {
    /// The 120 random bits of its token. The payload is sealed with them as the context.
    pub random: [u8; 15],
    /// The sealed [`Keys`].
    pub payload: Payload,
    /// The hash of the private key, or the value that the owner gave instead.
    pub private_key_hash: String,
    /// Whether the server can seal messages for senders.
    pub public_key: PublicKeyUse,
    /// The public key, if the server can seal messages with it.
    pub public_key_der: Option<Vec<u8>>,
    /// The owner's settings for the box.
    pub terms: Terms,
    /// The recipient of notifications about new messages.
    pub notify: Option<BoxNotify>,
}

/// The reason why an operation on a box failed.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    /// The box is unknown or burned.
    #[error("there is no such box")]
    NotFound,
    /// The messages cannot be read before this time.
    #[error("the messages cannot be read before {0}")]
    NotReleased(UnixSeconds),
    /// No messages can be sent from this time on.
    #[error("the box accepts no messages since {0}")]
    Locked(UnixSeconds),
    /// The box has reached its limit of messages or bytes.
    #[error("the box is full")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keys {
    /// The plaintext of a box's payload.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        message::encode(self)
    }

    /// Decodes a plaintext. Returns `None` for an invalid one.
    #[must_use]
    pub fn from_payload(payload: &SecretBytes) -> Option<Self> {
        message::decode(payload)
    }
}

impl DropBox {
    /// Compares a hash with the hash of the box's private key, or with the value that the owner gave instead.
    /// Takes constant time.
    #[must_use]
    pub fn is_authentic(&self, private_key_hash: &str) -> bool {
        bytes_equal(&self.authenticator, &sha256(private_key_hash.as_bytes()))
    }

    /// # Errors
    ///
    /// [`BoxError::NotReleased`] if the messages cannot be read at `now`.
    pub fn check_reading(&self, now: UnixSeconds) -> Result<(), BoxError> {
        match self.terms.release_at {
            Some(release) if now < release => Err(BoxError::NotReleased(release)),
            _ => Ok(()),
        }
    }

    /// # Errors
    ///
    /// [`BoxError::Locked`] if no messages can be sent at `now`.
    pub fn check_sending(&self, now: UnixSeconds) -> Result<(), BoxError> {
        match self.terms.lock_at {
            Some(lock) if now >= lock => Err(BoxError::Locked(lock)),
            _ => Ok(()),
        }
    }

    /// The id in its token, for the record at `number`; `None` if the box is being burned.
    pub(super) fn id(&self, number: BoxNumber) -> Option<BoxId> {
        (!self.deleting).then_some(BoxId { number, random: self.random })
    }

    /// Counts a new message. Returns its id; `None` if the box is full.
    pub(super) fn count_in(&mut self, stored_bytes: u64, limits: BoxLimits) -> Option<MessageId> {
        let id = self.next_message;
        self.messages = self.messages.checked_add(1).filter(|n| *n <= limits.max_messages)?;
        self.stored_bytes = self.stored_bytes.checked_add(stored_bytes)?;
        if limits.max_bytes.is_some_and(|most| self.stored_bytes > most) {
            return None;
        }
        self.next_message = MessageId(id.0.checked_add(1)?);
        Some(id)
    }

    /// The id of the next message.
    pub(super) fn next_message(&self) -> MessageId {
        self.next_message
    }

    pub(super) fn count_out(&mut self, stored_bytes: u64) {
        self.messages = self.messages.saturating_sub(1);
        self.stored_bytes = self.stored_bytes.saturating_sub(stored_bytes);
    }

    /// The first message that may be unread.
    pub(super) fn first_unread(&self) -> MessageId {
        MessageId(self.read_through.0 + 1)
    }

    /// Records that the messages from `first` to `last` were read, unless an earlier message is unread.
    pub(super) fn note_read(&mut self, first: MessageId, last: MessageId) {
        if first <= self.first_unread() {
            self.read_through = self.read_through.max(last);
        }
    }

    /// Whether all messages were read.
    pub(super) fn is_read_through(&self) -> bool {
        self.messages == 0 || self.first_unread() == self.next_message
    }

    /// The number of bytes that still fit into the box; `None` for no limit.
    #[must_use]
    pub fn room(&self, limits: BoxLimits) -> Option<u64> {
        limits.max_bytes.map(|most| most.saturating_sub(self.stored_bytes))
    }
}

/// The limits of a box.
#[derive(Clone, Copy, Debug)]
pub struct BoxLimits {
    /// The size on disk, in bytes; `None` for no limit.
    pub max_bytes: Option<u64>,
    /// The number of messages.
    pub max_messages: u32,
}

/// Read in place of a missing box; see [`super::alike`].
pub(super) fn stand_in() -> DropBox {
    DropBox {
        random: [0; 15],
        created_at: UnixSeconds(0),
        terms: Terms::default(),
        authenticator: [0; 32],
        public_key: PublicKeyUse::Sealing,
        next_message: MessageId::FIRST,
        messages: 0,
        stored_bytes: 0,
        read_through: MessageId(MessageId::FIRST.0 - 1),
        deleting: false,
    }
}

/// Creates a box.
pub fn create(
    new: NewBox,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<BoxId, BoxError> + Send + 'static {
    move |transaction| {
        transaction.check_room()?;
        let number = BoxNumber(transaction.number(&schema::box_counter(), |_| Ok(0))?);
        let drop_box = DropBox {
            random: new.random,
            created_at: now,
            terms: new.terms,
            authenticator: sha256(new.private_key_hash.as_bytes()),
            public_key: new.public_key,
            next_message: MessageId::FIRST,
            messages: 0,
            stored_bytes: 0,
            read_through: MessageId(MessageId::FIRST.0 - 1),
            deleting: false,
        };
        transaction.put_sealed(&schema::drop_box(number), &drop_box, &new.payload)?;
        if let Some(der) = &new.public_key_der {
            transaction.put(&schema::public_key(number), &PublicKeyDer(der.clone()))?;
        }
        if let Some(notify) = &new.notify {
            notify::watch_box(transaction, number, notify)?;
        }
        Ok(BoxId { number, random: new.random })
    }
}

/// The box with this token.
///
/// # Errors
///
/// [`BoxError::NotFound`] for an unknown token, [`BoxError::Store`].
pub fn find(store: &Store, id: BoxId) -> Result<DropBox, BoxError> {
    let found = alike::read(|key| store.get(key), &schema::drop_box(id.number), StandIn::DropBox)?;
    named_by(id, found)
}

/// The id of a box, if the box still exists.
pub fn box_id(store: &Store, number: BoxNumber) -> Result<Option<BoxId>, StoreError> {
    Ok(store.get::<DropBox>(&schema::drop_box(number))?.and_then(|found| found.id(number)))
}

/// The public key for sealing messages; `None` unless the box has [`PublicKeyUse::Sealing`].
///
/// # Errors
///
/// [`BoxError::Store`].
pub fn public_key_der(store: &Store, id: BoxId) -> Result<Option<Vec<u8>>, BoxError> {
    let found = store.get::<PublicKeyDer>(&schema::public_key(id.number))?;
    Ok(found.map(|PublicKeyDer(der)| der))
}

/// Finds a box and its sealed [`Keys`]; their context is the random bits of the id.
pub fn keys_of(
    id: BoxId,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<FoundPayload, BoxError> + Send + 'static {
    move |transaction| {
        live(transaction, id)?;
        transaction.payload(&schema::drop_box(id.number))?.ok_or(BoxError::NotFound)
    }
}

/// Burns a box and its messages. The first change already makes the box unfindable. Blocks.
///
/// # Errors
///
/// [`BoxError::NotFound`], also if another call is already deleting the box; [`BoxError::Store`].
pub fn delete(store: &Store, id: BoxId) -> Result<(), BoxError> {
    store
        .change(move |transaction| {
            let drop_box = live(transaction, id)?;
            Ok::<_, BoxError>(begin_deletion(transaction, id.number, drop_box)?)
        })
        .wait()?;
    // A second call would not find the box. What cannot be burned now is burned by [`finish_deletions`].
    Ok(burn(store, id.number).or_else(|_| burn(store, id.number))?)
}

/// Continues deletions that a crash interrupted. Blocks.
pub fn finish_deletions(store: &Store) -> Result<(), StoreError> {
    let deletions: Vec<Key> = store.keys(&schema::deletions()).collect::<Result<_, _>>()?;
    deletions.iter().filter_map(schema::deleted_box).try_for_each(|number| burn(store, number))
}

/// Makes a box unfindable and records its deletion. The rest is burned by [`burn`], or after a crash by
/// [`finish_deletions`].
pub(super) fn begin_deletion(
    transaction: &mut Transaction<'_, '_>,
    number: BoxNumber,
    mut drop_box: DropBox,
) -> Result<(), StoreError> {
    drop_box.deleting = true;
    // The keys are burned by a separate change. Otherwise a crash between wiping a slot and writing this
    // record would leave a box that accepts messages but cannot be opened.
    transaction.put(&schema::drop_box(number), &drop_box)?;
    transaction.delete(&schema::public_key(number))?;
    notify::forget_box(transaction, number)?;
    transaction.put(&schema::deletion(number), &Deletion)
}

/// Burns the rest of a box whose deletion has begun. Blocks.
pub fn burn(store: &Store, number: BoxNumber) -> Result<(), StoreError> {
    store.change(move |transaction| transaction.burn(&schema::drop_box(number))).wait()?;
    loop {
        let prefixes =
            [schema::messages(number), schema::repeatables(number), schema::remembered(number)];
        let keys = prefixes.iter().flat_map(|prefix| store.keys(prefix));
        let batch: Vec<Key> = keys.take(BATCH).collect::<Result<_, _>>()?;
        let is_last = batch.is_empty();
        store
            .change(move |transaction| {
                for key in &batch {
                    transaction.delete(key)?;
                }
                if is_last {
                    transaction.delete(&schema::drop_box(number))?;
                    transaction.delete(&schema::deletion(number))?;
                }
                Ok::<_, StoreError>(())
            })
            .wait()?;
        if is_last {
            return Ok(());
        }
    }
}

pub(super) fn live(transaction: &Transaction<'_, '_>, id: BoxId) -> Result<DropBox, BoxError> {
    let key = schema::drop_box(id.number);
    named_by(id, alike::read(|key| transaction.get(key), &key, StandIn::DropBox)?)
}

fn named_by(id: BoxId, found: Option<DropBox>) -> Result<DropBox, BoxError> {
    found
        .filter(|found| !found.deleting && bytes_equal(&found.random, &id.random))
        .ok_or(BoxError::NotFound)
}
