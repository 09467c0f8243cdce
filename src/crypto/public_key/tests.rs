use proptest::prelude::*;

use super::*;
use crate::crypto::random::{SeededRandom, random_array};

/// Made by OpenSSL: `tests/vectors/README.md`.
macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/keys/", $name))
    };
}

const SPKI: &str = vector!("rsa2048.spki.pem");
const JWK: &str = vector!("rsa2048.jwk");
const XML: &str = vector!("rsa2048.xml");

fn key() -> PublicKey {
    PublicKey::parse(SPKI).unwrap()
}

fn refused(text: &str, error: PublicKeyError) {
    assert_eq!(PublicKey::parse(text), Err(error), "{text}");
}

fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[test]
fn every_format_reads_as_the_same_key() {
    let pkcs1 = vector!("rsa2048.pkcs1.pem");
    let with_spaces = body(SPKI).replace('A', " A\t\r\n");
    let texts = [
        pkcs1,
        JWK,
        XML,
        &body(SPKI),
        &body(pkcs1),
        &with_spaces,
        &SPKI.replace('\n', "\r\n  "),
        &format!("-----BEGIN PUBLIC KEY-----{}-----END PUBLIC KEY-----", body(SPKI)),
        &format!("\u{feff}\n {JWK}"),
        &JWK.replace("\"kty\"", "\"key_ops\": [\"encrypt\"], \"ext\": true, \"kty\""),
        &JWK.replace("AQAB", "AAEAAQ"),
        &JWK.replace("AQAB", "AAEAAQ=="),
        &format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{XML}"),
        &XML.replace("<RSAKeyValue>", "<RSAKeyValue xmlns=\"http://www.w3.org/2000/09/xmldsig#\">"),
        &XML.replace("<Modulus>", "\n  <Modulus>\n  ").replace("</Exponent>", "\n </Exponent>\n"),
        &XML.replace("AQAB", "AAEAAQ=="),
    ];
    for text in texts {
        assert_eq!(PublicKey::parse(text), Ok(key()), "{text}");
    }
}

#[test]
fn what_is_written_is_what_openssl_wrote() {
    assert_eq!(key().to_pem(), SPKI);
    assert_eq!(key().to_xml(), XML.trim_end());
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(&key().to_jwk()), json(JWK));
    assert_eq!(STANDARD.encode(key().to_der()), body(SPKI));
    assert_eq!(PublicKey::from_der(&key().to_der()), Ok(key()));
}

/// By `openssl pkey -pubin -outform DER | sha256sum`.
#[test]
fn the_fingerprint_is_half_a_digest() {
    assert_eq!(key().fingerprint(), "b46e 1058 ac12 1bd1 dcf4 adcc baf0 63e0");
}

#[test]
fn the_length_has_two_ends() {
    let spki = PublicKey::parse(vector!("rsa8192.spki.pem")).unwrap();
    assert_eq!(spki.bits(), 8192);
    assert_eq!(PublicKey::parse(&spki.to_jwk()), Ok(spki.clone()));
    assert_eq!(PublicKey::parse(&spki.to_xml()), Ok(spki));
    refused(vector!("rsa1024.spki.pem"), PublicKeyError::TooSmall(1024));

    let of_bits = |bits: usize| {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] >>= n.len() * 8 - bits;
        PublicKey::from_components(&n, &[1, 0, 1]).map(|key| key.bits())
    };
    let cases = [
        (1, Err(PublicKeyError::TooSmall(1))),
        (2047, Err(PublicKeyError::TooSmall(2047))),
        (2048, Ok(2048)),
        (2049, Ok(2049)),
        (8192, Ok(8192)),
        (8193, Err(PublicKeyError::TooLarge(8193))),
        (100_000, Err(PublicKeyError::TooLarge(100_000))),
    ];
    for (bits, expected) in cases {
        assert_eq!(of_bits(bits), expected);
    }
}

#[test]
fn the_numbers_are_odd_and_the_exponent_is_small() {
    let n = key().modulus();
    for e in [&[3][..], &[1, 0, 1], &[0, 0, 0, 0, 0, 0, 3], &[255; 4]] {
        assert!(PublicKey::from_components(&n, e).is_ok(), "{e:?}");
    }
    for e in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1], &[255; 9], &[255; 300]] {
        let read = PublicKey::from_components(&n, e);
        assert_eq!(read, Err(PublicKeyError::Exponent), "{e:?}");
    }
    let mut even = n;
    even[255] ^= 1;
    let read = PublicKey::from_components(&even, &[3]);
    assert_eq!(read, Err(PublicKeyError::Unreadable));
    assert_eq!(PublicKey::from_components(&[0; 300], &[3]), Err(PublicKeyError::Unreadable));
}

#[test]
fn a_private_key_is_refused_as_one_in_every_format() {
    let d = [1; 256];
    let (d_base64, d_url) =
        (STANDARD.encode(d), base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(d));
    let mut texts = vec![
        vector!("rsa2048.pem").to_owned(),
        vector!("rsa2048.traditional.pem").to_owned(),
        body(vector!("rsa2048.pem")),
        body(vector!("rsa2048.traditional.pem")),
        format!("{SPKI}{}", vector!("rsa2048.pem")),
        format!("ENCRYPTED\n{}", vector!("rsa2048.pem")),
        format!("{}{}", vector!("rsa2048.sha256.pem"), vector!("rsa2048.pem")),
    ];
    for field in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        texts.push(JWK.replace("\"kty\"", &format!("\"{field}\": \"{d_url}\", \"kty\"")));
    }
    texts.push(JWK.replace("\"kty\"", "\"d\": 1, \"kty\""));
    for element in ["P", "Q", "DP", "DQ", "InverseQ", "D"] {
        let element = format!("<{element}>{d_base64}</{element}></RSAKeyValue>");
        texts.push(XML.replace("</RSAKeyValue>", &element));
    }
    for text in texts {
        refused(&text, PublicKeyError::Private);
    }
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n";
    let encrypted = [
        vector!("rsa2048.sha256.pem").to_owned(),
        vector!("ec.sha256.pem").to_owned(),
        body(vector!("rsa2048.sha256.pem")),
        format!("{old}-----END RSA PRIVATE KEY-----\n"),
    ];
    for text in encrypted {
        refused(&text, PublicKeyError::EncryptedPrivate);
    }
}

/// Made by OpenSSL, in PEM and in base64 of the DER.
#[test]
fn what_is_no_rsa_key_is_called_by_its_name() {
    let named = |name| PublicKeyError::OtherAlgorithm(name);
    let cases = [
        (vector!("ec.spki.pem"), named("an EC")),
        (vector!("ed25519.spki.pem"), named("an Ed25519")),
        (vector!("x25519.spki.pem"), named("an X25519")),
        (vector!("rsa-pss.spki.pem"), named("an RSA-PSS")),
        (vector!("rsa2048.cert.pem"), PublicKeyError::Certificate),
        (vector!("rsa2048.request.pem"), PublicKeyError::Certificate),
        (vector!("ec.sec1.pem"), PublicKeyError::Private),
        (vector!("rsa2048.pbe-sha1-3des.pem"), PublicKeyError::EncryptedPrivate),
        (vector!("rsa2048.pbe-md5-des.pem"), PublicKeyError::EncryptedPrivate),
    ];
    for (pem, error) in cases {
        refused(pem, error);
        refused(&body(pem), error);
        // The same DER under the label of a public key.
        if matches!(error, PublicKeyError::OtherAlgorithm(_) | PublicKeyError::Certificate) {
            let body = body(pem);
            refused(&format!("-----BEGIN PUBLIC KEY-----{body}-----END PUBLIC KEY-----"), error);
        }
    }
    let jwk = |text: &str, error| refused(text, error);
    jwk(&JWK.replace("RSA\"", "EC\""), named("an EC"));
    jwk(r#"{"kty": "OKP", "crv": "Ed25519", "x": "AA"}"#, named("an Ed25519 or X25519"));
    jwk(r#"{"kty": "EC", "crv": "P-256", "d": "AA"}"#, PublicKeyError::Private);
    jwk(r#"{"kty": "oct", "k": "AA"}"#, PublicKeyError::Private);
    for text in ["ssh-rsa AAAAB3Nza me@here", "ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 AAAA"] {
        refused(text, PublicKeyError::OpenSsh);
    }
    for exponent in ["", "AQ", "Ag", "AQAA", "AQAAAAE"] {
        refused(&JWK.replace("AQAB", exponent), PublicKeyError::Exponent);
    }
}

#[test]
fn anything_else_is_unreadable() {
    let entity =
        format!("<!DOCTYPE RSAKeyValue [<!ENTITY e \"AQAB\">]>{}", XML.replace("AQAB", "&e;"));
    let texts = [
        "",
        "{",
        "{}",
        "<",
        "<RSAKeyValue/>",
        "<RSAKeyValue></RSAKeyValue>",
        "AAAA",
        "not base64",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
        &SPKI.replace("BEGIN PUBLIC", "BEGIN RSA PUBLIC"),
        &SPKI.replace("PUBLIC", "RSA PUBLIC"),
        &SPKI.replace("PUBLIC KEY", "PGP PUBLIC KEY BLOCK"),
        &JWK.replace("RSA\"", "RSB\""),
        &JWK.replace("\"n\"", "\"m\""),
        &JWK.replace("\"e\"", "\"m\""),
        &JWK.replace("AQAB", "AQ*B"),
        &JWK.replace("\"AQAB\"", "65537"),
        &JWK.replace("\"kty\"", "\"e\": \"AQAB\", \"kty\""),
        &format!("{JWK}{JWK}"),
        &format!("[{JWK}]"),
        &format!("{{\"a\": {}", "[".repeat(30_000)),
        &XML.replace("RSAKeyValue", "DSAKeyValue"),
        &XML.replace("Modulus", "Module"),
        &XML.replace("AQAB", "AQ*B"),
        &XML.replace("AQAB", "&#65;QAB"),
        &XML.replace("AQAB", "AQ<!-- -->AB"),
        &XML.replace("AQAB", "<![CDATA[AQAB]]>"),
        &XML.replace("AQAB", "<Exponent>AQAB</Exponent>"),
        &XML.replace("</RSAKeyValue>", "<Exponent>AQAB</Exponent></RSAKeyValue>"),
        &XML.replace("</RSAKeyValue>", ""),
        &XML.replace("</Exponent>", "</Modulus>"),
        &XML.replace("<RSAKeyValue>", "<RSAKeyValue>text"),
        &format!("{XML}<RSAKeyValue></RSAKeyValue>"),
        &entity,
        &format!("{SPKI:40000}"),
        &format!("{JWK:40000}"),
    ];
    for text in texts {
        refused(text, PublicKeyError::Unreadable);
    }
    let der = key().to_der();
    for end in 0..der.len() {
        assert!(PublicKey::from_der(&der[..end]).is_err(), "{end}");
    }
    assert!(PublicKey::from_der(&[&der[..], &[0]].concat()).is_err());
}

/// The same numbers, but bound to signatures, or without the required parameters (RFC 8017, appendix A.1).
#[test]
fn a_key_of_another_algorithm_is_unreadable() {
    use rsa::pkcs8::{
        ObjectIdentifier, SubjectPublicKeyInfoRef,
        der::{Decode, Encode},
    };
    let der = key().to_der();
    let mut info = SubjectPublicKeyInfoRef::from_der(&der).unwrap();
    info.algorithm.parameters = None;
    refused(&STANDARD.encode(info.to_der().unwrap()), PublicKeyError::Unreadable);
    for (oid, name) in [
        ("1.2.840.113549.1.1.10", "an RSA-PSS"),
        ("1.2.840.113549.1.1.7", "an RSA-OAEP (id-RSAES-OAEP)"),
        ("1.2.3.4", "another algorithm's"),
    ] {
        info.algorithm.oid = ObjectIdentifier::new_unwrap(oid);
        refused(&STANDARD.encode(info.to_der().unwrap()), PublicKeyError::OtherAlgorithm(name));
    }
}

#[test]
fn an_error_says_what_to_do() {
    let cases = [
        (PublicKeyError::TooSmall(1024), "the public key has 1024 bits, at least 2048 are needed"),
        (PublicKeyError::TooLarge(9000), "the public key has 9000 bits, at most 8192 are allowed"),
    ];
    for (error, text) in cases {
        assert_eq!(error.to_string(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any odd number will do for a modulus here.
    #[test]
    fn what_is_written_reads_the_same(seed: u64, bytes in 256_usize..1024, e: u32) {
        let mut n = random_array::<1024>(&SeededRandom::new(seed))[..bytes].to_vec();
        n[0] |= 0x80;
        n[bytes - 1] |= 1;
        let key = PublicKey::from_components(&n, &(e | 3).to_be_bytes()).unwrap();
        prop_assert_eq!(key.bits(), bytes * 8);
        for text in [key.to_pem(), key.to_jwk(), key.to_xml(), STANDARD.encode(key.to_der())] {
            prop_assert_eq!(PublicKey::parse(&text), Ok(key.clone()));
        }
        prop_assert_eq!(PublicKey::from_der(&key.to_der()), Ok(key));
    }

    #[test]
    fn a_changed_text_is_an_error_or_a_key(place in 0_usize..345, byte in 0_u8..128) {
        for text in [SPKI, JWK, XML] {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(key) = PublicKey::parse(&text) {
                prop_assert_eq!(PublicKey::parse(&key.to_pem()), Ok(key));
            }
        }
    }
}
