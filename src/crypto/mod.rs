//! Cryptography: every algorithm ends here, the rest of the daemon asks by purpose. Plain functions,
//! no async, no clock; randomness comes in as a [`Random`].
//!
//! | module | what for |
//! |---|---|
//! | [`secret_bytes`] | the types that hold a secret, and comparing in constant time |
//! | [`random`] | where randomness comes from |
//! | [`seal`] | a secret's payload in the store, undecryptable once its slot key is overwritten |
//! | [`sjcl`] | the ciphertext of the Secrets API, and the two halves of its password |
//! | [`halves`] | a secret under both of these halves, as clients seal and open it |
//! | [`contents`] | what is encrypted in a secret: a text, or a text with files |
//! | [`password_hash`] | a password that is only ever compared |
//! | [`typed_password`] | the one text that stands for what somebody has typed as a password |
//! | [`digest`] | SHA-256, of API keys above all, and how digests are written |
//! | [`mac`] | what shows that a call of a webhook is ours |
//! | [`message_key`] | the key of one message in a box |
//! | [`box_key`], [`public_key`] | the two halves of a box's RSA key, and the formats they are in |
//! | [`envelope`] | a message or a file in a box: gzip, sealed, and the digest of what went in |
//! | [`stream`] | AES-256-GCM in chunks, for what is too long to hold in memory |
//! | [`chunks`] | the same for a file that is written in several goes |
//! | [`gzip`] | gzip that does not squeeze what does not shrink |
//! | [`base64_lines`] | base64 that was cut into lines |
//! | [`proof_of_work`] | what keeps scanners busy (ALTCHA) |
//! | [`sequence_mask`] | a sequence number hidden inside a random id |

pub mod base64_lines;
pub mod box_key;
pub mod chunks;
pub mod contents;
pub mod digest;
pub mod envelope;
pub mod gzip;
pub mod halves;
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

pub use base64_lines::without_line_ends;
pub use box_key::{BadRsaBits, BoxKey, KeyFormError, OpenKeyError, RsaBits};
pub use chunks::{ChunkReader, ChunkWriter};
pub use digest::{RunningSha256, hex, sha256};
pub use envelope::{EnvelopeReader, EnvelopeWriter, OpenError, Written};
pub use gzip::{BadGzip, GunzipReader, GzipWriter, TooLong};
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
