//! The sealed payload of a secret in the store. Its key is in a separate slot, outside the database.
//! Overwriting the slot makes every copy of the payload in the database's log undecryptable. The store
//! decides where slots are and when they are overwritten.

use aes_gcm::{
    AeadInOut, Aes256Gcm, KeyInit, Nonce,
    aead::{Tag, consts::U12},
};
use sha2::{Digest, Sha256};
use zeroize::ZeroizeOnDrop;

use super::{
    random::{Random, random_array},
    secret_bytes::SecretBytes,
};

/// The difference in bytes between a sealed payload and its plaintext: AES-GCM's tag.
pub const SEAL_BYTES: usize = 16;

/// The key of one slot: 256 random bits that seal exactly one payload; or values, by [`super::value_seal`], and no
/// payload. Wiped on drop.
#[derive(ZeroizeOnDrop)]
pub struct SlotKey([u8; 32]);

impl SlotKey {
    /// A new random key.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self(random_array(random))
    }

    /// The key from the bytes of its slot.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key, only for writing them into its slot.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// A check value of the key. A record contains it to detect whether its slot now holds the key of a
    /// later secret.
    ///
    /// The first 8 bytes, little endian, of SHA-256 of `sealdrop slot check v1 ‖ key`. It reveals nothing
    /// about the key, so it may stay in the database after the key is gone.
    #[must_use]
    pub fn check(&self) -> u64 {
        let digest =
            Sha256::new().chain_update(b"sealdrop slot check v1").chain_update(self.0).finalize();
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(digest);
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// A sealed payload that does not open: another key, another context, or changed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed payload does not open with its key")]
pub struct Damaged;

/// Seals a payload under its own key. `context` is what it belongs to, such as its id: a payload moved to
/// another record does not open. The result is [`SEAL_BYTES`] longer than the plaintext.
///
/// # Security
///
/// AES-256-GCM with a nonce of zeros. A nonce must not be used twice with the same key, and it is not,
/// because **a slot key seals exactly one payload**; sealing a second one under it would reveal both. The
/// plaintext is overwritten in place by its ciphertext, so no copy of it stays in memory.
///
/// # Panics
///
/// For more than AES-GCM's limit of 64 GiB. A payload is much smaller.
#[must_use]
pub fn seal(key: &SlotKey, context: &[u8], plaintext: Vec<u8>) -> Vec<u8> {
    let mut sealed = plaintext;
    let tag = cipher(key)
        .encrypt_inout_detached(&NONCE, context, sealed.as_mut_slice().into())
        .expect("a payload has less than the 64 GiB that AES-GCM takes");
    // The vector may only grow, and move, after encryption: the memory that it leaves then holds
    // ciphertext.
    sealed.extend_from_slice(&tag);
    sealed
}

/// Opens the result of [`seal`] with the same key and context, in place.
///
/// # Errors
///
/// [`Damaged`]; in this case the bytes were not decrypted.
pub fn open(key: &SlotKey, context: &[u8], sealed: Vec<u8>) -> Result<SecretBytes, Damaged> {
    let mut opened = sealed;
    let length = opened.len().checked_sub(SEAL_BYTES).ok_or(Damaged)?;
    let (payload, tag) = opened.split_at_mut_checked(length).ok_or(Damaged)?;
    let tag = <&Tag<Aes256Gcm>>::try_from(&*tag).map_err(|_| Damaged)?;
    cipher(key)
        .decrypt_inout_detached(&NONCE, context, payload.into(), tag)
        .map_err(|_| Damaged)?;
    opened.truncate(length);
    Ok(SecretBytes::new(opened))
}

// Safe for one payload per key, see `seal`.
const NONCE: Nonce<U12> = aes_gcm::aead::array::Array([0; 12]);

fn cipher(key: &SlotKey) -> Aes256Gcm {
    Aes256Gcm::new((&key.0).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::random::SeededRandom;

    fn key() -> SlotKey {
        SlotKey::new(&SeededRandom::new(1))
    }

    /// Test cases 13 and 14 of the GCM specification (McGrew and Viega): key and nonce of zeros.
    #[test]
    fn the_published_ciphertexts_come_out() {
        let cases = [
            (vec![], "530f8afbc74536b9a963b4f1c4cb738b"),
            (vec![0; 16], "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        ];
        for (plaintext, expected) in cases {
            let sealed = seal(&SlotKey::from_bytes([0; 32]), b"", plaintext);
            let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected);
        }
    }

    #[test]
    fn another_key_context_or_byte_is_damage() {
        let sealed = seal(&key(), b"context", b"payload".to_vec());
        let opened = open(&key(), b"context", sealed.clone());
        assert_eq!(opened.as_ref().map(SecretBytes::expose_secret), Ok(&b"payload"[..]));

        let damaged = |key: SlotKey, context: &[u8], sealed: Vec<u8>| {
            assert_eq!(open(&key, context, sealed).err(), Some(Damaged));
        };
        damaged(SlotKey::new(&SeededRandom::new(2)), b"context", sealed.clone());
        damaged(key(), b"Context", sealed.clone());
        for length in 0..sealed.len() {
            damaged(key(), b"context", sealed[..length].to_vec());
        }
        for place in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[place] ^= 0x80;
            damaged(key(), b"context", flipped);
        }
    }

    /// Sealing in the same memory leaves no plaintext in memory.
    #[test]
    fn sealing_and_opening_stay_in_the_memory_they_were_given() {
        let mut plaintext = Vec::with_capacity(100);
        plaintext.extend_from_slice(&[1; 50]);
        let address = plaintext.as_ptr();
        let sealed = seal(&key(), b"", plaintext);
        assert_eq!(sealed.as_ptr(), address);
        let opened = open(&key(), b"", sealed);
        assert_eq!(opened.as_ref().map(|secret| secret.expose_secret().as_ptr()), Ok(address));
    }

    #[test]
    fn the_check_belongs_to_the_key() {
        // From `printf 'sealdrop slot check v1' | cat - key | sha256sum`: records must stay readable in
        // later versions.
        assert_eq!(SlotKey::from_bytes([7; 32]).check(), 0x53d9_0be6_3fce_6d72);
        assert_eq!(key().check(), key().check());
        assert_ne!(key().check(), SlotKey::new(&SeededRandom::new(2)).check());
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(
            key: [u8; 32],
            context in proptest::collection::vec(any::<u8>(), 0..100),
            plaintext in proptest::collection::vec(any::<u8>(), 0..3000),
        ) {
            let key = SlotKey::from_bytes(key);
            let sealed = seal(&key, &context, plaintext.clone());
            prop_assert_eq!(sealed.len(), plaintext.len() + SEAL_BYTES);
            let opened = open(&key, &context, sealed);
            prop_assert_eq!(opened.as_ref().map(SecretBytes::expose_secret), Ok(&plaintext[..]));
        }

        #[test]
        fn nothing_at_random_opens(sealed in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(open(&key(), b"", sealed).is_err());
        }
    }
}
