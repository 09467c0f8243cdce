//! Pages of lists by cursor: each entry that lives throughout is seen exactly once, whatever is created and
//! deleted meanwhile.

use std::{
    collections::{BTreeMap, HashSet},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use libtest_mimic::Trial;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use super::{ids, public::anybody, secret_requests};
use crate::{
    http::{Client, secret_with},
    server::{Options, TestServer},
    trial,
};
use sealdrop::config::SecretCreation;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::paging::pages_follow_each_other", pages_follow_each_other),
        trial("api::paging::a_wrong_cursor_is_named", a_wrong_cursor_is_named),
        trial("api::paging::what_lives_throughout_is_seen_once", seen_once_at_random),
        trial("api::paging::and_while_others_create_and_delete", seen_once_concurrently),
        trial("api::paging::answers_by_cursor", answers_by_cursor),
    ]
}

const LISTS: [&str; 2] = ["/api/secrets", secret_requests::PATH];

fn create(client: &Client, list: &str) -> String {
    let body = if list == LISTS[0] { secret_with(json!({})) } else { json!({}) };
    let answer = client.post(list, &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"]["id"].as_str().expect("an id").to_owned()
}

fn delete(client: &Client, list: &str, id: &str) {
    assert_eq!(client.delete(&format!("{list}/{id}")).status, 200, "{list} {id}");
}

/// The page after a cursor, and the cursor of the next one.
fn page(client: &Client, list: &str, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
    let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
    let answer = client.get(&format!("{list}{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    (ids(&answer), answer["next_cursor"].as_str().map(str::to_owned))
}

/// All ids of a list, page by page; `between` runs between the pages.
fn walk(client: &Client, list: &str, mut between: impl FnMut()) -> Vec<String> {
    let (mut all, mut next) = page(client, list, None);
    while let Some(cursor) = next {
        between();
        let (more, after) = page(client, list, Some(&cursor));
        all.extend(more);
        next = after;
    }
    all
}

fn pages_follow_each_other() {
    let server = TestServer::start();
    let other = server.other_account();
    for list in LISTS {
        assert_eq!(page(&server.client, list, None), (Vec::new(), None));
        let mut newest_first: Vec<String> =
            (0..103).map(|_| create(&server.client, list)).collect();
        newest_first.reverse();
        create(&other, list);
        let (first, cursor) = page(&server.client, list, None);
        assert_eq!(first, newest_first[..50]);
        let cursor = cursor.expect("more");
        assert!(cursor.len() == 31 && cursor.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(page(&server.client, list, Some("")).0, first, "an empty one counts as absent");
        // Offsets work as before, and lead on by cursor.
        let by_offset = server.client.get(&format!("{list}?offset=3")).json();
        assert_eq!(ids(&by_offset), newest_first[3..53]);
        let next = by_offset["next_cursor"].as_str();
        assert_eq!(page(&server.client, list, next).0, newest_first[53..103]);
        let last = server.client.get(&format!("{list}?offset=53")).json();
        assert_eq!((ids(&last).len(), &last["next_cursor"]), (50, &json!(null)));
        let end = server.client.get(&format!("{list}?offset=103")).json();
        assert_eq!((&end["data"], &end["next_cursor"]), (&json!([]), &json!(null)));
        // Neither a new entry nor the deletion of the last seen one moves the next page.
        create(&server.client, list);
        delete(&server.client, list, &newest_first[49]);
        delete(&server.client, list, &newest_first[0]);
        let (second, cursor) = page(&server.client, list, Some(&cursor));
        assert_eq!(second, newest_first[50..100]);
        let (third, cursor) = page(&server.client, list, cursor.as_deref());
        assert_eq!((third.as_slice(), cursor), (&newest_first[100..], None));
    }
}

fn a_wrong_cursor_is_named() {
    let mut options = Options::default();
    options.rules.create = SecretCreation::Open;
    let server = TestServer::with(options);
    let other = server.other_account();
    let cursors = LISTS.map(|list| {
        (0..51).for_each(|_| drop(create(&server.client, list)));
        page(&server.client, list, None).1.expect("more")
    });
    let secret = server.client.create(json!({}));
    let own_request = create(&server.client, LISTS[1]);
    let open = anybody(&server).post("/api/public/secret_requests", &json!({})).json();
    let token = open["data"]["manage_token"].as_str().expect("a token");
    let open = format!(
        "/api/public/secret_requests/{}/status",
        open["data"]["id"].as_str().expect("an id")
    );
    let mut changed = cursors[0].clone();
    changed.replace_range(5..6, if &changed[5..6] == "a" { "b" } else { "a" });
    let wrong = |client: &Client, path: &str, query: &str| {
        let headers = [("manage-token", token)];
        let answer = client.send("GET", &format!("{path}?{query}"), &headers, b"");
        assert_eq!(answer.error(), (422, json!("cursor")), "{path}?{query}");
        assert!(!answer.text().contains(&cursors[0]), "it is not repeated");
    };
    for (at, list) in LISTS.into_iter().enumerate() {
        for text in ["x", "0", "1&cursor=2", &changed, &secret, &cursors[1 - at], "%00", "null"] {
            wrong(&server.client, list, &format!("cursor={text}"));
        }
        // The cursor of another account shows nothing, also of its own list.
        wrong(&other, list, &format!("cursor={}", cursors[at]));
        wrong(&server.client, list, &format!("cursor={}&offset=0", cursors[at]));
        wrong(&server.client, list, &format!("cursor={0}&cursor={0}", cursors[at]));
    }
    for text in ["x", &cursors[0], &cursors[1]] {
        wrong(&server.client, &format!("{}/{own_request}", LISTS[1]), &format!("cursor={text}"));
        wrong(&anybody(&server), &open, &format!("cursor={text}"));
    }
}

#[derive(Clone, Debug)]
enum Change {
    Create,
    DeleteNew(prop::sample::Index),
    DeleteOld(prop::sample::Index),
}

/// A list at a random length, and random changes between its pages: those of the old entries that were not
/// deleted are seen exactly once and in order; no entry is seen twice.
fn seen_once_at_random() {
    let change = prop_oneof![
        3 => Just(Change::Create),
        2 => any::<prop::sample::Index>().prop_map(Change::DeleteNew),
        3 => any::<prop::sample::Index>().prop_map(Change::DeleteOld),
    ];
    let changes = prop::collection::vec(prop::collection::vec(change, 0..40), 4);
    let server = TestServer::start();
    let mut runner =
        TestRunner::new(Config { cases: 10, failure_persistence: None, ..Config::default() });
    let cases = (prop::sample::select(&LISTS[..]), 40..170_usize, changes);
    let outcome = runner.run(&cases, |(list, length, changes)| {
        let client = &server.client;
        let mut old: Vec<String> = walk(client, list, || ());
        while old.len() < length {
            old.insert(0, create(client, list));
        }
        let (mut new, mut deleted) = (Vec::new(), HashSet::new());
        let mut rounds = changes.into_iter();
        let seen = walk(client, list, || {
            for change in rounds.next().unwrap_or_default() {
                match change {
                    Change::Create => new.push(create(client, list)),
                    Change::DeleteNew(at) if !new.is_empty() => {
                        let id = new.swap_remove(at.index(new.len()));
                        delete(client, list, &id);
                    }
                    Change::DeleteOld(at) => {
                        let id = at.get(&old).clone();
                        if deleted.insert(id.clone()) {
                            delete(client, list, &id);
                        }
                    }
                    Change::DeleteNew(_) => {}
                }
            }
        });
        let lived: Vec<&String> = old.iter().filter(|id| !deleted.contains(*id)).collect();
        let found: Vec<&String> =
            seen.iter().filter(|id| old.contains(id) && !deleted.contains(*id)).collect();
        prop_assert_eq!(found, lived);
        let different: HashSet<&String> = seen.iter().collect();
        prop_assert_eq!(different.len(), seen.len(), "an entry was seen twice");
        Ok(())
    });
    outcome.expect("each is seen once");
}

fn seen_once_concurrently() {
    let server = TestServer::start();
    for list in LISTS {
        let mut fixed = Vec::new();
        // Others are between them, and are deleted during the walks.
        let mut others = Vec::new();
        for _ in 0..130 {
            fixed.insert(0, create(&server.client, list));
            others.push(create(&server.client, list));
        }
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            for part in others.chunks(others.len().div_ceil(2)) {
                let (client, is_done) = (&server.client, &is_done);
                scope.spawn(move || {
                    let mut part = part.iter();
                    while !is_done.load(Ordering::Relaxed) {
                        let made = create(client, list);
                        part.next().into_iter().for_each(|id| delete(client, list, id));
                        delete(client, list, &made);
                    }
                });
            }
            let walks: Vec<Vec<String>> =
                (0..6).map(|_| walk(&server.client, list, || ())).collect();
            is_done.store(true, Ordering::Relaxed);
            for seen in walks {
                let mut times: BTreeMap<&String, u32> = BTreeMap::new();
                seen.iter().for_each(|id| *times.entry(id).or_default() += 1);
                assert!(times.values().all(|times| *times == 1), "{list}: seen twice");
                let found: Vec<&String> = seen.iter().filter(|id| fixed.contains(id)).collect();
                assert_eq!(found, fixed.iter().collect::<Vec<_>>(), "{list}");
            }
        });
    }
}

fn answers_by_cursor() {
    let mut options = Options::default();
    options.rules.limits.answers = 1000;
    let server = TestServer::with(options);
    let id = secret_requests::request(&server.client, json!({"limit": 120}));
    let answers: Vec<String> =
        (0..120).map(|_| secret_requests::handed_over(&server, &id)).collect();
    let path = format!("{}/{id}", secret_requests::PATH);
    let page = |cursor: Option<&str>| {
        let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        let answer = server.client.get(&format!("{path}{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let data = answer.json()["data"].clone();
        let found = data["answers"].as_array().expect("a list").iter();
        let found: Vec<String> =
            found.map(|answer| answer["id"].as_str().expect("an id").to_owned()).collect();
        (found, data["next_cursor"].as_str().map(str::to_owned))
    };
    let (first, cursor) = page(None);
    assert_eq!(first, answers[..50], "oldest first");
    for gone in [0, 49, 50] {
        server.client.delete(&format!("/api/secrets/{}", answers[gone]));
    }
    let (second, cursor) = page(cursor.as_deref());
    assert_eq!(second, answers[51..100]);
    let (third, end) = page(cursor.as_deref());
    assert_eq!((third.as_slice(), end), (&answers[100..], None));
    // Of one request only.
    let other = secret_requests::request(&server.client, json!({}));
    let query = format!("{}/{other}?cursor={}", secret_requests::PATH, cursor.expect("a cursor"));
    assert_eq!(server.client.get(&query).error(), (422, Value::from("cursor")));
}
