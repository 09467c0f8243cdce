//! The contents of boxes: messages and files, sealed by the server or by their senders.
//!
//! The input of a sender becomes a [`SealedMessage`], which blocks because it writes a file or wraps a key.
//! One change turns it into a record, together with other messages of the same call. Readers get it as
//! [`MessageContent`]. [`sealing`] precedes these steps, and [`opening`] follows them.

pub(crate) mod content;
pub mod opening;
pub(crate) mod repeat;
pub mod sealing;

use std::io::Write;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::content::{ContentBody, ContentReader, MessageContent};
use self::content::{Head, HeadBody};
pub use self::repeat::has_come;
use super::{BoxError, BoxLimits, DropBox, begin_deletion, live};
pub use crate::domain::numbers::IdempotencyKey;
use crate::{
    clock::UnixSeconds,
    crypto::{MessageKey, Random, SecretBytes, stream::StreamSealer},
    domain::{
        notify,
        numbers::{BoxId, MessageId},
        schema,
    },
    store::{
        FoundPayload, MAX_INLINE_BYTES, NewFile, Payload, Record, Store, StoreError, Transaction,
    },
};

/// The longest message inside its record; longer ones are stored in files. The rest of the record is for the
/// wrapped key and the name.
const MAX_HERE_BYTES: usize = 1024;
/// The number of burned messages that one read skips. Bounded, because the skipping runs on the writer's
/// thread.
const MAX_GAP: usize = 1000;
const ENCODING: Configuration<LittleEndian, Varint, Limit<{ 1 << 20 }>> =
    bincode::config::standard().with_limit::<{ 1 << 20 }>();

/// A message in a box. Its sealed [`MessageContent`] is attached to the record in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BoxMessage {
    /// The time at which it was sent.
    pub created_at: UnixSeconds,
    /// The size in bytes: of the plaintext if the server has seen it, else of the received bytes.
    pub size: u64,
    /// Whether it is a file, which is fetched separately and not in the list.
    pub is_file: bool,
    /// The party that has sealed it.
    pub sealed_by: SealedBy,
    stored_bytes: u64,
}

/// The party that has sealed a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SealedBy {
    /// The server. The message is an envelope, and its key is wrapped with the box's public key, as raw
    /// bytes.
    Server,
    /// The sender. The message can be any text or any bytes.
    Sender,
}

impl Record for BoxMessage {
    const VERSION: u8 = 1;
}

/// A sealed message on disk that belongs to no box yet. Its file is deleted when it is dropped.
pub struct SealedMessage {
    sealed_by: SealedBy,
    size: u64,
    is_file: bool,
    stored_bytes: u64,
    payload: Payload,
}

/// The parts of a message, before the store seals them again.
pub struct UnsealedMessage {
    /// The party that has sealed it.
    pub sealed_by: SealedBy,
    /// The size in bytes, as in [`BoxMessage::size`].
    pub size: u64,
    /// Whether it is a file.
    pub is_file: bool,
    /// The wrapped key, as in [`MessageContent::encryption_key`].
    pub encryption_key: Vec<u8>,
    /// The name of a file, as in [`MessageContent::file_name`].
    pub file_name: Vec<u8>,
    /// The bytes of the message.
    pub body: PartsBody,
}

/// The bytes of a new message.
pub enum PartsBody {
    /// In memory.
    Here(Vec<u8>),
    /// In a file, as ciphertext. The key, if present, decrypts it to the bytes from the sender.
    File(NewFile, Option<MessageKey>),
}

impl SealedMessage {
    /// Seals the parts of a message for a box. Blocks on the sync of a file.
    pub fn new(
        store: &Store,
        random: &dyn Random,
        id: BoxId,
        parts: UnsealedMessage,
    ) -> Result<Self, StoreError> {
        let UnsealedMessage { sealed_by, size, is_file, encryption_key, file_name, body } = parts;
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

/// Puts all messages into a box, or none. Does nothing if messages were already sent with `key`.
pub fn send(
    id: BoxId,
    messages: Vec<SealedMessage>,
    key: Option<IdempotencyKey>,
    limits: BoxLimits,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), BoxError> + Send + 'static {
    move |transaction| {
        transaction.check_room()?;
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
            let SealedMessage { sealed_by, size, is_file, stored_bytes, ref payload } = *sealed;
            let message = BoxMessage { created_at: now, size, is_file, sealed_by, stored_bytes };
            let number = drop_box.count_in(stored_bytes, limits).ok_or(BoxError::Full)?;
            transaction.put_sealed(&schema::message(id.number, number), &message, payload)?;
        }
        transaction.put(&schema::drop_box(id.number), &drop_box)?;
        Ok(notify::box_message(transaction, id.number, now)?)
    }
}

/// The ids of the messages in a box, oldest first. Blocks.
pub fn ids(
    store: &Store,
    id: BoxId,
) -> impl Iterator<Item = Result<MessageId, StoreError>> + use<> {
    let keys = store.keys(&schema::messages(id.number));
    keys.filter_map(|key| key.map(|key| schema::message_id(&key)).transpose())
}

/// The number of files among these messages. Blocks.
pub fn files_among<'a>(
    store: &Store,
    id: BoxId,
    ids: impl IntoIterator<Item = &'a MessageId>,
) -> Result<u32, StoreError> {
    ids.into_iter().try_fold(0, |files, message_id| {
        let found = store.get::<BoxMessage>(&schema::message(id.number, *message_id))?;
        Ok(files + u32::from(found.is_some_and(|message| message.is_file)))
    })
}

/// Messages for a reader, returned once the effects of the read on the box are durable.
pub struct DeliveredMessages {
    /// The messages that still exist, in the requested order.
    pub messages: Vec<(MessageId, BoxMessage, FoundPayload)>,
    /// Whether the read has ended the box. [`super::burn`] must then burn the rest of it before any message
    /// is sent to the reader.
    pub box_is_gone: bool,
}

/// Reads messages. The same change burns the messages if the owner's settings require it. A file is burned
/// when it is fetched, or with its box.
pub fn read(
    id: BoxId,
    ids: Vec<MessageId>,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<DeliveredMessages, BoxError> + Send + 'static {
    move |transaction| {
        let found = live(transaction, id)?;
        found.check_reading(now)?;
        let (terms, mut drop_box) = (found.terms, found.clone());
        let mut messages = Vec::with_capacity(ids.len());
        for message_id in &ids {
            let key = schema::message(id.number, *message_id);
            let Some(message) = transaction.get::<BoxMessage>(&key)? else { continue };
            // Files that the server has sealed are opened when they are fetched, unless the box is burned
            // first.
            let is_later = message.is_file && message.sealed_by == SealedBy::Server;
            let payload = match is_later && !terms.delete_box_after_reading {
                true => transaction.payload_head(&key)?,
                false => transaction.payload(&key)?,
            };
            // If the payload is missing, a crash happened between wiping its key and deleting the record.
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
        Ok(DeliveredMessages { messages, box_is_gone })
    }
}

/// Counts burned messages as read if they were read out of order.
fn skip_gaps(
    transaction: &Transaction<'_, '_>,
    id: BoxId,
    drop_box: &mut DropBox,
    before: MessageId,
) -> Result<(), StoreError> {
    for _ in 0..MAX_GAP {
        let next = drop_box.first_unread();
        let key = schema::message(id.number, next);
        if next >= before || transaction.get::<BoxMessage>(&key)?.is_some() {
            break;
        }
        drop_box.note_read(next, next);
    }
    Ok(())
}

/// Takes a file from a box, and burns it if the owner's settings require it. Returns `None` if the file no
/// longer exists.
pub fn fetch(
    id: BoxId,
    message_id: MessageId,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<FoundPayload>, BoxError> + Send + 'static {
    move |transaction| {
        let mut drop_box = live(transaction, id)?;
        let key = schema::message(id.number, message_id);
        let Some(message) = transaction.get::<BoxMessage>(&key)? else { return Ok(None) };
        let payload = transaction.payload(&key)?;
        if drop_box.terms.delete_messages_after_reading {
            transaction.delete(&key)?;
            drop_box.count_out(message.stored_bytes);
            transaction.put(&schema::drop_box(id.number), &drop_box)?;
        }
        Ok(payload)
    }
}

/// Encodes the plaintext of a payload. Sealing in place overwrites it.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    // Reserved in advance, so that growing leaves no copy in memory.
    let mut bytes = Vec::with_capacity(2 * MAX_INLINE_BYTES);
    bincode::serde::encode_into_std_write(value, &mut bytes, ENCODING)
        .expect("the size was checked on receipt");
    bytes
}

pub(super) fn decode<T: DeserializeOwned>(payload: &SecretBytes) -> Option<T> {
    let bytes = payload.expose_secret();
    let (value, read) = bincode::serde::decode_from_slice(bytes, ENCODING).ok()?;
    (read == bytes.len()).then_some(value)
}
