//! PEM, read as leniently as RFC 7468 allows ("lax"): pasted text has lines of any length, leading blanks
//! and `\r\n`. The `pem-rfc7468` crate that comes with `rsa` needs lines of 64 characters, so it writes PEM
//! here but does not read it.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{PublicKey, PublicKeyError, der};

/// Reads a public key; a private key anywhere in the text is an error.
pub(super) fn parse_public(text: &str) -> Result<PublicKey, PublicKeyError> {
    if text.contains("PRIVATE KEY-----") {
        let is_bare = text.split("-----BEGIN ").skip(1).any(is_bare);
        return Err(match is_bare {
            true => PublicKeyError::Private,
            false => PublicKeyError::EncryptedPrivate,
        });
    }
    let (label, bytes) = decode(text).ok_or(PublicKeyError::Unreadable)?;
    match label {
        // The block may contain another type of key; the error then names it.
        "PUBLIC KEY" => der::parse_spki(&bytes).map_err(|error| match error {
            PublicKeyError::Unreadable => der::parse(&bytes).err().unwrap_or(error),
            _ => error,
        }),
        "RSA PUBLIC KEY" => der::parse_pkcs1(&bytes),
        // Also `TRUSTED CERTIFICATE`, `CERTIFICATE REQUEST`.
        _ if label.contains("CERTIFICATE") => Err(PublicKeyError::Certificate),
        _ => Err(PublicKeyError::Unreadable),
    }
}

/// Whether a block, from its label on, is a private key without a passphrase: RFC 5958 shows it in the
/// label, RFC 1421 in the first header.
fn is_bare(block: &str) -> bool {
    block.split_once("PRIVATE KEY-----").is_some_and(|(kind, rest)| {
        kind != "ENCRYPTED " && !rest.trim_start().starts_with("Proc-Type: 4,ENCRYPTED")
    })
}

/// The label and the bytes of the first block. Text before and after it is explanation (RFC 7468, section
/// 5.2); headers inside, which old encrypted keys have, are not base64 and are refused.
pub(in crate::crypto) fn decode(text: &str) -> Option<(&str, Vec<u8>)> {
    let (_, text) = text.split_once("-----BEGIN ")?;
    let (label, text) = text.split_once("-----")?;
    let (base64, text) = text.split_once("-----END ")?;
    let (end, _) = text.split_once("-----")?;
    if label != end {
        return None;
    }
    Some((label, decode_base64(base64)?))
}

/// Decodes base64 with white space anywhere.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(compact).ok()
}
