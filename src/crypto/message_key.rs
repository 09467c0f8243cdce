//! The key of one message in a box: its "passphrase" in the words of the Key Service.

use zeroize::ZeroizeOnDrop;

use super::random::{Random, random_array};

/// 256 random bits that seal one message, or one file. Wiped on drop.
#[derive(ZeroizeOnDrop)]
pub struct MessageKey([u8; 32]);

impl MessageKey {
    /// A fresh key.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self(random_array(random))
    }

    /// The key as it came out of its wrapping.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key itself. Whoever copies it answers for the copy.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }
}
