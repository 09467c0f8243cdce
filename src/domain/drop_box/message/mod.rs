//! What lies in boxes: messages and files, sealed by us or by their senders.
//!
//! What a sender hands over becomes a [`Sealed`] (which blocks: there is a file to write, or a key to
//! wrap), that becomes a record in one change together with those sent along with it, and comes back as
//! [`Content`]. [`sealing`] and [`opening`] are what comes before and after.

pub(crate) mod content;
pub mod opening;
pub(crate) mod repeat;
pub mod sealing;

use std::io::Write;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::content::{Content, ContentBody, ContentReader};
use self::content::{Head, HeadBody};
pub use self::repeat::{IdempotencyKey, has_come};
use super::{BoxError, DropBox, Limits, begin_deletion, live};
use crate::domain::numbers::MessageId;
use crate::{
    clock::UnixSeconds,
    crypto::{MessageKey, Random, SecretBytes, stream::StreamSealer},
    domain::{notify, numbers::BoxId, schema},
    store::{
        FoundPayload, MAX_INLINE_BYTES, NewFile, Payload, Record, Store, StoreError, Transaction,
    },
};

/// Longer ones become files: the rest of what fits in a record is for the wrapped key and the name.
const MAX_HERE_BYTES: usize = 1024;
/// How many burned messages one read looks past: work on the writer's thread.
const MAX_GAP: usize = 1000;
const ENCODING: Configuration<LittleEndian, Varint, Limit<{ 1 << 20 }>> =
    bincode::config::standard().with_limit::<{ 1 << 20 }>();

/// A message in a box. Its [`Content`] is sealed and attached to the record in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// When it was sent.
    pub created_at: UnixSeconds,
    /// In bytes: of the plaintext where it was seen here, else as it came.
    pub size: u64,
    /// Fetched on its own, not in the list.
    pub is_file: bool,
    /// Who has sealed it.
    pub sealed_by: SealedBy,
    stored_bytes: u64,
}

/// Who has sealed a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SealedBy {
    /// The server: an envelope, its key wrapped with the box's public key, raw bytes.
    Server,
    /// The sender: any text, or any bytes.
    Sender,
}

impl Record for Message {
    const VERSION: u8 = 1;
}

/// A message, sealed and on disk, that no box knows of yet. Dropped, it leaves nothing.
pub struct Sealed {
    sealed_by: SealedBy,
    size: u64,
    is_file: bool,
    stored_bytes: u64,
    payload: Payload,
}

/// What a message is made of, before the store seals it once more.
pub struct Parts {
    /// Who has sealed it.
    pub sealed_by: SealedBy,
    /// See [`Message::size`].
    pub size: u64,
    /// See [`Message::is_file`].
    pub is_file: bool,
    /// See [`Content::encryption_key`].
    pub encryption_key: Vec<u8>,
    /// See [`Content::file_name`].
    pub file_name: Vec<u8>,
    /// The message itself.
    pub body: PartsBody,
}

/// The bytes of a message on their way to disk.
pub enum PartsBody {
    /// In memory.
    Here(Vec<u8>),
    /// In a file, and ciphertext. The key, where there is one, opens what the sender sent.
    File(NewFile, Option<MessageKey>),
}

impl Sealed {
    /// Seals the parts of a message for a box. Blocks on the sync of a file.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub fn new(
        store: &Store,
        random: &dyn Random,
        id: BoxId,
        parts: Parts,
    ) -> Result<Self, StoreError> {
        let Parts { sealed_by, size, is_file, encryption_key, file_name, body } = parts;
        let (body, file) = match body {
            PartsBody::Here(bytes) if bytes.len() <= MAX_HERE_BYTES => {
                (HeadBody::Here(bytes), None)
            }
            PartsBody::Here(bytes) => match sealed_by {
                SealedBy::Server => {
                    let mut file = store.new_file(random)?;
                    file.write_all(&bytes)?;
                    (HeadBody::Beside, Some(file))
                }
                SealedBy::Sender => {
                    let key = MessageKey::new(random);
                    let mut sealer = StreamSealer::new(store.new_file(random)?, &key, random)?;
                    sealer.write_all(&bytes)?;
                    (HeadBody::BesideUnder(*key.expose_secret()), Some(sealer.finish()?))
                }
            },
            PartsBody::File(file, None) => (HeadBody::Beside, Some(file)),
            PartsBody::File(file, Some(key)) => {
                (HeadBody::BesideUnder(*key.expose_secret()), Some(file))
            }
        };
        let head = encode(&Head { encryption_key, file_name, body });
        let stored_bytes = head.len() as u64 + file.as_ref().map_or(0, NewFile::bytes);
        let payload = match file {
            Some(file) => store.seal_beside(random, &id.random, head, file)?,
            None => store.seal(random, &id.random, head)?,
        };
        Ok(Self { sealed_by, size, is_file, stored_bytes, payload })
    }
}

/// Puts messages into a box: all, or none. Does nothing where messages have come under `key` before.
pub fn send(
    id: BoxId,
    messages: Vec<Sealed>,
    key: Option<IdempotencyKey>,
    limits: Limits,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), BoxError> + Send + 'static {
    move |transaction| {
        let mut drop_box = live(transaction, id)?;
        if let Some(key) = key {
            let is_first =
                repeat::note(transaction, id.number, (key, drop_box.next_message()), now)?;
            if !is_first {
                return Ok(());
            }
        }
        drop_box.check_sending(now)?;
        for sealed in &messages {
            let Sealed { sealed_by, size, is_file, stored_bytes, ref payload } = *sealed;
            let message = Message { created_at: now, size, is_file, sealed_by, stored_bytes };
            let number = drop_box.count_in(stored_bytes, limits).ok_or(BoxError::Full)?;
            transaction.put_sealed(&schema::message(id.number, number), &message, payload)?;
        }
        transaction.put(&schema::drop_box(id.number), &drop_box)?;
        Ok(notify::box_message(transaction, id.number, now)?)
    }
}

/// The ids of the messages in a box, oldest first. Blocks.
#[must_use]
pub fn ids(store: &Store, id: BoxId) -> impl DoubleEndedIterator<Item = MessageId> + use<> {
    store.keys(&schema::messages(id.number)).filter_map(|key| schema::message_id(&key))
}

/// How many of these messages are files. Blocks.
///
/// # Errors
///
/// See [`StoreError`].
pub fn files_among<'a>(
    store: &Store,
    id: BoxId,
    ids: impl IntoIterator<Item = &'a MessageId>,
) -> Result<u32, StoreError> {
    ids.into_iter().try_fold(0, |files, message_id| {
        let found = store.get::<Message>(&schema::message(id.number, *message_id))?;
        Ok(files + u32::from(found.is_some_and(|message| message.is_file)))
    })
}

/// Messages that a reader gets, once what that means for the box is durable.
pub struct Delivered {
    /// Those that are still there, in the order asked for.
    pub messages: Vec<(MessageId, Message, FoundPayload)>,
    /// Nobody finds the box any more: [`super::burn`] is to burn the rest of it before
    /// anything is handed out.
    pub box_is_gone: bool,
}

/// Reads messages. What the owner wants burned after reading is burned by the same change; a file is
/// burned when it is fetched, unless the box goes.
pub fn read(
    id: BoxId,
    ids: Vec<MessageId>,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Delivered, BoxError> + Send + 'static {
    move |transaction| {
        let found = live(transaction, id)?;
        found.check_reading(now)?;
        let (terms, mut drop_box) = (found.terms, found.clone());
        let mut messages = Vec::with_capacity(ids.len());
        for message_id in &ids {
            let key = schema::message(id.number, *message_id);
            let Some(message) = transaction.get::<Message>(&key)? else { continue };
            // Our own files are opened when they are fetched, unless that would be too late.
            let is_later = message.is_file && message.sealed_by == SealedBy::Server;
            let payload = match is_later && !terms.delete_box_after_reading {
                true => transaction.payload_head(&key)?,
                false => transaction.payload(&key)?,
            };
            // Without a payload, a crash came between wiping its key and the record.
            if payload.is_none() || (terms.delete_messages_after_reading && !message.is_file) {
                transaction.delete(&key)?;
                drop_box.count_out(message.stored_bytes);
            }
            if let Some(payload) = payload {
                messages.push((*message_id, message, payload));
            }
        }
        let mut box_is_gone = false;
        if terms.delete_box_after_reading
            && !messages.is_empty()
            && let (Some(first), Some(last)) = (ids.first(), ids.last())
        {
            skip_gaps(transaction, id, &mut drop_box, *first)?;
            drop_box.note_read(*first, *last);
            box_is_gone = drop_box.is_read_through();
        }
        if box_is_gone {
            begin_deletion(transaction, id.number, drop_box)?;
        } else if drop_box != found {
            transaction.put(&schema::drop_box(id.number), &drop_box)?;
        }
        Ok(Delivered { messages, box_is_gone })
    }
}

/// Counts messages that are burned, after they were read out of order, as read.
fn skip_gaps(
    transaction: &Transaction<'_, '_>,
    id: BoxId,
    drop_box: &mut DropBox,
    before: MessageId,
) -> Result<(), StoreError> {
    for _ in 0..MAX_GAP {
        let next = drop_box.first_unread();
        let key = schema::message(id.number, next);
        if next >= before || transaction.get::<Message>(&key)?.is_some() {
            break;
        }
        drop_box.note_read(next, next);
    }
    Ok(())
}

/// Takes a file out of a box to hand it over; burns it where the owner wants that after reading.
/// `None` where it is not there any more.
pub fn fetch(
    id: BoxId,
    message_id: MessageId,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<FoundPayload>, BoxError> + Send + 'static {
    move |transaction| {
        let mut drop_box = live(transaction, id)?;
        let key = schema::message(id.number, message_id);
        let Some(message) = transaction.get::<Message>(&key)? else { return Ok(None) };
        let payload = transaction.payload(&key)?;
        if drop_box.terms.delete_messages_after_reading {
            transaction.delete(&key)?;
            drop_box.count_out(message.stored_bytes);
            transaction.put(&schema::drop_box(id.number), &drop_box)?;
        }
        Ok(payload)
    }
}

/// What becomes the plaintext of a payload, which is wiped by being sealed in place.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    // Reserved, so that no copy is left behind while it grows.
    let mut bytes = Vec::with_capacity(2 * MAX_INLINE_BYTES);
    bincode::serde::encode_into_std_write(value, &mut bytes, ENCODING)
        .expect("what is encoded was bounded when it came in");
    bytes
}

pub(super) fn decode<T: DeserializeOwned>(payload: &SecretBytes) -> Option<T> {
    let bytes = payload.expose_secret();
    let (value, read) = bincode::serde::decode_from_slice(bytes, ENCODING).ok()?;
    (read == bytes.len()).then_some(value)
}
