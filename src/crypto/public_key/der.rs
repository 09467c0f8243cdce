//! DER of a public key: `SubjectPublicKeyInfo` (RFC 5280) and PKCS#1 (RFC 8017, appendix A.1.1).

use rsa::{
    pkcs1::{self, RsaPrivateKeyRef, RsaPublicKeyRef},
    pkcs8::{
        EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef, SubjectPublicKeyInfoRef,
        der::{
            Decode, Reader, Tag, Tagged,
            asn1::{AnyRef, BitStringRef, OctetStringRef},
        },
    },
};

use super::{PublicKey, PublicKeyError};

/// Reads either form. If the data is another known type of key or certificate, the error names it.
pub(super) fn parse(der: &[u8]) -> Result<PublicKey, PublicKeyError> {
    if PrivateKeyInfoRef::from_der(der).is_ok()
        || RsaPrivateKeyRef::from_der(der).is_ok()
        || is_ec_private_key(der)
    {
        return Err(PublicKeyError::Private);
    }
    if is_encrypted_private_key(der) {
        return Err(PublicKeyError::EncryptedPrivate);
    }
    if is_certificate(der) {
        return Err(PublicKeyError::Certificate);
    }
    // No DER is both: the first element inside is a SEQUENCE in one, an INTEGER in the other.
    parse_spki(der).or_else(|error| match error {
        PublicKeyError::Unreadable => parse_pkcs1(der),
        _ => Err(error),
    })
}

/// Reads a `SubjectPublicKeyInfo` of `rsaEncryption`. Keys bound to RSASSA-PSS are for signatures.
pub(super) fn parse_spki(der: &[u8]) -> Result<PublicKey, PublicKeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| PublicKeyError::Unreadable)?;
    if info.algorithm.oid != pkcs1::ALGORITHM_OID {
        return Err(PublicKeyError::OtherAlgorithm(name(info.algorithm.oid)));
    }
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

/// The common name of a key's algorithm, with its article.
fn name(algorithm: ObjectIdentifier) -> &'static str {
    // RFC 8017 (RSASSA-PSS, RSAES-OAEP), RFC 5480 (EC), RFC 8410 (the curves 25519 and 448), RFC 3279.
    const NAMES: [(&str, &str); 9] = [
        ("1.2.840.113549.1.1.10", "an RSA-PSS"),
        ("1.2.840.113549.1.1.7", "an RSA-OAEP (id-RSAES-OAEP)"),
        ("1.2.840.10045.2.1", "an EC"),
        ("1.3.101.110", "an X25519"),
        ("1.3.101.111", "an X448"),
        ("1.3.101.112", "an Ed25519"),
        ("1.3.101.113", "an Ed448"),
        ("1.2.840.10040.4.1", "a DSA"),
        ("1.2.840.113549.1.3.1", "a Diffie-Hellman"),
    ];
    let known = NAMES.iter().find(|(oid, _)| ObjectIdentifier::new_unwrap(oid) == algorithm);
    known.map_or("another algorithm's", |(_, name)| name)
}

/// X.509 certificates (RFC 5280, section 4.1) and certificate requests (RFC 2986) have the same three
/// parts.
fn is_certificate(der: &[u8]) -> bool {
    let parts = AnyRef::from_der(der).and_then(|all| {
        all.sequence(|parts| {
            let signed = (AnyRef::decode(parts)?.tag(), AnyRef::decode(parts)?.tag());
            BitStringRef::decode(parts)?;
            Ok::<_, rsa::pkcs8::der::Error>(signed)
        })
    });
    parts == Ok((Tag::Sequence, Tag::Sequence))
}

/// `ECPrivateKey` (RFC 5915): the version 1, then the key; the other fields are optional.
fn is_ec_private_key(der: &[u8]) -> bool {
    let begins = AnyRef::from_der(der).and_then(|all| {
        all.sequence(|parts| {
            let version = u8::decode(parts)?;
            <&OctetStringRef>::decode(parts)?;
            while !parts.is_finished() {
                AnyRef::decode(parts)?;
            }
            Ok::<_, rsa::pkcs8::der::Error>(version)
        })
    });
    begins == Ok(1)
}

/// `EncryptedPrivateKeyInfo` (RFC 5958) of any scheme, including unsupported ones.
fn is_encrypted_private_key(der: &[u8]) -> bool {
    let parts = AnyRef::from_der(der).and_then(|all| {
        all.sequence(|parts| {
            let scheme = AnyRef::decode(parts)?.tag();
            <&OctetStringRef>::decode(parts)?;
            Ok::<_, rsa::pkcs8::der::Error>(scheme)
        })
    });
    EncryptedPrivateKeyInfoRef::from_der(der).is_ok() || parts == Ok(Tag::Sequence)
}
