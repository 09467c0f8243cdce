//! JSON Web Keys (RFC 7517) of RSA (RFC 7518, section 6.3).

use base64::{
    Engine,
    engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{PublicKey, PublicKeyError};

/// The fields that are used here. Those of a private key are only detected; their values are discarded.
#[derive(Deserialize)]
struct JwkFields<'a> {
    #[serde(borrow)]
    kty: std::borrow::Cow<'a, str>,
    n: Option<String>,
    e: Option<String>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    /// Of a symmetric key (RFC 7518, section 6.4).
    k: Option<IgnoredAny>,
}

pub(super) fn parse(json: &str) -> Result<PublicKey, PublicKeyError> {
    let fields: JwkFields = serde_json::from_str(json).map_err(|_| PublicKeyError::Unreadable)?;
    let JwkFields { kty, n, e, d, p, q, dp, dq, qi, oth, k } = fields;
    if [d, p, q, dp, dq, qi, oth, k].iter().any(Option::is_some) {
        return Err(PublicKeyError::Private);
    }
    match &*kty {
        "RSA" => {}
        "EC" => return Err(PublicKeyError::OtherAlgorithm("an EC")),
        // RFC 8037: of the curves 25519 and 448.
        "OKP" => return Err(PublicKeyError::OtherAlgorithm("an Ed25519 or X25519")),
        _ => return Err(PublicKeyError::Unreadable),
    }
    let number = |field: Option<String>| {
        let field = field.ok_or(PublicKeyError::Unreadable)?;
        // RFC 7515 has no padding; some programs write it nevertheless.
        let engine = if field.ends_with('=') { URL_SAFE } else { URL_SAFE_NO_PAD };
        engine.decode(field).map_err(|_| PublicKeyError::Unreadable)
    };
    PublicKey::from_components(&number(n)?, &number(e)?)
}

#[derive(Serialize)]
struct WrittenJwk {
    kty: &'static str,
    n: String,
    e: String,
    alg: &'static str,
    r#use: &'static str,
}

pub(super) fn write(n: &[u8], e: &[u8]) -> String {
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key =
        WrittenJwk { kty: "RSA", n: number(n), e: number(e), alg: "RSA-OAEP-256", r#use: "enc" };
    serde_json::to_string(&key).expect("five strings are JSON")
}
