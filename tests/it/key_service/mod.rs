//! The Key Service over HTTP.

mod files;
mod guessing;
mod keys;
mod memory;
mod messages;
mod operations;
mod parameters;
mod requests;
mod terms;

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use sealdrop::crypto::{BoxKey, RsaBits, SecretText, SystemRandom};
use serde_json::{Value, json};

use crate::{
    http::{Answer, Client},
    server::TestServer,
};

pub(crate) fn trials() -> Vec<Trial> {
    [
        files::trials(),
        guessing::trials(),
        keys::trials(),
        memory::trials(),
        messages::trials(),
        operations::trials(),
        parameters::trials(),
        requests::trials(),
        terms::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The passphrase of every [`TestBox`].
pub(crate) const PASSPHRASE: &str = "correct horse åäö";

/// A box, and the client of its owner.
#[derive(Clone)]
pub(crate) struct TestBox {
    pub(crate) client: Client,
    pub(crate) token: String,
    pub(crate) hash: String,
}

/// A key pair that all tests share, because creating one is slow: PEM of the public key, of the
/// encrypted private key, and its hash.
pub(crate) fn shared_key() -> &'static (BoxKey, [String; 3]) {
    static KEY: OnceLock<(BoxKey, [String; 3])> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = BoxKey::generate(RsaBits::Bits2048, &SystemRandom);
        let private =
            key.to_encrypted_pem(&PASSPHRASE.to_owned().into_secret(), 1000, &SystemRandom);
        let texts = [key.public().to_pem(), private, key.hash()];
        (key, texts)
    })
}

trait IntoSecret {
    fn into_secret(self) -> SecretText;
}

impl IntoSecret for String {
    fn into_secret(self) -> SecretText {
        SecretText::new(self)
    }
}

impl TestBox {
    /// A box that is read online and offline.
    pub(crate) fn new(client: &Client) -> Self {
        Self::with(client, &[])
    }

    /// The same with more parameters.
    pub(crate) fn with(client: &Client, more: &[(&str, &str)]) -> Self {
        let (_, [public, private, hash]) = shared_key();
        let mut parameters =
            vec![("publickey", &**public), ("privatekey", private), ("privatekeyhash", hash)];
        parameters.extend(more);
        let answer = call(client, "POST", &parameters);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = text(&answer.json()["KeyToken"]);
        Self { client: client.clone(), token, hash: hash.clone() }
    }

    fn call(&self, method: &str, own: &[(&str, &str)], more: &[(&str, &str)]) -> Answer {
        call(&self.client, method, &[&[("token", &*self.token)], own, more].concat())
    }

    /// GET with the passphrase.
    pub(crate) fn read(&self, more: &[(&str, &str)]) -> Answer {
        self.call("GET", &[("passphrase", PASSPHRASE)], more)
    }

    /// GET with the hash of the private key.
    pub(crate) fn read_sealed(&self, more: &[(&str, &str)]) -> Answer {
        self.call("GET", &[("privatekeyhash", &self.hash)], more)
    }

    pub(crate) fn put(&self, more: &[(&str, &str)]) -> Answer {
        self.call("PUT", &[], more)
    }

    pub(crate) fn send(&self, message: &str) {
        assert_done(&self.put(&[("message", message)]));
    }

    /// PUT of a form in parts, with the token as the first one.
    pub(crate) fn put_parts(&self, parts: &[Part<'_>]) -> Answer {
        put_parts(&self.client, &[&[Part::text("token", &self.token)], parts].concat())
    }

    pub(crate) fn send_file(&self, file_name: &str, bytes: &[u8]) {
        assert_done(&self.put_parts(&[Part::file("file", file_name, bytes)]));
    }

    /// Its content, opened.
    pub(crate) fn messages(&self) -> Vec<Value> {
        list(&self.read(&[]))
    }

    pub(crate) fn delete(&self) -> Answer {
        self.call("DELETE", &[("privatekeyhash", &self.hash)], &[])
    }
}

pub(crate) fn fetch(client: &Client, ticket: &str) -> Answer {
    client.get(&format!("/Service/File/{ticket}"))
}

/// A call with its parameters as JSON.
pub(crate) fn call(client: &Client, method: &str, parameters: &[(&str, &str)]) -> Answer {
    let object = parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let body = Value::Object(object.collect()).to_string();
    client.send(method, "/Service", &[("content-type", "application/json")], body.as_bytes())
}

pub(crate) fn put_parts(client: &Client, parts: &[Part<'_>]) -> Answer {
    client.send("PUT", "/Service", &[("content-type", MULTIPART)], &form(parts))
}

/// The messages of a list, with 200; none with 304.
pub(crate) fn list(answer: &Answer) -> Vec<Value> {
    match answer.status {
        304 => Vec::new(),
        200 => answer.json().as_array().expect("a list").clone(),
        status => panic!("{status} {}", answer.text()),
    }
}

/// The `MessageData` of each.
pub(crate) fn texts(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| text(&message["MessageData"])).collect()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub(crate) fn assert_done(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, "true"));
}

/// 400, with a text that contains this.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, says: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.message().contains(says), "{:?} does not contain {says:?}", answer.message());
}

/// A part of a form.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    name: &'a str,
    file_name: Option<&'a str>,
    bytes: &'a [u8],
}

impl<'a> Part<'a> {
    pub(crate) fn text(name: &'a str, value: &'a str) -> Self {
        Self { name, file_name: None, bytes: value.as_bytes() }
    }

    pub(crate) fn file(name: &'a str, file_name: &'a str, bytes: &'a [u8]) -> Self {
        Self { name, file_name: Some(file_name), bytes }
    }
}

pub(crate) const MULTIPART: &str = "multipart/form-data; boundary=\"-- a boundary\"";

/// `multipart/form-data` (RFC 7578) as browsers write it.
pub(crate) fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for Part { name, file_name, bytes } in parts {
        let head = format!("---- a boundary\r\nContent-Disposition: form-data; name=\"{name}\"");
        body.extend_from_slice(head.as_bytes());
        if let Some(file_name) = file_name {
            let quoted = file_name.replace('"', "%22").replace(['\r', '\n'], " ");
            let head = format!("; filename=\"{quoted}\"\r\nContent-Type: text/x-test");
            body.extend_from_slice(head.as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"---- a boundary--\r\n");
    body
}

/// A value as it is encoded in a query or a urlencoded body.
pub(crate) fn urlencoded(pairs: &[(&str, &str)]) -> String {
    let encode =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

/// The number of payloads in files of their own, including temporary ones.
pub(crate) fn payload_files(server: &TestServer) -> usize {
    crate::api::walk(&server.dir().join("store/payloads")).len()
}

/// Waits for a change in the background; fails if it does not happen.
#[track_caller]
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not in time: {what}");
        std::thread::yield_now();
    }
}

/// Runs `request` in this many threads that begin at the same moment.
pub(crate) fn at_once(threads: usize, request: impl Fn(usize) + Sync) {
    let barrier = std::sync::Barrier::new(threads);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (barrier, request) = (&barrier, &request);
            scope.spawn(move || {
                barrier.wait();
                request(number);
            });
        }
    });
}
