//! Attachments of secrets: uploaded, whole or in parts, and fetched with a lease.

use libtest_mimic::Trial;
use sealdrop::crypto::{
    MessageKey, Random, SeededRandom, StreamSealer, SystemRandom, random_array,
    stream::{plain_len, sealed_len},
};
use serde_json::{Value, json};

use super::payload_files;
use crate::{
    http::{Answer, Client, secret_with},
    server::TestServer,
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("attachments::one_goes_up_and_down", one_goes_up_and_down),
        trial("attachments::small_ones_come_inline", small_ones_come_inline),
    ]
}

/// A sealed file of `bytes` bytes of plaintext, as a sender creates it. A long one has only the length of
/// a sealed file, because no test opens it.
pub(crate) fn sealed_file(bytes: usize) -> Vec<u8> {
    use std::io::Write as _;
    if bytes > 1 << 20 {
        let mut sealed = vec![0; usize::try_from(sealed_len(bytes as u64)).expect("a length")];
        SeededRandom::new(bytes as u64).fill(&mut sealed);
        return sealed;
    }
    let word: [u8; 31] = random_array(&SystemRandom);
    let plain: Vec<u8> = word.iter().copied().cycle().take(bytes).collect();
    let key = MessageKey::new(&SystemRandom);
    let mut sealer = StreamSealer::new(Vec::new(), &key, &SystemRandom).expect("a sealer");
    sealer.write_all(&plain).expect("room");
    let sealed = sealer.finish().expect("a last chunk");
    assert_eq!(plain_len(sealed.len() as u64), Some(bytes as u64));
    sealed
}

/// A draft, as its sender knows it.
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Draft {
    /// Of a secret with an API key.
    pub(crate) fn create(client: &Client, attachments: u8, more: Value) -> Self {
        let mut body = secret_with(more);
        body["attachments"] = json!(attachments);
        Self::of(&client.post("/api/secrets", &body))
    }

    /// The answer to a creation.
    pub(crate) fn of(created: &Answer) -> Self {
        assert_eq!(created.status, 201, "{}", created.text());
        let data = created.json()["data"].clone();
        assert_eq!(data["draft"], true, "{data}");
        let text = |name: &str| data[name].as_str().expect("a text").to_owned();
        Self { id: text("id"), token: text("upload_token") }
    }

    pub(crate) fn path(&self, n: u8) -> String {
        format!("/api/secrets/{}/attachments/{n}", self.id)
    }

    pub(crate) fn put(&self, client: &Client, n: u8, bytes: &[u8]) -> Answer {
        let headers = [("upload-token", &*self.token)];
        client.send("PUT", &self.path(n), &headers, bytes)
    }

    /// Sends the part `from..to` of `whole`.
    pub(crate) fn put_part(
        &self,
        client: &Client,
        n: u8,
        whole: &[u8],
        part: std::ops::Range<usize>,
    ) -> Answer {
        let range = format!("bytes {}-{}/{}", part.start, part.end - 1, whole.len());
        let headers = [("upload-token", &*self.token), ("content-range", &*range)];
        client.send("PUT", &self.path(n), &headers, &whole[part])
    }

    /// The received length, and whether it is complete.
    pub(crate) fn offset(&self, client: &Client, n: u8) -> (usize, bool) {
        let headers = [("upload-token", &*self.token)];
        let answer = client.send("HEAD", &self.path(n), &headers, b"");
        assert_eq!(answer.status, 204);
        offset(&answer)
    }

    pub(crate) fn publish(&self, client: &Client) -> Answer {
        let path = format!("/api/secrets/{}/publish", self.id);
        client.send("POST", &path, &[("upload-token", &*self.token)], b"")
    }

    pub(crate) fn drop_it(&self, client: &Client) -> Answer {
        let path = format!("/api/secrets/{}/draft", self.id);
        client.send("DELETE", &path, &[("upload-token", &*self.token)], b"")
    }
}

/// The values in the headers of an upload.
fn offset(answer: &Answer) -> (usize, bool) {
    let offset = answer.header("upload-offset").expect("an offset").parse().expect("a number");
    (offset, answer.header("upload-complete") == Some("true"))
}

/// Views by the link. Returns the lease's token, and the answer.
pub(crate) fn view(client: &Client, id: &str) -> (String, Value) {
    let viewed = client.post(&format!("/api/public/secrets/{id}/view"), &json!({}));
    assert_eq!(viewed.status, 200, "{}", viewed.text());
    let data = viewed.json()["data"].clone();
    (data["lease"]["token"].as_str().expect("a token").to_owned(), data)
}

pub(crate) fn fetch(client: &Client, id: &str, n: u8, lease: &str, range: Option<&str>) -> Answer {
    let mut headers = vec![("lease", lease)];
    headers.extend(range.map(|range| ("range", range)));
    client.send("GET", &format!("/api/secrets/{id}/attachments/{n}"), &headers, b"")
}

fn received(answer: &Answer) -> (u64, bool, bool) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let data = &answer.json()["data"];
    let flag = |name: &str| data[name].as_bool().expect("a flag");
    (data["received"].as_u64().expect("a number"), flag("complete"), flag("published"))
}

fn one_goes_up_and_down() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 2, json!({"max_views": 2}));
    let public = format!("/api/public/secrets/{}", draft.id);
    let (first, second) = (sealed_file(3 << 20), sealed_file(0));

    // The draft cannot be viewed yet, by any call.
    assert_eq!(client.get(&public).status, 404);
    assert_eq!(client.post(&format!("{public}/view"), &json!({})).status, 404);
    assert_eq!(client.view(&draft.id).status, 404);
    assert_eq!(draft.offset(client, 1), (0, false));
    assert_eq!(received(&draft.put(client, 1, &first)), (first.len() as u64, true, false));
    assert_eq!(client.get(&public).status, 404);
    assert_eq!(draft.publish(client).status, 409);
    server.clock.advance(600);
    let done = draft.put(client, 2, &second);
    assert_eq!(received(&done), (23, true, true));
    // The lifetime of the secret begins now.
    assert_eq!(done.json()["data"]["expires_at"], "2026-11-29T12:10:00Z");
    assert_eq!(draft.offset(client, 2), (23, true));

    let sizes = json!([{"n": 1, "size": first.len()}, {"n": 2, "size": 23}]);
    assert_eq!(client.get(&public).json()["data"]["attachments"], sizes);
    let (lease, data) = view(client, &draft.id);
    assert_eq!(data["attachments"], sizes);
    assert_eq!(fetch(client, &draft.id, 1, &lease, None).body, first);
    assert_eq!(fetch(client, &draft.id, 2, &lease, None).body, second);

    // With an API key there is a lease, too.
    let viewed = client.view(&draft.id).json()["data"].clone();
    assert_eq!(viewed["attachments"], sizes);
    let lease = viewed["lease"]["token"].as_str().expect("a lease");
    assert_eq!(fetch(client, &draft.id, 1, lease, Some("bytes=70000-")).body, first[70000..]);
    assert_eq!(client.view(&draft.id).status, 404);
    assert_eq!(payload_files(server.dir()), 2);
}

fn small_ones_come_inline() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let server = TestServer::start();
    let client = &server.client;
    let (first, second) = (sealed_file(100_000), sealed_file(10));
    let mut body = secret_with(json!({}));
    body["attachments"] = json!([STANDARD.encode(&first), STANDARD.encode(&second)]);
    let created = client.post("/api/secrets", &body).json()["data"].clone();
    assert_eq!((&created["draft"], &created["upload_token"]), (&json!(false), &Value::Null));
    let id = created["id"].as_str().expect("an id");
    let (lease, _) = view(client, id);
    assert_eq!(fetch(client, id, 1, &lease, None).body, first);
    assert_eq!(fetch(client, id, 2, &lease, None).body, second);

    body["attachments"] = json!([STANDARD.encode(&first), null]);
    let draft = Draft::of(&client.post("/api/secrets", &body));
    assert_eq!(draft.offset(client, 1), (first.len(), true));
    assert_eq!(received(&draft.put(client, 2, &second)), (33, true, true));
    let (lease, _) = view(client, &draft.id);
    assert_eq!(fetch(client, &draft.id, 1, &lease, None).body, first);
}
