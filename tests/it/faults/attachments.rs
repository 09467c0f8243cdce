//! `kill -9` while an attachment arrives, is published, or is burned: acknowledged bytes are still there,
//! the upload continues, and no file without an owner is left.

use std::{path::Path, thread, time::Duration};

use serde_json::json;

use super::{below, rounds};
use crate::{
    api::{
        attachments::{Draft, fetch, sealed_file, view},
        walk,
    },
    daemon::Daemon,
    http::Client,
    mail::until,
    raw::{Raw, request},
};

/// More than the bytes between two syncs.
const FILE_BYTES: usize = 20 << 20;

pub(super) fn kill_in_an_upload() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = ["--key-pool", "0"];
    let (mut daemon, mut client) = Daemon::start_first(&data, &flags);
    let file = sealed_file(FILE_BYTES);
    let rounds = rounds("SEALDROP_FAULT_ROUNDS", 9);
    let (mut went_on, mut published) = (0, 0);
    for round in 0..rounds {
        let draft = Draft::create(&client, 1, json!({}));
        let token = format!("Upload-Token: {}", draft.token);
        let length = format!("Content-Length: {}", file.len());
        let mut raw = Raw::connect(&client);
        raw.send(request(&client, "PUT", &draft.path(1), &[&token, &length]));
        let is_at_end = round % 3 == 2;
        let cut = match is_at_end {
            true => file.len(),
            false => usize::try_from(below(file.len() as u64)).expect("a place"),
        };
        assert!(raw.try_send(&file[..cut]));
        if is_at_end {
            thread::sleep(Duration::from_micros(below(100_000)));
        } else if cut > 9 << 20 {
            until("some of it is counted", || draft.offset(&client, 1).0 > 0);
        }
        let told = draft.offset(&client, 1);
        daemon.kill();
        daemon = Daemon::start(&data, &flags);
        client = Client::new(daemon.base.clone(), client.key);
        let (there, is_complete) = draft.offset(&client, 1);
        assert!(there >= told.0 && there <= cut, "told {told:?}, there {there}, sent {cut}");
        if is_complete {
            published += 1;
        } else {
            went_on += usize::from(there > 0);
            let rest = draft.put_part(&client, 1, &file, there..file.len());
            assert_eq!(rest.status, 200, "{}", rest.text());
        }
        let (lease, _) = view(&client, &draft.id);
        assert!(fetch(&client, &draft.id, 1, &lease, None).body == file);
        assert_eq!(client.delete(&format!("/api/secrets/{}", draft.id)).status, 200);
        until("no file is left", || walk(&data.join("store/payloads")).is_empty());
        assert_eq!(keys_on_disk(&data), KEYS_OF_A_FIRST_START);
    }
    println!(
        "{rounds} rounds: {went_on} went on in the middle, {published} were published by then"
    );
    assert!(went_on > 0, "nothing was proved");
    assert!(daemon.stop().0.success());
}

pub(super) fn kill_in_a_burn() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = ["--key-pool", "0"];
    let (mut daemon, mut client) = Daemon::start_first(&data, &flags);
    let file = sealed_file(100_000);
    let rounds = rounds("SEALDROP_FAULT_ROUNDS", 12);
    let mut burned = 0;
    // Late attempts are counted in the background, under a key that is new each time.
    let gone = client.create(json!({}));
    assert_eq!(client.delete(&format!("/api/secrets/{gone}")).status, 200);
    assert_eq!(client.get(&format!("/api/public/secrets/{gone}")).status, 404);
    let is_as_at_first = |data: &Path| keys_on_disk(data) == KEYS_OF_A_FIRST_START + 1;
    until("the late attempt is counted", || is_as_at_first(&data));
    for _ in 0..rounds {
        let draft = Draft::create(&client, 5, json!({"max_views": 2}));
        (1..=5).for_each(|n| assert_eq!(draft.put(&client, n, &file).status, 200));
        let mut raw = Raw::connect(&client);
        raw.send(request(&client, "DELETE", &format!("/api/secrets/{}", draft.id), &[]));
        thread::sleep(Duration::from_micros(below(3_000)));
        daemon.kill();
        daemon = Daemon::start(&data, &flags);
        client = Client::new(daemon.base.clone(), client.key);
        // All of it, or nothing.
        match client.get(&format!("/api/public/secrets/{}", draft.id)).status {
            200 => {
                let viewed = client.view(&draft.id);
                if viewed.status == 200 {
                    let lease = viewed.json()["data"]["lease"]["token"].clone();
                    let lease = lease.as_str().expect("a lease");
                    for n in 1..=5 {
                        assert!(fetch(&client, &draft.id, n, lease, None).body == file);
                    }
                } else {
                    assert_eq!(viewed.status, 404);
                }
                client.delete(&format!("/api/secrets/{}", draft.id));
            }
            status => {
                assert_eq!(status, 404);
                burned += 1;
            }
        }
        until("no file is left", || walk(&data.join("store/payloads")).is_empty());
        until("no other key is left", || is_as_at_first(&data));
    }
    println!("{rounds} rounds: {burned} were burned by then");
    assert!(daemon.stop().0.success());
}

/// A first start creates a secret, whose link it prints. It has a key, and one for its texts and visits. So has
/// the stand-in for unknown secrets, but for the former. The key that signs captchas is sealed, too.
const KEYS_OF_A_FIRST_START: usize = 4;

fn keys_on_disk(data: &Path) -> usize {
    crate::key_files::keys(data).len()
}
