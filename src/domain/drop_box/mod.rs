//! Boxes: a key pair with a token, into which anybody who has the token drops messages.
//!
//! What lies in one is [`message`]'s. The functions here make changes for the store's
//! writer; those that say so block on several.

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
use crate::domain::numbers::{BoxId, BoxNumber};
use crate::{
    clock::UnixSeconds,
    crypto::{SecretBytes, bytes_equal, sha256},
    store::{FoundPayload, Key, Payload, Record, Store, StoreError, Transaction},
};

/// How many messages one change burns: short enough that nobody waits for it.
const BATCH: usize = 64;

/// A box. Its [`Keys`], sealed, are attached to the record in the store until it is burned.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct DropBox {
    random: [u8; 15],
    /// When it was made.
    pub created_at: UnixSeconds,
    /// What its owner wants.
    pub terms: Terms,
    /// SHA-256 of the private key's hash, which the owner shows to read.
    authenticator: [u8; 32],
    /// Whether senders may leave the sealing to us.
    pub public_key: PublicKeyUse,
    next_message: MessageId,
    messages: u32,
    /// What its messages take on disk.
    stored_bytes: u64,
    /// The last message up to which all have been read; counted only where the box goes with the last.
    read_through: MessageId,
    deleting: bool,
}

/// What the owner of a box wants to happen with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Before this moment nobody reads.
    pub release_at: Option<UnixSeconds>,
    /// From this moment on nobody sends.
    pub lock_at: Option<UnixSeconds>,
    /// A message that was read is burned.
    pub delete_messages_after_reading: bool,
    /// When all messages were read, the box is burned.
    pub delete_box_after_reading: bool,
}

/// What can be done with a public key that somebody has given. Only [`PublicKeyUse::Sealing`] is taken
/// today; older boxes may have the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublicKeyUse {
    /// Messages are sealed with it here, too.
    Sealing,
    /// It has so many bits, too few: senders may seal with it, we do not.
    TooSmall(u32),
    /// Its form is not known here.
    Unreadable,
}

/// The keys of a box as they are shown to its owner and to senders.
#[derive(Serialize, Deserialize)]
pub struct Keys {
    /// As it was given, or PEM.
    pub public_key: String,
    /// Encrypted, as it was given, or PEM; `None` where the server has none.
    pub private_key: Option<String>,
}

/// The public key of a box that messages can be sealed for: SubjectPublicKeyInfo.
#[derive(Serialize, Deserialize)]
struct PublicKeyDer(Vec<u8>);

/// The number that the next box gets.
#[derive(Serialize, Deserialize)]
struct NextBox(u64);

/// A box that is being burned.
#[derive(Serialize, Deserialize)]
struct Deletion;

impl Record for DropBox {
    const VERSION: u8 = 1;
}
impl Record for PublicKeyDer {
    const VERSION: u8 = 1;
}
impl Record for NextBox {
    const VERSION: u8 = 1;
}
impl Record for Deletion {
    const VERSION: u8 = 1;
}

/// Everything about a box to be made, checked.
pub struct NewBox {
    /// 120 random bits of its token, with which its payload was sealed.
    pub random: [u8; 15],
    /// The sealed [`Keys`].
    pub payload: Payload,
    /// See [`DropBox::is_authentic`].
    pub private_key_hash: String,
    /// See [`PublicKeyUse`].
    pub public_key: PublicKeyUse,
    /// The public key, where messages can be sealed with it here.
    pub public_key_der: Option<Vec<u8>>,
    /// What its owner wants.
    pub terms: Terms,
    /// Whom to tell when a message comes in.
    pub notify: Option<BoxNotify>,
}

/// Why something was not done with a box.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    /// Never was, or burned.
    #[error("there is no such box")]
    NotFound,
    /// Its messages can not be read before this moment.
    #[error("its messages are locked until {0}")]
    NotReleased(UnixSeconds),
    /// Nobody could send any more from this moment on.
    #[error("it has taken no messages since {0}")]
    Locked(UnixSeconds),
    /// It holds as much as it may.
    #[error("it is full")]
    Full,
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keys {
    /// The plaintext of a box's payload.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        message::encode(self)
    }

    /// The reverse; `None` for what is not of its form.
    #[must_use]
    pub fn from_payload(payload: &SecretBytes) -> Option<Self> {
        message::decode(payload)
    }
}

impl DropBox {
    /// Whether this is the hash of the box's private key, or what its owner gave as such. In constant
    /// time.
    #[must_use]
    pub fn is_authentic(&self, private_key_hash: &str) -> bool {
        bytes_equal(&self.authenticator, &sha256(private_key_hash.as_bytes()))
    }

    /// # Errors
    ///
    /// [`BoxError::NotReleased`] where its messages may not be read at `now`.
    pub fn check_reading(&self, now: UnixSeconds) -> Result<(), BoxError> {
        match self.terms.release_at {
            Some(release) if now < release => Err(BoxError::NotReleased(release)),
            _ => Ok(()),
        }
    }

    /// # Errors
    ///
    /// [`BoxError::Locked`] where nobody may send to it at `now`.
    pub fn check_sending(&self, now: UnixSeconds) -> Result<(), BoxError> {
        match self.terms.lock_at {
            Some(lock) if now >= lock => Err(BoxError::Locked(lock)),
            _ => Ok(()),
        }
    }

    /// What its token names, for a record found at `number`; `None` where it is being burned.
    pub(super) fn id(&self, number: BoxNumber) -> Option<BoxId> {
        (!self.deleting).then_some(BoxId { number, random: self.random })
    }

    /// Counts a message in. Returns its id; `None` where the box is full.
    pub(super) fn count_in(&mut self, stored_bytes: u64, limits: Limits) -> Option<MessageId> {
        let id = self.next_message;
        self.messages = self.messages.checked_add(1).filter(|n| *n <= limits.max_messages)?;
        self.stored_bytes = self.stored_bytes.checked_add(stored_bytes)?;
        if limits.max_bytes.is_some_and(|most| self.stored_bytes > most) {
            return None;
        }
        self.next_message = MessageId(id.0.checked_add(1)?);
        Some(id)
    }

    /// The id of the next message that comes in.
    pub(super) fn next_message(&self) -> MessageId {
        self.next_message
    }

    pub(super) fn count_out(&mut self, stored_bytes: u64) {
        self.messages = self.messages.saturating_sub(1);
        self.stored_bytes = self.stored_bytes.saturating_sub(stored_bytes);
    }

    /// The first message that may not have been read yet.
    pub(super) fn first_unread(&self) -> MessageId {
        MessageId(self.read_through.0 + 1)
    }

    /// Notes that the messages from `first` to `last` are read, unless one before them is not.
    pub(super) fn note_read(&mut self, first: MessageId, last: MessageId) {
        if first <= self.first_unread() {
            self.read_through = self.read_through.max(last);
        }
    }

    /// Whether nothing is left that has not been read.
    pub(super) fn is_read_through(&self) -> bool {
        self.messages == 0 || self.first_unread() == self.next_message
    }

    /// How many bytes more may lie in it; `None` for no limit.
    #[must_use]
    pub fn room(&self, limits: Limits) -> Option<u64> {
        limits.max_bytes.map(|most| most.saturating_sub(self.stored_bytes))
    }
}

/// How much may lie in a box.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes on disk; `None` for no limit.
    pub max_bytes: Option<u64>,
    /// Messages.
    pub max_messages: u32,
}

/// See [`super::alike`].
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
        let next = transaction.get::<NextBox>(&schema::next_box())?.map_or(0, |NextBox(next)| next);
        let number = BoxNumber(next);
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
        transaction.put(&schema::next_box(), &NextBox(next + 1))?;
        Ok(BoxId { number, random: new.random })
    }
}

/// The box that a token names.
///
/// # Errors
///
/// [`BoxError::NotFound`], [`BoxError::Store`].
pub fn find(store: &Store, id: BoxId) -> Result<DropBox, BoxError> {
    let found = alike::read(|key| store.get(key), &schema::drop_box(id.number), StandIn::DropBox)?;
    named_by(id, found)
}

/// The public key to seal messages with; `None` where it is not [`PublicKeyUse::Sealing`].
///
/// # Errors
///
/// [`BoxError::Store`].
pub fn public_key_der(store: &Store, id: BoxId) -> Result<Option<Vec<u8>>, BoxError> {
    let found = store.get::<PublicKeyDer>(&schema::public_key(id.number))?;
    Ok(found.map(|PublicKeyDer(der)| der))
}

/// Finds a box and its sealed [`Keys`], which open with the random bits of its id.
pub fn keys_of(
    id: BoxId,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<FoundPayload, BoxError> + Send + 'static {
    move |transaction| {
        live(transaction, id)?;
        transaction.payload(&schema::drop_box(id.number))?.ok_or(BoxError::NotFound)
    }
}

/// Burns a box and everything in it. Nobody finds it from the first of its changes on. Blocks.
///
/// # Errors
///
/// [`BoxError::NotFound`], also where somebody else is at it; [`BoxError::Store`].
pub fn delete(store: &Store, id: BoxId) -> Result<(), BoxError> {
    store
        .change(move |transaction| {
            let drop_box = live(transaction, id)?;
            Ok::<_, BoxError>(begin_deletion(transaction, id.number, drop_box)?)
        })
        .wait()?;
    Ok(burn(store, id.number)?)
}

/// Goes on with deletions that a crash has broken off. Blocks.
///
/// # Errors
///
/// See [`StoreError`].
pub fn finish_deletions(store: &Store) -> Result<(), StoreError> {
    let doomed: Vec<Key> = store.keys(&schema::deletions()).collect();
    doomed.iter().filter_map(schema::deleted_box).try_for_each(|number| burn(store, number))
}

/// Makes a box unfindable, and sees to it that the rest is burned, if need be after a crash: by
/// [`burn`], or by [`finish_deletions`].
pub(super) fn begin_deletion(
    transaction: &mut Transaction<'_, '_>,
    number: BoxNumber,
    mut drop_box: DropBox,
) -> Result<(), StoreError> {
    drop_box.deleting = true;
    // Its keys are burned by a change of their own: a crash between wiping a slot and this record would
    // else leave a box that takes messages and that nobody opens.
    transaction.put(&schema::drop_box(number), &drop_box)?;
    transaction.delete(&schema::public_key(number))?;
    notify::forget_box(transaction, number)?;
    transaction.put(&schema::deletion(number), &Deletion)
}

/// Burns what is left of a box whose deletion has begun. Blocks.
///
/// # Errors
///
/// See [`StoreError`].
pub fn burn(store: &Store, number: BoxNumber) -> Result<(), StoreError> {
    store.change(move |transaction| transaction.burn(&schema::drop_box(number))).wait()?;
    loop {
        let prefixes =
            [schema::messages(number), schema::repeatables(number), schema::remembered(number)];
        let doomed = prefixes.iter().flat_map(|prefix| store.keys(prefix));
        let doomed: Vec<Key> = doomed.take(BATCH).collect();
        let is_last = doomed.is_empty();
        store
            .change(move |transaction| {
                for key in &doomed {
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
