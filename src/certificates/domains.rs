//! The certificates of several domains, each in a file, and the answers to an authority that checks one.

use std::{
    collections::HashMap,
    fmt, fs,
    io::{self, ErrorKind},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio_rustls::rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::{
    ALPN_ACME,
    pem::{Validity, certified, unchecked, validity},
};
use crate::{clock::UnixSeconds, private_file::write_private};

/// The certificates that new connections get, by the name that a client asks for.
pub struct DomainCertificates {
    domains: Vec<String>,
    folder: PathBuf,
    current: RwLock<HashMap<String, Arc<CertifiedKey>>>,
    challenges: RwLock<Challenges>,
}

/// The answers to an authority that checks domains at present.
#[derive(Default)]
struct Challenges {
    /// TLS-ALPN-01, by domain (RFC 8737).
    tls: HashMap<String, Arc<CertifiedKey>>,
    /// HTTP-01: key authorizations by token (RFC 8555 8.3).
    http: HashMap<String, String>,
}

/// Without keys.
impl fmt::Debug for DomainCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainCertificates").field("domains", &self.domains).finish_non_exhaustive()
    }
}

impl DomainCertificates {
    /// Reads the certificates of `domains` in `folder`. A file that cannot be used counts as missing, and is
    /// logged. Blocks.
    #[must_use]
    pub(super) fn load(domains: Vec<String>, folder: PathBuf) -> Self {
        let kept =
            Self { domains, folder, current: RwLock::default(), challenges: RwLock::default() };
        for domain in &kept.domains {
            let path = kept.path(domain);
            match fs::read(&path).map(Zeroizing::new) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "cannot read a certificate");
                }
                Ok(text) => match certified(&text, &text) {
                    Ok(found) => kept.put(domain, found),
                    Err(error) => {
                        tracing::warn!(%error, path = %path.display(), "cannot use a certificate");
                    }
                },
            }
        }
        kept
    }

    /// The domains, the main one first.
    #[must_use]
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// From when to when the certificate of `domain` is valid; `None` without one.
    #[must_use]
    pub fn validity(&self, domain: &str) -> Option<Validity> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.get(domain).and_then(|found| validity(found))
    }

    /// When the certificate that ends first ends; `None` if there is none.
    #[must_use]
    pub fn first_end(&self) -> Option<UnixSeconds> {
        let ends = self.domains.iter().filter_map(|domain| self.validity(domain));
        ends.map(|validity| validity.until).min()
    }

    /// The answer to an authority that has sent `token` over HTTP.
    #[must_use]
    pub fn key_authorization(&self, token: &str) -> Option<String> {
        let challenges = self.challenges.read().unwrap_or_else(PoisonError::into_inner);
        challenges.http.get(token).cloned()
    }

    /// Uses a new certificate for new connections, and keeps it. Blocks.
    ///
    /// # Errors
    ///
    /// A certificate that cannot be used or is for another key. The system's, if it is in use and could not be
    /// kept.
    pub(super) fn replace(&self, domain: &str, chain: &str, key: &str) -> io::Result<()> {
        let new = certified(chain.as_bytes(), key.as_bytes()).map_err(io::Error::other)?;
        if validity(&new).is_none() {
            return Err(io::Error::other("the certificate cannot be read"));
        }
        // One file, so that a certificate never stands beside another's key.
        let text = Zeroizing::new([chain.trim_end(), "\n", key].concat());
        // In use also where it cannot be kept: authorities limit how many they issue.
        self.put(domain, new);
        write_private(&self.path(domain), text.as_bytes())
    }

    /// Answers TLS-ALPN-01 for `domain` until the guard is dropped.
    ///
    /// # Errors
    ///
    /// A name that a certificate cannot have.
    pub(super) fn answer_tls(&self, domain: &str, digest: &[u8]) -> io::Result<ChallengeGuard<'_>> {
        let mut params = CertificateParams::new([domain.to_owned()]).map_err(io::Error::other)?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let pair = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&pair).map_err(io::Error::other)?;
        let key = Zeroizing::new(pair.serialize_pem());
        let answer =
            unchecked(certificate.pem().as_bytes(), key.as_bytes()).map_err(io::Error::other)?;
        let mut challenges = self.challenges.write().unwrap_or_else(PoisonError::into_inner);
        challenges.tls.insert(domain.to_owned(), Arc::new(answer));
        Ok(ChallengeGuard { certificates: self, key: domain.to_owned() })
    }

    /// Answers HTTP-01 for `token` until the guard is dropped.
    pub(super) fn answer_http(&self, token: &str, key_authorization: &str) -> ChallengeGuard<'_> {
        let mut challenges = self.challenges.write().unwrap_or_else(PoisonError::into_inner);
        challenges.http.insert(token.to_owned(), key_authorization.to_owned());
        ChallengeGuard { certificates: self, key: token.to_owned() }
    }

    fn put(&self, domain: &str, new: CertifiedKey) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.insert(domain.to_owned(), Arc::new(new));
    }

    fn path(&self, domain: &str) -> PathBuf {
        self.folder.join(format!("{domain}.pem"))
    }
}

impl ResolvesServerCert for DomainCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let mut offered = hello.alpn().into_iter().flatten();
        if offered.any(|protocol| protocol == ALPN_ACME) {
            let challenges = self.challenges.read().unwrap_or_else(PoisonError::into_inner);
            return challenges.tls.get(&name?).cloned();
        }
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        // A client that asks for another name, or for none, sees a certificate that says whose server it is.
        let own = name.and_then(|name| current.get(&name));
        own.or_else(|| self.domains.iter().find_map(|domain| current.get(domain))).cloned()
    }
}

/// Answers a challenge until it is dropped.
pub(super) struct ChallengeGuard<'a> {
    certificates: &'a DomainCertificates,
    key: String,
}

impl Drop for ChallengeGuard<'_> {
    fn drop(&mut self) {
        let challenges = &self.certificates.challenges;
        let mut challenges = challenges.write().unwrap_or_else(PoisonError::into_inner);
        challenges.tls.remove(&self.key);
        challenges.http.remove(&self.key);
    }
}
