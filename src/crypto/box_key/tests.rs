use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use rsa::pkcs8::{der::Encode, pkcs5::pbes2::Pbkdf2Prf};

use super::*;
use crate::crypto::random::SeededRandom;

/// Made by OpenSSL: `tests/vectors/README.md`.
macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/keys/", $name))
    };
}

const ENCRYPTED: &str = vector!("rsa2048.sha256.pem");
const HASH: &str = vector!("rsa2048.privatekeyhash");

static KEY: LazyLock<BoxKey> = LazyLock::new(|| open(ENCRYPTED).expect("the vector opens"));
static FRESH: LazyLock<BoxKey> =
    LazyLock::new(|| BoxKey::generate(RsaBits::Bits2048, &SeededRandom::new(1)));

fn passphrase() -> SecretText {
    SecretText::new("correct horse åäö".to_owned())
}

fn open(pem: &str) -> Result<BoxKey, OpenKeyError> {
    BoxKey::from_encrypted_pem(pem, &passphrase())
}

/// The same PEM with other parameters, or other encrypted data.
fn changed(pem: &str, change: impl Fn(&mut Parameters, &mut Vec<u8>)) -> String {
    let der = encrypted_der(pem).unwrap();
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(&der).unwrap();
    let mut parameters = encrypted.encryption_algorithm.pbes2().unwrap().clone();
    let mut data = encrypted.encrypted_data.as_bytes().to_vec();
    change(&mut parameters, &mut data);
    let changed = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: rsa::pkcs8::der::asn1::OctetStringRef::new(&data).unwrap(),
    };
    pem_of("ENCRYPTED PRIVATE KEY", &changed.to_der().unwrap())
}

fn pem_of(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// An encrypted PEM of any PKCS#1 content.
fn encrypted(pkcs1: &[u8]) -> String {
    let private_key = rsa::pkcs8::der::asn1::OctetStringRef::new(pkcs1).unwrap();
    let info = PrivateKeyInfoRef::new(pkcs1::ALGORITHM_ID, private_key);
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(1, &[0; 16], [0; 16]).unwrap();
    let document = info.encrypt_with_params(parameters, passphrase().expose_secret()).unwrap();
    pem_of("ENCRYPTED PRIVATE KEY", document.as_bytes())
}

fn unreadable(pem: &str) {
    assert_eq!(open(pem).err(), Some(OpenKeyError::Unreadable), "{pem}");
}

#[test]
fn what_openssl_encrypted_opens_and_has_its_hash() {
    let pems = [
        ENCRYPTED,
        vector!("rsa2048.sha512-aes128.pem"),
        vector!("rsa2048.scrypt.pem"),
        vector!("rsa2048.sha1.pem"),
        vector!("rsa2048.sha1-des3.pem"),
        vector!("rsa2048.sha224-des3.pem"),
        &ENCRYPTED.replace('\n', "\r\n  "),
        &format!("Bag Attributes\n{ENCRYPTED}trailing"),
    ];
    for pem in pems {
        let key = open(pem).unwrap();
        assert_eq!(key.hash(), HASH.trim_end());
        assert_eq!(key.public().to_pem(), vector!("rsa2048.spki.pem"));
        assert!(key.0.qinv().is_some(), "without the CRT it is four times as slow");
    }
}

#[test]
fn a_fresh_key_has_the_bits_asked_for_and_the_exponent_of_everybody() {
    assert_eq!(FRESH.public().bits(), 2048);
    assert_eq!(*FRESH.0.e_bytes(), [1, 0, 1]);
    assert!(FRESH.0.qinv().is_some());
    let again = BoxKey::generate(RsaBits::Bits2048, &SeededRandom::new(1));
    assert_eq!(again.hash(), FRESH.hash(), "all its randomness comes from the argument");
}

#[test]
fn a_key_that_we_encrypted_opens_and_is_as_the_format_says() {
    let pem = FRESH.to_encrypted_pem(&passphrase(), 1000, &SeededRandom::new(2));
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert!(pem.lines().all(|line| line.len() <= 64) && pem.ends_with("-----\n"));
    assert_eq!(open(&pem).unwrap().hash(), FRESH.hash());

    let der = encrypted_der(&pem).unwrap();
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(&der).unwrap();
    let parameters = encrypted.encryption_algorithm.pbes2().unwrap();
    let pbkdf2 = parameters.kdf.pbkdf2().unwrap();
    assert_eq!((pbkdf2.iteration_count, pbkdf2.prf), (1000, Pbkdf2Prf::HmacWithSha256));
    let salt: &[u8] = pbkdf2.salt.as_ref();
    assert_eq!(salt, random_array::<16>(&SeededRandom::new(2)));
    assert!(matches!(parameters.encryption, EncryptionScheme::Aes256Cbc { iv } if iv != salt));
}

#[test]
#[should_panic(expected = "0 iterations")]
fn a_key_is_not_encrypted_without_iterations() {
    let _ = FRESH.to_encrypted_pem(&passphrase(), 0, &SeededRandom::new(2));
}

#[test]
fn another_passphrase_is_wrong() {
    for wrong in ["", "correct horse", "correct horse åäö ", "Correct horse åäö"] {
        let opened = BoxKey::from_encrypted_pem(ENCRYPTED, &SecretText::new(wrong.to_owned()));
        assert_eq!(opened.err(), Some(OpenKeyError::WrongPassphrase));
    }
}

#[test]
fn a_key_takes_a_passphrase_where_one_could_open_it() {
    let changed = changed(ENCRYPTED, |_, data| data.truncate(data.len() - 1));
    let pems = [
        ENCRYPTED,
        vector!("rsa2048.scrypt.pem"),
        vector!("rsa2048.sha512-aes128.pem"),
        vector!("rsa2048.sha1.pem"),
        vector!("rsa2048.pem"),
        vector!("rsa2048.traditional.pem"),
        vector!("rsa2048.spki.pem"),
        "",
        "any text",
        &changed,
    ];
    let wrong = SecretText::new("wrong".to_owned());
    let mut taken = 0;
    for pem in pems {
        let is_wrong =
            BoxKey::from_encrypted_pem(pem, &wrong).err() == Some(OpenKeyError::WrongPassphrase);
        assert_eq!(BoxKey::takes_passphrase(pem), is_wrong, "{pem}");
        taken += u32::from(is_wrong);
    }
    assert!(taken >= 3);
}

/// More than 256 of them, so that some leave a padding that looks right.
#[test]
fn a_thousand_wrong_passphrases_are_wrong() {
    let pem = FRESH.to_encrypted_pem(&passphrase(), 1, &SeededRandom::new(2));
    for wrong in 0..1000 {
        let opened = BoxKey::from_encrypted_pem(&pem, &SecretText::new(wrong.to_string()));
        assert_eq!(opened.err(), Some(OpenKeyError::WrongPassphrase));
    }
}

/// CBC has no tag: a changed block in the middle decrypts, and the changed numbers are detected.
#[test]
fn a_changed_key_does_not_open() {
    let length = encrypted_der(ENCRYPTED).unwrap().len() - 200;
    for place in (0..length / 16 * 16).step_by(50) {
        let damaged = changed(ENCRYPTED, |_, data| data[place] ^= 1);
        assert!(open(&damaged).is_err(), "{place}");
    }
    for end in [0, 1, 15, 17] {
        unreadable(&changed(ENCRYPTED, |_, data| data.truncate(end)));
    }
    let truncated = changed(ENCRYPTED, |_, data| data.truncate(160));
    assert_eq!(open(&truncated).err(), Some(OpenKeyError::WrongPassphrase));
    for end in (0..ENCRYPTED.len() - 1).step_by(7) {
        unreadable(&ENCRYPTED[..end]);
    }
}

#[test]
fn what_is_no_encrypted_rsa_key_is_unreadable() {
    let texts = [
        "",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
        "-----BEGIN ENCRYPTED PRIVATE KEY----------END ENCRYPTED PRIVATE KEY-----",
        vector!("rsa2048.pem"),
        vector!("rsa2048.traditional.pem"),
        vector!("rsa2048.spki.pem"),
        vector!("rsa2048.pbe-sha1-3des.pem"),
        vector!("rsa2048.pbe-md5-des.pem"),
        vector!("rsa1024.sha256.pem"),
        vector!("ec.sha256.pem"),
        &ENCRYPTED.replace("ENCRYPTED PRIVATE", "PRIVATE"),
        &format!("{ENCRYPTED:40000}"),
    ];
    for text in texts {
        unreadable(text);
    }
}

#[test]
fn what_no_passphrase_opens_is_told_before() {
    let many = changed(ENCRYPTED, |parameters, _| {
        let Kdf::Pbkdf2(pbkdf2) = &mut parameters.kdf else { panic!("no PBKDF2") };
        pbkdf2.iteration_count = MAX_ITERATIONS + 1;
    });
    let gcm = changed(ENCRYPTED, |parameters, _| {
        parameters.encryption = EncryptionScheme::Aes256Gcm { nonce: [0; 12] };
    });
    let cases = [
        (ENCRYPTED, Ok(())),
        (vector!("rsa2048.scrypt.pem"), Ok(())),
        (vector!("rsa2048.sha1.pem"), Ok(())),
        (vector!("rsa2048.sha1-des3.pem"), Ok(())),
        // Not detectable without the passphrase.
        (vector!("ec.sha256.pem"), Ok(())),
        (vector!("rsa2048.pbe-sha1-3des.pem"), Err(KeyFormError::Scheme)),
        (vector!("rsa2048.pbe-md5-des.pem"), Err(KeyFormError::Scheme)),
        (&gcm, Err(KeyFormError::Scheme)),
        (&many, Err(KeyFormError::Work)),
        (vector!("openssh.pem"), Err(KeyFormError::OpenSsh)),
        (vector!("rsa2048.pem"), Err(KeyFormError::Form)),
        (vector!("rsa2048.spki.pem"), Err(KeyFormError::Form)),
        ("", Err(KeyFormError::Form)),
        ("U2FsdGVkX1+", Err(KeyFormError::Form)),
        (&ENCRYPTED[..ENCRYPTED.len() / 2], Err(KeyFormError::Form)),
    ];
    for (pem, expected) in cases {
        assert_eq!(BoxKey::check_encrypted_pem(pem), expected, "{pem}");
        // Opening must fail for every key that is refused.
        assert!(expected.is_ok() || open(pem).is_err(), "{pem}");
    }
    let odd = changed(vector!("rsa2048.sha1-des3.pem"), |_, data| data.truncate(1001));
    assert_eq!(BoxKey::check_encrypted_pem(&odd), Err(KeyFormError::Form));
    assert!(KeyFormError::Scheme.to_string().contains("openssl pkcs8 -topk8 -v2 aes-256-cbc"));
}

/// Each of these would take seconds, minutes or gigabytes if it were processed.
#[test]
fn a_key_that_asks_for_too_much_work_is_refused_at_once() {
    let iterations = |count| {
        changed(ENCRYPTED, |parameters, _| {
            let Kdf::Pbkdf2(pbkdf2) = &mut parameters.kdf else { panic!("no PBKDF2") };
            pbkdf2.iteration_count = count;
        })
    };
    for count in [0, MAX_ITERATIONS + 1, u32::MAX] {
        unreadable(&iterations(count));
    }
    let cost = |n, r, p| {
        changed(vector!("rsa2048.scrypt.pem"), |parameters, _| {
            let Kdf::Scrypt(scrypt) = &mut parameters.kdf else { panic!("no scrypt") };
            (scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization) = (n, r, p);
        })
    };
    let too_much =
        [(1 << 16, 8, 1), (1 << 14, 17, 1), (1 << 14, 8, 17), (1 << 62, 8, 1), (u64::MAX, 8, 1)];
    // Invalid for scrypt: not a power of two, or zero.
    let senseless = [(1000, 8, 1), (0, 8, 1), (1, 8, 1), (1 << 14, 0, 1), (1 << 14, 8, 0)];
    for (n, r, p) in too_much.into_iter().chain(senseless) {
        unreadable(&cost(n, r, p));
    }
    // Values below the limits are processed, and the key then does not open.
    for below in [iterations(2047), cost(1 << 15, 8, 1)] {
        assert_eq!(open(&below).err(), Some(OpenKeyError::WrongPassphrase));
    }
}

/// Inconsistent numbers, each in a key that is otherwise unchanged.
#[test]
fn an_unsound_key_is_unreadable() {
    let document = KEY.0.to_pkcs1_der().unwrap();
    let sound = RsaPrivateKeyRef::from_der(document.as_bytes()).unwrap();
    assert!(open(&encrypted(document.as_bytes())).is_ok());
    let one = || pkcs1::UintRef::new(&[1]).unwrap();
    let two = || pkcs1::UintRef::new(&[2]).unwrap();
    let changes: [&dyn Fn(&mut RsaPrivateKeyRef); 13] = [
        &|key| key.modulus = key.private_exponent,
        &|key| key.modulus = one(),
        &|key| key.public_exponent = one(),
        &|key| key.public_exponent = two(),
        &|key| key.public_exponent = key.modulus,
        &|key| key.private_exponent = one(),
        &|key| key.private_exponent = key.modulus,
        &|key| key.prime1 = key.prime2,
        &|key| (key.prime1, key.prime2) = (key.modulus, one()),
        &|key| key.prime2 = one(),
        &|key| std::mem::swap(&mut key.prime1, &mut key.prime2),
        // OpenSSL would keep these two, and include them in the hash.
        &|key| key.exponent1 = two(),
        &|key| key.coefficient = one(),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut key = sound.clone();
        change(&mut key);
        let opened = open(&encrypted(&key.to_der().unwrap()));
        assert_eq!(opened.err(), Some(OpenKeyError::Unreadable), "{number}");
    }
    for end in (0..document.as_bytes().len()).step_by(100) {
        unreadable(&encrypted(&document.as_bytes()[..end]));
    }
}

#[test]
fn what_openssl_sealed_opens_if_it_is_32_bytes_under_the_right_padding() {
    let sealed = |base64: &str| STANDARD.decode(base64.trim_end()).unwrap();
    let opened = KEY.open_message_key(&sealed(vector!("rsa2048.oaep-32")), &SeededRandom::new(3));
    assert_eq!(opened.as_ref().map(MessageKey::expose_secret), Ok(&[b'k'; 32]));

    let intact = sealed(vector!("rsa2048.oaep-32"));
    let mut changed = intact.clone();
    changed[100] ^= 1;
    let damaged = [
        sealed(vector!("rsa2048.oaep-31")),
        sealed(vector!("rsa2048.oaep-33")),
        sealed(vector!("rsa2048.oaep-sha1")),
        sealed(vector!("rsa2048.oaep-label")),
        changed,
        intact[..255].to_vec(),
        [&[0], intact.as_slice()].concat(),
        vec![0; 256],
        vec![255; 256],
        vec![],
    ];
    for sealed in damaged {
        let opened = KEY.open_message_key(&sealed, &SeededRandom::new(3));
        assert_eq!(opened.err(), Some(Damaged));
    }
    let other = FRESH.open_message_key(&intact, &SeededRandom::new(3));
    assert_eq!(other.err(), Some(Damaged));
}

#[test]
fn sealing_is_random_and_as_long_as_the_modulus() {
    let (key, random) = (MessageKey::from_bytes([7; 32]), SeededRandom::new(4));
    let sealed = [(); 2].map(|()| FRESH.public().seal_message_key(&key, &random));
    assert_ne!(sealed[0], sealed[1]);
    assert_eq!(sealed[0].len(), 256);
}

#[test]
fn only_three_lengths_are_made() {
    for bits in [2048, 3072, 4096] {
        assert_eq!(RsaBits::try_from(bits).unwrap().bits() as u64, bits);
    }
    for bits in [0, 1024, 2047, 2049, 8192, u64::MAX] {
        assert_eq!(RsaBits::try_from(bits), Err(BadRsaBits));
    }
}

/// Fails to compile without the marker, as in `secret_bytes`.
#[test]
fn a_key_is_wiped_on_drop() {
    fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<BoxKey>();
    wiped::<RsaPrivateKey>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_message_key_that_is_sealed_opens(key: [u8; 32], seed: u64) {
        let random = SeededRandom::new(seed);
        let sealed = KEY.public().seal_message_key(&MessageKey::from_bytes(key), &random);
        let opened = KEY.open_message_key(&sealed, &random);
        prop_assert_eq!(opened.as_ref().map(MessageKey::expose_secret), Ok(&key));
    }

    #[test]
    fn nothing_at_random_opens(sealed in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(KEY.open_message_key(&sealed, &SeededRandom::new(5)).is_err());
    }

    /// Untrusted numbers do not cause a panic, and a key that opens has the same hash as before.
    #[test]
    fn a_key_with_a_changed_byte_is_refused(place: prop::sample::Index, byte: u8) {
        let mut der = KEY.0.to_pkcs1_der().unwrap().as_bytes().to_vec();
        *place.get_mut(&mut der) = byte;
        let hash = open(&encrypted(&der)).map(|key| key.hash());
        prop_assert!(matches!(hash, Err(OpenKeyError::Unreadable)) || hash.as_deref() == Ok(HASH.trim_end()));
    }

    #[test]
    fn any_passphrase_opens_what_it_encrypted(text: String, seed: u64) {
        let (passphrase, random) = (SecretText::new(text), SeededRandom::new(seed));
        let pem = KEY.to_encrypted_pem(&passphrase, 2, &random);
        let hash = BoxKey::from_encrypted_pem(&pem, &passphrase).map(|key| key.hash());
        prop_assert_eq!(hash.as_deref(), Ok(HASH.trim_end()));
    }
}
