//! A certificate from files that may change.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use tokio_rustls::rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::pem::{BadPem, Validity, certified, fingerprint, validity};

/// Larger files are not certificates or keys.
const MAX_BYTES: u64 = 1 << 20;

/// The files with a certificate chain and its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, then those of its issuers.
    pub chain: PathBuf,
    /// The private key: PKCS #8, PKCS #1 or SEC 1; RSA, ECDSA or Ed25519.
    pub key: PathBuf,
}

/// The reason why a certificate cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum BadCertificate {
    /// The certificate file.
    #[error("{0}")]
    Chain(String),
    /// The file of the private key.
    #[error("{0}")]
    Key(String),
}

impl BadCertificate {
    /// The setting that names the file.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Chain(_) => "tls_cert",
            Self::Key(_) => "tls_key",
        }
    }
}

/// The certificate that new connections get. It is replaced while the server runs.
pub struct Certificate {
    files: CertificateFiles,
    current: RwLock<Arc<CertifiedKey>>,
    /// The state of the files when they were read last, also if they were wrong.
    seen: Mutex<[Option<Stamp>; 2]>,
}

/// What changes when a file is replaced or rewritten.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Certificate {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    ///
    /// [`BadCertificate`] for a file that cannot be read, or a key that does not belong to the certificate.
    pub fn load(files: CertificateFiles) -> Result<Self, BadCertificate> {
        let seen = Mutex::new(stamps(&files));
        let current = RwLock::new(Arc::new(read(&files)?));
        Ok(Self { files, current, seen })
    }

    /// Reads the files again. After an error, the previous certificate stays in use. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Certificate::load`].
    pub fn reload(&self) -> Result<(), BadCertificate> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamps(&self.files);
        let new = Arc::new(read(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Whether the files have changed since they were read last. Blocks.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != stamps(&self.files)
    }

    /// The SHA-256 of the certificate, as browsers and OpenSSL show it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certified())
    }

    /// From when to when it is valid; `None` if it is not a certificate of X.509.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        validity(&self.certified())
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }
}

fn read(files: &CertificateFiles) -> Result<CertifiedKey, BadCertificate> {
    let chain = contents(&files.chain).map_err(BadCertificate::Chain)?;
    let key = zeroize::Zeroizing::new(contents(&files.key).map_err(BadCertificate::Key)?);
    certified(&chain, &key).map_err(|error| {
        let (chain, key) = (files.chain.display(), files.key.display());
        match error {
            BadPem::Chain(problem) => BadCertificate::Chain(format!("{chain} {problem}")),
            BadPem::Key(problem) => BadCertificate::Key(format!("{key} {problem}")),
            BadPem::OtherKey(problem) => BadCertificate::Key(format!(
                "{key} does not belong to the certificate in {chain} ({problem})"
            )),
        }
    })
}

fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let read = || {
        let found = fs::metadata(path)?;
        if !found.is_file() || found.len() > MAX_BYTES {
            return Err(io::Error::other("it is not a file of at most 1 MiB"));
        }
        fs::read(path)
    };
    read().map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn stamps(files: &CertificateFiles) -> [Option<Stamp>; 2] {
    [&files.chain, &files.key].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some(Stamp {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{super::self_signed, *};

    fn made(dir: &Path) -> CertificateFiles {
        self_signed(dir, &["drop.example.org".to_owned()], &["192.0.2.1".parse().unwrap()]).unwrap()
    }

    #[test]
    fn a_self_signed_certificate_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let files = made(dir.path());
        let first = Certificate::load(files.clone()).unwrap().fingerprint();
        assert_eq!(first.len(), 32 * 3 - 1);
        let end = Certificate::load(files.clone()).unwrap().validity().unwrap().until;
        assert_eq!(end.to_string(), "2120-01-01T00:00:00Z");
        assert_eq!(made(dir.path()), files);
        assert_eq!(Certificate::load(files.clone()).unwrap().fingerprint(), first);
        for path in [&files.chain, &files.key] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Certificate::load(made(other.path())).unwrap().fingerprint(), first);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_old_one_stays() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (files, others) = (made(dir.path()), made(other.path()));
        let text = |path: &Path| fs::read_to_string(path).unwrap();
        let (chain, key) = (text(&files.chain), text(&files.key));
        let certificate = Certificate::load(files.clone()).unwrap();
        let before = certificate.fingerprint();
        // (chain, key, part of the error)
        let cases = [
            (chain.clone(), text(&others.key), "does not belong to the certificate"),
            (String::new(), key.clone(), "contains no certificate"),
            (key.clone(), key.clone(), "contains no certificate"),
            (chain.clone(), String::new(), "contains no private key"),
            (chain.clone(), chain.clone(), "contains no private key"),
            ("-----BEGIN CERTIFICATE-----\n!\n".to_owned(), key.clone(), "is not PEM"),
        ];
        for (chain, key, problem) in cases {
            fs::write(&files.chain, chain).unwrap();
            fs::write(&files.key, key).unwrap();
            assert!(certificate.has_changed());
            let error = certificate.reload().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            assert!(error.contains(dir.path().to_str().unwrap()), "{error}");
            assert!(!certificate.has_changed(), "each state of the files is reported once");
            assert_eq!(certificate.fingerprint(), before);
        }
        fs::copy(&others.chain, &files.chain).unwrap();
        fs::copy(&others.key, &files.key).unwrap();
        certificate.reload().unwrap();
        assert_ne!(certificate.fingerprint(), before);
        fs::remove_file(&files.key).unwrap();
        assert!(certificate.has_changed() && certificate.reload().is_err());
    }
}
