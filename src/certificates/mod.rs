//! The certificates of the listener: from files, self-signed, or from an ACME authority.

mod acme;
mod domains;
mod files;
mod pem;
mod self_signed;

use std::sync::Arc;

use tokio_rustls::rustls::{ServerConfig, server::ResolvesServerCert};

pub use self::{
    acme::{AcmeAuthority, renew},
    domains::DomainCertificates,
    files::{BadCertificate, Certificate, CertificateFiles},
    pem::{Validity, validity_of},
    self_signed::self_signed,
};

/// The folder of certificates in the data directory.
const FOLDER: &str = "tls";
/// HTTP/2 in a handshake (RFC 9113 3.1, RFC 7301).
pub const ALPN_HTTP2: &[u8] = b"h2";
/// A handshake in which an ACME authority checks the server (RFC 8737).
pub const ALPN_ACME: &[u8] = b"acme-tls/1";

/// The TLS settings of a listener: TLS 1.2 and 1.3, HTTP/2 and 1.1, and the handshakes of ACME.
#[must_use]
pub fn server_config(certificates: Arc<dyn ResolvesServerCert>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(pem::provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has both versions")
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    // The first one that a client offers as well is taken.
    config.alpn_protocols = [ALPN_HTTP2, b"http/1.1", ALPN_ACME].map(<[u8]>::to_vec).to_vec();
    config
}
