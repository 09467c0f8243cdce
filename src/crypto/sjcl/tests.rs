//! Tables of valid and invalid messages; both readers must agree.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::crypto::random::{SeededRandom, SystemRandom};

const PASSWORD: &[u8] = b"LSECTAlCY5CraXKJyhCMRqkSEwCvphnLsOEu";

/// The message of "hunter2" under [`PASSWORD`], the first of the vectors.
fn hunter2() -> Map<String, Value> {
    let message = json!({
        "iv": "kWzXu1z4TB17UqoML6j/ww==", "v": 1, "iter": 10000, "ks": 256, "ts": 64, "mode": "gcm",
        "adata": "", "cipher": "aes", "salt": "5c5Omxh4wL4=", "ct": "bqgKWeDwecQpsxK7uFw+",
    });
    message.as_object().unwrap().clone()
}

/// The result of both readers, which must be the same.
fn read(json: &[u8]) -> Result<SjclMessage, SjclError> {
    let message = SjclMessage::parse(json);
    let place = check(json);
    assert_eq!(place.as_ref().err(), message.as_ref().err());
    if let (Ok(place), Ok(message)) = (place, &message) {
        let text = STANDARD_NO_PAD.encode(&message.ciphertext_and_tag);
        assert_eq!(&json[place], text.as_bytes());
    }
    message
}

fn open(json: &[u8], password: &[u8]) -> Result<Vec<u8>, SjclError> {
    Ok(read(json)?.open(password)?.expose_secret().to_vec())
}

#[test]
fn every_message_that_sjcl_made_opens() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/sjcl.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 8);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let part = |name: &str| STANDARD.decode(text(name)).unwrap();
        let password = [part("password_part_private"), part("password_part_public")].concat();
        let json = STANDARD.decode(text("ciphertext")).unwrap();
        assert_eq!(json, text("sjcl_json").as_bytes());
        assert_eq!(open(&json, &password), Ok(text("plaintext").as_bytes().to_vec()));
        assert_eq!(open(&json, &password[1..]), Err(SjclError::DoesNotOpen));
    }
}

#[test]
fn a_field_that_is_wrong_is_named() {
    use SjclError::*;
    let base64_of = |bytes: usize| json!(STANDARD.encode(vec![7; bytes]));
    // (field, value or `None`, error)
    let cases = [
        ("mode", None, Some(Mode)),
        ("mode", Some(json!("ccm")), Some(Mode)),
        ("mode", Some(json!("GCM")), Some(Mode)),
        ("mode", Some(json!(null)), Some(Mode)),
        ("mode", Some(json!("g\\cm")), Some(Escaped("mode"))),
        ("ks", None, Some(KeySize)),
        ("ks", Some(json!(128)), Some(KeySize)),
        ("ks", Some(json!("256")), Some(KeySize)),
        ("ks", Some(json!(256.0)), Some(KeySize)),
        ("cipher", None, None),
        ("cipher", Some(json!("des")), Some(Cipher)),
        ("cipher", Some(json!(["aes"])), Some(Cipher)),
        ("v", None, None),
        ("v", Some(json!(2)), Some(Version)),
        ("v", Some(json!(true)), Some(Version)),
        ("iter", None, None),
        ("iter", Some(json!(999)), Some(Iterations)),
        ("iter", Some(json!(1_000)), None),
        ("iter", Some(json!(2_000_000)), None),
        ("iter", Some(json!(2_000_001)), Some(Iterations)),
        ("iter", Some(json!((1_u64 << 32) + 10_000)), Some(Iterations)),
        ("iter", Some(json!(-10_000)), Some(Iterations)),
        ("iter", Some(json!("10000")), Some(Iterations)),
        ("ts", None, None),
        ("ts", Some(json!(32)), Some(TagSize)),
        ("ts", Some(json!(96)), None),
        ("ts", Some(json!(128)), Some(TooShort)), // 15 bytes of ct
        ("ts", Some(json!("64")), Some(TagSize)),
        ("iv", None, Some(Missing("iv"))),
        ("iv", Some(json!("")), Some(IvLength)),
        ("iv", Some(base64_of(7)), Some(IvLength)),
        ("iv", Some(base64_of(8)), None),
        ("iv", Some(base64_of(12)), None),
        ("iv", Some(base64_of(16)), None),
        ("iv", Some(base64_of(17)), Some(IvLength)),
        ("iv", Some(json!("kWzXu1z4TB17UqoML6j/ww")), None), // unpadded
        ("iv", Some(json!("kWzXu1z4TB17UqoML6j_ww==")), Some(NotBase64("iv"))),
        ("iv", Some(json!({"a": [1]})), Some(NotBase64("iv"))),
        ("salt", None, Some(Missing("salt"))),
        ("salt", Some(json!("")), Some(EmptySalt)),
        ("salt", Some(base64_of(1)), None),
        ("salt", Some(base64_of(100)), None),
        ("salt", Some(json!("5c5Omxh4wL4 ")), Some(NotBase64("salt"))),
        ("salt", Some(json!(5)), Some(NotBase64("salt"))),
        ("adata", None, None),
        ("adata", Some(json!("YSBi")), None),
        ("adata", Some(json!("a%20b")), Some(NotBase64("adata"))),
        ("adata", Some(json!(null)), Some(NotBase64("adata"))),
        ("ct", None, Some(Missing("ct"))),
        ("ct", Some(json!("")), Some(TooShort)),
        ("ct", Some(base64_of(7)), Some(TooShort)),
        ("ct", Some(base64_of(8)), None),
        ("ct", Some(json!("bqgKWeDwecQpsxK7uFw+=")), Some(NotBase64("ct"))),
        ("ct", Some(json!("bqgK\u{0}WeDwecQpsxK7uFw")), Some(Escaped("ct"))),
        ("kemtag", Some(json!("a+b/c=%20")), None),
        ("raw", Some(json!(-1)), None),
        ("raw", Some(json!(false)), None),
        ("raw", Some(json!(1.5)), Some(OtherField)),
        ("raw", Some(json!(null)), Some(OtherField)),
        ("raw", Some(json!([])), Some(OtherField)),
        ("raw", Some(json!("a b")), Some(OtherField)),
        ("raw", Some(json!("å")), Some(OtherField)),
        ("r-w", Some(json!(1)), Some(OtherField)),
        ("1raw", Some(json!(1)), Some(OtherField)),
        ("", Some(json!(1)), Some(OtherField)),
        ("\n", Some(json!(1)), Some(OtherField)),
        ("hasOwnProperty", Some(json!(1)), Some(OtherField)),
    ];
    for (field, value, error) in cases {
        let mut message = hunter2();
        let case = format!("{field}: {value:?}");
        match value {
            Some(value) => message.insert(field.to_owned(), value),
            None => message.remove(field),
        };
        let json = serde_json::to_vec(&message).unwrap();
        assert_eq!(read(&json).err(), error, "{case}");
    }
}

#[test]
fn what_is_not_flat_json_is_refused() {
    use SjclError::*;
    let good = serde_json::to_string(&hunter2()).unwrap();
    let cases = [
        (good.clone(), None),
        (format!(" {good}\n"), None),
        (good.replace(':', " :\t"), None),
        (good.replace("bqgK", "\\u0062qgK"), Some(Escaped("ct"))),
        (good.replace("6j/ww", "6j\\/ww"), Some(Escaped("iv"))), // some libraries escape the slash
        (good.replace("\"ct\"", "\"\\u0063t\""), Some(OtherField)),
        (good.replace("\"ct\"", "ct"), Some(NotJson)), // SJCL reads this, but it is not JSON
        (good.replace('"', "'"), Some(NotJson)),
        (good.replace('}', ",}"), Some(NotJson)),
        (good.replace('}', ",\"v\":1}"), Some(Duplicate("v"))),
        (good.replace('}', ",\"ct\":\"\"}"), Some(Duplicate("ct"))),
        (good.replace('}', ",\"a\":1,\"b\":1,\"a\":1}"), Some(Duplicate("each field"))),
        (good.replace('}', ",\"v\":1"), Some(NotJson)), // not Duplicate: JSON is checked first
        (good.replace('}', ",\"a\":1e999}"), Some(NotJson)),
        (format!("{good}{good}"), Some(NotJson)),
        (format!("{good}\0"), Some(NotJson)),
        (format!("[{good}]"), Some(NotAnObject)),
        ("{}".to_owned(), Some(Mode)),
        ("null".to_owned(), Some(NotAnObject)),
        ("\"text\"".to_owned(), Some(NotAnObject)),
        ("12".to_owned(), Some(NotAnObject)),
        (String::new(), Some(NotJson)),
        ("{".to_owned(), Some(NotJson)),
        ("{\"a\":".repeat(100_000), Some(NotJson)), // no deep recursion
    ];
    for (json, error) in cases {
        assert_eq!(read(json.as_bytes()).err(), error, "{}", &json[..json.len().min(300)]);
    }
    assert_eq!(read(b"{\"mode\":\"\xff\"}").err(), Some(NotJson), "not UTF-8");
}

#[test]
fn limits_in_the_texts_are_the_limits() {
    let thousands = |n: u32| {
        let digits = n.to_string();
        let groups: Vec<_> =
            digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
        groups.join(",")
    };
    assert_eq!(
        SjclError::Iterations.to_string(),
        format!(
            "iter must be a whole number, {} to {}",
            thousands(MIN_ITERATIONS),
            thousands(MAX_ITERATIONS)
        )
    );
    assert_eq!(
        SjclError::IvLength.to_string(),
        format!("iv must have {MIN_IV_BYTES} to {MAX_IV_BYTES} bytes")
    );
    assert_eq!(SjclError::Mode.to_string(), r#"mode must be "gcm""#);
    assert_eq!(SjclError::Missing("iv").to_string(), "iv is missing");
}

#[test]
fn anything_changed_does_not_open() {
    let seal_text = |text: &[u8]| seal(PASSWORD, text, 1_000, &SystemRandom).unwrap();
    let message: Map<String, Value> = serde_json::from_str(&seal_text(b"some text")).unwrap();
    let change = |field: &str, value: Value| {
        let mut changed = message.clone();
        changed.insert(field.to_owned(), value);
        open(&serde_json::to_vec(&changed).unwrap(), PASSWORD)
    };
    assert_eq!(change("v", json!(1)), Ok(b"some text".to_vec()), "nothing changed");

    for field in ["iv", "salt", "ct"] {
        let bytes = STANDARD.decode(message[field].as_str().unwrap()).unwrap();
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            let outcome = change(field, json!(STANDARD.encode(flipped)));
            assert_eq!(outcome, Err(SjclError::DoesNotOpen), "{field} {place}");
        }
    }
    for (field, value) in [("adata", json!("YQ==")), ("iter", json!(1_001)), ("ts", json!(96))] {
        assert_eq!(change(field, value), Err(SjclError::DoesNotOpen), "{field}");
    }
}

#[test]
fn sealing_writes_what_sjcl_writes() {
    let random = SeededRandom::new(1);
    let json = seal(PASSWORD, b"hunter2", ITERATIONS, &random).unwrap();
    let fields: Vec<_> = json.split([',', '{']).filter_map(|part| part.split('"').nth(1)).collect();
    assert_eq!(
        fields,
        ["iv", "v", "iter", "ks", "ts", "mode", "adata", "cipher", "salt", "ct"],
        "the order of SJCL"
    );
    let message: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&message["ts"], &message["iter"]), (&json!(128), &json!(10_000)));
    assert_eq!(message["iv"].as_str().map(str::len), Some(24), "16 bytes");
    assert_eq!(message["salt"].as_str().map(str::len), Some(12), "8 bytes");

    let again = seal(PASSWORD, b"hunter2", ITERATIONS, &random).unwrap();
    let again: Value = serde_json::from_str(&again).unwrap();
    for field in ["iv", "salt", "ct"] {
        assert_ne!(message[field], again[field], "{field} is fresh");
    }
    for iterations in [0, 999, 2_000_001, u32::MAX] {
        let refused = seal(PASSWORD, b"", iterations, &random).err();
        assert_eq!(refused, Some(SjclError::Iterations), "{iterations}");
    }
}

proptest! {
    // Each case hashes a password twice.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens(
        password in proptest::collection::vec(any::<u8>(), 0..100),
        plaintext in proptest::collection::vec(any::<u8>(), 0..5000),
        seed: u64,
    ) {
        let json = seal(&password, &plaintext, MIN_ITERATIONS, &SeededRandom::new(seed)).unwrap();
        prop_assert_eq!(open(json.as_bytes(), &password), Ok(plaintext));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_readers_agree_on_anything(json in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&json);
    }

    /// Bytes inserted, removed and replaced, mostly by characters with a meaning in JSON or base64.
    #[test]
    fn both_readers_agree_on_a_mutated_message(
        changes in proptest::collection::vec(
            (any::<prop::sample::Index>(), 0..3_u8, "[{}\\[\\]\",:=\\\\/+a-zA-Z0-9 .\\-\u{0}å]"),
            1..6,
        ),
    ) {
        let mut json = serde_json::to_vec(&hunter2()).unwrap();
        for (place, change, with) in changes {
            let place = place.index(json.len());
            let taken_out = if change == 0 { place..place } else { place..place + 1 };
            let put_in = if change == 1 { "" } else { &with };
            json.splice(taken_out, put_in.bytes());
        }
        let _ = read(&json);
    }

    /// Fields in any order, missing, duplicate, with values that are almost valid.
    #[test]
    fn both_readers_agree_on_fields_at_random(
        fields in proptest::collection::vec(
            (
                "(iv|v|iter|ks|ts|mode|adata|cipher|salt|ct|x|hasOwnProperty)",
                "(1|64|96|128|256|10000|-1|1.0|null|true|\"gcm\"|\"aes\"|\"\"|\"[A-Za-z0-9+/]{2,24}={0,2}\")",
            ),
            0..14,
        ),
    ) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let _ = read(format!("{{{}}}", fields.join(",")).as_bytes());
    }
}
