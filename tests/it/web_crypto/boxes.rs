//! Boxes that are created, filled and read in a browser, with the server and `openssl` at the other end.

use std::process::Command;

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::crypto::{BoxKey, Random, SecretText, SeededRandom};
use serde_json::{Value, json};

use super::Page;
use crate::{
    http::Client,
    key_service::{Part, assert_done, call, fetch, list, put_parts, text},
    programs::printed,
    server::TestServer,
    tools::{NODE_20, OPENSSL, Tool, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    const AND_OPENSSL: &[Tool] = &[NODE_20, OPENSSL];
    vec![
        trial_with("web_crypto::openssl_opens_a_key_of_a_page", AND_OPENSSL, openssl_opens),
        trial_with("web_crypto::a_page_opens_keys_of_openssl", AND_OPENSSL, a_page_opens),
        trial_with("web_crypto::the_server_reads_what_a_page_sends", &[NODE_20], server_reads),
        trial_with("web_crypto::a_page_reads_what_the_server_seals", &[NODE_20], a_page_reads),
        trial_with("web_crypto::two_pages_and_a_server_that_sees_nothing", &[NODE_20], two_pages),
    ]
}

const PASSPHRASE: &str = "correct horse åäö";

fn openssl(arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    printed(command.args(arguments.split(' ')).env("PASS", PASSPHRASE), input)
}

fn create_key() -> Value {
    let job = json!({"do": "createBoxKey", "passphrase": PASSPHRASE, "bits": 2048});
    Page::Https.run_one(job).expect("a key")
}

fn openssl_opens() {
    let key = create_key();
    let pem = text(&key["privateKey"]);
    // It reads the passphrase from the environment, and therefore the key from standard input.
    let opened = openssl("pkey -passin env:PASS", pem.as_bytes());
    assert!(openssl("pkey -check -noout", &opened).starts_with(b"Key is valid"));
    assert_eq!(openssl("pkey -pubout", &opened), text(&key["publicKey"]).into_bytes());
    let der = openssl("pkcs8 -topk8 -nocrypt -outform DER", &opened);
    let hash = openssl("dgst -sha256 -r", &der);
    assert!(hash.starts_with(text(&key["privateKeyHash"]).as_bytes()));
    let shown = String::from_utf8(openssl("asn1parse", pem.as_bytes())).expect("UTF-8");
    for wanted in ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", ":0927C0"] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    // The server opens it, too, and computes the same hash.
    let ours = BoxKey::from_encrypted_pem(&pem, &SecretText::new(PASSPHRASE.into())).unwrap();
    assert_eq!((json!(ours.hash()), json!(ours.public().to_pem())), {
        (key["privateKeyHash"].clone(), key["publicKey"].clone())
    });
}

fn a_page_opens() {
    let fresh = openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", b"");
    let encrypt = "pkcs8 -topk8 -passout env:PASS -v2";
    let public = String::from_utf8(openssl("pkey -pubout", &fresh)).expect("PEM");
    let der = openssl("pkcs8 -topk8 -nocrypt -outform DER", &fresh);
    let hash = sealdrop::crypto::hex(&sealdrop::crypto::sha256(&der));
    let ways = [
        "aes-256-cbc -v2prf hmacWithSHA256 -iter 600000",
        "aes-256-cbc",
        "aes-128-cbc -v2prf hmacWithSHA512 -iter 1",
        "aes-192-cbc -v2prf hmacWithSHA384",
        "aes-256-cbc -v2prf hmacWithSHA1",
    ];
    let job = |pem: &str, passphrase: &str| json!({"do": "openBoxKey", "pem": pem, "passphrase": passphrase});
    let pem = |way: &str| String::from_utf8(openssl(&format!("{encrypt} {way}"), &fresh)).unwrap();
    let pems: Vec<_> = ways.iter().map(|way| pem(way)).collect();
    let mut jobs: Vec<_> = pems.iter().map(|pem| job(pem, PASSPHRASE)).collect();
    jobs.extend(pems.iter().map(|pem| job(pem, "wrong")));
    let keys = format!("{}/tests/vectors/keys", env!("CARGO_MANIFEST_DIR"));
    let vector = |name: &str| std::fs::read_to_string(format!("{keys}/{name}")).expect(name);
    jobs.push(job(&vector("rsa2048.sha256.pem"), PASSPHRASE));
    // Keys that only the server can open are distinguished from keys that do not open at all.
    let foreign = ["rsa2048.scrypt.pem", "rsa2048.sha1-des3.pem", "rsa2048.pbe-sha1-3des.pem"];
    jobs.extend(foreign.map(|name| job(&vector(name), PASSPHRASE)));
    let refused = ["ec.sha256.pem", "rsa2048.pem", "rsa2048.spki.pem"];
    jobs.extend(refused.map(|name| job(&vector(name), PASSPHRASE)));
    // A key that is made to keep its reader busy.
    jobs.push(job(&pem("aes-256-cbc -v2prf hmacWithSHA256 -iter 2000001"), PASSPHRASE));

    let outcomes = Page::Https.run(&jobs);
    let (opened, rest) = outcomes.split_at(ways.len());
    for (way, outcome) in ways.iter().zip(opened) {
        let expected = json!({"publicKey": public, "privateKeyHash": hash});
        assert_eq!(outcome.as_ref(), Ok(&expected), "{way}");
    }
    let (wrong, rest) = rest.split_at(ways.len());
    for (way, outcome) in ways.iter().zip(wrong) {
        let error = outcome.as_ref().expect_err(way);
        assert!(error.starts_with("WrongPassphrase"), "{way}: {error}");
    }
    let opened = rest[0].as_ref().expect("the vector");
    assert_eq!(opened["privateKeyHash"], vector("rsa2048.privatekeyhash").trim());
    assert_eq!(opened["publicKey"], vector("rsa2048.spki.pem"));
    for outcome in &rest[1..] {
        let error = outcome.as_ref().expect_err("no key for us");
        assert!(error.starts_with("UnreadableKey"), "{error}");
    }
    for (outcome, name) in rest[1..].iter().zip(foreign) {
        let error = outcome.as_ref().expect_err(name);
        assert!(error.contains("browsers cannot open"), "{name}: {error}");
    }
}

/// A box whose key was created by a page.
struct PageBox {
    client: Client,
    key: Value,
    token: String,
}

impl PageBox {
    fn new(server: &TestServer, with_private_key: bool) -> Self {
        let (client, key) = (server.client.with_key(""), create_key());
        let field = |name: &str| text(&key[name]);
        let [public, private, hash] = ["publicKey", "privateKey", "privateKeyHash"].map(field);
        let mut parameters = vec![("publickey", &*public), ("privatekeyhash", &hash)];
        if with_private_key {
            parameters.push(("privatekey", &private));
        }
        let answer = call(&client, "POST", &parameters);
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { token: text(&answer.json()["KeyToken"]), client, key }
    }

    /// Sends a text and a file, sealed by a page under the key that the server returns.
    fn send_from_page(&self, message: &str, name: &str, file: &[u8]) {
        let path = format!("/Service/{}/publickey?format=pem", self.token);
        let public = self.client.get(&path).text();
        let file = json!({"name": name, "type": "text/plain", "data": STANDARD.encode(file)});
        let jobs = [
            json!({"do": "sendToBox", "publicKey": public, "text": message}),
            json!({"do": "sendToBox", "publicKey": public, "file": file}),
        ];
        let outcomes = Page::Https.run(&jobs);
        let [sealed, file] = [0, 1].map(|at| outcomes[at].clone().expect("sealed"));
        let [key, envelope] = ["encryptionkey", "encryptedmessage"].map(|name| text(&sealed[name]));
        let own =
            [("token", &*self.token), ("encryptionkey", &key), ("encryptedmessage", &envelope)];
        assert_done(&call(&self.client, "PUT", &own));
        let [key, name, blob] = ["encryptionkey", "name", "blob"].map(|name| text(&file[name]));
        let blob = STANDARD.decode(blob).expect("base64");
        assert_done(&put_parts(
            &self.client,
            &[
                Part::text("token", &self.token),
                Part::text("encryptionkey", &key),
                Part::file("encryptedfile", &name, &blob),
            ],
        ));
    }

    /// The messages that a page reads: texts, and files with their bytes in base64.
    fn read_in_page(&self) -> Vec<Value> {
        let hash = text(&self.key["privateKeyHash"]);
        let sealed =
            call(&self.client, "GET", &[("token", &self.token), ("privatekeyhash", &hash)]);
        let mut messages = list(&sealed);
        for message in &mut messages {
            if message["IsFile"] == true {
                let answer = fetch(&self.client, &text(&message["TemporaryDownloadId"]));
                message["sealed"] = json!(STANDARD.encode(answer.body));
            }
        }
        let read = Page::Https.run_one(json!({"do": "readBox", "pem": self.key["privateKey"],
            "passphrase": PASSPHRASE, "messages": messages}));
        read.expect("its content").as_array().expect("a list").clone()
    }
}

/// Compressible at its start only, and fills several chunks.
fn long() -> Vec<u8> {
    let mut long = vec![b'x'; 500_000];
    SeededRandom::new(4).fill(&mut long[200_000..]);
    long
}

fn server_reads() {
    let server = TestServer::start();
    let test_box = PageBox::new(&server, true);
    test_box.send_from_page("hemligt \u{1f511}\r\n", "räksmörgås.txt", &long());
    test_box.send_from_page("", "empty", b"");
    let token = [("token", &*test_box.token), ("passphrase", PASSPHRASE)];
    let messages = list(&call(&test_box.client, "GET", &token));
    let seen: Vec<_> = messages
        .iter()
        .map(|message| match message["IsFile"] == true {
            true => (message["FileName"].clone(), {
                fetch(&test_box.client, &text(&message["TemporaryDownloadId"])).body
            }),
            false => (Value::Null, text(&message["MessageData"]).into_bytes()),
        })
        .collect();
    let expected = [
        (Value::Null, "hemligt \u{1f511}\r\n".as_bytes().to_vec()),
        (json!("räksmörgås.txt"), long()),
        (Value::Null, Vec::new()),
        (json!("empty"), Vec::new()),
    ];
    assert!(seen == expected, "{:.1000}", format!("{messages:?}"));
}

fn a_page_reads() {
    let server = TestServer::start();
    let test_box = PageBox::new(&server, true);
    let (client, token) = (&test_box.client, &*test_box.token);
    assert_done(&call(client, "PUT", &[("token", token), ("message", "öppet \u{1f511}")]));
    let long = long();
    let parts = [Part::text("token", token), Part::file("file", "../lång.bin", &long)];
    assert_done(&put_parts(client, &parts));
    let read = test_box.read_in_page();
    assert_eq!(read[0], "öppet \u{1f511}");
    assert_eq!((&read[1]["name"], &read[1]["type"]), (&json!("lång.bin"), &json!("text/x-test")));
    assert!(STANDARD.decode(text(&read[1]["data"])).expect("base64") == long);
    let hash = sealdrop::crypto::hex(&sealdrop::crypto::sha256(&long));
    assert_eq!(read[1]["sha256"], hash);
}

fn two_pages() {
    let server = TestServer::start();
    let test_box = PageBox::new(&server, false);
    test_box.send_from_page("between us", "a b.txt", &long());
    let token = [("token", &*test_box.token), ("passphrase", PASSPHRASE)];
    assert_eq!(call(&test_box.client, "GET", &token).status, 400);
    let read = test_box.read_in_page();
    assert_eq!(read[0], "between us");
    assert_eq!((&read[1]["name"], &read[1]["type"]), (&json!("a b.txt"), &json!("text/plain")));
    assert!(STANDARD.decode(text(&read[1]["data"])).expect("base64") == long());
}
