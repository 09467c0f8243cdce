//! The `openssl` program checks keys and their wrapping; Python's `gzip` and AES-GCM check envelopes.
//! envelopes.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use serde_json::Value;

use super::{
    PASSPHRASE, TestBox, curl, curl_json, form, printed, random_bytes, recipe, run, text_of,
};
use crate::{
    server::TestServer,
    tools::{CURL, OPENSSL, Tool, node_modules, python, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    const NEEDED: &[Tool] = &[CURL, OPENSSL];
    const AND_PYTHON: &[Tool] = &[CURL, OPENSSL, Tool::PythonCryptography];
    const AND_FORGE: &[Tool] = &[CURL, OPENSSL, Tool::NodeForge];
    vec![
        trial_with("boxes::openssl_opens_the_key", NEEDED, openssl_opens_the_key),
        trial_with("boxes::openssl_and_python_open_messages", AND_PYTHON, they_open_messages),
        trial_with("boxes::a_key_of_openssl_is_taken", AND_PYTHON, a_key_of_openssl_is_taken),
        trial_with("boxes::older_encryptions_of_keys", AND_PYTHON, older_encryptions_of_keys),
        trial_with("boxes::keys_of_node_forge", AND_FORGE, keys_of_node_forge),
    ]
}

fn openssl(arguments: &str, input: &[u8]) -> Vec<u8> {
    printed(command(arguments).env("PASS", PASSPHRASE), input)
}

fn command(arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' '));
    command
}

fn hex_sha256(bytes: &[u8]) -> String {
    let printed = String::from_utf8(openssl("dgst -sha256 -r", bytes)).expect("ASCII");
    printed.split(' ').next().expect("a hash").to_owned()
}

fn openssl_opens_the_key() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let test_box = TestBox::create(&server.client.base);
    assert!(test_box.field("PrivateKey").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let pem = write(dir.path(), "key.pem", test_box.field("PrivateKey").as_bytes());

    let opened = openssl(&format!("pkey -in {pem} -passin env:PASS"), b"");
    let passphrase = format!("{PASSPHRASE}\n");
    let also = openssl(&format!("pkey -in {pem} -passin stdin"), passphrase.as_bytes());
    assert!(opened == also && opened.starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    assert!(openssl("pkey -check -noout", &opened).starts_with(b"Key is valid"));
    let refused = run(&mut command(&format!("pkey -in {pem} -passin stdin")), b"wrong\n");
    assert!(!refused.status.success() && refused.stdout.is_empty());

    let der = openssl("pkcs8 -topk8 -nocrypt -outform DER", &opened);
    assert_eq!(hex_sha256(&der), test_box.field("PrivateKeyHash"));
    let public = String::from_utf8(openssl("pkey -pubout", &opened)).expect("PEM");
    assert_eq!(public, test_box.field("PublicKey"));
    let at = format!("{}/{}/publickey", test_box.service, test_box.token());
    assert_eq!(curl(&[&at]), public.as_bytes());
    assert_eq!(
        curl(&[&format!("{at}?format=der")]),
        openssl("pkey -pubin -outform DER", public.as_bytes())
    );
}

fn they_open_messages() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let test_box = TestBox::create(&server.client.base);
    let pem = write(dir.path(), "key.pem", test_box.field("PrivateKey").as_bytes());
    they_open(&test_box, dir.path(), &pem);
}

/// Messages that are sent online open offline with openssl, gzip and AES-GCM.
fn they_open(test_box: &TestBox, dir: &Path, pem: &str) {
    let texts = ["hunter2 \u{1f511}".to_owned(), text_of(10_000)];
    let contents = [text_of(20_000).into_bytes(), random_bytes(250_000), Vec::new()];
    let paths: Vec<_> = ["a.txt", "b.bin", "c"]
        .into_iter()
        .zip(&contents)
        .map(|(name, content)| write(dir, name, content))
        .collect();
    test_box.send(&texts[0], &[]);
    test_box.send(&texts[1], &paths.iter().map(Path::new).collect::<Vec<_>>());

    let sealed = test_box.sealed();
    assert_eq!(sealed.len(), 5);
    for (message, text) in sealed.iter().zip(&texts) {
        let envelope = base64(&message["MessageData"]);
        assert!(open(dir, pem, message, &envelope) == text.as_bytes());
        // A readable hash would allow short texts to be guessed.
        assert_eq!(message["MessageHash"], Value::Null);
    }
    for (message, (name, content)) in
        sealed[2..].iter().zip(["a.txt", "b.bin", "c"].into_iter().zip(&contents))
    {
        assert!(open(dir, pem, message, &test_box.fetch(message)) == *content, "{name}");
        let about = open(dir, pem, message, &base64(&message["FileName"]));
        let about: Value = serde_json::from_slice(&about).expect("JSON");
        assert_eq!((&about["name"], &about["sha256"]), (&name.into(), &hex_sha256(content).into()));
    }
}

/// Unwraps the message's key with openssl, opens the envelope with Python, each as documented.
fn open(dir: &Path, pem: &str, message: &Value, envelope: &[u8]) -> Vec<u8> {
    const OPEN: &str = "
import gzip, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
sealed, key = sys.stdin.buffer.read(), bytes.fromhex(sys.argv[1])
prefix, rest = sealed[:7], sealed[7:]
chunks = [rest[at:at + 65552] for at in range(0, len(rest), 65552)]
plain = b''.join(
    AESGCM(key).decrypt(prefix + n.to_bytes(4, 'big') + bytes([chunk is chunks[-1]]), chunk, None)
    for n, chunk in enumerate(chunks))
sys.stdout.buffer.write(gzip.decompress(plain))
";
    let wrapped = write(dir, "wrapped", &base64(&message["EncryptionKey"]));
    let unwrap = format!(
        "pkeyutl -decrypt -inkey {pem} -passin env:PASS -in {wrapped} -pkeyopt \
         rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256"
    );
    let key = openssl(&unwrap, b"");
    assert_eq!(key.len(), 32);
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    printed(Command::new(python()).args(["-c", OPEN, &key]), envelope)
}

/// A pair that openssl has created is uploaded, with the private key under a passphrase: it can be used
/// offline and online.
fn a_key_of_openssl_is_taken() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let service = format!("{}/Service", server.client.base);
    let plain = openssl("genrsa 2048", b"");
    let hash = hex_sha256(&openssl("pkcs8 -topk8 -nocrypt -outform DER", &plain));
    let encrypt = "pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 2000 -passout env:PASS";
    let private = String::from_utf8(openssl(encrypt, &plain)).expect("PEM");
    let pem = write(dir.path(), "own.pem", private.as_bytes());
    // SubjectPublicKeyInfo and PKCS#1.
    for form_of_key in ["pkey -pubout", "rsa -RSAPublicKey_out"] {
        let public = String::from_utf8(openssl(form_of_key, &plain)).expect("PEM");
        let fields = [("publickey", &public), ("privatekeyhash", &hash), ("privatekey", &private)];
        let fields = fields.map(|(name, value)| form(name, value));
        let mut arguments: Vec<&str> =
            fields.iter().flat_map(|field| ["--data-urlencode", field.as_str()]).collect();
        arguments.push(&service);
        let key = curl_json(&arguments);
        assert_eq!(key["PublicKey"], public, "{form_of_key}");
        assert_eq!(key["PrivateKey"], private);
        assert_eq!(key["IsPublicKeyOnly"], false);
        let test_box = TestBox { service: service.clone(), key };

        they_open(&test_box, dir.path(), &pem);
        assert_eq!(test_box.opened()[0]["MessageData"], "hunter2 \u{1f511}");
        let saved = dir.path().join(form_of_key.replace(' ', "_"));
        fs::create_dir(&saved).expect("a folder");
        let saved_as_text = saved.to_str().expect("UTF-8");
        let arguments = [&server.client.base, test_box.token(), &pem, saved_as_text];
        let read = recipe("box_read.py", &arguments, b"");
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        assert!(read.stdout == format!("hunter2 \u{1f511}\n{}\n", text_of(10_000)).as_bytes());
        assert!(fs::read(saved.join("b.bin")).expect("a file") == random_bytes(250_000));
    }
}

/// Private keys as older programs encrypt them: opened, or refused before a box is created with them.
fn older_encryptions_of_keys() {
    let (server, dir) = (TestServer::start(), tempfile::tempdir().expect("a folder"));
    let service = format!("{}/Service", server.client.base);
    let plain = openssl("genrsa 2048", b"");
    let hash = hex_sha256(&openssl("pkcs8 -topk8 -nocrypt -outform DER", &plain));
    let public = String::from_utf8(openssl("pkey -pubout", &plain)).expect("PEM");
    let upload = |private: &str| upload(&service, [&public, &hash, private]);
    let opened = [
        "-v2 des3 -v2prf hmacWithSHA1",
        "-v2 aes-128-cbc -v2prf hmacWithSHA1 -iter 2048",
        "-v2 aes-256-cbc -v2prf hmacWithSHA1",
        "-v2 des3 -v2prf hmacWithSHA256",
    ];
    for how in opened {
        let encrypt = format!("pkcs8 -topk8 {how} -passout env:PASS");
        let private = String::from_utf8(openssl(&encrypt, &plain)).expect("PEM");
        let key: Value = serde_json::from_slice(&upload(&private)).expect("a key");
        assert_eq!(key["IsPrivateKeyEncrypted"], true, "{how}: {key}");
        let test_box = TestBox { service: service.clone(), key };
        let pem = write(dir.path(), "own.pem", private.as_bytes());
        they_open(&test_box, dir.path(), &pem);
        assert_eq!(test_box.opened()[0]["MessageData"], "hunter2 \u{1f511}", "{how}");
    }
    for how in [
        "pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout env:PASS",
        "rsa -traditional -aes128 -passout env:PASS",
    ] {
        let private = String::from_utf8(openssl(how, &plain)).expect("PEM");
        let refused = String::from_utf8(upload(&private)).expect("a text");
        assert!(refused.starts_with("\"privatekey "), "{how}: {refused}");
        assert!(refused.contains("openssl pkcs8 -topk8"), "{how}: {refused}");
        // The command in the error helps.
        let convert = "pkcs8 -topk8 -v2 aes-256-cbc -passin env:PASS -passout env:PASS";
        let private = String::from_utf8(openssl(convert, private.as_bytes())).expect("PEM");
        let key: Value = serde_json::from_slice(&upload(&private)).expect("a key");
        assert_eq!(key["IsPrivateKeyEncrypted"], true, "{how}: {key}");
    }
}

/// The answer of the service to a key pair: public key, hash, private key.
fn upload(service: &str, [public, hash, private]: [&str; 3]) -> Vec<u8> {
    let fields = [("publickey", public), ("privatekeyhash", hash), ("privatekey", private)];
    let mut command = Command::new("curl");
    command.arg("-sS").arg(service);
    for (name, value) in fields {
        command.arg("--data-urlencode").arg(form(name, value));
    }
    printed(&mut command, b"")
}

/// Each way in which node-forge encrypts a key is opened, or refused with a valid form in the error.
fn keys_of_node_forge() {
    let server = TestServer::start();
    let service = format!("{}/Service", server.client.base);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/forge_keys.js");
    let mut forge = Command::new("node");
    forge.arg(script).env("NODE_PATH", node_modules()).env("PASS", PASSPHRASE);
    let made: Value = serde_json::from_slice(&printed(&mut forge, b"")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (public, plain) = (text(&made["publicKey"]), text(&made["privateKey"]));
    let der = openssl("pkcs8 -topk8 -nocrypt -outform DER", plain.as_bytes());
    let hash = hex_sha256(&der);
    let keys = made["keys"].as_object().expect("an object");
    let mut opened = Vec::new();
    for (way, private) in keys {
        let private = text(private);
        let answer = upload(&service, [&public, &hash, &private]);
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        if let Some(refused) = answer.as_str() {
            assert!(refused.contains("openssl pkcs8 -topk8"), "{way}: {refused}");
            continue;
        }
        let test_box = TestBox { service: service.clone(), key: answer };
        let token = form("token", test_box.token());
        let message = form("message", "hi");
        let send =
            ["-X", "PUT", "--data-urlencode", &token, "--data-urlencode", &message, &service];
        assert_eq!(curl(&send), b"true", "{way}");
        assert_eq!(test_box.opened()[0]["MessageData"], "hi", "{way}");
        opened.push(way.as_str());
    }
    opened.sort_unstable();
    assert_eq!(opened, ["aes128, sha512", "aes192, sha256", "aes256, sha1", "default"]);
}

fn base64(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().expect("a text")).expect("base64")
}

fn write(dir: &Path, name: &str, content: &[u8]) -> String {
    let path = dir.join(name);
    fs::write(&path, content).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}
