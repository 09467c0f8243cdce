//! Two processes on one store, as their clients see them.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, mpsc},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::{block_in_place, spawn_blocking, yield_now},
};

use super::{housekeeping, rules};
use crate::{
    api::{App, Client, routed_request::RoutedRequest, routes},
    clock::{Clock, UnixSeconds},
    config::{Boxes, Settings},
    crypto::SeededRandom,
    domain::{
        account::api_key::{key_hash, key_id},
        claim, operator,
        secret::attachment::turn::UPLOAD_LEASE_SECONDS,
    },
    store::{
        Store, StoreError,
        faulty::{MemoryDisk, Sharing},
    },
};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
/// The length of an attachment, which is recorded before its end.
const LONG: usize = 12 << 20;

/// A process, reached by a pipe.
struct TestProcess {
    app: Arc<App>,
}

impl TestProcess {
    fn new(disk: &MemoryDisk, clock: &Clock, seed: u64) -> Self {
        let store = Store::in_memory(disk).unwrap();
        let settings = Settings { key_pool: 0, boxes: Boxes::Account, ..Settings::default() };
        let (rules, service) = (rules::rules(&settings), rules::service_rules(&settings));
        let random = Arc::new(SeededRandom::new(seed));
        let app = App::new(store, clock.clone(), random, rules, service).unwrap();
        Self { app: Arc::new(app) }
    }

    /// A connection.
    fn connect(&self) -> DuplexStream {
        let (client, server) = duplex(64 << 10);
        let app = Arc::clone(&self.app);
        let answer = move |request: Request<Incoming>| {
            let app = Arc::clone(&app);
            async move {
                let (head, mut body) = request.into_parts();
                let (resource, path) = routes::find(head.uri.path()).unwrap();
                let client = Client { address: Ipv4Addr::LOCALHOST.into() };
                let call = RoutedRequest {
                    app: &app,
                    client,
                    method: &head.method,
                    path,
                    query: head.uri.query(),
                    headers: &head.headers,
                    body: &mut body,
                };
                let answered = resource.answer(call).await;
                let answer = answered.map_or_else(|error| error.into_response(), |(done, _)| done);
                Ok::<_, Infallible>(answer)
            }
        };
        tokio::spawn(
            http1::Builder::new().serve_connection(TokioIo::new(server), service_fn(answer)),
        );
        client
    }

    /// Sends a whole request.
    async fn call(&self, head: &str, body: &[u8]) -> Answered {
        let mut connection = self.connect();
        begin(&mut connection, head, body.len()).await;
        // The server may answer before it has read everything.
        let _ = connection.write_all(body).await;
        Answered::read(&mut connection).await
    }

    /// Sends an object as JSON, or no body. A header can follow the path after a `|`.
    async fn json(&self, method: &str, key: &str, body: &Value) -> Answered {
        let (method, header) = method.split_once('|').unwrap_or((method, "X-Test: 1"));
        let head = format!("{method} HTTP/1.1\r\n{header}\r\nX-Api-Key: {key}");
        let head = format!("{head}\r\nContent-Type: application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call(&format!("{head}\r\nAccept: application/json"), body.as_bytes()).await
    }
}

/// Sends the head of a request.
async fn begin(connection: &mut DuplexStream, head: &str, bytes: usize) {
    let rest = format!("Host: test\r\nConnection: close\r\nContent-Length: {bytes}");
    connection.write_all(format!("{head}\r\n{rest}\r\n\r\n").as_bytes()).await.unwrap();
}

/// An answer.
struct Answered {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answered {
    async fn read(connection: &mut DuplexStream) -> Self {
        let mut all = Vec::new();
        connection.read_to_end(&mut all).await.unwrap();
        let end = all.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let body = all.split_off(end + 4);
        let head = String::from_utf8(all).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `Upload-Offset`.
    fn offset(&self) -> usize {
        let line = self.head.lines().find_map(|line| line.strip_prefix("upload-offset: "));
        line.unwrap().parse().unwrap()
    }
}

/// Two processes, and the private key of an account.
async fn two_processes() -> (MemoryDisk, Clock, [TestProcess; 2], String) {
    let start = || {
        let disk = MemoryDisk::new(Sharing::Shared, 1);
        let clock = Clock::manual(NOW);
        let (store, random) = (Store::in_memory(&disk).unwrap(), SeededRandom::new(1));
        let made = operator::create_account(&store, "alice", 100, &random, NOW).unwrap();
        let processes = [2, 3].map(|seed| TestProcess::new(&disk, &clock, seed));
        (disk, clock, processes, made.private_key.expose_secret().to_owned())
    };
    spawn_blocking(start).await.unwrap()
}

/// The first process stops in the middle of an upload and goes on too late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_receives_an_attachment() {
    let (_, clock, [one, other], key) = two_processes().await;
    let mut secret = secret();
    (secret["attachments"], secret["max_views"]) = (json!(1), json!(2));
    let made = one.json("POST /api/secrets", &key, &secret).await.json();
    let (id, token) = (made["data"]["id"].as_str().unwrap(), &made["data"]["upload_token"]);
    let path = format!("/api/secrets/{id}/attachments/1 HTTP/1.1");
    let token = format!("Upload-Token: {}", token.as_str().unwrap());
    let content: Vec<u8> = (0..LONG).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let put = |from: usize| {
        let range = format!("Content-Range: bytes {from}-{}/{LONG}", LONG - 1);
        format!("PUT {path}\r\n{token}\r\n{range}")
    };
    let head = format!("HEAD {path}\r\n{token}");

    let mut first = one.connect();
    begin(&mut first, &format!("{}\r\nExpect: 100-continue", put(0)), LONG).await;
    let mut go_on = [0; 25];
    first.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let refused = other.call(&put(0), &content).await;
    assert_eq!((refused.status, refused.offset()), (409, 0));
    let early = LONG - (2 << 20);
    first.write_all(&content[..early]).await.unwrap();
    let received = loop {
        match other.call(&head, b"").await.offset() {
            0 => yield_now().await,
            received => break received,
        }
    };
    assert!(received < early, "less than everything is recorded");
    clock.advance(UPLOAD_LEASE_SECONDS - 1);
    let refused = other.call(&put(received), &content[received..]).await;
    assert_eq!((refused.status, refused.offset()), (409, received));
    assert!(refused.json()["error"].to_string().contains("under way"), "{}", refused.json());

    clock.advance(1);
    let taken = loop {
        let asked = other.call(&put(received), &content[received..]).await;
        if asked.status != 409 {
            break asked;
        }
        // It was not idle yet when the clock was set, and has renewed its lease.
        clock.advance(UPLOAD_LEASE_SECONDS);
    };
    assert_eq!((taken.status, &taken.json()["data"]["published"]), (200, &json!(true)));
    let _ = first.write_all(&content[early..]).await;
    let late = Answered::read(&mut first).await;
    assert_eq!(late.status, 409, "{}", late.json());
    for process in [&one, &other] {
        let seen = process.json(&format!("GET /api/secrets/{id}"), &key, &Value::Null).await.json();
        let lease =
            seen["data"]["lease"]["token"].as_str().unwrap_or_else(|| panic!("{seen}")).to_owned();
        let fetched = process.call(&format!("GET {path}\r\nLease: {lease}"), b"").await;
        assert!(fetched.status == 200 && fetched.body == content);
    }
}

/// What an account and a box have, and the calls that change it.
struct Belongings {
    key: String,
    ids: HashMap<&'static str, String>,
}

impl Belongings {
    async fn make(process: &TestProcess, key: String) -> Self {
        let mut own = Self { key, ids: HashMap::new() };
        let mut draft = secret();
        (draft["attachments"], draft["max_views"]) = (json!(1), json!(2));
        for (names, call, body) in [
            (vec![("secret", "/data/id")], "POST /api/secrets", secret()),
            (vec![("burned", "/data/id")], "POST /api/secrets", secret()),
            (
                vec![("draft", "/data/id"), ("upload", "/data/upload_token")],
                "POST /api/secrets",
                draft,
            ),
            (vec![("request", "/data/id")], "POST /api/secret_requests", json!({"limit": 1})),
            (vec![("key", "/data/id")], "POST /api/account/keys", json!({"kind": "public"})),
            (vec![("webhook", "/data/id")], "POST /api/account/webhooks", webhook()),
            (vec![("box", "/KeyToken")], "POST /Service", public_key()),
        ] {
            let made = own.call(process, call, &body).await;
            for (name, pointer) in names {
                let id = made.json().pointer(pointer).and_then(Value::as_str).map(str::to_owned);
                own.ids.insert(name, id.unwrap_or_else(|| panic!("{call}: {}", made.json())));
            }
        }
        let App { store, random, .. } = &*process.app;
        let claim = block_in_place(|| claim::create(store, "alice", &**random, NOW)).unwrap();
        own.ids.insert("claim", claim.token.expose_secret().to_owned());
        // So that a list has no use of a key to write.
        let App { api_keys, store, .. } = &*process.app;
        block_in_place(|| api_keys.write_uses(store)).unwrap();
        own
    }

    /// Makes a call, whose path may name an id, as in `{secret}`.
    async fn call(&self, process: &TestProcess, call: &str, body: &Value) -> Answered {
        let (mut call, mut body) = (call.to_owned(), body.to_string());
        for (name, id) in &self.ids {
            let name = format!("{{{name}}}");
            (call, body) = (call.replace(&name, id), body.replace(&name, id));
        }
        process.json(&call, &self.key, &serde_json::from_str(&body).unwrap()).await
    }
}

fn secret() -> Value {
    json!({"ciphertext": sealed(), "password_part_private": "cHJpdmF0ZQ", "description": "one"})
}

/// An SJCL message.
fn sealed() -> String {
    let parts = [
        r#"{"iv":"kWzXu1z4TB17UqoML6j/ww==","v":1,"iter":10000,"ks":256,"ts":64,"mode":"gcm","adata":"","#,
        r#""cipher":"aes","salt":"5c5Omxh4wL4=","ct":"bqgKWeDwecQpsxK7uFw+"}"#,
    ];
    STANDARD.encode(parts.concat())
}

fn webhook() -> Value {
    json!({"url": "https://hooks.example.org/one"})
}

fn public_key() -> Value {
    let key = include_str!("../../tests/vectors/keys/rsa2048.spki.pem");
    json!({"publickey": key, "privatekeyhash": "hash"})
}

/// The calls that change something on behalf of an API key.
fn changes() -> Vec<(&'static str, Value)> {
    vec![
        ("PUT /api/account", json!({"display_name": "Eve"})),
        ("POST /api/account/keys", json!({"kind": "private"})),
        ("PATCH /api/account/keys/{key}", json!({"name": "Eve"})),
        ("DELETE /api/account/keys/{key}", Value::Null),
        ("POST /api/account/webhooks", webhook()),
        ("DELETE /api/account/webhooks/{webhook}", Value::Null),
        ("POST /api/secrets", secret()),
        ("PATCH /api/secrets/{secret}", json!({"expiration": 2})),
        ("GET /api/secrets/{secret}", Value::Null),
        ("DELETE /api/secrets/{secret}", Value::Null),
        ("POST /api/secret_requests", json!({"limit": 1})),
        ("DELETE /api/secret_requests/{request}", Value::Null),
        ("POST /Service", public_key()),
    ]
}

/// Another process revokes the key between the check of a request and its change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_changes_nothing() {
    for (call, body) in changes() {
        for is_revoked in [false, true] {
            let (disk, _, [one, other], key) = two_processes().await;
            let id = key_id(&key_hash(key.as_bytes()));
            let own = Belongings::make(&one, key).await;
            let (sender, states) = mpsc::channel();
            if is_revoked {
                let (store, revoked) = (other.app.store.clone(), disk.clone());
                disk.before_next_commit(move || {
                    operator::revoke_key(&store, &id).unwrap();
                    sender.send(revoked.state()).unwrap();
                });
            }
            let answered = own.call(&one, call, &body).await;
            let status = answered.status;
            if is_revoked {
                let is_service = call.contains("/Service");
                assert_eq!(status, if is_service { 400 } else { 403 }, "{call}");
                assert!(answered.json().to_string().contains("is not known here"), "{call}");
                assert!(states.recv().unwrap() == disk.state(), "{call} has changed something");
            } else {
                assert!((200..300).contains(&status), "{call}: {status} {}", answered.json());
            }
        }
    }
}

/// The housekeeping reads the keys of other processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_process_is_known_soon() {
    let (_, _, [one, other], key) = two_processes().await;
    let create = async || {
        let made = other.json("POST /api/account/keys", &key, &json!({"kind": "private"})).await;
        made.json()["data"]["key"].as_str().unwrap().to_owned()
    };
    let asked = async |new: &str| one.json("GET /api/account", new, &Value::Null).await.status;
    let first = create().await;
    assert_eq!(asked(&first).await, 403);
    let _housekeeping = housekeeping::start(&one.app);
    // The first is read at once, and the second the next time.
    for new in [first, create().await] {
        while asked(&new).await == 403 {
            yield_now().await;
        }
        assert_eq!(asked(&new).await, 200);
    }
}

const FETCH: &str =
    "GET /api/secrets/{draft}/attachments/1|Lease: 11111111111111111111111111111111";
/// Calls that read after they have done what they answer. Such a read can fail without an error.
const READ_LATER: [&str; 4] =
    ["DELETE /Service", "POST /api/account/keys", "POST /api/public/claims", FETCH];

/// Each question of each call to the database fails once. Then the call has changed nothing, says that it has
/// failed, and succeeds at last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_reads_fail_changes_nothing() {
    let (disk, _, [one, _], key) = two_processes().await;
    let own = Belongings::make(&one, key).await;
    let mut calls = reads();
    calls.extend(changes());
    calls.push((FETCH, Value::Null));
    let mut wrong = Vec::new();
    for (call, body) in calls {
        for read in 1.. {
            let before = disk.state();
            disk.fail_read(read);
            let answered = own.call(&one, call, &body).await;
            let has_failed = disk.end_read_fault();
            settle(&one).await;
            let (status, text) = (answered.status, String::from_utf8_lossy(&answered.body));
            if !has_failed {
                assert!((200..300).contains(&status), "{call}: {status} {text}");
                break;
            }
            if READ_LATER.contains(&call) && (200..300).contains(&status) {
                break;
            }
            if ![500, 503].contains(&status) || disk.state() != before {
                let is_changed = disk.state() != before;
                wrong.push(format!("{call}, read {read}: {status} {text}, changed: {is_changed}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The calls that read, or use a token.
fn reads() -> Vec<(&'static str, Value)> {
    let answer = json!({"ciphertext": sealed(), "password_part_private": "cHJpdmF0ZQ"});
    let (lease, other) = (json!({"lease": "1".repeat(32)}), json!({"lease": "2".repeat(32)}));
    vec![
        ("GET /api/account", Value::Null),
        ("GET /api/account/keys", Value::Null),
        ("GET /api/secrets", Value::Null),
        ("GET /api/secret_requests", Value::Null),
        ("GET /api/secret_requests/{request}", Value::Null),
        ("GET /api/public/secrets/{secret}", Value::Null),
        ("GET /api/public/secret_requests/{request}", Value::Null),
        ("POST /api/public/secret_requests/{request}/secrets", answer),
        ("POST /api/public/secrets/{burned}/view", lease.clone()),
        ("POST /api/public/secrets/{burned}/burn", lease.clone()),
        ("POST /api/public/claims", json!({"token": "{claim}"})),
        ("HEAD /api/secrets/{draft}/attachments/1|Upload-Token: {upload}", Value::Null),
        ("PUT /api/secrets/{draft}/attachments/1|Upload-Token: {upload}", json!("x".repeat(100))),
        ("POST /api/public/secrets/{draft}/view", lease),
        ("POST /api/public/secrets/{draft}/view", other),
        ("GET /Service/{box}/publickey", Value::Null),
        ("GET /Service/{box}/terms", Value::Null),
        (
            "PUT /Service",
            json!({"token": "{box}", "encryptedmessage": "text", "encryptionkey": "key"}),
        ),
        ("GET /Service", json!({"token": "{box}", "privatekeyhash": "hash"})),
        ("DELETE /Service", json!({"token": "{box}", "privatekeyhash": "hash"})),
    ]
}

/// What an upload or a download does after its answer is done.
async fn settle(process: &TestProcess) {
    process.app.store.change(|_| Ok::<_, StoreError>(())).await.unwrap();
}
