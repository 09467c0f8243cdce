//! The Secrets API over HTTP.

mod account;
mod account_keys;
mod attachment_ends;
mod attachment_makers;
mod attachment_parts;
pub(crate) mod attachments;
mod changes;
mod claims;
mod clients;
mod content_types;
pub(crate) mod create;
mod cross_origin;
mod input;
mod keys;
mod late_tries;
mod life;
mod limits;
mod listing;
mod moments;
mod not_found;
mod open_requests;
mod paging;
mod passwords;
pub(crate) mod public;
mod public_captcha;
mod public_create;
mod public_leases;
mod public_requests;
mod races;
mod replies;
mod request_heads;
mod request_list;
pub(crate) mod secret_requests;
mod viewers;
mod wire;

use std::path::Path;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::{http::Client, server::TestServer};

pub(crate) fn trials() -> Vec<Trial> {
    [
        account::trials(),
        account_keys::trials(),
        attachment_ends::trials(),
        attachment_makers::trials(),
        attachment_parts::trials(),
        attachments::trials(),
        changes::trials(),
        claims::trials(),
        clients::trials(),
        content_types::trials(),
        create::trials(),
        cross_origin::trials(),
        input::trials(),
        keys::trials(),
        late_tries::trials(),
        life::trials(),
        limits::trials(),
        listing::trials(),
        moments::trials(),
        not_found::trials(),
        open_requests::trials(),
        paging::trials(),
        passwords::trials(),
        public::trials(),
        public_captcha::trials(),
        public_create::trials(),
        public_leases::trials(),
        public_requests::trials(),
        races::trials(),
        replies::trials(),
        request_heads::trials(),
        request_list::trials(),
        secret_requests::trials(),
        viewers::trials(),
        wire::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// All data that the owner can see: the list and the usage.
fn seen(client: &Client) -> Value {
    let answer = client.get("/api/secrets");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The secret's entry in the list.
pub(crate) fn entry(client: &Client, id: &str) -> Value {
    let all = seen(client);
    let entries = all["data"].as_array().expect("a list");
    entries
        .iter()
        .find(|entry| entry["id"] == id)
        .unwrap_or_else(|| panic!("{id} in {all}"))
        .clone()
}

/// The ids in the list, in its order.
fn ids(answer: &Value) -> Vec<String> {
    let entries = answer["data"].as_array().expect("a list");
    entries.iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
}

/// `(secrets_total, secrets_usage, secrets_allowance)`, and nothing else, all integers.
fn figures(answer: &Value) -> (u64, u64, u64) {
    let metadata = answer["metadata"].as_object().expect("metadata");
    assert_eq!(metadata.len(), 3, "{metadata:?}");
    let figure = |name: &str| metadata[name].as_u64().expect("an integer");
    (figure("secrets_total"), figure("secrets_usage"), figure("secrets_allowance"))
}

/// A ciphertext that is stored in a file of its own.
pub(crate) fn large_ciphertext() -> String {
    create::ciphertext_of(100 << 10)
}

/// The number of payloads in files of their own.
fn payload_files(dir: &Path) -> usize {
    walk(&dir.join("store/payloads")).len()
}

/// All files below `dir`.
pub(crate) fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

/// Sweeps now, as the daemon does every few seconds.
fn sweep(server: &TestServer) {
    let app = &server.app;
    sealdrop::domain::sweep::sweep(&app.store, server.clock.now(), app.rules.keep_log_seconds)
        .expect("a sweep");
}
