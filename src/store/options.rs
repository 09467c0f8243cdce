//! How a store is opened.

use std::path::PathBuf;

use super::RingCopy;
use crate::crypto::WrappingKey;

/// The settings of an open store.
pub struct StoreOptions {
    /// The size of the database's cache in memory, in bytes.
    pub cache_bytes: u64,
    /// The file of the ring, if it is to be outside of the data directory, which gets a symbolic link to it.
    /// A ring that is elsewhere is moved, and overwritten there.
    pub ring: Option<PathBuf>,
    /// A directory for the key table, which each turn of the ring writes anew.
    pub keys_out: Option<PathBuf>,
    /// Further places for the ring.
    pub ring_copies: Vec<Box<dyn RingCopy>>,
    /// The key that encrypts the ring. A ring without encryption is encrypted at the opening.
    pub master_key: Option<WrappingKey>,
    /// Whether a store of an older format is brought to the present one.
    pub upgrade: bool,
}

impl StoreOptions {
    /// A ring in the data directory, without encryption or copies.
    #[must_use]
    pub fn new(cache_bytes: u64) -> Self {
        Self {
            cache_bytes,
            ring: None,
            keys_out: None,
            ring_copies: Vec::new(),
            master_key: None,
            upgrade: false,
        }
    }
}
