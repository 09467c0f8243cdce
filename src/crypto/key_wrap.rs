//! Keys that encrypt keys: of a bucket of slots, of an epoch of the ring, and the operator's master key.

use aes::{
    Aes256, Block,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};
use aes_kw::KwAes256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    random::{Random, random_array},
    seal::{Damaged, SlotKey},
};

/// The size of a wrapped [`WrappingKey`], in bytes.
pub const WRAPPED_KEY_BYTES: usize = 40;

/// A random key of 256 bits that encrypts other keys. Wiped on drop.
#[derive(ZeroizeOnDrop)]
pub struct WrappingKey([u8; 32]);

impl WrappingKey {
    /// A new random key.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self(random_array(random))
    }

    /// The key from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key, only for storing them.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// The same key once more. Not `Clone`, so that each copy is explicit.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(self.0)
    }

    /// Encrypts `key` with AES-256 key wrap (RFC 3394), which notices a wrong key and changed bytes.
    #[must_use]
    pub fn wrap(&self, key: &Self) -> [u8; WRAPPED_KEY_BYTES] {
        let mut wrapped = [0; WRAPPED_KEY_BYTES];
        KwAes256::new(&self.0.into())
            .wrap_key(&key.0, &mut wrapped)
            .expect("32 bytes wrapped are 40 bytes");
        wrapped
    }

    /// Opens the result of [`WrappingKey::wrap`].
    ///
    /// # Errors
    ///
    /// [`Damaged`], for another key and for changed bytes.
    pub fn unwrap(&self, wrapped: &[u8; WRAPPED_KEY_BYTES]) -> Result<Self, Damaged> {
        let mut key = Self([0; 32]);
        KwAes256::new(&self.0.into()).unwrap_key(wrapped, &mut key.0).map_err(|_| Damaged)?;
        Ok(key)
    }

    /// What encrypts the keys of slots.
    #[must_use]
    pub fn for_slots(&self) -> SlotWrap {
        SlotWrap(Aes256::new(&self.0.into()))
    }
}

/// Encrypts keys of slots in 32 bytes.
///
/// # Security
///
/// Each half of a key is one block of AES-256. Keys are random and used once, so no two halves are alike, and
/// nothing is learned from equal blocks. Nothing here notices changed bytes: the check value of
/// [`SlotKey::check`] does.
pub struct SlotWrap(Aes256);

impl SlotWrap {
    /// The encrypted bytes of a key.
    #[must_use]
    pub fn wrap(&self, key: &SlotKey) -> [u8; 32] {
        let mut bytes = *key.expose_secret();
        for half in bytes.as_chunks_mut::<16>().0 {
            let mut block = Block::from(*half);
            self.0.encrypt_block(&mut block);
            half.copy_from_slice(&block);
        }
        bytes
    }

    /// The key that [`SlotWrap::wrap`] has encrypted, or another one if the bytes were changed.
    #[must_use]
    pub fn unwrap(&self, wrapped: &[u8; 32]) -> SlotKey {
        let mut bytes = *wrapped;
        for half in bytes.as_chunks_mut::<16>().0 {
            let mut block = Block::from(*half);
            self.0.decrypt_block(&mut block);
            half.copy_from_slice(&block);
            block.as_mut_slice().zeroize();
        }
        let key = SlotKey::from_bytes(bytes);
        bytes.zeroize();
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    /// RFC 3394, section 4.6: 256 bits of key data with a 256-bit key.
    #[test]
    fn a_key_is_wrapped_as_in_the_rfc() {
        let outer = WrappingKey(std::array::from_fn(|n| u8::try_from(n).unwrap()));
        let mut inner = [0; 32];
        inner[..16].copy_from_slice(&0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes());
        inner[16..].copy_from_slice(&0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes());
        let wrapped = outer.wrap(&WrappingKey(inner));
        let expected =
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
        let hex: String = wrapped.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
        assert_eq!(outer.unwrap(&wrapped).unwrap().0, inner);
        for place in 0..WRAPPED_KEY_BYTES {
            let mut changed = wrapped;
            changed[place] ^= 1;
            assert!(outer.unwrap(&changed).is_err(), "byte {place}");
        }
    }

    /// The first vector of AES-256 in FIPS 197, appendix C.3.
    #[test]
    fn halves_of_slot_keys_are_blocks_of_aes() {
        let outer = WrappingKey(std::array::from_fn(|n| u8::try_from(n).unwrap()));
        let half = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes();
        let key = SlotKey::from_bytes([half, half].concat().try_into().unwrap());
        let wrapped = outer.for_slots().wrap(&key);
        let expected = 0x8ea2_b7ca_5167_45bf_eafc_4990_4b49_6089_u128.to_be_bytes();
        assert_eq!(wrapped.as_chunks::<16>().0, [expected, expected]);
        assert_eq!(outer.for_slots().unwrap(&wrapped).expose_secret(), key.expose_secret());
    }

    #[test]
    fn another_key_opens_nothing() {
        let random = SeededRandom::new(1);
        let [outer, other, inner] = [(); 3].map(|()| WrappingKey::new(&random));
        assert!(other.unwrap(&outer.wrap(&inner)).is_err());
        let slot = SlotKey::new(&random);
        let opened = other.for_slots().unwrap(&outer.for_slots().wrap(&slot));
        assert_ne!(opened.check(), slot.check());
    }
}
