//! Cryptography: every algorithm ends here, the rest of the daemon asks by purpose. Plain functions,
//! no async, no clock; randomness comes in as a [`Random`].
//!
//! | module | what for |
//! |---|---|
//! | [`secret_bytes`] | the types that hold a secret, and comparing in constant time |
//! | [`random`] | where randomness comes from |
//! | [`seal`] | a secret's payload in the store, undecryptable once its slot key is overwritten |
//! | [`sjcl`] | the ciphertext of the Secrets API, and the two halves of its password |
//! | [`password_hash`] | a password that is only ever compared |
//! | [`digest`] | SHA-256, of API keys above all |
//! | [`sequence_mask`] | a sequence number hidden inside a random id |

pub mod digest;
pub mod password_hash;
pub mod random;
pub mod seal;
pub mod secret_bytes;
pub mod sequence_mask;
pub mod sjcl;

pub use digest::sha256;
pub use password_hash::PasswordHash;
pub use random::{Random, SeededRandom, SystemRandom, random_array};
pub use seal::{Damaged, SlotKey};
pub use secret_bytes::{SecretBytes, SecretText, bytes_equal};
pub use sequence_mask::SequenceMask;
