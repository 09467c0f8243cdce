//! HTTPS: the certificates of the listener, as the settings ask for them, and their renewal.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, task::JoinSet};
use tokio_rustls::rustls::server::ResolvesServerCert;

use super::{failure, housekeeping::repeat};
use crate::{
    certificates::{
        AcmeAuthority, Certificate, CertificateFiles, DomainCertificates, renew, self_signed,
    },
    cli::Failure,
    clock::Clock,
    config::{ListenAddress, Loaded, Settings},
    metrics::Metrics,
    router::HttpsRedirect,
};

/// How often the files of the certificate are checked for changes.
const CHECK: Duration = Duration::from_secs(10);

/// Where the certificates of the daemon come from.
pub(super) enum Https {
    /// There is none: plain HTTP.
    Off,
    /// Files, perhaps self-signed.
    Files(Arc<Certificate>),
    /// An ACME authority.
    Domains {
        certificates: Arc<DomainCertificates>,
        authority: Option<AcmeAuthority>,
        try_now: Arc<Notify>,
    },
}

impl Https {
    /// As the settings say. Blocks.
    ///
    /// # Errors
    ///
    /// [`Exit::Usage`](crate::cli::Exit::Usage) for files that cannot be used.
    pub(super) fn from_settings(loaded: &Loaded) -> Result<Self, Failure> {
        let settings = &loaded.settings;
        if !settings.domains.is_empty() {
            let authority = AcmeAuthority::new(
                settings.acme_directory().to_owned(),
                settings.acme_email.clone(),
                settings.acme_ca.as_deref(),
                &settings.data,
            );
            let authority = authority.map_err(|error| match settings.acme_ca {
                Some(_) => Failure::from(loaded.bad("acme_ca", error.to_string())),
                None => failure::of_system("cannot prepare for certificates", &error),
            })?;
            let certificates = Arc::new(authority.kept_certificates(settings.domains.clone()));
            return Ok(Self::Domains {
                certificates,
                authority: Some(authority),
                try_now: Arc::default(),
            });
        }
        let files = match (&settings.tls_cert, &settings.tls_key) {
            (Some(chain), Some(key)) => CertificateFiles { chain: chain.clone(), key: key.clone() },
            _ if settings.tls_self_signed => own_files(settings)
                .map_err(|error| failure::of_system("cannot create a certificate", &error))?,
            _ => return Ok(Self::Off),
        };
        let certificate = Certificate::load(files)
            .map_err(|error| Failure::from(loaded.bad(error.setting(), error.to_string())))?;
        tracing::info!(sha256 = certificate.fingerprint(), "HTTPS with this certificate");
        Ok(Self::Files(Arc::new(certificate)))
    }

    /// What a listener answers handshakes with.
    pub(super) fn resolver(&self) -> Option<Arc<dyn ResolvesServerCert>> {
        match self {
            Self::Off => None,
            Self::Files(certificate) => {
                Some(Arc::clone(certificate) as Arc<dyn ResolvesServerCert>)
            }
            Self::Domains { certificates, .. } => {
                Some(Arc::clone(certificates) as Arc<dyn ResolvesServerCert>)
            }
        }
    }

    /// Lets the metrics say until when the certificates are valid: the one that ends first.
    pub(super) fn report_to(&self, metrics: &Metrics) {
        match self {
            Self::Off => {}
            Self::Files(certificate) => {
                let certificate = Arc::clone(certificate);
                metrics.set_certificate(move || certificate.validity().map(|valid| valid.until));
            }
            Self::Domains { certificates, .. } => {
                let certificates = Arc::clone(certificates);
                metrics.set_certificate(move || certificates.first_end());
            }
        }
    }

    /// The redirect from plain HTTP; `port` is that of HTTPS.
    pub(super) fn redirect(&self, settings: &Settings, port: u16) -> HttpsRedirect {
        let public =
            settings.public_url.as_ref().filter(|url| url.as_str().starts_with("https://"));
        let public = public.and_then(|url| Some((url.host_name()?, url.origin().to_owned())));
        let is_public = |name: &String| public.as_ref().is_some_and(|(host, _)| host == name);
        let others = settings.domains.iter().filter(|name| !is_public(name));
        let others = others.map(|name| (name.clone(), format!("https://{name}")));
        let origins = public.clone().into_iter().chain(others).collect();
        let certificates = match self {
            Self::Domains { certificates, .. } => Some(Arc::clone(certificates)),
            _ => None,
        };
        HttpsRedirect::new(origins, port, certificates)
    }

    /// Replaces certificates when their files change or it is time, until the set is dropped. `has_http` says
    /// whether plain HTTP is answered. Needs the context of a runtime.
    pub(super) fn keep_fresh(&mut self, has_http: bool, clock: &Clock) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        match self {
            Self::Off => {}
            Self::Files(certificate) => {
                let certificate = Arc::clone(certificate);
                tasks.spawn(repeat(CHECK, None, move || {
                    if certificate.has_changed() {
                        reload(&certificate);
                    }
                }));
            }
            Self::Domains { certificates, authority, try_now } => {
                if let Some(authority) = authority.take() {
                    let (certificates, try_now) = (Arc::clone(certificates), Arc::clone(try_now));
                    let renewing = renew(authority, certificates, has_http, clock.clone(), try_now);
                    tasks.spawn(renewing);
                }
            }
        }
        tasks
    }

    /// Reads the files of the certificate again, and tries at once what has failed. Blocks.
    pub(super) fn reload(&self) {
        match self {
            Self::Off => {}
            Self::Files(certificate) => reload(certificate),
            Self::Domains { try_now, .. } => try_now.notify_one(),
        }
    }
}

/// The files of the self-signed certificate.
fn own_files(settings: &Settings) -> std::io::Result<CertificateFiles> {
    let host = settings.public_url.as_ref().and_then(|url| url.host_name());
    let names: Vec<String> = host.into_iter().collect();
    let own = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let listen = settings.listen.iter().filter_map(ListenAddress::ip);
    let addresses: Vec<IpAddr> =
        own.into_iter().chain(listen.filter(|ip| !ip.is_unspecified())).collect();
    self_signed(&settings.data, &names, &addresses)
}

fn reload(certificate: &Certificate) {
    match certificate.reload() {
        Ok(()) => {
            tracing::info!(sha256 = certificate.fingerprint(), "the certificate was replaced");
        }
        Err(error) => {
            tracing::warn!(%error, "the certificate is not replaced: the previous one stays in use");
        }
    }
}
