//! TLS as a client: of servers (the command line), mail servers and webhooks. All use the same rules.

use std::{env, path::Path, sync::Arc};

use rustls_native_certs::CertificateResult;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

/// The environment variables in which the operator names certificates, as for OpenSSL.
const FILE: &str = "SSL_CERT_FILE";
const DIRS: &str = "SSL_CERT_DIR";

/// Trusts the certificates in `file`; without one, those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name;
/// without them, the system's certificate authorities. Blocks.
///
/// A certificate that is named by file is trusted as an authority, and as the server's own: most
/// self-signed ones (`openssl req -x509`) are marked as an authority (`CA:TRUE`), and a server's
/// certificate must not be (webpki: `CaUsedAsEndEntity`).
///
/// # Errors
///
/// In words for the operator: a file that is missing or contains no certificate, or no trusted certificates
/// at all.
pub(crate) fn client_config(file: Option<&Path>) -> Result<ClientConfig, String> {
    let (certificates, own) = certificates(file)?;
    let mut roots = RootCertStore::empty();
    // Some systems have old certificates among them that rustls does not accept.
    let (usable, _) = roots.add_parsable_certificates(certificates);
    if usable == 0 {
        return Err(
            "no TLS: no certificate authorities are known here: install ca-certificates, or name a file \
             with SSL_CERT_FILE"
                .into(),
        );
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let authorities = verifier.build().map_err(|error| format!("no TLS: {error}"))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    let verifier = Arc::new(NamedCertificates { authorities, own });
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Trusts no certificate, so that no handshake succeeds: only for testing whether a server uses TLS.
///
/// # Errors
///
/// As [`client_config`].
pub(crate) fn without_trust() -> Result<ClientConfig, String> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// The trusted certificates, and those of them that the operator has named.
type TrustedCertificates = (Vec<CertificateDer<'static>>, Vec<CertificateDer<'static>>);

fn certificates(file: Option<&Path>) -> Result<TrustedCertificates, String> {
    // `SSL_CERT_FILE= sealdrop …` unsets it.
    let variable =
        |name| env::var_os(name).filter(|value| !value.is_empty()).map(|value| (name, value));
    let named = match (file, variable(FILE), variable(DIRS)) {
        (Some(file), ..) => in_file(file, "the certificate file")?,
        (None, None, None) => {
            let found = of_the_system();
            for error in &found.errors {
                tracing::warn!(%error, "cannot read all certificate authorities");
            }
            return Ok((found.certs, Vec::new()));
        }
        (None, file, dirs) => {
            let mut named = match &file {
                Some((name, file)) => in_file(Path::new(file), name)?,
                None => Vec::new(),
            };
            for dir in dirs.iter().flat_map(|(_, dirs)| env::split_paths(dirs)) {
                // If a file is named, a directory may be missing, as with OpenSSL.
                if file.is_none() && !dir.is_dir() {
                    let dir = dir.display();
                    return Err(format!("no TLS: {DIRS} {dir}: there is no such directory"));
                }
                // Other files in it are ignored.
                named.extend(rustls_native_certs::load_certs_from_paths(None, Some(&dir)).certs);
            }
            named
        }
    };
    Ok((named.clone(), named))
}

fn of_the_system() -> CertificateResult {
    if env::var_os(FILE).is_none() && env::var_os(DIRS).is_none() {
        return rustls_native_certs::load_native_certs();
    }
    // `openssl_probe` would use an empty variable as a path.
    let places = openssl_probe::probe();
    let mut found = match &places.cert_file {
        Some(file) => rustls_native_certs::load_certs_from_paths(Some(file), None),
        None => CertificateResult::default(),
    };
    for dir in &places.cert_dir {
        let more = rustls_native_certs::load_certs_from_paths(None, Some(dir));
        found.certs.extend(more.certs);
        found.errors.extend(more.errors);
    }
    found
}

fn in_file(file: &Path, origin: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |why: &str| format!("no TLS: {origin} {}: {why}", file.display());
    // Opened here first: the loader's error would repeat the name of the file.
    std::fs::File::open(file).map_err(|error| wrong(&error.to_string()))?;
    let found = rustls_native_certs::load_certs_from_paths(Some(file), None);
    if let Some(error) = found.errors.first() {
        return Err(wrong(&error.to_string()));
    }
    match RootCertStore::empty().add_parsable_certificates(found.certs.clone()) {
        (0, 0) => Err(wrong(
            "there is no certificate in it; it must be in PEM (-----BEGIN CERTIFICATE-----)",
        )),
        (0, _) => Err(wrong("the certificate in it cannot be used; it must be X.509 version 3")),
        _ => Ok(found.certs),
    }
}

/// Verifies as usual, and accepts certificates that the operator has named.
#[derive(Debug)]
struct NamedCertificates {
    authorities: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for NamedCertificates {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
        let error = match self.authorities.verify_server_cert(
            certificate,
            intermediates,
            name,
            ocsp,
            now,
        ) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        // webpki checks the dates first, so any other error comes from a certificate that is valid at this
        // time.
        let is_of_another_time = matches!(
            error,
            Error::InvalidCertificate(
                Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }
            )
        );
        if is_of_another_time || !self.own.iter().any(|own| own == certificate) {
            return Err(error);
        }
        match verify_server_name(&ParsedCertificate::try_from(certificate)?, name) {
            // Old certificates have no names that are checked (RFC 9525): the operator, who named the file,
            // knows the server.
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            })) if presented.is_empty() => Ok(ServerCertVerified::assertion()),
            checked => checked.map(|()| ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}
