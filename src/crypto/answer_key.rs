//! The public half of a link, encrypted so that one person can open it: who asked for the secret, or who
//! allowed a reply. That person's browser or command line has the private key and never sends it.
//!
//! HPKE (RFC 9180) in base mode: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. The `info` is
//! `INFO`, and the id of the request or secret is the associated data. A sealed part is the base64url of
//! the encapsulated key (65 bytes) and the ciphertext.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hpke::{
    Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable, aead::AesGcm256,
    kdf::HkdfSha256, kem::DhP256HkdfSha256, single_shot_open, single_shot_seal_with_rng,
};
use zeroize::Zeroizing;

use super::{
    digest::sha256,
    public_key::oaep::RustCryptoRandom,
    random::{Random, random_array},
    secret_bytes::SecretText,
};

/// Distinguishes these messages from others of the same construction.
const INFO: &[u8] = b"sealdrop answer 1";
/// An uncompressed point: 04, then both coordinates (SEC 1, 2.3.3).
const POINT_BYTES: usize = 65;
const TAG_BYTES: usize = 16;
/// The longest sealed part: a half of another program can have several hundred bytes.
pub const MAX_SEALED_CHARS: usize = 1500;
/// The length of a fingerprint in bytes. Finding another key with the same one takes 2^128 attempts.
const FINGERPRINT_BYTES: usize = 16;

/// A public key for answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerKey(<DhP256HkdfSha256 as Kem>::PublicKey);

/// A private key for answers.
pub struct AnswerPrivateKey(<DhP256HkdfSha256 as Kem>::PrivateKey);

/// Why a key or a sealed part is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerKeyError {
    /// Not a public key.
    #[error(
        "must be the base64url of a P-256 public key: an uncompressed point of 65 bytes, 87 characters"
    )]
    NoKey,
    /// Not a private key.
    #[error("the key in the status link is damaged")]
    NoPrivateKey,
    /// Too short, too long, or not base64url.
    #[error(
        "must be the base64url of an encapsulated key of 65 bytes and a ciphertext, {MAX_SEALED_CHARS} characters at most"
    )]
    NoSealedPart,
    /// Another key, another id, or changed data: these cannot be distinguished.
    #[error("the key does not open this answer")]
    OtherKey,
}

impl AnswerKey {
    /// The length of the text form in characters.
    pub const CHARS: usize = 87;
    /// The length of a fingerprint in characters.
    pub const FINGERPRINT_CHARS: usize = 22;

    /// Parses base64url, and checks that the point is on the curve.
    ///
    /// # Errors
    ///
    /// [`AnswerKeyError::NoKey`].
    pub fn parse(text: &str) -> Result<Self, AnswerKeyError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| AnswerKeyError::NoKey)?;
        // HPKE reads other forms of a point, too; one form per key keeps fingerprints unique.
        let key = (bytes.len() == POINT_BYTES).then(|| Deserializable::from_bytes(&bytes));
        key.and_then(Result::ok).map(Self).ok_or(AnswerKeyError::NoKey)
    }

    /// The text form: base64url without padding.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_bytes())
    }

    /// The part after the `#` in the link of a request, by which the person who answers detects that the
    /// server has replaced the key: base64url of the first 16 bytes of the key's SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(&sha256(&self.0.to_bytes())[..FINGERPRINT_BYTES])
    }

    /// Encrypts the public half of a link. `id` is the id of the request or secret that is answered.
    ///
    /// # Errors
    ///
    /// [`AnswerKeyError::NoKey`] if the key cannot be used.
    pub fn seal(
        &self,
        id: &str,
        half: &SecretText,
        random: &dyn Random,
    ) -> Result<String, AnswerKeyError> {
        let (key, ciphertext) =
            single_shot_seal_with_rng::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
                &OpModeS::Base,
                &self.0,
                INFO,
                half.expose_secret().as_bytes(),
                id.as_bytes(),
                &mut RustCryptoRandom(random),
            )
            .map_err(|_| AnswerKeyError::NoKey)?;
        let mut sealed = key.to_bytes().to_vec();
        sealed.extend_from_slice(&ciphertext);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }
}

impl AnswerPrivateKey {
    /// Creates a key pair.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let seed = Zeroizing::new(random_array::<32>(random));
        Self(DhP256HkdfSha256::derive_keypair(&*seed).0)
    }

    /// Parses the base64url of the 32 bytes of the scalar.
    ///
    /// # Errors
    ///
    /// [`AnswerKeyError::NoPrivateKey`].
    pub fn parse(text: &str) -> Result<Self, AnswerKeyError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| AnswerKeyError::NoPrivateKey)?;
        let key = Deserializable::from_bytes(&bytes).map_err(|_| AnswerKeyError::NoPrivateKey)?;
        Ok(Self(key))
    }

    /// The text form, for the status link.
    #[must_use]
    pub fn to_text(&self) -> SecretText {
        let bytes = Zeroizing::new(self.0.to_bytes().to_vec());
        SecretText::new(URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> AnswerKey {
        AnswerKey(DhP256HkdfSha256::sk_to_pk(&self.0))
    }

    /// Decrypts what [`AnswerKey::seal`] has encrypted for the same `id`.
    ///
    /// # Errors
    ///
    /// [`AnswerKeyError::NoSealedPart`] and [`AnswerKeyError::OtherKey`].
    pub fn open(&self, id: &str, sealed: &str) -> Result<SecretText, AnswerKeyError> {
        let sealed = parts_of_sealed(sealed)?;
        let (point, ciphertext) = sealed.split_at(POINT_BYTES);
        let open = || -> Result<Vec<u8>, HpkeError> {
            let key = Deserializable::from_bytes(point)?;
            single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
                &OpModeR::Base,
                &self.0,
                &key,
                INFO,
                ciphertext,
                id.as_bytes(),
            )
        };
        let half = open().map_err(|_| AnswerKeyError::OtherKey)?;
        String::from_utf8(half).map(SecretText::new).map_err(|_| AnswerKeyError::OtherKey)
    }
}

/// Checks the form of a sealed part, without a key.
///
/// # Errors
///
/// [`AnswerKeyError::NoSealedPart`].
pub fn check_sealed(text: &str) -> Result<(), AnswerKeyError> {
    parts_of_sealed(text).map(drop)
}

fn parts_of_sealed(text: &str) -> Result<Vec<u8>, AnswerKeyError> {
    if text.len() > MAX_SEALED_CHARS {
        return Err(AnswerKeyError::NoSealedPart);
    }
    let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| AnswerKeyError::NoSealedPart)?;
    let is_whole = sealed.len() > POINT_BYTES + TAG_BYTES && sealed.starts_with(&[4]);
    if is_whole { Ok(sealed) } else { Err(AnswerKeyError::NoSealedPart) }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::crypto::SystemRandom;

    #[test]
    fn only_the_key_and_the_id_open_it() {
        let key = AnswerPrivateKey::generate(&SystemRandom);
        let public = AnswerKey::parse(&key.public().to_text()).unwrap();
        assert_eq!(public.to_text().len(), AnswerKey::CHARS);
        let half = SecretText::new("CMRrkSEwCvphnlsOEu".into());
        let sealed = public.seal("id", &half, &SystemRandom).unwrap();
        assert_ne!(sealed, public.seal("id", &half, &SystemRandom).unwrap());
        assert_eq!(check_sealed(&sealed), Ok(()));
        let again = AnswerPrivateKey::parse(key.to_text().expose_secret()).ok().unwrap();
        assert_eq!(again.open("id", &sealed).unwrap().expose_secret(), half.expose_secret());
        assert_eq!(again.open("other", &sealed).err(), Some(AnswerKeyError::OtherKey));
        let other = AnswerPrivateKey::generate(&SystemRandom);
        assert_eq!(other.open("id", &sealed).err(), Some(AnswerKeyError::OtherKey));
        let mut changed = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        *changed.last_mut().unwrap() ^= 1;
        let changed = URL_SAFE_NO_PAD.encode(changed);
        assert_eq!(key.open("id", &changed).err(), Some(AnswerKeyError::OtherKey));
    }

    /// The file also has the answers of `tests/node/web_answer_units.mjs`, which makes the same ones with
    /// WebCrypto.
    #[test]
    fn the_vectors_open() {
        let text = include_str!("../../tests/vectors/answers.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        for vector in vectors.as_array().unwrap() {
            let text = |name: &str| vector[name].as_str().unwrap();
            let key = AnswerPrivateKey::parse(text("private_key")).ok().unwrap();
            assert_eq!(key.public().to_text(), text("answer_key"));
            assert_eq!(key.public().fingerprint(), text("fingerprint"));
            let half = key.open(text("id"), text("sealed_part")).ok().unwrap();
            assert_eq!(half.expose_secret(), text("public_half"));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let key = AnswerPrivateKey::generate(&SystemRandom).public().to_text();
        let mut off_curve = URL_SAFE_NO_PAD.decode(&key).unwrap();
        off_curve[64] ^= 1;
        let off_curve = URL_SAFE_NO_PAD.encode(off_curve);
        for bad in ["", "x", &key[1..], &format!("{key}A"), &format!("{key}="), &off_curve] {
            assert_eq!(AnswerKey::parse(bad), Err(AnswerKeyError::NoKey), "{bad}");
        }
        for bad in ["", "AAAA", &"A".repeat(43)] {
            let refused = AnswerPrivateKey::parse(bad).err();
            assert_eq!(refused, Some(AnswerKeyError::NoPrivateKey), "{bad}");
        }
        for bad in ["", "x", "BAAA", &"B".repeat(2000), &key] {
            assert_eq!(check_sealed(bad), Err(AnswerKeyError::NoSealedPart), "{bad}");
        }
    }
}
