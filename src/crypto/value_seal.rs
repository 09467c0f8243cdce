//! Sealing of values that are rewritten, under a key that outlives them.
//!
//! A payload has a key of its own ([`super::seal`]). Values that are deleted together share one, and a change
//! must write the same bytes when it is run again. So the nonce comes from the value.

use aes_gcm::{
    AeadInOut, Aes256Gcm, KeyInit, Nonce,
    aead::{Tag, consts::U12},
};
use zeroize::Zeroizing;

use super::{
    mac::hmac_sha256,
    seal::{Damaged, SEAL_BYTES, SlotKey},
    secret_bytes::SecretBytes,
};

const NONCE_BYTES: usize = 12;

/// The difference in bytes between a sealed value and its plaintext: the nonce and AES-GCM's tag.
pub const VALUE_SEAL_BYTES: usize = NONCE_BYTES + SEAL_BYTES;

/// Seals a value under `key`, which may seal others, but no payload. `context` is where it belongs, such as the
/// key of its record: a value at another place does not open. The result is [`VALUE_SEAL_BYTES`] longer than the
/// plaintext, and always the same for the same arguments.
///
/// # Security
///
/// `nonce ‖ ciphertext ‖ tag` of AES-256-GCM under `HMAC-SHA-256(key, "sealdrop value key v1")`. The nonce is the
/// first 12 bytes of an HMAC-SHA-256 under `HMAC-SHA-256(key, "sealdrop value nonce v1")` of the length of the
/// context (8 bytes, little endian), the context and the plaintext, like the synthetic IV of RFC 5297: two
/// different values have different nonces, up to a chance of 2⁻⁹⁶ for each pair. Equal values at the same place
/// give equal results, which tells that they are equal.
///
/// # Panics
///
/// For more than AES-GCM's limit of 64 GiB. A value has a few KiB.
#[must_use]
pub fn seal_value(key: &SlotKey, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let length = (context.len() as u64).to_le_bytes();
    let nonce_key = derived(key, b"sealdrop value nonce v1");
    let mac = hmac_sha256(&nonce_key, &[&length, context, plaintext]);
    let mut sealed = Vec::with_capacity(VALUE_SEAL_BYTES + plaintext.len());
    sealed.extend_from_slice(&mac[..NONCE_BYTES]);
    sealed.extend_from_slice(plaintext);
    let (nonce, value) = sealed.split_at_mut(NONCE_BYTES);
    let nonce = <&Nonce<U12>>::try_from(&*nonce).expect("a nonce has 12 bytes");
    let tag = cipher(key)
        .encrypt_inout_detached(nonce, context, value.into())
        .expect("a value has less than the 64 GiB that AES-GCM takes");
    sealed.extend_from_slice(&tag);
    sealed
}

/// Opens the result of [`seal_value`] with the same key and context.
///
/// # Errors
///
/// [`Damaged`]
pub fn open_value(key: &SlotKey, context: &[u8], sealed: &[u8]) -> Result<SecretBytes, Damaged> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES).ok_or(Damaged)?;
    let length = rest.len().checked_sub(SEAL_BYTES).ok_or(Damaged)?;
    let (value, tag) = rest.split_at_checked(length).ok_or(Damaged)?;
    let nonce = <&Nonce<U12>>::try_from(nonce).map_err(|_| Damaged)?;
    let tag = <&Tag<Aes256Gcm>>::try_from(tag).map_err(|_| Damaged)?;
    let mut opened = value.to_vec();
    cipher(key)
        .decrypt_inout_detached(nonce, context, opened.as_mut_slice().into(), tag)
        .map_err(|_| Damaged)?;
    Ok(SecretBytes::new(opened))
}

/// A name for `text` that nobody can guess without `key`: `HMAC-SHA-256(K, text)`, where `K` is
/// `HMAC-SHA-256(key, "sealdrop name key v1")`.
#[must_use]
pub fn keyed_name(key: &SlotKey, text: &[u8]) -> [u8; 32] {
    hmac_sha256(&derived(key, b"sealdrop name key v1"), &[text])
}

fn derived(key: &SlotKey, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac_sha256(key.expose_secret(), &[purpose]))
}

fn cipher(key: &SlotKey) -> Aes256Gcm {
    Aes256Gcm::new((&*derived(key, b"sealdrop value key v1")).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{SeededRandom, hex};

    fn key(seed: u64) -> SlotKey {
        SlotKey::new(&SeededRandom::new(seed))
    }

    #[test]
    fn a_value_opens_at_its_place_with_its_key_only() {
        let sealed = seal_value(&key(1), b"here", b"198.51.100.7");
        assert_eq!(sealed.len(), 12 + VALUE_SEAL_BYTES);
        let opened = open_value(&key(1), b"here", &sealed).unwrap();
        assert_eq!(opened.expose_secret(), b"198.51.100.7");
        assert!(open_value(&key(2), b"here", &sealed).is_err());
        assert!(open_value(&key(1), b"there", &sealed).is_err());
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_value(&key(1), b"here", &flipped).is_err(), "bit {bit}");
        }
        for end in 0..sealed.len() {
            assert!(open_value(&key(1), b"here", &sealed[..end]).is_err(), "cut at {end}");
        }
    }

    /// Made with Python's `hmac` and `cryptography`.
    #[test]
    fn another_implementation_seals_the_same() {
        let key = SlotKey::from_bytes(std::array::from_fn(|n| u8::try_from(n).unwrap()));
        let sealed =
            "1ac520d66149936075b0a42f5126c71bbe768db52698d34887d3695b40344f79c9e794ad0ba5107f";
        assert_eq!(hex(&seal_value(&key, b"here", b"198.51.100.7")), sealed);
    }

    #[test]
    fn nonces_differ_with_the_value_and_with_its_place() {
        let nonce = |context: &[u8], value: &[u8]| {
            seal_value(&key(1), context, value)[..NONCE_BYTES].to_vec()
        };
        assert_eq!(nonce(b"a", b"bc"), nonce(b"a", b"bc"));
        assert_ne!(nonce(b"a", b"bc"), nonce(b"a", b"bd"));
        // The border between the two counts.
        assert_ne!(nonce(b"a", b"bc"), nonce(b"ab", b"c"));
    }
}
