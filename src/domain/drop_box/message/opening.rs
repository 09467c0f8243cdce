//! Turns the [`MessageContent`] of a message into the form for its reader: opened with the box's private key,
//! or as stored.

use std::io::{self, Read};

use base64::{
    Engine as _,
    engine::general_purpose::{GeneralPurpose, STANDARD},
    read::DecoderReader,
};
use sha2::{Digest, Sha256};

use super::{BoxMessage, ContentReader, MessageContent, SealedBy, sealing::About};
use crate::crypto::{
    BoxKey, MessageKey, Random, SecretBytes,
    envelope::{self, EnvelopeReader},
    hex,
};

/// The size of a piece, in bytes: a multiple of 3, so that the base64 of pieces can be concatenated.
const PIECE_BYTES: usize = 96 << 10;
/// The number of bytes that one call skips at most.
const SKIPPED_BYTES: u64 = 4 << 20;

/// A message as shown to its reader.
pub struct OpenedMessage {
    /// The encryption key, for a message that is shown as stored.
    pub encryption_key: Option<String>,
    /// The message.
    pub body: ShownBody,
}

/// A text, or the metadata of a file.
pub enum ShownBody {
    /// A text, read in pieces.
    Text(ShownText),
    /// A file, fetched separately.
    File {
        /// The name of the file.
        name: String,
        /// The number of bytes that will be fetched, if known.
        bytes: Option<u64>,
        /// SHA-256 in hexadecimal, if known.
        sha256: Option<String>,
        /// The key of the file; `None` if it is fetched as stored.
        key: Option<MessageKey>,
        /// The location of its bytes.
        content: MessageContent,
    },
}

/// A text that is read in pieces.
pub struct ShownText {
    source: TextSource,
    /// An upper bound of the size, if known; bounds the memory that is reserved and wiped.
    expected: u64,
    hash: Sha256,
    bytes: u64,
    is_at_end: bool,
}

enum TextSource {
    Opened(Box<dyn Read + Send>),
    Stored(ContentReader),
    StoredToBase64(ContentReader),
}

type FromBase64<R> = DecoderReader<'static, GeneralPurpose, Unspaced<R>>;

/// Skips white space, which some senders put into base64.
struct Unspaced<R>(R);

/// Opens a message for a reader with the box's private key. `limit` applies to messages that a sender has
/// sealed: a longer plaintext is not opened. Blocks on RSA.
///
/// A message that cannot be opened is shown as stored, with its encryption key, because the sender may have
/// used another method that the reader knows.
///
/// # Errors
///
/// An error of the payload file.
pub fn open(
    message: &BoxMessage,
    content: MessageContent,
    key: &BoxKey,
    limit: Option<u64>,
    random: &dyn Random,
) -> io::Result<OpenedMessage> {
    let wrapped = match message.sealed_by {
        SealedBy::Server => Some(content.encryption_key.clone()),
        SealedBy::Sender => unspaced_base64(&content.encryption_key),
    };
    let opened = wrapped.and_then(|wrapped| key.open_message_key(&wrapped, random).ok());
    let Some(message_key) = opened else {
        if message.sealed_by == SealedBy::Server {
            tracing::error!("a message cannot be opened with the key of its box");
        }
        return as_stored(message, content);
    };
    let body = match (message.is_file, message.sealed_by) {
        (true, SealedBy::Sender) if !looks_like_envelope(&content, &message_key) => {
            return as_stored(message, content);
        }
        (true, sealed_by) => opened_file(message, sealed_by, content, message_key),
        (false, SealedBy::Server) => {
            let source = EnvelopeReader::new(content.body.reader()?, &message_key, None)?;
            ShownBody::Text(ShownText::new(TextSource::Opened(Box::new(source)), message.size))
        }
        (false, SealedBy::Sender) => {
            let envelope =
                || EnvelopeReader::new(from_base64(content.body.reader()?), &message_key, limit);
            // The whole message is checked before any of it is shown, because a partly sent list cannot be
            // corrected.
            let checked = envelope().and_then(|mut all| io::copy(&mut all, &mut io::sink()));
            if checked.is_err() {
                return as_stored(message, content);
            }
            let source = TextSource::Opened(Box::new(envelope()?));
            ShownBody::Text(ShownText::new(source, u64::MAX))
        }
    };
    Ok(OpenedMessage { encryption_key: None, body })
}

/// Shows a message as stored.
///
/// # Errors
///
/// An error of the payload file.
pub fn as_stored(message: &BoxMessage, content: MessageContent) -> io::Result<OpenedMessage> {
    let text_of = |bytes: &[u8]| match message.sealed_by {
        SealedBy::Server => STANDARD.encode(bytes),
        SealedBy::Sender => String::from_utf8_lossy(bytes).into_owned(),
    };
    let encryption_key = Some(text_of(&content.encryption_key));
    let body = if message.is_file {
        ShownBody::File {
            name: text_of(&content.file_name),
            bytes: Some(content.body.bytes()),
            sha256: None,
            key: None,
            content,
        }
    } else {
        let (bytes, reader) = (content.body.bytes(), content.body.reader()?);
        let source = match message.sealed_by {
            SealedBy::Server => TextSource::StoredToBase64(reader),
            SealedBy::Sender => TextSource::Stored(reader),
        };
        ShownBody::Text(ShownText::new(source, bytes))
    };
    Ok(OpenedMessage { encryption_key, body })
}

/// The bytes of a file: opened with `key`, or as stored. `limit` applies to files that a sender has sealed.
///
/// # Errors
///
/// An error of the payload file.
pub fn file_reader(
    content: &MessageContent,
    sealed_by: SealedBy,
    key: Option<&MessageKey>,
    limit: Option<u64>,
) -> io::Result<FileReader> {
    let body = content.body.reader()?;
    let limit = limit.filter(|_| sealed_by == SealedBy::Sender);
    Ok(match key {
        Some(key) => FileReader::Opened(Box::new(EnvelopeReader::new(body, key, limit)?)),
        None => FileReader::Stored(body),
    })
}

/// The reader that [`file_reader`] returns.
pub enum FileReader {
    /// Opened with the message's key.
    Opened(Box<EnvelopeReader<ContentReader>>),
    /// As stored.
    Stored(ContentReader),
}

impl FileReader {
    /// Skips `bytes` before the first read. Skipping in an opened file reads a few megabytes per call.
    /// Returns the number of bytes that are still to skip.
    ///
    /// # Errors
    ///
    /// An error of the reader.
    pub fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        match self {
            Self::Opened(reader) => {
                let most = bytes.min(SKIPPED_BYTES);
                let skipped = io::copy(&mut reader.take(most), &mut io::sink())?;
                Ok(if skipped < most { 0 } else { bytes - skipped })
            }
            Self::Stored(body) => body.seek_to(bytes).map(|()| 0),
        }
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Opened(reader) => reader.read(buffer),
            Self::Stored(body) => body.read(buffer),
        }
    }
}

impl ShownText {
    fn new(source: TextSource, expected: u64) -> Self {
        Self { source, expected, hash: Sha256::new(), bytes: 0, is_at_end: false }
    }

    /// Whether the last piece has already been returned, so that no further read is needed.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The next piece of the text; `None` after the last one. Blocks on files and on long texts.
    ///
    /// # Errors
    ///
    /// An error of the payload file, also for damaged content.
    pub fn next_piece(&mut self) -> io::Result<Option<SecretBytes>> {
        if self.is_at_end {
            return Ok(None);
        }
        let most = PIECE_BYTES as u64;
        let expected = usize::try_from(self.expected.min(most)).unwrap_or(PIECE_BYTES);
        let mut piece = Vec::with_capacity(expected);
        match &mut self.source {
            TextSource::Opened(reader) => reader.take(most).read_to_end(&mut piece)?,
            TextSource::Stored(body) | TextSource::StoredToBase64(body) => {
                body.take(most).read_to_end(&mut piece)?
            }
        };
        // A short piece occurs only at the end, after the end was authenticated.
        self.is_at_end = piece.len() < PIECE_BYTES;
        let piece = SecretBytes::new(piece);
        if piece.is_empty() {
            return Ok(None);
        }
        self.bytes += piece.len() as u64;
        match &self.source {
            TextSource::Opened(_) => {
                self.hash.update(piece.expose_secret());
                Ok(Some(piece))
            }
            TextSource::Stored(_) => Ok(Some(piece)),
            TextSource::StoredToBase64(_) => {
                Ok(Some(SecretBytes::new(STANDARD.encode(piece.expose_secret()).into_bytes())))
            }
        }
    }

    /// After the last piece: the number of plaintext bytes and their SHA-256 in hexadecimal; `None` for a
    /// message that is shown as stored.
    #[must_use]
    pub fn plaintext(self) -> Option<(u64, String)> {
        match self.source {
            TextSource::Opened(_) => Some((self.bytes, hex(&self.hash.finalize()))),
            TextSource::Stored(_) | TextSource::StoredToBase64(_) => None,
        }
    }
}

/// Whether a sender's file begins like an envelope, judged by its first byte.
fn looks_like_envelope(content: &MessageContent, key: &MessageKey) -> bool {
    let begun = content.body.reader().and_then(|body| EnvelopeReader::new(body, key, None));
    begun.and_then(|mut envelope| envelope.read(&mut [0])).is_ok()
}

fn opened_file(
    message: &BoxMessage,
    sealed_by: SealedBy,
    content: MessageContent,
    key: MessageKey,
) -> ShownBody {
    let sealed_name = match sealed_by {
        SealedBy::Server => Some(content.file_name.clone()),
        SealedBy::Sender => unspaced_base64(&content.file_name),
    };
    let about = sealed_name
        .and_then(|sealed| envelope::open(&key, &sealed, MAX_ABOUT_BYTES).ok())
        .and_then(|about| serde_json::from_slice::<About>(about.expose_secret()).ok())
        .filter(|about| about.name.len() <= MAX_NAME_BYTES);
    // A sender may leave the name unencrypted.
    let (name, sha256) = match (about, sealed_by) {
        (Some(about), SealedBy::Server) => (about.name, about.sha256),
        // The hash comes from the sender and is unverified.
        (Some(about), SealedBy::Sender) => (about.name, None),
        (None, SealedBy::Sender) => {
            (String::from_utf8_lossy(&content.file_name).into_owned(), None)
        }
        (None, SealedBy::Server) => (String::new(), None),
    };
    let bytes = (sealed_by == SealedBy::Server).then_some(message.size);
    ShownBody::File { name, bytes, sha256, key: Some(key), content }
}

/// The longest name, type and hash that this program writes.
const MAX_ABOUT_BYTES: u64 = 16 << 10;
const MAX_NAME_BYTES: usize = 255;

fn from_base64<R: Read>(source: R) -> FromBase64<R> {
    DecoderReader::new(Unspaced(source), &STANDARD)
}

fn unspaced_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    from_base64(text).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

impl<R: Read> Read for Unspaced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.0.read(buffer)?;
            let (mut kept, filled) = (0, buffer.get_mut(..read).unwrap_or_default());
            for place in 0..filled.len() {
                if filled.get(place).is_some_and(|byte| !byte.is_ascii_whitespace()) {
                    filled.swap(kept, place);
                    kept += 1;
                }
            }
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}
