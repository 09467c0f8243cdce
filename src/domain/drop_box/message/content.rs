//! The content of a message's sealed payload, and how its bytes are read.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use super::decode;
use crate::{
    crypto::{
        MessageKey,
        stream::{self, StreamOpener},
    },
    domain::numbers::BoxId,
    store::{BesideFile, FoundFile, FoundPayload, StoreError},
};

/// The encoded form of a message's sealed payload.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) encryption_key: Vec<u8>,
    pub(super) file_name: Vec<u8>,
    pub(super) body: HeadBody,
}

#[derive(Serialize, Deserialize)]
pub(super) enum HeadBody {
    Here(Vec<u8>),
    Beside,
    BesideUnder([u8; 32]),
}

/// A message as received from its sender, or as sealed by the server.
pub struct MessageContent {
    /// The wrapped key: raw bytes if the server has sealed the message, else the sender's text.
    pub encryption_key: Vec<u8>,
    /// The name of a file, empty for a text: an envelope under the message's key if the server has sealed it,
    /// else the sender's text.
    pub file_name: Vec<u8>,
    /// The bytes of the message.
    pub body: ContentBody,
}

/// The location of a message's bytes.
pub enum ContentBody {
    /// In memory.
    Here(Vec<u8>),
    /// In a file, as received.
    File(FoundFile),
    /// In a file that the store has sealed, with the key of that seal.
    SealedFile(FoundFile, MessageKey),
    /// In a file that is not open; contains its size in bytes.
    Closed(u64),
}

/// A reader of a message's bytes.
pub enum ContentReader {
    /// From memory.
    Here(Cursor<Vec<u8>>),
    /// From a file, as stored.
    File(FoundFile),
    /// From a file that the store has sealed.
    SealedFile(Box<StreamOpener<FoundFile>>),
}

impl MessageContent {
    /// Opens the payload of a message.
    pub fn open(id: BoxId, found: FoundPayload) -> Result<Self, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged("a message is not of a known form");
        let (head, file) = found.open_beside(&id.random)?;
        let Head { encryption_key, file_name, body } = decode(&head).ok_or(DAMAGED)?;
        let body = match (body, file) {
            (HeadBody::Here(bytes), None) => ContentBody::Here(bytes),
            (HeadBody::Beside, Some(BesideFile::Open(file))) => ContentBody::File(file),
            (HeadBody::BesideUnder(key), Some(BesideFile::Open(file))) => {
                ContentBody::SealedFile(file, MessageKey::from_bytes(key))
            }
            (HeadBody::Beside, Some(BesideFile::Closed { bytes })) => ContentBody::Closed(bytes),
            (HeadBody::BesideUnder(_), Some(BesideFile::Closed { bytes })) => {
                ContentBody::Closed(stream::plain_len(bytes).ok_or(DAMAGED)?)
            }
            _ => return Err(DAMAGED),
        };
        Ok(Self { encryption_key, file_name, body })
    }
}

impl ContentBody {
    /// Reads from the beginning. Only one reader can be used at a time, because readers share the file's
    /// position.
    ///
    /// # Errors
    ///
    /// An I/O error, or an error if the file is not open.
    pub fn reader(&self) -> io::Result<ContentReader> {
        let rewound = |file: &FoundFile| {
            let mut file = file.try_clone()?;
            file.rewind()?;
            Ok::<_, io::Error>(file)
        };
        Ok(match self {
            Self::Here(bytes) => ContentReader::Here(Cursor::new(bytes.clone())),
            Self::File(file) => ContentReader::File(rewound(file)?),
            Self::SealedFile(file, key) => {
                ContentReader::SealedFile(Box::new(StreamOpener::new(rewound(file)?, key)?))
            }
            Self::Closed(_) => return Err(io::Error::other("the file of a message is not open")),
        })
    }

    /// The number of bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::File(file) => file.bytes(),
            Self::SealedFile(file, _) => stream::plain_len(file.bytes()).unwrap_or_default(),
            Self::Closed(bytes) => *bytes,
        }
    }
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Here(bytes) => bytes.read(buffer),
            Self::File(file) => file.read(buffer),
            Self::SealedFile(opener) => opener.read(buffer),
        }
    }
}

impl ContentReader {
    /// Continues at `offset`.
    ///
    /// # Errors
    ///
    /// An I/O error, also for a damaged file.
    pub fn seek_to(&mut self, offset: u64) -> io::Result<()> {
        match self {
            Self::Here(bytes) => bytes.seek(SeekFrom::Start(offset)).map(drop),
            Self::File(file) => file.seek(SeekFrom::Start(offset)).map(drop),
            Self::SealedFile(opener) => opener.seek_to(offset).map(drop),
        }
    }
}
