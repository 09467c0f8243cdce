//! DER of a public key: `SubjectPublicKeyInfo` (RFC 5280) and PKCS#1 (RFC 8017, appendix A.1.1).

use rsa::{
    pkcs1::{self, RsaPrivateKeyRef, RsaPublicKeyRef},
    pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SubjectPublicKeyInfoRef, der::Decode},
};

use super::{PublicKey, PublicKeyError};

/// Reads either.
pub(super) fn parse(der: &[u8]) -> Result<PublicKey, PublicKeyError> {
    if PrivateKeyInfoRef::from_der(der).is_ok() || RsaPrivateKeyRef::from_der(der).is_ok() {
        return Err(PublicKeyError::Private);
    }
    if EncryptedPrivateKeyInfoRef::from_der(der).is_ok() {
        return Err(PublicKeyError::EncryptedPrivate);
    }
    // No DER is both: the first thing inside is a SEQUENCE in one, an INTEGER in the other.
    parse_spki(der).or_else(|error| match error {
        PublicKeyError::Unreadable => parse_pkcs1(der),
        _ => Err(error),
    })
}

/// Reads a `SubjectPublicKeyInfo` of `rsaEncryption`. Keys bound to RSASSA-PSS are for signatures.
pub(super) fn parse_spki(der: &[u8]) -> Result<PublicKey, PublicKeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| PublicKeyError::Unreadable)?;
    if info.algorithm != pkcs1::ALGORITHM_ID {
        return Err(PublicKeyError::Unreadable);
    }
    parse_pkcs1(info.subject_public_key.as_bytes().ok_or(PublicKeyError::Unreadable)?)
}

/// Reads the `RSAPublicKey` of PKCS#1.
pub(super) fn parse_pkcs1(der: &[u8]) -> Result<PublicKey, PublicKeyError> {
    let key = RsaPublicKeyRef::from_der(der).map_err(|_| PublicKeyError::Unreadable)?;
    PublicKey::from_components(key.modulus.as_bytes(), key.public_exponent.as_bytes())
}
