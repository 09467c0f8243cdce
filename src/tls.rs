//! TLS as a client: of mail servers and webhooks.

use std::sync::Arc;

use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Trusts the system's certificate authorities, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
/// Blocks.
///
/// # Errors
///
/// In words for the operator, where there is nobody to trust.
pub(crate) fn client_config() -> Result<ClientConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "cannot read all certificate authorities");
    }
    let mut roots = RootCertStore::empty();
    // Some systems have old ones among them that rustls does not take.
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return Err(
            "no TLS: no certificate authorities are known here: install ca-certificates, or \
                    name a file with SSL_CERT_FILE"
                .into(),
        );
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
