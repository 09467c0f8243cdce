//! The requests, and the use of the ids in their answers.

use std::rc::Rc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealdrop::crypto::{SystemRandom, sjcl};

use crate::load::{Request, Source};

/// The fewest that are allowed. These messages are not opened, and only opening depends on the iterations.
const ITERATIONS: u32 = 1000;

/// The private half of the password of all secrets here.
pub(crate) const PASSWORD_PART: &str = "TFNFQ1RBbENZNUNyYVhLSnlo";

/// The `ciphertext` for a secret of `bytes` bytes.
pub(crate) fn ciphertext(bytes: usize) -> String {
    let message = sjcl::seal(b"bench", &vec![b'x'; bytes], ITERATIONS, &SystemRandom);
    STANDARD.encode(message.expect("a message"))
}

/// The requests for secrets of one size, with one key.
#[derive(Clone)]
pub(crate) struct Requests {
    key: String,
    create: Rc<[u8]>,
    /// The length of the ciphertext, which every view must return.
    ciphertext_bytes: usize,
}

impl Requests {
    pub(crate) fn new(key: &str, secret_bytes: usize) -> Self {
        let ciphertext = ciphertext(secret_bytes);
        let body =
            format!(r#"{{"ciphertext":"{ciphertext}","password_part_private":"{PASSWORD_PART}"}}"#);
        let create = post("/api/secrets", key, &body);
        Self { key: key.to_owned(), create, ciphertext_bytes: ciphertext.len() }
    }

    pub(crate) fn create(&self) -> Request {
        Request { bytes: Rc::clone(&self.create), status: 201, least_bytes: 100 }
    }

    pub(crate) fn view(&self, id: &str) -> Request {
        let bytes = get(&format!("/api/secrets/{id}"), &self.key);
        Request { bytes, status: 200, least_bytes: self.ciphertext_bytes }
    }

    /// The same requests with another key.
    pub(crate) fn of(&self, key: &str) -> Self {
        Self { key: key.to_owned(), create: Rc::clone(&self.create), ..*self }
    }

    fn list(&self) -> Request {
        Request { bytes: get("/api/secrets", &self.key), status: 200, least_bytes: 100 }
    }

    /// The same to a bare server, which answers with `answer_bytes`.
    pub(crate) fn bare_create(&self, answer_bytes: usize) -> Request {
        let body = self.create.len() - head_bytes(&self.create);
        let bytes = post(&format!("/{answer_bytes}"), &self.key, &"x".repeat(body));
        Request { bytes, status: 200, least_bytes: answer_bytes }
    }

    /// As [`Requests::bare_create`].
    pub(crate) fn bare_view(&self, answer_bytes: usize) -> Request {
        // A path of the same length as that of a secret.
        let bytes = get(&format!("/{answer_bytes:0>43}"), &self.key);
        Request { bytes, status: 200, least_bytes: answer_bytes }
    }
}

/// The same request repeatedly.
pub(crate) struct Same(pub(crate) Request);

impl Source for Same {
    fn next(&mut self) -> Option<Request> {
        Some(self.0.clone())
    }
}

/// Creates secrets and collects their ids, `most` of them.
pub(crate) struct Creates {
    requests: Requests,
    left: usize,
    pub(crate) ids: Vec<String>,
    pub(crate) answer_bytes: usize,
}

impl Creates {
    pub(crate) fn new(requests: &Requests, most: usize) -> Self {
        Self { requests: requests.clone(), left: most, ids: Vec::new(), answer_bytes: 0 }
    }
}

impl Source for Creates {
    fn next(&mut self) -> Option<Request> {
        self.left = self.left.checked_sub(1)?;
        Some(self.requests.create())
    }

    fn answered(&mut self, start_of_body: &[u8], body_bytes: usize) {
        self.ids.push(id(start_of_body));
        self.answer_bytes = body_bytes;
    }
}

/// Views secrets that can be viewed once; ends when all were viewed.
pub(crate) struct Views {
    requests: Requests,
    pub(crate) ids: Vec<String>,
    pub(crate) answer_bytes: usize,
}

impl Views {
    pub(crate) fn new(requests: &Requests, ids: Vec<String>) -> Self {
        Self { requests: requests.clone(), ids, answer_bytes: 0 }
    }
}

impl Source for Views {
    fn next(&mut self) -> Option<Request> {
        Some(self.requests.view(&self.ids.pop()?))
    }

    fn answered(&mut self, _start_of_body: &[u8], body_bytes: usize) {
        self.answer_bytes = body_bytes;
    }
}

/// Creates, views of existing secrets, and one list in 64 requests.
pub(crate) struct Mixed {
    requests: Requests,
    ids: Vec<String>,
    count: usize,
}

impl Mixed {
    /// `ids` are viewed in another order than that of their creation.
    pub(crate) fn new(requests: &Requests, mut ids: Vec<String>) -> Self {
        // Without the store's mask, ids are random.
        ids.sort_unstable();
        Self { requests: requests.clone(), ids, count: 0 }
    }
}

impl Source for Mixed {
    fn next(&mut self) -> Option<Request> {
        self.count += 1;
        match self.count % 64 {
            0 => Some(self.requests.list()),
            n if n % 2 == 0 => Some(self.requests.create()),
            _ => Some(self.requests.view(&self.ids.pop()?)),
        }
    }
}

fn post(path: &str, key: &str, body: &str) -> Rc<[u8]> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ApiKey {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat().into()
}

pub(crate) fn get(path: &str, key: &str) -> Rc<[u8]> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ApiKey {key}\r\n\
         User-Agent: bench\r\n\r\n"
    );
    head.into_bytes().into()
}

fn head_bytes(request: &[u8]) -> usize {
    request.windows(4).position(|end| end == b"\r\n\r\n").expect("a whole head") + 4
}

/// The id at the beginning of the answer to a create.
fn id(body: &[u8]) -> String {
    const BEFORE: &[u8] = br#"{"data":{"id":""#;
    let id = body.strip_prefix(BEFORE).and_then(|rest| rest.split(|byte| *byte == b'"').next());
    String::from_utf8_lossy(id.expect("an id")).into_owned()
}
