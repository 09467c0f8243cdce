//! Turns the input of a sender into [`UnsealedMessage`], sealed by the server or by the sender.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{PartsBody, SealedBy, UnsealedMessage};
use crate::{
    crypto::{
        MessageKey, PublicKey, Random,
        envelope::{self, EnvelopeWriter},
        hex,
        stream::StreamSealer,
    },
    store::NewFile,
};

/// The metadata of a file that the server seals: JSON, sealed under the file's key.
#[derive(Serialize, Deserialize)]
pub(super) struct About {
    /// The file's name.
    pub(super) name: String,
    /// Its media type, as stated by the sender.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub(super) media_type: Option<String>,
    /// SHA-256 of the file in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) sha256: Option<String>,
}

/// A file that is sealed while it is received.
pub enum MessageFileSealer {
    /// By the server: compressed, and sealed under its own key.
    Server(MessageKey, Box<EnvelopeWriter<NewFile>>),
    /// By the sender. The store seals it again, so that it can be burned.
    Sender(MessageKey, Box<StreamSealer<NewFile>>, u64),
}

/// A completely received file; its key is not wrapped yet.
pub enum SealedFile {
    /// A file sealed by the server.
    Server {
        /// The key of the file.
        key: MessageKey,
        /// The envelope.
        file: NewFile,
        /// Name, type and hash, sealed.
        about: Vec<u8>,
        /// The size of the plaintext.
        bytes: u64,
    },
    /// A file sealed by the sender.
    Sender {
        /// The key of the store's seal.
        key: MessageKey,
        /// The received bytes, sealed.
        file: NewFile,
        /// The name, as received.
        file_name: String,
        /// The number of received bytes.
        bytes: u64,
    },
}

/// Seals a text for a box. Blocks for one RSA operation.
#[must_use]
pub fn text(text: &[u8], public_key: &PublicKey, random: &dyn Random) -> UnsealedMessage {
    let key = MessageKey::new(random);
    UnsealedMessage {
        sealed_by: SealedBy::Server,
        size: text.len() as u64,
        is_file: false,
        encryption_key: public_key.seal_message_key(&key, random),
        file_name: Vec::new(),
        body: PartsBody::Here(envelope::seal(&key, text, random)),
    }
}

/// Accepts a text that its sender has sealed.
#[must_use]
pub fn sealed_text(encrypted_message: &str, encryption_key: &str) -> UnsealedMessage {
    UnsealedMessage {
        sealed_by: SealedBy::Sender,
        size: encrypted_message.len() as u64,
        is_file: false,
        encryption_key: encryption_key.as_bytes().to_vec(),
        file_name: Vec::new(),
        body: PartsBody::Here(encrypted_message.as_bytes().to_vec()),
    }
}

impl MessageFileSealer {
    /// Begins a file that the server seals or the sender has sealed.
    ///
    /// # Errors
    ///
    /// An I/O error of the file.
    pub fn new(sealed_by: SealedBy, file: NewFile, random: &dyn Random) -> io::Result<Self> {
        let key = MessageKey::new(random);
        Ok(match sealed_by {
            SealedBy::Server => {
                let writer = EnvelopeWriter::new(file, &key, random)?;
                Self::Server(key, Box::new(writer))
            }
            SealedBy::Sender => {
                let sealer = StreamSealer::new(file, &key, random)?;
                Self::Sender(key, Box::new(sealer), 0)
            }
        })
    }

    /// Writes the next bytes of the file. Blocks.
    ///
    /// # Errors
    ///
    /// An I/O error of the file.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Server(_, writer) => writer.write_all(bytes),
            Self::Sender(_, sealer, written) => {
                *written += bytes.len() as u64;
                sealer.write_all(bytes)
            }
        }
    }

    /// Completes the file. Blocks.
    ///
    /// # Errors
    ///
    /// An I/O error of the file.
    pub fn finish(
        self,
        file_name: String,
        media_type: Option<String>,
        random: &dyn Random,
    ) -> io::Result<SealedFile> {
        Ok(match self {
            Self::Server(key, writer) => {
                let (file, written) = writer.finish()?;
                let sha256 = Some(hex(&written.sha256));
                let about = About { name: file_name, media_type, sha256 };
                let about = serde_json::to_vec(&about).map_err(io::Error::other)?;
                // A separate prefix, because the key has also sealed the file.
                let about = envelope::seal(&key, &about, random);
                SealedFile::Server { key, file, about, bytes: written.bytes }
            }
            Self::Sender(key, sealer, bytes) => {
                SealedFile::Sender { key, file: sealer.finish()?, file_name, bytes }
            }
        })
    }
}

impl SealedFile {
    /// The party that seals the file.
    #[must_use]
    pub fn sealed_by(&self) -> SealedBy {
        match self {
            Self::Server { .. } => SealedBy::Server,
            Self::Sender { .. } => SealedBy::Sender,
        }
    }

    /// The size on disk, in bytes.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        match self {
            Self::Server { file, .. } | Self::Sender { file, .. } => file.bytes(),
        }
    }

    /// Wraps the key of a file that the server has sealed. `None` for other files.
    #[must_use]
    pub fn wrapped(self, public_key: &PublicKey, random: &dyn Random) -> Option<UnsealedMessage> {
        let Self::Server { key, file, about, bytes } = self else { return None };
        Some(UnsealedMessage {
            sealed_by: SealedBy::Server,
            size: bytes,
            is_file: true,
            encryption_key: public_key.seal_message_key(&key, random),
            file_name: about,
            body: PartsBody::File(file, None),
        })
    }

    /// Combines a file that its sender has sealed with its encryption key. `None` for other files.
    #[must_use]
    pub fn with_key(self, encryption_key: &str) -> Option<UnsealedMessage> {
        let Self::Sender { key, file, file_name, bytes } = self else { return None };
        Some(UnsealedMessage {
            sealed_by: SealedBy::Sender,
            size: bytes,
            is_file: true,
            encryption_key: encryption_key.as_bytes().to_vec(),
            file_name: file_name.into_bytes(),
            body: PartsBody::File(file, Some(key)),
        })
    }
}
