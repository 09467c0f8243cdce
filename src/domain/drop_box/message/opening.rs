//! From the [`Content`] of a message to what its reader sees: opened with the box's private key, or as
//! it is stored.

use std::io::{self, Read};

use base64::{
    Engine as _,
    engine::general_purpose::{GeneralPurpose, STANDARD},
    read::DecoderReader,
};
use sha2::{Digest, Sha256};

use super::{Content, ContentReader, Message, SealedBy, sealing::About};
use crate::crypto::{
    BoxKey, MessageKey, Random, SecretBytes,
    envelope::{self, EnvelopeReader},
    hex,
};

/// How much is read at once: a multiple of 3, so that pieces in base64 can be joined.
const PIECE_BYTES: usize = 96 << 10;
/// How much is gone past at once.
const SKIPPED_BYTES: u64 = 4 << 20;

/// A message as its reader sees it.
pub struct Shown {
    /// Where the message is shown as it is stored: what its reader opens it with.
    pub encryption_key: Option<String>,
    /// The message itself.
    pub body: ShownBody,
}

/// A text, or what is known of a file.
pub enum ShownBody {
    /// To be read piece by piece.
    Text(ShownText),
    /// To be fetched on its own.
    File {
        /// What it is called.
        name: String,
        /// How many bytes will be fetched, where that is known.
        bytes: Option<u64>,
        /// In hexadecimal, where it is known.
        sha256: Option<String>,
        /// Opens it; `None` where it is fetched as it is stored.
        key: Option<MessageKey>,
        /// Where its bytes are.
        content: Content,
    },
}

/// A text that is read piece by piece.
pub struct ShownText {
    source: TextSource,
    /// How much there is at the most, where that is known: no more is reserved, nor wiped.
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

/// Reads past the white space that some put into base64.
struct Unspaced<R>(R);

/// Shows a message to somebody who has the box's private key. `limit` is for what a sender has sealed:
/// a plaintext of more bytes is not opened. Blocks: RSA.
///
/// What can not be opened is shown as it is stored, with its encryption key: it may be sealed in a way
/// that only its reader knows.
///
/// # Errors
///
/// Those of a payload file.
pub fn open(
    message: &Message,
    content: Content,
    key: &BoxKey,
    limit: Option<u64>,
    random: &dyn Random,
) -> io::Result<Shown> {
    let wrapped = match message.sealed_by {
        SealedBy::Server => Some(content.encryption_key.clone()),
        SealedBy::Sender => unspaced_base64(&content.encryption_key),
    };
    let opened = wrapped.and_then(|wrapped| key.open_message_key(&wrapped, random).ok());
    let Some(message_key) = opened else {
        if message.sealed_by == SealedBy::Server {
            tracing::error!("a message does not open with the key of its box");
        }
        return as_stored(message, content);
    };
    let body = match (message.is_file, message.sealed_by) {
        (true, SealedBy::Sender) if !begins_well(&content, &message_key) => {
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
            // All of it once before anything is shown: a list can not be taken back half way.
            let checked = envelope().and_then(|mut all| io::copy(&mut all, &mut io::sink()));
            if checked.is_err() {
                return as_stored(message, content);
            }
            let source = TextSource::Opened(Box::new(envelope()?));
            ShownBody::Text(ShownText::new(source, u64::MAX))
        }
    };
    Ok(Shown { encryption_key: None, body })
}

/// Shows a message as it is stored.
///
/// # Errors
///
/// Those of a payload file.
pub fn as_stored(message: &Message, content: Content) -> io::Result<Shown> {
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
    Ok(Shown { encryption_key, body })
}

/// The bytes of a file to hand out: opened with `key`, or as they are stored. `limit` is for what a
/// sender has sealed.
///
/// # Errors
///
/// Those of a payload file.
pub fn file_reader(
    content: &Content,
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

/// See [`file_reader`].
pub enum FileReader {
    /// Opened.
    Opened(Box<EnvelopeReader<ContentReader>>),
    /// As it is stored.
    Stored(ContentReader),
}

impl FileReader {
    /// Goes past `bytes`, where nothing was read yet. In an opened file that means reading them: a few
    /// megabytes at once. Returns how many are left to be gone past.
    ///
    /// # Errors
    ///
    /// Those of [`Read`].
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

    /// Whether the last piece was the last one: there is nothing to be waited for.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The next piece of the text; `None` after the last. Blocks on files, and where it is long.
    ///
    /// # Errors
    ///
    /// Those of a payload file, and damage.
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
        // Less than was asked for comes only at the end, and after what proves that it is one.
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

    /// After the last piece: how many bytes of plaintext there were, and their SHA-256 in hexadecimal;
    /// `None` where it was shown as it is stored.
    #[must_use]
    pub fn plaintext(self) -> Option<(u64, String)> {
        match self.source {
            TextSource::Opened(_) => Some((self.bytes, hex(&self.hash.finalize()))),
            TextSource::Stored(_) | TextSource::StoredToBase64(_) => None,
        }
    }
}

/// Whether the file of a sender opens as an envelope, as far as its first byte tells.
fn begins_well(content: &Content, key: &MessageKey) -> bool {
    let begun = content.body.reader().and_then(|body| EnvelopeReader::new(body, key, None));
    begun.and_then(|mut envelope| envelope.read(&mut [0])).is_ok()
}

fn opened_file(
    message: &Message,
    sealed_by: SealedBy,
    content: Content,
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
    // A sender may leave the name as it is.
    let (name, sha256) = match (about, sealed_by) {
        (Some(about), SealedBy::Server) => (about.name, about.sha256),
        // The hash is what the sender says, and nobody has checked it.
        (Some(about), SealedBy::Sender) => (about.name, None),
        (None, SealedBy::Sender) => {
            (String::from_utf8_lossy(&content.file_name).into_owned(), None)
        }
        (None, SealedBy::Server) => (String::new(), None),
    };
    let bytes = (sealed_by == SealedBy::Server).then_some(message.size);
    ShownBody::File { name, bytes, sha256, key: Some(key), content }
}

/// Longer ones are not ours.
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
