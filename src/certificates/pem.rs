//! Certificates and keys in PEM (RFC 7468), and what they say.

use std::sync::Arc;

use tokio_rustls::rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_cert::{Certificate, der::Decode};

use crate::{clock::UnixSeconds, crypto::sha256};

/// Why a certificate and its key cannot be used, without a name for either.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadPem {
    /// The certificate.
    #[error("the certificate {0}")]
    Chain(String),
    /// The key.
    #[error("the key {0}")]
    Key(&'static str),
    /// Each is right, and they do not belong together.
    #[error("the key does not belong to the certificate ({0})")]
    OtherKey(String),
}

/// From when to when a certificate is valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: UnixSeconds,
    /// The last moment.
    pub until: UnixSeconds,
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A certificate chain and its private key, which belong together: PKCS #8, PKCS #1 or SEC 1; RSA, ECDSA or
/// Ed25519.
pub(super) fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, BadPem> {
    let certified = unchecked(chain, key)?;
    certified.keys_match().map_err(|error| BadPem::OtherKey(error.to_string()))?;
    Ok(certified)
}

/// As [`certified`], also for a certificate with extensions that rustls does not know.
pub(super) fn unchecked(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, BadPem> {
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|error| BadPem::Chain(format!("is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(BadPem::Chain("contains no certificate (BEGIN CERTIFICATE)".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        BadPem::Key("contains no private key in PEM without a passphrase (BEGIN PRIVATE KEY)")
    })?;
    let key = provider().key_provider.load_private_key(key).map_err(|_| {
        BadPem::Key("has a key of an unknown kind: use RSA, ECDSA (P-256, P-384) or Ed25519")
    })?;
    Ok(CertifiedKey::new(chain, key))
}

/// The SHA-256 of a certificate, as browsers and OpenSSL show it: `AB:CD:…`.
pub(super) fn fingerprint(certified: &CertifiedKey) -> String {
    let digest = sha256(certified.cert.first().map_or(&[][..], |certificate| certificate));
    digest.map(|byte| format!("{byte:02X}")).join(":")
}

/// From when to when a certificate is valid; `None` if it cannot be read.
pub(super) fn validity(certified: &CertifiedKey) -> Option<Validity> {
    validity_of(certified.cert.first()?)
}

/// From when to when the certificate `der` is valid; `None` if it cannot be read.
#[must_use]
pub fn validity_of(der: &[u8]) -> Option<Validity> {
    let certificate = Certificate::from_der(der).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let seconds = |time: x509_cert::time::Time| UnixSeconds(time.to_unix_duration().as_secs());
    Some(Validity { from: seconds(validity.not_before), until: seconds(validity.not_after) })
}
