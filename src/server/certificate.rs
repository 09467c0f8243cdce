//! The certificate of the listener: from files that may change, or self-signed.

use std::{
    fmt, fs,
    io::{self, ErrorKind, Write},
    net::IpAddr,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use x509_cert::der::Decode as _;

use crate::{clock::UnixSeconds, crypto::sha256};

/// The folder of the self-signed certificate in the data directory, and its files.
const FOLDER: &str = "tls";
const SELF_SIGNED: [&str; 2] = ["self-signed.crt", "self-signed.key"];
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
        let certified = self.certified();
        let digest = sha256(certified.cert.first().map_or(&[][..], |certificate| certificate));
        digest.map(|byte| format!("{byte:02X}")).join(":")
    }

    /// The end of its validity; `None` if it is not a certificate of X.509.
    #[must_use]
    pub fn end(&self) -> Option<UnixSeconds> {
        let certified = self.certified();
        let certificate = x509_cert::Certificate::from_der(certified.cert.first()?).ok()?;
        let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
        Some(UnixSeconds(end.as_secs()))
    }

    /// The TLS settings of a listener with this certificate: TLS 1.2 and 1.3, HTTP/1.1.
    #[must_use]
    pub fn server_config(self: &Arc<Self>) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
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

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read(files: &CertificateFiles) -> Result<CertifiedKey, BadCertificate> {
    let chain = contents(&files.chain).map_err(BadCertificate::Chain)?;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&chain).collect();
    let wrong = |what: &str| BadCertificate::Chain(format!("{} {what}", files.chain.display()));
    let chain = chain.map_err(|error| wrong(&format!("is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(wrong("contains no certificate (BEGIN CERTIFICATE)"));
    }
    let key = zeroize::Zeroizing::new(contents(&files.key).map_err(BadCertificate::Key)?);
    let wrong = |what: &str| BadCertificate::Key(format!("{} {what}", files.key.display()));
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
        wrong("contains no private key in PEM without a passphrase (BEGIN PRIVATE KEY)")
    })?;
    let key = provider().key_provider.load_private_key(key).map_err(|_| {
        wrong("has a key of an unknown kind: use RSA, ECDSA (P-256, P-384) or Ed25519")
    })?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|error| {
        wrong(&format!("does not belong to the certificate in {} ({error})", files.chain.display()))
    })?;
    Ok(certified)
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

/// The files of a self-signed certificate in the data directory. They are created if they are missing, for
/// `names`, `localhost` and `addresses`. Blocks.
///
/// # Errors
///
/// The system's, and a name that a certificate cannot have.
pub fn self_signed(
    data: &Path,
    names: &[String],
    addresses: &[IpAddr],
) -> io::Result<CertificateFiles> {
    let folder = data.join(FOLDER);
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let [chain, key] = SELF_SIGNED.map(|name| folder.join(name));
    if !(chain.try_exists()? && key.try_exists()?) {
        let (certificate, pair) = create(names, addresses).map_err(io::Error::other)?;
        let secret = zeroize::Zeroizing::new(pair.serialize_pem());
        write(&key, secret.as_bytes())?;
        write(&chain, certificate.pem().as_bytes())?;
        fs::File::open(&folder)?.sync_all()?;
    }
    Ok(CertificateFiles { chain, key })
}

fn create(
    names: &[String],
    addresses: &[IpAddr],
) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let addresses = addresses.iter().map(ToString::to_string);
    let mut all: Vec<String> =
        names.iter().cloned().chain(["localhost".to_owned()]).chain(addresses).collect();
    all.sort();
    all.dedup();
    let mut params = CertificateParams::new(all)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "sealdrop, self-signed");
    // Clients pin it, so it is not replaced while the data directory lives.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    let pair = KeyPair::generate()?;
    Ok((params.self_signed(&pair)?, pair))
}

/// Writes a file for its owner only, durably. It gets its name when it is complete.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn made(dir: &Path) -> CertificateFiles {
        self_signed(dir, &["drop.example.org".to_owned()], &["192.0.2.1".parse().unwrap()]).unwrap()
    }

    #[test]
    fn a_self_signed_certificate_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let files = made(dir.path());
        let first = Certificate::load(files.clone()).unwrap().fingerprint();
        assert_eq!(first.len(), 32 * 3 - 1);
        let end = Certificate::load(files.clone()).unwrap().end().unwrap();
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
