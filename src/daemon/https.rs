//! HTTPS: the certificate of the listener, as the settings ask for it, and its renewal.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use super::{failure, housekeeping::repeat};
use crate::{
    cli::Failure,
    config::Loaded,
    server::{BadCertificate, Certificate, CertificateFiles, self_signed},
};

/// How often the files of the certificate are checked for changes.
const CHECK: Duration = Duration::from_secs(10);

/// The certificate that the settings name; `None` for plain HTTP. Blocks.
///
/// # Errors
///
/// [`Exit::Usage`](crate::cli::Exit::Usage) for files that cannot be used.
pub(super) fn certificate(loaded: &Loaded) -> Result<Option<Arc<Certificate>>, Failure> {
    let settings = &loaded.settings;
    let files = match (&settings.tls_cert, &settings.tls_key) {
        (Some(chain), Some(key)) => CertificateFiles { chain: chain.clone(), key: key.clone() },
        _ if settings.tls_self_signed => {
            let host = settings.public_url.as_ref().and_then(|url| url.host_name());
            let names: Vec<String> = host.into_iter().collect();
            let own = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            let listen = Some(settings.listen.ip()).filter(|ip| !ip.is_unspecified());
            let addresses: Vec<IpAddr> = own.into_iter().chain(listen).collect();
            self_signed(&settings.data, &names, &addresses)
                .map_err(|error| failure::of_system("cannot create a certificate", &error))?
        }
        _ => return Ok(None),
    };
    let certificate = Certificate::load(files).map_err(|error| {
        let key = match error {
            BadCertificate::Chain(_) => "tls_cert",
            BadCertificate::Key(_) => "tls_key",
        };
        Failure::from(loaded.bad(key, error.to_string()))
    })?;
    tracing::info!(sha256 = certificate.fingerprint(), "HTTPS with this certificate");
    Ok(Some(Arc::new(certificate)))
}

/// Replaces the certificate when its files change, until the future is dropped.
pub(super) async fn follow(certificate: Arc<Certificate>) {
    let check = move || {
        if certificate.has_changed() {
            reload(&certificate);
        }
    };
    repeat(CHECK, check).await;
}

/// Reads the files of the certificate again. Blocks.
pub(super) fn reload(certificate: &Certificate) {
    match certificate.reload() {
        Ok(()) => {
            tracing::info!(sha256 = certificate.fingerprint(), "the certificate was replaced");
        }
        Err(error) => {
            tracing::warn!(%error, "the certificate is not replaced: the previous one stays in use");
        }
    }
}
