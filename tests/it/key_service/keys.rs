//! Creating keys, uploading, showing and deleting them; the settings of their owners.

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use sealdrop::{config::Boxes, crypto::BoxKey};
use serde_json::json;

use super::{
    IntoSecret, PASSPHRASE, Part, TestBox, assert_done, assert_refused, call, list, shared_key,
    text, texts,
};
use crate::{
    http::Answer,
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::keys::a_created_key_opens", a_created_key_opens),
        trial("key_service::keys::any_strings_are_uploaded", any_strings_are_uploaded),
        trial("key_service::keys::the_public_key_in_each_format", the_public_key_in_each_format),
        trial("key_service::keys::keys_that_can_not_seal", keys_that_can_not_seal),
        trial("key_service::keys::a_deleted_box_never_was", a_deleted_box_never_was),
        trial("key_service::keys::tokens_are_random", tokens_are_random),
        trial("key_service::keys::who_may_create", who_may_create),
        trial("key_service::keys::where_the_key_is_shown", where_the_key_is_shown),
    ]
}

fn a_created_key_opens() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let key = call(&client, "POST", &[("passphrase", "på tok \u{1f511} ")]).json();
    let open = |passphrase: &str| {
        let passphrase = passphrase.to_owned().into_secret();
        BoxKey::from_encrypted_pem(&text(&key["PrivateKey"]), &passphrase)
    };
    let opened = open("på tok \u{1f511} ").expect("a private key");
    assert!(open("på tok \u{1f511}").is_err(), "a space at the end counts");
    assert_eq!(opened.public().to_pem(), text(&key["PublicKey"]));
    assert_eq!(opened.hash(), text(&key["PrivateKeyHash"]));
    assert_eq!(opened.public().bits(), 2048);
    let other = call(&client, "POST", &[("passphrase", PASSPHRASE)]).json();
    assert_ne!(key["PublicKey"], other["PublicKey"]);
    assert_refused(&call(&client, "POST", &[("passphrase", &"x".repeat(1025))]), "passphrase");
}

/// Hashes and encrypted content may be any text; keys must be valid.
fn any_strings_are_uploaded() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let (_, [public, private, _]) = shared_key();
    let strings = ["x", "<RSA>&\"\\", "a\r\nb\t\u{1}\u{7f}", "☃\u{10ffff}", " spaces "];
    for (hash, other) in strings.iter().zip(strings.iter().rev()) {
        let key = call(&client, "POST", &[("publickey", public), ("privatekeyhash", hash)]).json();
        assert_eq!(key["PrivateKeyHash"], json!(hash));
        let own =
            TestBox { client: client.clone(), token: text(&key["KeyToken"]), hash: (*hash).into() };
        assert_done(&own.put(&[("encryptedmessage", other), ("encryptionkey", hash)]));
        let listed = list(&own.read_sealed(&[]));
        assert_eq!(listed[0]["MessageData"], json!(other));
        assert_eq!(listed[0]["EncryptionKey"], json!(hash));
        assert_refused(&own.read(&[]), "privatekeyhash");
        assert_eq!(own.delete().message(), "Deleted.");
        let upload = [("publickey", *other), ("privatekeyhash", hash)];
        assert_refused(&call(&client, "POST", &upload), "publickey cannot be used");
        let upload = [("publickey", &**public), ("privatekeyhash", hash), ("privatekey", other)];
        assert_refused(&call(&client, "POST", &upload), "privatekey must be PKCS#8");
    }
    // Text around a key in PEM is ignored: these texts have the greatest length.
    for (name, longest) in
        [("publickey", 32 << 10), ("privatekey", 32 << 10), ("privatekeyhash", 1024)]
    {
        for (length, status) in [(longest, 200), (longest + 1, 400)] {
            let padded = |text: &str| format!("{text:x<length$}");
            let mut parameters = [
                ("publickey", public.clone()),
                ("privatekey", private.clone()),
                ("privatekeyhash", "h".to_owned()),
            ];
            let place =
                parameters.iter_mut().find(|(known, _)| *known == name).expect("one of them");
            place.1 = padded(&place.1);
            let parameters = parameters.each_ref().map(|(name, value)| (*name, value.as_str()));
            let answer = call(&client, "POST", &parameters);
            assert_eq!(answer.status, status, "{name}: {}", answer.text());
        }
    }
}

fn publickey(own: &TestBox, query: &str) -> Answer {
    let client = &own.client;
    let path = format!("/sErvice/{}/PublicKey{query}", own.token);
    let request = ureq::get(format!("{}{path}", client.base)).config().http_status_as_error(false);
    let mut response = request.build().call().expect("an answer");
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.body_mut().read_to_vec().expect("a body"),
    }
}

fn the_public_key_in_each_format() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let (key, [pem, ..]) = shared_key();
    let public = key.public();
    let cases = [
        ("", "application/x-pem-file", pem.clone().into_bytes()),
        ("?format=PEM", "application/x-pem-file", pem.clone().into_bytes()),
        ("?format=jwk", "application/jwk+json", public.to_jwk().into_bytes()),
        ("?format=xml", "application/xml; charset=utf-8", public.to_xml().into_bytes()),
        ("?format=der", "application/octet-stream", public.to_der()),
    ];
    for (query, content_type, expected) in cases {
        let answer = publickey(&own, query);
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{query}");
        assert_eq!(answer.body, expected, "{query}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    assert_refused(&publickey(&own, "?format=ssh"), "format");
    assert_refused(&publickey(&own, "?format=pem&format=der"), "format");
    let unknown = TestBox { token: "x".repeat(31), ..own.clone() };
    assert_refused(&publickey(&unknown, ""), "There is no key with this token");
    // A JSON Web Key may be an object.
    let jwk: serde_json::Value = serde_json::from_str(&public.to_jwk()).expect("JSON");
    let upload = |key: &serde_json::Value, version: serde_json::Value| {
        let body = json!({"publickey": key, "privatekeyhash": "h", "v": version});
        let json_type = [("content-type", "application/json")];
        own.client.send("POST", "/Service", &json_type, body.to_string().as_bytes())
    };
    for version in [json!(1), json!("1"), json!(1.0), json!("1.0"), json!("")] {
        let key = upload(&jwk, version).json();
        let uploaded = TestBox { token: text(&key["KeyToken"]), ..own.clone() };
        assert_eq!(publickey(&uploaded, "").text(), *pem);
    }
    assert_refused(&upload(&jwk, json!(1.5)), "v must be");
    assert_refused(&upload(&jwk, json!(2)), "v must be 1");
    let mut private = jwk.clone();
    private["d"] = json!("AQAB");
    assert_refused(&upload(&private, json!(1)), "a private key");
    for wrong in [json!({}), json!([jwk]), json!({"kty": "EC"}), json!({"keys": [jwk]})] {
        assert_refused(&upload(&wrong, json!(1)), "publickey ");
    }
    let body = json!({"passphrase": {"a": 1}}).to_string();
    let json_type = [("content-type", "application/json")];
    let answer = own.client.send("POST", "/Service", &json_type, body.as_bytes());
    assert_refused(&answer, "passphrase must be a string");
    // A key of any format is returned in any format.
    for form in [public.to_jwk(), public.to_xml(), pem.replace('\n', "\r\n")] {
        let key =
            call(&own.client, "POST", &[("publickey", &form), ("privatekeyhash", "h")]).json();
        assert_eq!(key["PublicKey"], json!(form), "returned unchanged");
        let uploaded = TestBox { token: text(&key["KeyToken"]), ..own.clone() };
        assert_eq!(publickey(&uploaded, "").text(), *pem);
        uploaded.send("sealed here");
    }
    own.delete();
    assert_refused(&publickey(&own, ""), "There is no key with this token");
}

/// An invalid key is refused when it is uploaded, with a valid form in the error, and nothing is stored.
fn keys_that_can_not_seal() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let read = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/keys");
        std::fs::read_to_string(path.join(name)).expect("a vector")
    };
    for (file, says) in [
        ("rsa1024.spki.pem", "1024 bits, at least 2048"),
        ("rsa8200.spki.pem", "8200 bits, at most 8192"),
        ("ec.spki.pem", "an EC key"),
        ("ed25519.spki.pem", "an Ed25519 key"),
        ("x25519.spki.pem", "an X25519 key"),
        ("rsa-pss.spki.pem", "an RSA-PSS key"),
        ("rsa2048.cert.pem", "openssl x509 -pubkey"),
        ("rsa2048.request.pem", "a certificate"),
        ("rsa2048.pem", "a private key"),
        ("rsa2048.traditional.pem", "a private key"),
        ("rsa2048.sha256.pem", "a private key"),
        ("rsa2048.pbe-sha1-3des.pem", "a private key"),
        ("ec.sec1.pem", "a private key"),
    ] {
        let whole = read(file);
        let body: String = whole.lines().filter(|line| !line.starts_with('-')).collect();
        for public in [&whole, &body] {
            let answer = call(&client, "POST", &[("publickey", public), ("privatekeyhash", "h")]);
            assert_refused(&answer, says);
            assert_refused(&answer, "publickey cannot be used");
        }
    }
    let public = read("rsa2048.spki.pem");
    for (file, says) in [
        ("rsa2048.pbe-sha1-3des.pem", "openssl pkcs8 -topk8 -v2 aes-256-cbc"),
        ("rsa2048.pbe-md5-des.pem", "openssl pkcs8 -topk8 -v2 aes-256-cbc"),
        ("openssh.pem", "ssh-keygen -p -m PKCS8"),
        ("rsa2048.spki.pem", "must be PKCS#8"),
        ("rsa2048.cert.pem", "must be PKCS#8"),
    ] {
        let private = read(file);
        let key = [("publickey", &*public), ("privatekeyhash", "h"), ("privatekey", &private)];
        let answer = call(&client, "POST", &key);
        assert_refused(&answer, "privatekey ");
        assert_refused(&answer, says);
    }
    let private = read("rsa2048.pem");
    // Nor is a private key stored that is not encrypted, in PEM or in its base64 alone.
    let bare: String = private.lines().filter(|line| !line.starts_with('-')).collect();
    for private in [&private, &bare] {
        let key = [("publickey", &*public), ("privatekeyhash", "h"), ("privatekey", private)];
        assert_refused(&call(&client, "POST", &key), "privatekey is not encrypted");
    }
}

fn a_deleted_box_never_was() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let [gone, other] = [(); 2].map(|()| TestBox::new(&client));
    gone.send("gone");
    other.send("stays");
    assert_eq!(gone.delete().message(), "Deleted.");
    let never = TestBox { token: "Never0was".repeat(4)[..31].to_owned(), ..gone.clone() };
    let broken = TestBox { token: "no token".to_owned(), ..gone.clone() };
    // Random bits of one, number of the other.
    let mut forged = gone.clone();
    forged.token = format!("{}{}", &other.token[..11], &gone.token[11..]);
    let operations: [fn(&TestBox) -> Answer; 5] = [
        |own| own.read(&[]),
        |own| own.read_sealed(&[]),
        |own| own.put(&[("message", "m")]),
        |own| own.put_parts(&[Part::file("file", "f", b"f")]),
        TestBox::delete,
    ];
    for operation in operations {
        for nobody in [&gone, &never, &broken, &forged] {
            let answer = operation(nobody);
            assert_eq!(answer.message(), "There is no key with this token", "{}", nobody.token);
            assert_eq!(answer.status, 400);
        }
    }
    assert_eq!(texts(&other.messages()), ["stays"]);
}

fn tokens_are_random() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let tokens: Vec<_> = (0..100).map(|_| TestBox::new(&client).token).collect();
    let different: BTreeSet<_> = tokens.iter().collect();
    assert_eq!(different.len(), 100);
    for token in &tokens {
        // 62^31 > 2^184: 120 random bits, and 64 for the location.
        assert_eq!(token.len(), 31);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
    }
    // Not counted up: consecutive ones have little in common, and they are in no order.
    for pair in tokens.windows(2) {
        let same = pair[0].bytes().zip(pair[1].bytes()).filter(|(a, b)| a == b).count();
        assert!(same < 12, "{pair:?}");
    }
    let rising = tokens.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((20..80).contains(&rising), "{rising} of 99 rise");
}

fn who_may_create() {
    let mut options = Options::default();
    options.service_rules.creation = Boxes::Account;
    let server = TestServer::with(options);
    let (_, [public, _, hash]) = shared_key();
    let upload = [("publickey", &**public), ("privatekeyhash", hash)];
    for (client, says) in [
        (&server.client.with_key(""), "API key"),
        (&server.client.with_key("private_key_wrong"), "API key"),
        (&server.public, "API key"),
    ] {
        assert_refused(&call(client, "POST", &upload), says);
        assert_refused(&call(client, "POST", &[("passphrase", PASSPHRASE)]), says);
    }
    // Once it exists, its senders need no account.
    let mut own = TestBox::new(&server.client);
    own.client = server.client.with_key("");
    own.send("hi");
    assert_eq!(texts(&own.messages()), ["hi"]);
    assert_eq!(own.delete().status, 200);

    let mut options = Options::default();
    options.service_rules.creation = Boxes::Off;
    let server = TestServer::with(options);
    for client in [&server.client, &server.client.with_key("")] {
        assert_refused(&call(client, "POST", &upload), "No boxes can be created");
    }
}

fn where_the_key_is_shown() {
    let mut options = Options::default();
    options.service_rules.public_url = Some("https://drop.example.org/a".into());
    let server = TestServer::with(options);
    let (_, [public, _, hash]) = shared_key();
    let upload = [("publickey", &**public), ("privatekeyhash", hash)];
    let key = call(&server.client, "POST", &upload).json();
    let expected = format!("https://drop.example.org/a/#{}", text(&key["KeyToken"]));
    assert_eq!(key["URI"], json!(expected));
}
