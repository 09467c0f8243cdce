//! A certificate that the daemon signs itself. It is created once, so that clients can trust it by its
//! fingerprint.

use std::{io, net::IpAddr, path::Path};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

use super::{CertificateFiles, FOLDER};
use crate::private_file::{private_folder, write_private};

/// The file names of the certificate and of its key.
const NAMES: [&str; 2] = ["self-signed.crt", "self-signed.key"];

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
    let folder = private_folder(&data.join(FOLDER))?;
    let [chain, key] = NAMES.map(|name| folder.join(name));
    if !(chain.try_exists()? && key.try_exists()?) {
        let (certificate, pair) = create(names, addresses).map_err(io::Error::other)?;
        let secret = zeroize::Zeroizing::new(pair.serialize_pem());
        write_private(&key, secret.as_bytes())?;
        write_private(&chain, certificate.pem().as_bytes())?;
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
