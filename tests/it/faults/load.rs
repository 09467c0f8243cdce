//! Clients of a daemon that may die at any moment, the record of its answers to them, and the check
//! afterwards that all acknowledged data is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use sealdrop::{
    admin::{self, Command},
    crypto::{SeededRandom, random_array},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::below;
use crate::http::{Client, secret_with};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Call {
    Create,
    View,
    Delete,
}

/// A request that was sent, or, with a status, its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub(crate) at: u64,
    request: u64,
    call: Call,
    tag: u64,
    id: Option<String>,
    status: Option<u16>,
}

/// A secret of the load: all its properties follow from its number.
#[derive(Clone, Copy)]
struct Tag(u64);

impl Tag {
    fn max_views(self) -> u64 {
        1 + self.0 % 3
    }

    /// Whether its payload is a file.
    fn is_large(self) -> bool {
        self.0.is_multiple_of(4)
    }

    fn ciphertext(self) -> String {
        let random = SeededRandom::new(self.0);
        let bytes: [u8; 6000] = random_array(&random);
        let bytes = if self.is_large() { &bytes[..] } else { &bytes[..100] };
        let message = json!({
            "iv": STANDARD.encode(&bytes[..16]), "salt": STANDARD.encode(&bytes[16..24]),
            "ct": STANDARD.encode(bytes), "v": 1, "iter": 10000, "ks": 256, "ts": 64,
            "mode": "gcm", "adata": "", "cipher": "aes",
        });
        STANDARD.encode(message.to_string())
    }

    fn body(self) -> Value {
        secret_with(json!({
            "ciphertext": self.ciphertext(),
            "max_views": self.max_views(),
            "description": self.0.to_string(),
        }))
    }
}

/// The state that clients share while they load a daemon.
pub(crate) struct Load<'a> {
    pub(crate) client: Client,
    /// Records each event, before a request is sent and when its answer has arrived.
    pub(crate) record: &'a (dyn Fn(Event) + Sync),
    pub(crate) first_tag: u64,
}

impl Load<'_> {
    /// Runs this many clients until the daemon does not answer any more.
    pub(crate) fn run(&self, clients: usize) {
        self.run_for(clients, u64::MAX);
    }

    /// As [`Load::run`], with about this many requests.
    pub(crate) fn run_for(&self, clients: usize, requests: u64) {
        let (next_tag, next_request) = (AtomicU64::new(self.first_tag), AtomicU64::new(0));
        let known = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..clients {
                // A connection of its own for each.
                let client = Client::new(self.client.base.clone(), self.client.key.clone());
                let (next_tag, next_request, known) = (&next_tag, &next_request, &known);
                scope.spawn(move || {
                    while next_request.load(Ordering::Relaxed) < requests
                        && self.one(&client, next_tag, next_request, known).is_ok()
                    {
                    }
                });
            }
        });
    }

    fn one(
        &self,
        client: &Client,
        next_tag: &AtomicU64,
        next_request: &AtomicU64,
        known: &Mutex<Vec<(u64, String)>>,
    ) -> Result<(), ureq::Error> {
        let dice = below(10);
        let picked = {
            let known = known.lock().expect("no client panicked");
            // Among the latest, so that several clients use the same secret.
            let index = known.len().checked_sub(1 + below(8) as usize);
            index.filter(|_| dice >= 4).map(|index| known[index].clone())
        };
        let (call, tag, id) = match picked {
            None => (Call::Create, next_tag.fetch_add(1, Ordering::Relaxed), None),
            Some((tag, id)) => (if dice == 9 { Call::Delete } else { Call::View }, tag, Some(id)),
        };
        let request = next_request.fetch_add(1, Ordering::Relaxed);
        let event = Event { at: monotonic(), request, call, tag, id: id.clone(), status: None };
        (self.record)(event.clone());
        let path = format!("/api/secrets/{}", id.as_deref().unwrap_or_default());
        let answer = match call {
            Call::Create => {
                let body = Tag(tag).body().to_string();
                let json = [("content-type", "application/json")];
                client.try_send("POST", "/api/secrets", &json, body.as_bytes())
            }
            Call::View => client.try_send("GET", &path, &[], b""),
            Call::Delete => client.try_send("DELETE", &path, &[], b""),
        }?;
        let id = match (call, answer.status) {
            (Call::Create, 201) => answer.json()["data"]["id"].as_str().map(str::to_owned),
            (Call::View, 200) => {
                let json = answer.json();
                assert!(json["data"]["ciphertext"] == Tag(tag).ciphertext(), "other bytes");
                id
            }
            (Call::Delete, 200) | (Call::View | Call::Delete, 404) => id,
            // The answer of a daemon that is about to end.
            (_, 500 | 503 | 507) => return Ok(()),
            (call, status) => panic!("{call:?} got {status}: {}", answer.text()),
        };
        let answered =
            Event { at: monotonic(), id: id.clone(), status: Some(answer.status), ..event };
        (self.record)(answered);
        if let (Call::Create, Some(id)) = (call, id) {
            known.lock().expect("no client panicked").push((tag, id));
        }
        Ok(())
    }
}

/// The known state of one secret.
#[derive(Clone, Debug, Default)]
struct Fact {
    id: Option<String>,
    views: u64,
    unsure_views: u64,
    deleted: bool,
    unsure_deleted: bool,
    /// Its key is wiped, although not all of its views were delivered.
    burned: bool,
}

/// All acknowledged data, by tag.
#[derive(Default)]
pub(crate) struct Facts {
    facts: BTreeMap<u64, Fact>,
    /// The number of creations, some of which may have come too late: at least and at most.
    created: (u64, u64),
}

impl Facts {
    /// Adds a run. Answers after `end` count as not received.
    pub(crate) fn take_in(&mut self, events: &[Event], end: u64) {
        let in_time = |event: &&Event| event.status.is_some() && event.at <= end;
        let answered: BTreeMap<u64, &Event> =
            events.iter().filter(in_time).map(|event| (event.request, event)).collect();
        for sent in events.iter().filter(|event| event.status.is_none()) {
            let fact = self.facts.entry(sent.tag).or_default();
            let answer = answered.get(&sent.request);
            self.created.1 += u64::from(sent.call == Call::Create);
            match (sent.call, answer.and_then(|answer| answer.status)) {
                (Call::Create, Some(_)) => {
                    fact.id = answer.and_then(|answer| answer.id.clone());
                    self.created.0 += 1;
                }
                (Call::Create, None) | (Call::View, Some(404)) => {}
                (Call::View, Some(_)) => fact.views += 1,
                (Call::View, None) => fact.unsure_views += 1,
                (Call::Delete, Some(_)) => fact.deleted = true,
                (Call::Delete, None) => fact.unsure_deleted = true,
            }
            // Later requests may name it even if the answer to its creation came after the end.
            fact.id = fact.id.take().or_else(|| sent.id.clone());
        }
        for (tag, fact) in &self.facts {
            assert!(fact.views <= Tag(*tag).max_views(), "{tag} was viewed too often: {fact:?}");
        }
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.created.0
    }

    /// Compares a daemon that was started again on `data` with the acknowledged data. Views the secrets once
    /// more, deletes some of them, and records that.
    pub(crate) fn verify(&mut self, client: &Client, data: &Path) {
        let files = payload_files(data);
        let listed = list(client);
        let mut most_files = 0;
        let mut burned_files = 0;
        let facts = &mut self.facts;
        for (id, (tag, seen)) in &listed {
            let fact = facts.entry(*tag).or_default();
            assert!(fact.id.is_none() || fact.id.as_ref() == Some(id), "{tag} has another id");
            fact.id = Some(id.clone());
            assert!(!fact.deleted, "{tag} was deleted and is back: {fact:?}");
            let max = Tag(*tag).max_views();
            let may_be_burned =
                fact.burned || fact.unsure_deleted || fact.views + fact.unsure_views >= max;
            assert!(fact.views <= *seen, "{tag}: views came back: {seen} of {fact:?}");
            assert!(*seen <= fact.views + fact.unsure_views, "{tag}: {seen} of {fact:?}");
            fact.views = *seen;
            let view = client.view(id);
            match view.status {
                200 => {
                    assert!(*seen < max && !fact.burned, "{tag} was viewed again: {fact:?}");
                    assert!(view.json()["data"]["ciphertext"] == Tag(*tag).ciphertext(), "{tag}");
                    fact.views += 1;
                    most_files += u64::from(Tag(*tag).is_large());
                }
                404 => {
                    assert!(*seen == max || may_be_burned, "{tag} is lost: {fact:?}");
                    fact.burned = true;
                    burned_files += u64::from(Tag(*tag).is_large() && *seen < max);
                }
                status => panic!("{tag}: {status} {}", view.text()),
            }
            (fact.unsure_views, fact.unsure_deleted) = (0, false);
        }
        assert!(
            (most_files..=most_files + burned_files).contains(&files),
            "{files} payload files for {most_files} secrets"
        );
        for (tag, fact) in facts.iter_mut() {
            let Some(id) = &fact.id else { continue };
            if !listed.contains_key(id) {
                // Without an acknowledgement of its creation, only a later request names it.
                assert!(fact.deleted || fact.unsure_deleted, "{tag} is missing: {fact:?}");
                assert_eq!(client.view(id).status, 404, "{tag}");
                assert_eq!(client.delete(&format!("/api/secrets/{id}")).status, 404, "{tag}");
                fact.deleted = true;
            } else if below(2) == 0 {
                assert_eq!(client.delete(&format!("/api/secrets/{id}")).status, 200, "{tag}");
                fact.deleted = true;
            }
        }
        // Secrets that were never created, and secrets that are known to be deleted.
        facts.retain(|tag, fact| fact.id.is_some() && !(fact.deleted && tag.is_multiple_of(3)));
        let usage = client.get("/api/secrets").json()["metadata"]["secrets_usage"].as_u64();
        let (least, most) = self.created;
        assert!((least..=most).contains(&usage.expect("a number")), "{usage:?} of {least}");
    }
}

/// The whole list: id to (tag, views). The usage must match it.
fn list(client: &Client) -> BTreeMap<String, (u64, u64)> {
    let mut listed = BTreeMap::new();
    loop {
        let page = client.get(&format!("/api/secrets?offset={}", listed.len())).json();
        let items = page["data"].as_array().expect("a list");
        for item in items {
            let text = |field: &str| item[field].as_str().expect("a text").to_owned();
            let views = item["view_times"].as_u64().expect("a number");
            assert_eq!(item["views"].as_array().map(Vec::len), Some(views as usize));
            let tag = text("description").parse().expect("the tag");
            let before = listed.insert(text("id"), (tag, views));
            assert!(before.is_none(), "listed twice");
        }
        if items.is_empty() {
            let tags: BTreeSet<u64> = listed.values().map(|(tag, _)| *tag).collect();
            assert_eq!(tags.len(), listed.len(), "a secret was made twice");
            assert_eq!(page["metadata"]["secrets_total"], json!(listed.len()));
            return listed;
        }
    }
}

/// The number of files; none has a temporary name.
fn payload_files(data: &Path) -> u64 {
    let files = std::fs::read_dir(data.join("store/payloads")).expect("the folder");
    let names = files.map(|file| file.expect("a file").file_name());
    names.inspect(|name| assert!(!name.to_string_lossy().contains("tmp"), "{name:?}")).count()
        as u64
}

pub(crate) fn monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (now.tv_sec * 1_000_000_000 + now.tv_nsec) as u64
}

/// Turns the ring of a daemon again and again, beside a load.
pub(super) struct Turns {
    stopped: Arc<AtomicBool>,
    thread: thread::JoinHandle<u64>,
}

impl Turns {
    pub(super) fn start(data: &Path) -> Self {
        let (data, stopped) = (data.to_path_buf(), Arc::new(AtomicBool::new(false)));
        let is_stopped = Arc::clone(&stopped);
        let thread = thread::spawn(move || {
            let mut turned = 0;
            while !is_stopped.load(Ordering::Relaxed) {
                // A daemon that was killed does not answer.
                turned += u64::from(admin::call(&data, &Command::TurnRing).is_ok());
            }
            turned
        });
        Self { stopped, thread }
    }

    /// The number of turns that were done.
    pub(super) fn stop(self) -> u64 {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.join().expect("a thread that turns")
    }
}
