//! The private key of a box. The key, or the passphrase that encrypts it, gives access to all messages.
//!
//! It is stored as a PKCS#8 `EncryptedPrivateKeyInfo` in PEM (RFC 5958, RFC 7468), encrypted by PBES2 (RFC
//! 8018), so `openssl pkey` opens it with the passphrase.

use rsa::{
    RsaPrivateKey,
    pkcs1::{self, EncodeRsaPrivateKey, RsaPrivateKeyRef},
    pkcs8::{
        AlgorithmIdentifierRef, EncodePrivateKey, EncryptedPrivateKeyInfoRef, LineEnding,
        PrivateKeyInfoRef, SecretDocument,
        der::{
            Decode,
            asn1::{AnyRef, OctetStringRef},
            pem::PemLabel,
        },
        pkcs5::{
            self,
            pbes2::{EncryptionScheme, Kdf, Parameters, Pbkdf2Params, ScryptParams},
        },
    },
    traits::{PrivateKeyParts, PublicKeyParts},
};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{
    digest::{hex, sha256},
    message_key::MessageKey,
    public_key::{MAX_TEXT_BYTES, PublicKey, oaep, pem},
    random::{Random, random_array},
    seal::Damaged,
    secret_bytes::SecretText,
};

/// The iterations of PBKDF2 for a key that sealdrop encrypts: OWASP's recommendation for HMAC-SHA-256.
pub const ITERATIONS: u32 = 600_000;

/// A key that needs more iterations of PBKDF2 is refused, since it could be an attack on the server's time.
/// This many take less than a second where the processor has SHA instructions, and several on a small one
/// without.
pub const MAX_ITERATIONS: u32 = 2_000_000;

/// A key that needs more memory for scrypt, `128 · N · r` bytes, is refused. OpenSSL has the same limit by
/// default, and writes keys that need half of it.
pub const MAX_SCRYPT_BYTES: u64 = 32 << 20;

/// The highest parameter `p` of scrypt: how often it uses its memory.
const MAX_SCRYPT_PASSES: u16 = 16;

/// The length of the modulus of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaBits {
    /// 2048 bits, enough until 2030 (NIST SP 800-57).
    Bits2048,
    /// 3072 bits, as strong as AES-128.
    Bits3072,
    /// 4096 bits.
    Bits4096,
}

impl RsaBits {
    /// The number of bits.
    #[must_use]
    pub fn bits(self) -> usize {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }
}

impl TryFrom<u64> for RsaBits {
    type Error = BadRsaBits;

    fn try_from(bits: u64) -> Result<Self, BadRsaBits> {
        match bits {
            2048 => Ok(Self::Bits2048),
            3072 => Ok(Self::Bits3072),
            4096 => Ok(Self::Bits4096),
            _ => Err(BadRsaBits),
        }
    }
}

/// New keys of this length are not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 2048, 3072 or 4096 bits")]
pub struct BadRsaBits;

/// An RSA private key of 2048 to 8192 bits. Opening it once is enough to read many messages.
///
/// # Security
///
/// The `rsa` crate wipes it on drop, except one of the values precomputed from the primes, which version
/// 0.10.0-rc.20 leaves in freed memory.
pub struct BoxKey(RsaPrivateKey);

impl ZeroizeOnDrop for BoxKey {}

impl BoxKey {
    /// Generates a key with the public exponent 65537.
    ///
    /// Takes a random time, from a fraction of a second to many seconds for 4096 bits: call it on the
    /// blocking pool.
    #[must_use]
    pub fn generate(bits: RsaBits, random: &dyn Random) -> Self {
        let key = RsaPrivateKey::new(&mut oaep::RustCryptoRandom(random), bits.bits())
            .expect("two primes of half the bits each make a key");
        Self(key)
    }

    /// Decrypts a key written by [`BoxKey::to_encrypted_pem`] or another program: PBES2 with PBKDF2 under
    /// HMAC-SHA-1 or any of SHA-2, or with scrypt, and AES-128, 192 or 256 or 3DES in CBC mode.
    ///
    /// The cost is the iterations, at most [`MAX_ITERATIONS`]: call it on the blocking pool.
    ///
    /// # Errors
    ///
    /// [`OpenKeyError`], for a wrong passphrase or a key that cannot be read.
    pub fn from_encrypted_pem(pem: &str, passphrase: &SecretText) -> Result<Self, OpenKeyError> {
        let der = encrypted_der(pem).ok_or(OpenKeyError::Unreadable)?;
        let (parameters, data) = openable(&der).map_err(|_| OpenKeyError::Unreadable)?;
        let mut data = Zeroizing::new(data.to_vec());
        let opened = parameters.decrypt_in_place(passphrase.expose_secret(), &mut data).map_err(
            |error| match error {
                pkcs5::Error::DecryptFailed => OpenKeyError::WrongPassphrase,
                _ => OpenKeyError::Unreadable,
            },
        )?;
        // One wrong passphrase in 256 gives a valid padding by chance; the result is then not DER.
        let info =
            PrivateKeyInfoRef::from_der(opened).map_err(|_| OpenKeyError::WrongPassphrase)?;
        Self::from_private_key_info(&info).ok_or(OpenKeyError::Unreadable)
    }

    /// Whether [`from_encrypted_pem`](Self::from_encrypted_pem) can use a passphrase for this: it is
    /// encrypted, by supported algorithms. Costs no iterations.
    #[must_use]
    pub fn takes_passphrase(pem: &str) -> bool {
        Self::check_encrypted_pem(pem).is_ok()
    }

    /// Checks everything that [`BoxKey::from_encrypted_pem`] needs and that can be checked without the
    /// passphrase: for uploaded keys. The cost is negligible.
    ///
    /// # Errors
    ///
    /// [`KeyFormError`], which says what the key should be.
    pub fn check_encrypted_pem(pem: &str) -> Result<(), KeyFormError> {
        if pem.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
            return Err(KeyFormError::OpenSsh);
        }
        let der = encrypted_der(pem).ok_or(KeyFormError::Form)?;
        openable(&der).map(drop)
    }

    /// Accepts only keys that [`BoxKey::to_encrypted_pem`] would encode to the same bytes: otherwise
    /// [`BoxKey::hash`] would differ from OpenSSL's.
    fn from_private_key_info(info: &PrivateKeyInfoRef) -> Option<Self> {
        if info.algorithm != pkcs1::ALGORITHM_ID {
            return None;
        }
        let der = info.private_key.as_bytes();
        let parts = RsaPrivateKeyRef::from_der(der).ok()?;
        // This check comes first because it bounds the work of the following ones.
        PublicKey::from_components(parts.modulus.as_bytes(), parts.public_exponent.as_bytes())
            .ok()?;
        let key = RsaPrivateKey::try_from(parts).ok()?;
        // The crate ignores the CRT values that it reads and computes them again; if it cannot, it leaves
        // them out.
        let ready = key.qinv().is_some() && key.to_pkcs1_der().ok()?.as_bytes() == der;
        ready.then_some(Self(key))
    }

    /// Encrypts the key: PBES2 with PBKDF2-HMAC-SHA-256 over a fresh salt of 16 bytes, and AES-256-CBC.
    /// `iterations`, which determine the cost, are [`ITERATIONS`] outside of tests.
    ///
    /// # Panics
    ///
    /// For zero iterations, or more than [`MAX_ITERATIONS`]: the key could not be opened again.
    #[must_use]
    pub fn to_encrypted_pem(
        &self,
        passphrase: &SecretText,
        iterations: u32,
        random: &dyn Random,
    ) -> String {
        assert!((1..=MAX_ITERATIONS).contains(&iterations), "{iterations} iterations");
        let salt: [u8; 16] = random_array(random);
        let parameters =
            Parameters::generate_pbkdf2_sha256_aes256cbc(iterations, &salt, random_array(random))
                .expect("allowed iterations and a salt of 16 bytes are parameters");
        let der = self.pkcs8_der();
        let info = PrivateKeyInfoRef::from_der(der.as_bytes()).expect("it was just encoded");
        let encrypted =
            info.encrypt_with_params(parameters, passphrase.expose_secret()).expect(ENCODES);
        let pem = encrypted.to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF);
        pem.expect(ENCODES).to_string()
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::from_components(&self.0.n_bytes(), &self.0.e_bytes())
            .expect("a private key is made of a public key that was checked")
    }

    /// The `privatekeyhash` of the Key Service: lower-case hex SHA-256 of the unencrypted PKCS#8 DER, the
    /// same bytes that `openssl pkcs8 -topk8 -nocrypt -outform DER` writes.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&sha256(self.pkcs8_der().as_bytes()))
    }

    /// Opens a message key sealed by [`PublicKey::seal_message_key`].
    ///
    /// Takes one to tens of milliseconds, depending on the length of the modulus.
    ///
    /// # Errors
    ///
    /// [`Damaged`] for all other input: sealed to another key, of another padding or label, or not 32
    /// bytes.
    ///
    /// # Security
    ///
    /// Blinded by `random`, so that the time does not depend on the key (Kocher 1996), and checked against
    /// the public key, so that a miscalculation cannot reveal it (Boneh, DeMillo, Lipton 1997).
    pub fn open_message_key(
        &self,
        encryption_key: &[u8],
        random: &dyn Random,
    ) -> Result<MessageKey, Damaged> {
        let opened = self
            .0
            .decrypt_blinded(&mut oaep::RustCryptoRandom(random), oaep::padding(), encryption_key)
            .map(Zeroizing::new)
            .map_err(|_| Damaged)?;
        let key = Zeroizing::new(<[u8; 32]>::try_from(opened.as_slice()).map_err(|_| Damaged)?);
        Ok(MessageKey::from_bytes(*key))
    }

    fn pkcs8_der(&self) -> SecretDocument {
        self.0.to_pkcs8_der().expect(ENCODES)
    }
}

const ENCODES: &str = "a checked key has a bounded size, and so an encoding";

/// Why an encrypted private key does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenKeyError {
    /// The passphrase is wrong, or the encrypted part was changed: these two cannot be distinguished.
    #[error("the passphrase does not open this key")]
    WrongPassphrase,
    /// Not an encrypted private key in PEM, of another algorithm, too expensive to decrypt, or without a
    /// valid RSA key of 2048 to 8192 bits.
    #[error(
        "not an encrypted RSA private key that can be opened: PKCS#8 in PEM, PBES2 with PBKDF2 \
         (at most {MAX_ITERATIONS} iterations) and AES-CBC or 3DES-CBC, 2048 to 8192 bits"
    )]
    Unreadable,
}

/// Why no passphrase can open an encrypted private key. The texts are for the person who uploads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFormError {
    /// Not PKCS#8 in PEM, or damaged.
    #[error(
        "must be PKCS#8 in PEM, encrypted with a passphrase (BEGIN ENCRYPTED PRIVATE KEY): {CONVERT}"
    )]
    Form,
    /// In OpenSSH's format, with or without a passphrase.
    #[error(
        "has OpenSSH's own format: convert it with ssh-keygen -p -m PKCS8 -f key, with a passphrase"
    )]
    OpenSsh,
    /// The encryption scheme is not supported; examples are those of PKCS#5 version 1 and PKCS#12.
    #[error(
        "is encrypted with an unsupported scheme, not with PBES2 with PBKDF2 or scrypt and AES-CBC or \
         3DES-CBC: {CONVERT}"
    )]
    Scheme,
    /// Decryption would cost more than the limits allow.
    #[error(
        "needs more work than is allowed, at most {MAX_ITERATIONS} iterations of PBKDF2 or 32 MiB of \
         scrypt: {CONVERT}"
    )]
    Work,
}

const CONVERT: &str =
    "convert it with openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem";

/// The parameters and the encrypted bytes of a key that the right passphrase can open.
fn openable(der: &[u8]) -> Result<(Parameters, &[u8]), KeyFormError> {
    let Ok(encrypted) = EncryptedPrivateKeyInfoRef::from_der(der) else {
        // Other schemes are not parsed: two elements, an algorithm and the encrypted bytes, identify one.
        let is_another = AnyRef::from_der(der).and_then(|all| {
            all.sequence(|parts| {
                AlgorithmIdentifierRef::decode(parts)?;
                <&OctetStringRef>::decode(parts).map(drop)
            })
        });
        return Err(is_another.map_or(KeyFormError::Form, |()| KeyFormError::Scheme));
    };
    let parameters = encrypted.encryption_algorithm.pbes2().ok_or(KeyFormError::Scheme)?;
    let block = match parameters.encryption {
        EncryptionScheme::Aes128Cbc { .. }
        | EncryptionScheme::Aes192Cbc { .. }
        | EncryptionScheme::Aes256Cbc { .. } => 16,
        EncryptionScheme::DesEde3Cbc { .. } => 8,
        _ => return Err(KeyFormError::Scheme),
    };
    check_work(&parameters.kdf)?;
    let data = encrypted.encrypted_data.as_bytes();
    if data.is_empty() || !data.len().is_multiple_of(block) {
        return Err(KeyFormError::Form);
    }
    Ok((parameters.clone(), data))
}

fn encrypted_der(pem: &str) -> Option<Vec<u8>> {
    if pem.len() > MAX_TEXT_BYTES {
        return None;
    }
    let (label, der) = pem::decode(pem)?;
    (label == EncryptedPrivateKeyInfoRef::PEM_LABEL).then_some(der)
}

/// Checks that the key derivation is supported and within the limits. The parameters come from an upload,
/// so each limit is checked before any work is done.
fn check_work(kdf: &Kdf) -> Result<(), KeyFormError> {
    let is_affordable = match kdf {
        Kdf::Pbkdf2(Pbkdf2Params { iteration_count, .. }) => {
            (1..=MAX_ITERATIONS).contains(iteration_count)
        }
        Kdf::Scrypt(ScryptParams {
            cost_parameter: n, block_size: r, parallelization: p, ..
        }) => {
            let bytes = n.checked_mul(u64::from(*r)).and_then(|blocks| blocks.checked_mul(128));
            // pkcs5 0.8.1 subtracts from the number of bits of N without checking that it is positive.
            *n > 1
                && n.is_power_of_two()
                && (128..=MAX_SCRYPT_BYTES).contains(&bytes.unwrap_or(u64::MAX))
                && (1..=MAX_SCRYPT_PASSES).contains(p)
        }
        _ => return Err(KeyFormError::Scheme),
    };
    is_affordable.then_some(()).ok_or(KeyFormError::Work)
}

#[cfg(test)]
mod tests;
