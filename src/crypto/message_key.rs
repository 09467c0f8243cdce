//! The key of one message in a box: the "passphrase" of the Key Service.

use zeroize::ZeroizeOnDrop;

use super::random::{Random, random_array};

/// 256 random bits that seal one message, or one file. Wiped on drop.
#[derive(ZeroizeOnDrop)]
pub struct MessageKey([u8; 32]);

impl MessageKey {
    /// A new random key.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self(random_array(random))
    }

    /// The key from its unwrapped bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key. The caller must wipe any copy.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }
}
