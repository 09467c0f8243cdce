//! Secrets: each side opens what any side has sealed.

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::crypto::{
    SeededRandom,
    sjcl::{self, MIN_ITERATIONS, SjclMessage},
};
use serde_json::{Value, json};

use super::Page;
use crate::{
    sjcl_interop,
    tools::{NODE_20, Tool, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    const AND_SJCL: &[Tool] = &[NODE_20, Tool::NodeSjcl];
    vec![
        trial_with("web_crypto::vectors_open", &[NODE_20], vectors_open),
        trial_with("web_crypto::everybody_opens_what_pages_seal", AND_SJCL, || {
            Page::BOTH.into_iter().for_each(everybody_opens_what_pages_seal);
        }),
        trial_with("web_crypto::pages_open_what_everybody_seals", AND_SJCL, pages_open),
        trial_with("web_crypto::pages_open_no_more_than_they_should", &[NODE_20], nothing_else),
    ]
}

fn seal(password: &str, text: &str) -> Value {
    json!({"do": "seal", "password": password, "text": text})
}

fn open(password: &str, json: &str) -> Value {
    json!({"do": "open", "password": password, "ciphertext": STANDARD.encode(json)})
}

fn vectors_open() {
    let file: Value =
        serde_json::from_str(include_str!("../../vectors/sjcl.json")).expect("the vectors");
    let vectors = file["vectors"].as_array().expect("a list");
    assert!(vectors.len() >= 8);
    let text = |vector: &Value, name: &str| vector[name].as_str().expect("a text").to_owned();
    let job = |vector: &Value| {
        // The private half comes first.
        let password = text(vector, "password_part_private_plain")
            + &text(vector, "password_part_public_plain");
        json!({"do": "open", "password": password, "ciphertext": text(vector, "ciphertext")})
    };
    let jobs: Vec<_> = vectors.iter().map(job).collect();
    for page in Page::BOTH {
        for (vector, opened) in vectors.iter().zip(page.run(&jobs)) {
            assert_eq!(opened, Ok(vector["plaintext"].clone()), "{page:?}");
        }
    }
}

fn passwords_and_texts(random: &SeededRandom) -> Vec<(String, String)> {
    let mut texts = sjcl_interop::texts(random);
    texts.push("1 MB ".repeat(200_000));
    let password = |number| sjcl_interop::password(random, number);
    texts.into_iter().enumerate().map(|(number, text)| (password(number), text)).collect()
}

fn everybody_opens_what_pages_seal(page: Page) {
    let all = passwords_and_texts(&SeededRandom::new(1));
    let jobs: Vec<_> = all.iter().map(|(password, text)| seal(password, text)).collect();
    let (mut for_pages, mut for_sjcl) = (Vec::new(), Vec::new());
    for ((password, text), ciphertext) in all.iter().zip(page.run(&jobs)) {
        let json = STANDARD.decode(ciphertext.unwrap().as_str().unwrap()).expect("base64");
        sjcl::check(&json).expect("a ciphertext that the server accepts");
        let message = SjclMessage::parse(&json).unwrap();
        let opened = message.open(password.as_bytes()).expect("the password");
        assert!(opened.expose_secret() == text.as_bytes(), "{text:.50}");
        let json = String::from_utf8(json).expect("UTF-8");
        let fields = r#","v":1,"iter":10000,"ks":256,"ts":128,"mode":"gcm","adata":"","cipher""#;
        assert!(json.contains(fields), "{json:.200}");
        for_pages.push(open(password, &json));
        for_sjcl.push(json!({"password": password, "json": json}));
    }
    let other = match page {
        Page::Https => Page::PlainHttp,
        _ => Page::Https,
    };
    for ((_, text), opened) in all.iter().zip(other.run(&for_pages)) {
        assert!(opened.as_ref() == Ok(&json!(text)), "{text:.50}");
    }
    for ((_, text), opened) in all.iter().zip(sjcl_interop::run(&for_sjcl).expect("SJCL")) {
        assert!(opened.as_ref() == Ok(text), "{text:.50}");
    }
}

fn pages_open() {
    pages_open_ivs(12, &Page::BOTH);
    pages_open_ivs(8, &[Page::PlainHttp, Page::HttpsWithSjcl]);
}

/// Messages of the Rust side, and of npm's package: every tag, every length of IV and salt, associated data.
fn pages_open_ivs(shortest: usize, pages: &[Page]) {
    let random = SeededRandom::new(2);
    let all = passwords_and_texts(&random);
    let mut jobs = Vec::new();
    for (number, (password, text)) in all.iter().enumerate() {
        let mut params = json!({"mode": "gcm", "ks": 256, "iter": MIN_ITERATIONS});
        if let Some(bits) = [None, Some(64), Some(96), Some(128)][number % 4] {
            params["ts"] = json!(bits);
        }
        if number % 3 == 1 {
            params["iv"] =
                json!(sjcl_interop::base64(&random, shortest + number / 3 % (17 - shortest)));
            params["salt"] = json!(sjcl_interop::base64(&random, 1 + number % 40));
            params["adata"] = json!(format!("{}å &%", "a".repeat(number)));
        }
        jobs.push(json!({"password": password, "text": text, "params": params}));
    }
    let sealed = sjcl_interop::run(&jobs).expect("SJCL");
    let mut jobs = Vec::new();
    for ((password, text), sealed) in all.iter().zip(sealed) {
        jobs.push(open(password, &sealed.expect("sealed")));
        let ours = sjcl::seal(password.as_bytes(), text.as_bytes(), MIN_ITERATIONS, &random);
        jobs.push(open(password, &ours.unwrap()));
    }
    let texts: Vec<_> = all.iter().flat_map(|(_, text)| [text, text]).collect();
    for page in pages {
        for (number, (text, opened)) in texts.iter().zip(page.run(&jobs)).enumerate() {
            assert!(opened.as_ref() == Ok(&json!(text)), "{page:?} {number} {text:.50}");
        }
    }
}

fn nothing_else() {
    let random = SeededRandom::new(3);
    let json = sjcl::seal(b"password", b"some text", MIN_ITERATIONS, &random).unwrap();
    let message: Value = serde_json::from_str(&json).unwrap();
    let mut jobs = vec![open("password", &json), open("Password", &json), open("", &json)];
    for field in ["ct", "iv", "salt"] {
        let bytes = STANDARD.decode(message[field].as_str().unwrap()).expect("base64");
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << (place % 8);
            let mut message = message.clone();
            message[field] = json!(STANDARD.encode(changed));
            jobs.push(open("password", &message.to_string()));
        }
    }
    for page in Page::BOTH {
        let mut opened = page.run(&jobs).into_iter();
        assert_eq!(opened.next(), Some(Ok(json!("some text"))));
        for outcome in opened {
            assert_eq!(outcome, Err("CannotOpen key".into()), "{page:?}");
        }
    }
}
