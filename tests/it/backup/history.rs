//! Backups beside work: each is the state at one moment.
//!
//! Each client makes one request after the other, and notes when it began and when it was answered. In the
//! state at one moment, the requests of a client are there up to one of them; and no request is missing that
//! was answered before another one began that is there.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use serde_json::json;

use super::{KeyPair, created, restored};
use crate::{
    api::attachments::{Draft, sealed_file},
    daemon::Daemon,
    faults::rounds,
    http::Client,
    key_service::TestBox,
};

const CLIENTS: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    Create(String),
    View(String),
    Delete(String),
}

#[derive(Clone, Debug)]
struct Noted {
    step: Step,
    began: Instant,
    answered: Instant,
}

fn work(client: &Client, done: &AtomicBool) -> Vec<Noted> {
    let mut notes: Vec<Noted> = Vec::new();
    let large = crate::faults::large_ciphertext();
    for number in 0_u64.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        // Creations, and views and deletions of what this client has created some steps before.
        let earlier = |steps: usize| match &notes[notes.len() - steps].step {
            Step::Create(id) => Some(id.clone()),
            _ => None,
        };
        let began = Instant::now();
        let step = match number % 4 {
            2 => earlier(2).map(Step::View),
            3 if number % 8 == 3 => earlier(2).map(Step::Delete),
            _ => None,
        };
        let step = match step {
            Some(Step::View(id)) => {
                assert_eq!(client.view(&id).status, 200);
                Step::View(id)
            }
            Some(Step::Delete(id)) => {
                assert_eq!(client.delete(&format!("/api/secrets/{id}")).status, 200);
                Step::Delete(id)
            }
            _ if number % 3 == 0 => Step::Create(client.create(json!({"ciphertext": large}))),
            _ => Step::Create(client.create(json!({}))),
        };
        notes.push(Noted { step, began, answered: Instant::now() });
    }
    notes
}

/// id to views.
fn listed(client: &Client) -> BTreeMap<String, u64> {
    let mut listed = BTreeMap::new();
    let mut path = "/api/secrets?limit=100".to_owned();
    loop {
        let page = client.get(&path).json();
        for item in page["data"].as_array().expect("a list") {
            let id = item["id"].as_str().expect("an id").to_owned();
            listed.insert(id, item["view_times"].as_u64().expect("a number"));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/secrets?limit=100&cursor={cursor}"),
            None => return listed,
        }
    }
}

fn is_there(step: &Step, listed: &BTreeMap<String, u64>, deleted: bool) -> bool {
    match step {
        Step::Create(id) => listed.contains_key(id) || deleted,
        Step::View(id) => listed.get(id).is_some_and(|views| *views > 0) || deleted,
        Step::Delete(id) => !listed.contains_key(id),
    }
}

/// The number of steps of a client that are in the state. Those after it are not.
fn steps_there(notes: &[Noted], listed: &BTreeMap<String, u64>) -> usize {
    let deleted_later = |from: usize, id: &str| {
        notes[from..].iter().any(|note| matches!(&note.step, Step::Delete(other) if other == id))
    };
    let there = |position: usize| {
        let step = &notes[position].step;
        let id = match step {
            Step::Create(id) | Step::View(id) | Step::Delete(id) => id,
        };
        // What a later step has deleted says nothing where it is missing.
        let unknown = deleted_later(position + 1, id) && !listed.contains_key(id);
        (!unknown).then(|| is_there(step, listed, false))
    };
    let known: Vec<Option<bool>> = (0..notes.len()).map(there).collect();
    // A deletion looks done where its secret was not created yet: only other steps tell the end.
    let is_delete = |position: &usize| matches!(notes[*position].step, Step::Delete(_));
    let last = (0..notes.len())
        .rev()
        .filter(|position| !is_delete(position))
        .find(|position| known[*position] == Some(true));
    let count = last.map_or(0, |last| last + 1);
    for (position, known) in known.iter().enumerate().take(count) {
        assert_ne!(*known, Some(false), "step {position} is missing, and step {count} is there");
    }
    count
}

pub(super) fn one_state() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = ["--key-pool", "0", "--create-limit", "0"];
    let keys = KeyPair::new();
    let (daemon, client) = Daemon::start_first(&data, &flags);
    let before = client.create(json!({}));
    let burned = client.create(json!({}));
    assert_eq!(client.view(&burned).status, 200);
    let mut own = TestBox::new(&Client::new(daemon.base.clone(), ""));
    own.send("before");
    // Something to read, so that the backups take their time.
    for _ in 0..300 {
        client.create(json!({"max_views": 2}));
    }
    let draft = Draft::create(&client, 1, json!({}));
    assert_eq!(draft.put(&client, 1, &sealed_file(20 << 20)).status, 200);
    let done = AtomicBool::new(false);
    let backups = rounds("SEALDROP_FAULT_ROUNDS", 5) as usize;
    let (histories, made) = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let client = Client::new(client.base.clone(), client.key.clone());
                let done = &done;
                scope.spawn(move || work(&client, done))
            })
            .collect();
        let made: Vec<_> = (0..backups)
            .map(|number| {
                let began = Instant::now();
                let file = created(&format!("{number}.age"), &data, &keys);
                own.send(&format!("after {number}"));
                (file, began, Instant::now())
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        (clients.into_iter().map(|c| c.join().expect("a client")).collect::<Vec<_>>(), made)
    });
    assert!(daemon.stop().0.success());
    for (number, (file, began, ended)) in made.into_iter().enumerate() {
        let copy = restored(&file, &format!("copy {number}"), &keys);
        let daemon = Daemon::start(&copy, &flags);
        let client = Client::new(daemon.base.clone(), client.key.clone());
        let listed = listed(&client);
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for notes in &histories {
            let count = steps_there(notes, &listed);
            there.extend(notes[..count].iter().map(|note| note.began));
            // A deletion may be there, too; see above.
            let rest = notes[count..].iter();
            missing.extend(
                rest.filter(|note| !matches!(note.step, Step::Delete(_))).map(|n| n.answered),
            );
            let answered = notes.iter().take_while(|note| note.answered < began).count();
            assert!(count >= answered, "{count} of {answered} steps answered before the backup");
            let begun = notes.iter().filter(|note| note.began < ended).count();
            assert!(count <= begun, "{count} of {begun} steps begun before its end");
        }
        let (latest, earliest) = (there.iter().max(), missing.iter().min());
        if let (Some(latest), Some(earliest)) = (latest, earliest) {
            assert!(earliest > latest, "a later step is there, and an earlier one is not");
        }
        println!("backup {number}: {} of {} steps", there.len(), there.len() + missing.len());
        assert_eq!(client.view(&before).status, 200);
        assert_eq!(client.view(&burned).status, 404);
        // Live ones have their content.
        let others = listed.iter().filter(|(id, _)| ![&before, &burned, &draft.id].contains(id));
        for (id, views) in others.take(100) {
            assert_eq!(client.view(id).status, if *views == 0 { 200 } else { 404 });
        }
        own.client = Client::new(daemon.base.clone(), "");
        assert_eq!(own.messages().len(), number + 1);
    }
}
