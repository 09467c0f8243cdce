//! Cryptography: all algorithms are used here only; the rest of the daemon calls these modules by purpose.
//! The functions are plain, without async and without a clock; randomness is passed in as a [`Random`].
//!
//! | module | what for |
//! |---|---|
//! | [`secret_bytes`] | the types that hold a secret, and comparison in constant time |
//! | [`answer_key`] | the public half of a link, encrypted for one person |
//! | [`random`] | the sources of randomness |
//! | [`seal`] | a secret's payload in the store, undecryptable once its slot key is overwritten |
//! | [`key_wrap`] | keys that encrypt the keys in slots, and such keys |
//! | [`sjcl`] | the ciphertext of the Secrets API, and the two halves of its password |
//! | [`halves`] | a secret under both of these halves, as clients seal and open it |
//! | [`contents`] | the plaintext of a secret: a text, or a text with files |
//! | [`password_hash`] | a password that is only compared, and decrypts nothing |
//! | [`typed_password`] | a password as typed, normalized to one text |
//! | [`digest`] | SHA-256, mainly of API keys, and hexadecimal text |
//! | [`mac`] | HMAC-SHA-256, which authenticates webhook calls |
//! | [`message_key`] | the key of one message in a box |
//! | [`box_key`], [`public_key`] | the private and public RSA key of a box, and their formats |
//! | [`envelope`] | a message or a file in a box: compressed, sealed, with the digest of the plaintext |
//! | [`stream`] | AES-256-GCM in chunks, for data that does not fit into memory |
//! | [`age_file`] | a file for recipients with key pairs, or for everybody with a passphrase (age) |
//! | [`chunks`] | the same for a file that is written in several parts |
//! | [`gzip`] | gzip that stores incompressible data without compression |
//! | [`base64_lines`] | base64 with line ends in it |
//! | [`proof_of_work`] | a proof of work (ALTCHA) that makes scanning expensive |
//! | [`sequence_mask`] | a sequence number hidden inside a random id |

pub mod age_file;
pub mod answer_key;
pub mod base64_lines;
pub mod box_key;
pub mod chunks;
pub mod contents;
pub mod digest;
pub mod envelope;
pub mod gzip;
pub mod halves;
pub mod key_wrap;
pub mod mac;
pub mod message_key;
pub mod password_hash;
pub mod proof_of_work;
pub mod public_key;
pub mod random;
pub mod seal;
pub mod secret_bytes;
pub mod sequence_mask;
pub mod sjcl;
pub mod stream;
pub mod typed_password;
pub mod value_seal;

pub use age_file::{AgeError, AgeIdentity, AgeKey, AgeLock, AgeRecipient};
pub use answer_key::{AnswerKey, AnswerKeyError, AnswerPrivateKey};
pub use base64_lines::without_line_ends;
pub use box_key::{BadRsaBits, BoxKey, KeyFormError, OpenKeyError, RsaBits};
pub use chunks::{ChunkReader, ChunkWriter};
pub use digest::{RunningSha256, hex, sha256};
pub use envelope::{EnvelopeError, EnvelopeReader, EnvelopeWriter, WrittenEnvelope};
pub use gzip::{BadGzip, GunzipReader, GzipWriter, TooLong};
pub use key_wrap::{SlotWrap, WRAPPED_KEY_BYTES, WrappingKey};
pub use mac::hmac_sha256;
pub use message_key::MessageKey;
pub use password_hash::PasswordHash;
pub use public_key::{PublicKey, PublicKeyError};
pub use random::{Random, SeededRandom, SystemRandom, random_array};
pub use seal::{Damaged, SlotKey};
pub use secret_bytes::{SecretBytes, SecretText, bytes_equal};
pub use sequence_mask::SequenceMask;
pub use stream::{FileSealer, StreamOpener, StreamSealer};
pub use typed_password::TypedPassword;
