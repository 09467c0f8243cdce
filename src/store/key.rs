//! Keys of records: up to 64 bytes, made of a prefix and fields. Their byte order is the order of the fields.

use smallvec::SmallVec;

use super::StoreError;

/// The key of a record: a prefix byte and big-endian fields. A range of keys is described by a common prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(SmallVec<[u8; Key::INLINE]>);

impl Key {
    /// The longest key, in bytes. Keys are short, because sled repeats them in its index nodes.
    pub const MAX_BYTES: usize = 64;

    /// The length up to which a key needs no memory of its own: a prefix and a hash of 32 bytes fit. A change
    /// makes and copies dozens of keys.
    const INLINE: usize = 36;

    /// A key that begins with `prefix`. Prefix 0 is reserved for the store.
    #[must_use]
    pub fn new(prefix: u8) -> Self {
        Self(SmallVec::from_slice(&[prefix]))
    }

    /// The key with `bytes` appended.
    #[must_use]
    pub fn with(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The bytes of the key, as stored on disk.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_disk(bytes: &[u8]) -> Self {
        Self(SmallVec::from_slice(bytes))
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.0.len() > Self::MAX_BYTES {
            return Err(StoreError::TooLarge("a key is longer than 64 bytes"));
        }
        Ok(())
    }
}
