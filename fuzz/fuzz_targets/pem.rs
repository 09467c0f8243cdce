//! PEM, or base64 of DER, is refused, or it is a key that can be written and read again. A private key
//! is opened too, unless that would take its time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsa::pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument, der::Decode, pkcs5::pbes2::Kdf};
use sealdrop::crypto::{BoxKey, PublicKey, SecretText, SystemRandom};

fuzz_target!(|text: &str| {
    if text.trim_start().starts_with(['{', '<']) {
        return;
    }
    if let Ok(key) = PublicKey::parse(text) {
        assert_eq!(PublicKey::parse(&key.to_pem()).as_ref(), Ok(&key));
        assert_eq!(PublicKey::from_der(&key.to_der()), Ok(key));
    }
    if is_cheap(text) {
        let passphrase = SecretText::new("correct horse åäö".to_owned());
        if let Ok(key) = BoxKey::from_encrypted_pem(text, &passphrase) {
            let pem = key.to_encrypted_pem(&passphrase, 1, &SystemRandom);
            let again = BoxKey::from_encrypted_pem(&pem, &passphrase);
            assert_eq!(again.map(|key| key.hash()), Ok(key.hash()));
        }
    }
});

/// Whether this asks for little work, or for no more than a glance. The iterations allowed are the
/// daemon's to choose; thousands of runs a second are ours.
fn is_cheap(pem: &str) -> bool {
    let Ok((_, der)) = SecretDocument::from_pem(pem) else { return false };
    let Ok(encrypted) = EncryptedPrivateKeyInfoRef::from_der(der.as_bytes()) else { return true };
    let Some(parameters) = encrypted.encryption_algorithm.pbes2() else { return true };
    match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= 3000,
        Kdf::Scrypt(scrypt) => {
            let [r, p] = [scrypt.block_size, scrypt.parallelization].map(u64::from);
            scrypt.cost_parameter.saturating_mul(r * p) <= 1 << 10
        }
        _ => true,
    }
}
