//! Keys: up to 64 bytes, built from a prefix and fields whose byte order is their order.

use super::StoreError;

/// The key of a record: a prefix byte and big-endian fields, so that a range is a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Vec<u8>);

impl Key {
    /// The longest key, in bytes: sled keeps keys in every index node above them.
    pub const MAX_BYTES: usize = 64;

    /// A key that begins with `prefix`. Prefix 0 is the store's own.
    #[must_use]
    pub fn new(prefix: u8) -> Self {
        let mut bytes = Vec::with_capacity(24);
        bytes.push(prefix);
        Self(bytes)
    }

    /// The key with `bytes` behind it.
    #[must_use]
    pub fn with(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The bytes as they lie on disk.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_disk(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.0.len() > Self::MAX_BYTES {
            return Err(StoreError::TooLarge("a key is longer than 64 bytes"));
        }
        Ok(())
    }
}
