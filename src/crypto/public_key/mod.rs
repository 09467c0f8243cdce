//! The public key of a box. It is not secret; a sender seals the key of a message with it.
//!
//! An owner who keeps the private key outside sealdrop uploads the public key, in the format that their
//! tools write; [`PublicKey::parse`] reads all of them. Each format has one file, which reads the modulus
//! and the exponent; this file decides which keys are acceptable.

mod der;
mod jwk;
pub(super) mod oaep;
pub(super) mod pem;
mod rsa_key_value;
#[cfg(test)]
mod tests;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use rsa::{
    BoxedUint, RsaPublicKey,
    pkcs8::{EncodePublicKey, LineEnding},
    traits::PublicKeyParts,
};

use super::{
    digest::{hex, sha256},
    message_key::MessageKey,
    random::Random,
};

/// The smallest modulus that is accepted, in bits: 112 bits of security until 2030 (NIST SP 800-57).
pub const MIN_BITS: usize = 2048;

/// The largest modulus that is accepted, in bits. The cost of sealing grows with the square of the length,
/// the cost of opening with its cube.
pub const MAX_BITS: usize = 8192;

/// The longest text that is parsed, in bytes; a key of 8192 bits takes about 1,500 in any format.
pub const MAX_TEXT_BYTES: usize = 32 << 10;

/// The largest public exponent that is accepted. Almost all keys have 65537; a larger one only costs time.
const MAX_EXPONENT: u64 = 1 << 32;

/// An RSA public key of [`MIN_BITS`] to [`MAX_BITS`], with an odd exponent of 3 to 2^32.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(RsaPublicKey);

impl PublicKey {
    /// Reads a key in any of these formats; white space around and inside base64 does not matter:
    ///
    /// - PEM of a `SubjectPublicKeyInfo` (`BEGIN PUBLIC KEY`; RFC 7468, RFC 5280) or of PKCS#1
    ///   (`BEGIN RSA PUBLIC KEY`; RFC 8017), or the base64 of the DER of either
    /// - a JSON Web Key (RFC 7517) with `kty` RSA; `alg`, `use` and similar fields are ignored
    /// - .NET's `<RSAKeyValue>` (XML Signature, section 4.5.2.2)
    ///
    /// # Errors
    ///
    /// [`PublicKeyError`], if the text is in none of the formats, or the key is not acceptable. A private
    /// key in any of these formats has an error of its own, so that its owner learns that it was exposed.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(PublicKeyError::Unreadable);
        }
        // Editors and .NET often write a byte order mark at the start.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('{') {
            jwk::parse(text)
        } else if text.starts_with('<') {
            rsa_key_value::parse(text)
        } else if text.contains("-----BEGIN ") {
            pem::parse_public(text)
        } else if text.starts_with("ssh-")
            || text.starts_with("ecdsa-")
            || text.contains("BEGIN SSH2")
        {
            Err(PublicKeyError::OpenSsh)
        } else {
            let bytes = pem::decode_base64(text).ok_or(PublicKeyError::Unreadable)?;
            der::parse(&bytes)
        }
    }

    /// Reads the output of [`PublicKey::to_der`].
    ///
    /// # Errors
    ///
    /// [`PublicKeyError`], if the DER is not that of an acceptable RSA public key.
    pub fn from_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        der::parse_spki(der)
    }

    /// The key with this modulus and exponent, big endian; leading zeros do not matter. All formats call
    /// this function, also those of private keys.
    pub(super) fn from_components(n: &[u8], e: &[u8]) -> Result<Self, PublicKeyError> {
        let (n, e) = (without_zeros(n), without_zeros(e));
        let bits = bit_length(n);
        match bits {
            0 => return Err(PublicKeyError::Unreadable),
            1..MIN_BITS => return Err(PublicKeyError::TooSmall(bits)),
            MIN_BITS..=MAX_BITS => {}
            _ => return Err(PublicKeyError::TooLarge(bits)),
        }
        // RSA with the exponent 1 does not encrypt.
        let exponent_allowed =
            exponent(e).is_some_and(|e| e % 2 == 1 && (3..=MAX_EXPONENT).contains(&e));
        if !exponent_allowed {
            return Err(PublicKeyError::Exponent);
        }
        let number = BoxedUint::from_be_slice_vartime;
        // `RsaPublicKey::new` refuses an even modulus.
        RsaPublicKey::new(number(n), number(e)).map(Self).map_err(|_| PublicKeyError::Unreadable)
    }

    /// The length of the modulus in bits.
    #[must_use]
    pub fn bits(&self) -> usize {
        // The length in bytes is not exact enough: 2047 bits also fill 256 bytes.
        bit_length(&self.modulus())
    }

    /// The DER of the `SubjectPublicKeyInfo`, which is the form in the store.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        self.0.to_public_key_der().expect(ENCODES).into_vec()
    }

    /// PEM of the `SubjectPublicKeyInfo`, in lines of 64 characters that end in `\n`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).expect(ENCODES)
    }

    /// A JSON Web Key (RFC 7517, RFC 7518 section 6.3.1) for RSA-OAEP with SHA-256, as `importKey` of Web
    /// Cryptography reads it.
    #[must_use]
    pub fn to_jwk(&self) -> String {
        jwk::write(&self.modulus(), &self.exponent())
    }

    /// .NET's XML, on one line, as `RSA.FromXmlString` reads it.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let [modulus, exponent] = [self.modulus(), self.exponent()].map(|n| STANDARD.encode(n));
        format!(
            "<RSAKeyValue><Modulus>{modulus}</Modulus><Exponent>{exponent}</Exponent></RSAKeyValue>"
        )
    }

    /// A fingerprint for comparing keys by reading them aloud: half of the SHA-256 of
    /// [`PublicKey::to_der`], 128 bits, in groups of four digits. The pages show the same.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digits = hex(sha256(&self.to_der()).get(..16).unwrap_or_default());
        let groups: Vec<&[u8]> = digits.as_bytes().chunks(4).collect();
        String::from_utf8_lossy(&groups.join(&b' ')).into_owned()
    }

    /// Seals the key of one message: RSA-OAEP (RFC 8017, section 7.1) with SHA-256, MGF1 with SHA-256 and
    /// an empty label. The result is as long as the modulus. Only [`BoxKey::open_message_key`] with the
    /// private key opens it.
    ///
    /// Costs some 0.1 to 1 ms.
    ///
    /// [`BoxKey::open_message_key`]: super::BoxKey::open_message_key
    #[must_use]
    pub fn seal_message_key(&self, key: &MessageKey, random: &dyn Random) -> Vec<u8> {
        self.0
            .encrypt(&mut oaep::RustCryptoRandom(random), oaep::padding(), key.expose_secret())
            .expect("32 bytes fit into OAEP under 2048 bits, which takes 190")
    }

    fn modulus(&self) -> Vec<u8> {
        self.0.n_bytes().into_vec()
    }

    fn exponent(&self) -> Vec<u8> {
        self.0.e_bytes().into_vec()
    }
}

impl fmt::Debug for PublicKey {
    /// Omits the numbers that are computed from the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.to_jwk()).finish()
    }
}

/// Why a text is not accepted as the public key of a box. The texts are for the sender of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// The text is in none of the formats, or RSA cannot use its numbers.
    #[error(
        "not an RSA public key in PEM, base64 DER, JSON Web Key or RSAKeyValue XML that can be used"
    )]
    Unreadable,
    /// The modulus has this many bits, fewer than [`MIN_BITS`].
    #[error("the public key has {0} bits, at least {MIN_BITS} are needed")]
    TooSmall(usize),
    /// The modulus has this many bits, more than [`MAX_BITS`].
    #[error("the public key has {0} bits, at most {MAX_BITS} are allowed")]
    TooLarge(usize),
    /// A key of another algorithm: the name of the algorithm, with its article.
    #[error(
        "this is {0} key, but messages are sealed with RSA: make one with openssl genrsa 3072, and send \
         what openssl pkey -pubout says of it"
    )]
    OtherAlgorithm(&'static str),
    /// An X.509 certificate, or a certificate request.
    #[error("this is a certificate: send the key that openssl x509 -pubkey -noout says of it")]
    Certificate,
    /// A key in the format of OpenSSH.
    #[error("this is a key of OpenSSH: send what ssh-keygen -e -m PKCS8 says of it, if it is RSA")]
    OpenSsh,
    /// The public exponent is not allowed.
    #[error("the public exponent must be odd and from 3 to 2^32; 65537 is usual")]
    Exponent,
    /// A private key, which must stay secret.
    #[error(
        "this is a private key; send the public key only, and replace this one if it must stay secret"
    )]
    Private,
    /// A private key, encrypted under a passphrase.
    #[error("this is a private key; send the public key only")]
    EncryptedPrivate,
}

const ENCODES: &str = "an RSA public key of bounded size has a DER encoding";

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The length in bits of a number without leading zeros.
fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| {
        let unused = usize::try_from(first.leading_zeros()).unwrap_or_default();
        number.len() * 8 - unused
    })
}

/// The number, or `None` if it has more than eight bytes.
fn exponent(e: &[u8]) -> Option<u64> {
    let wide = 8_usize.checked_sub(e.len())?;
    let mut bytes = [0; 8];
    bytes.get_mut(wide..)?.copy_from_slice(e);
    Some(u64::from_be_bytes(bytes))
}
