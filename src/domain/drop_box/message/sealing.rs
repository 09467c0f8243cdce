//! From what a sender hands over to [`Parts`]: sealed here, or by the sender.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{Parts, PartsBody, SealedBy};
use crate::crypto::{
    MessageKey, PublicKey, Random,
    envelope::{self, EnvelopeWriter},
    hex,
    stream::StreamSealer,
};
use crate::store::NewFile;

/// What is sealed along with a file that the server sees: JSON, under the file's key.
#[derive(Serialize, Deserialize)]
pub(super) struct About {
    /// The file's name.
    pub(super) name: String,
    /// Its media type, as the sender told it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub(super) media_type: Option<String>,
    /// SHA-256 of the file in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) sha256: Option<String>,
}

/// A file that is being sealed while it arrives.
pub enum FileSealer {
    /// Here: compressed, and sealed under a key of its own.
    Server(MessageKey, Box<EnvelopeWriter<NewFile>>),
    /// By its sender. The store's own seal goes around it, to be burned with it.
    Sender(MessageKey, Box<StreamSealer<NewFile>>, u64),
}

/// A file that has arrived; its key is not wrapped yet.
pub enum SealedFile {
    /// See [`FileSealer::Server`].
    Server {
        /// Opens it.
        key: MessageKey,
        /// The envelope.
        file: NewFile,
        /// Name, type and hash, sealed.
        about: Vec<u8>,
        /// Of the plaintext.
        bytes: u64,
    },
    /// See [`FileSealer::Sender`].
    Sender {
        /// The store's.
        key: MessageKey,
        /// What came, sealed.
        file: NewFile,
        /// As it was given.
        file_name: String,
        /// As it came.
        bytes: u64,
    },
}

/// Seals a text for a box. Blocks for the time of one RSA operation.
#[must_use]
pub fn text(text: &[u8], public_key: &PublicKey, random: &dyn Random) -> Parts {
    let key = MessageKey::new(random);
    Parts {
        sealed_by: SealedBy::Server,
        size: text.len() as u64,
        is_file: false,
        encryption_key: public_key.seal_message_key(&key, random),
        file_name: Vec::new(),
        body: PartsBody::Here(envelope::seal(&key, text, random)),
    }
}

/// Takes over a text that its sender has sealed.
#[must_use]
pub fn sealed_text(encrypted_message: &str, encryption_key: &str) -> Parts {
    Parts {
        sealed_by: SealedBy::Sender,
        size: encrypted_message.len() as u64,
        is_file: false,
        encryption_key: encryption_key.as_bytes().to_vec(),
        file_name: Vec::new(),
        body: PartsBody::Here(encrypted_message.as_bytes().to_vec()),
    }
}

impl FileSealer {
    /// Begins a file, to be sealed here or sealed already.
    ///
    /// # Errors
    ///
    /// Those of the file.
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

    /// Takes the next bytes of the file. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Server(_, writer) => writer.write_all(bytes),
            Self::Sender(_, sealer, written) => {
                *written += bytes.len() as u64;
                sealer.write_all(bytes)
            }
        }
    }

    /// Ends the file. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the file.
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
                // A prefix of its own: the key has sealed the file.
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
    /// Who has sealed it.
    #[must_use]
    pub fn sealed_by(&self) -> SealedBy {
        match self {
            Self::Server { .. } => SealedBy::Server,
            Self::Sender { .. } => SealedBy::Sender,
        }
    }

    /// What it takes on disk.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        match self {
            Self::Server { file, .. } | Self::Sender { file, .. } => file.bytes(),
        }
    }

    /// Wraps the key of a file that was sealed here. `None` for another.
    #[must_use]
    pub fn wrapped(self, public_key: &PublicKey, random: &dyn Random) -> Option<Parts> {
        let Self::Server { key, file, about, bytes } = self else { return None };
        Some(Parts {
            sealed_by: SealedBy::Server,
            size: bytes,
            is_file: true,
            encryption_key: public_key.seal_message_key(&key, random),
            file_name: about,
            body: PartsBody::File(file, None),
        })
    }

    /// Joins a file that its sender has sealed with the key that goes with it. `None` for another.
    #[must_use]
    pub fn with_key(self, encryption_key: &str) -> Option<Parts> {
        let Self::Sender { key, file, file_name, bytes } = self else { return None };
        Some(Parts {
            sealed_by: SealedBy::Sender,
            size: bytes,
            is_file: true,
            encryption_key: encryption_key.as_bytes().to_vec(),
            file_name: file_name.into_bytes(),
            body: PartsBody::File(file, Some(key)),
        })
    }
}
