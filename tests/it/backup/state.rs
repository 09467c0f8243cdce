//! What a restored daemon has: secrets, attachments, uploads in progress, boxes.

use std::fs;

use serde_json::json;

use super::{KeyPair, backup, created, restored, well};
use crate::{
    api::attachments::{Draft, fetch, sealed_file, view},
    daemon::Daemon,
    http::Client,
    key_service::{self, TestBox, text},
};

pub(super) fn everything_comes_back() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = ["--key-pool", "0"];
    let keys = KeyPair::new();
    let (daemon, client) = Daemon::start_first(&data, &flags);
    let file = sealed_file(10 << 20);
    let once = client.create(json!({"description": "once"}));
    let twice = client.create(json!({"max_views": 2}));
    assert_eq!(client.view(&twice).status, 200);
    let burned = client.create(json!({}));
    assert_eq!(client.view(&burned).status, 200);
    let sent = Draft::create(&client, 1, json!({}));
    assert_eq!(sent.put(&client, 1, &file).status, 200);
    // An upload that has reached its middle.
    let growing = Draft::create(&client, 1, json!({}));
    assert_eq!(growing.put_part(&client, 1, &file, 0..9_000_000).status, 200);
    let mut own = TestBox::new(&Client::new(daemon.base.clone(), ""));
    own.send("a message");
    own.send_file("a file", &[5; 100_000]);

    let made = created("one.age", &data, &keys);
    // After the backup: these are live again in it.
    assert_eq!(client.view(&once).status, 200);
    assert_eq!(own.delete().message(), "Deleted.");
    let later = client.create(json!({}));
    assert!(daemon.stop().0.success());
    // Without a daemon, it is the same command.
    let second = created("two.age", &data, &keys);

    let copy = restored(&made, "copy", &keys);
    let daemon = Daemon::start(&copy, &flags);
    let client = Client::new(daemon.base.clone(), client.key);
    assert_eq!(client.view(&once).status, 200);
    assert_eq!(client.view(&twice).status, 200);
    for gone in [&twice, &burned, &later] {
        assert_eq!(client.view(gone).status, 404);
    }
    let (lease, _) = view(&client, &sent.id);
    assert!(fetch(&client, &sent.id, 1, &lease, None).body == file);
    let (there, _) = growing.offset(&client, 1);
    assert!(there > 8 << 20, "{there}");
    assert_eq!(growing.put_part(&client, 1, &file, there..file.len()).status, 200);
    let (lease, _) = view(&client, &growing.id);
    assert!(fetch(&client, &growing.id, 1, &lease, None).body == file);
    own.client = Client::new(daemon.base.clone(), "");
    let messages = own.messages();
    assert_eq!(messages.len(), 2);
    let ticket = messages.iter().find(|message| message["IsFile"] == true).expect("the file");
    let ticket = text(&ticket["TemporaryDownloadId"]);
    assert!(key_service::fetch(&own.client, &ticket).body == [5; 100_000]);
    assert!(daemon.stop().0.success());

    let copy = restored(&second, "second", &keys);
    let daemon = Daemon::start(&copy, &flags);
    let client = Client::new(daemon.base.clone(), client.key);
    assert_eq!(client.view(&once).status, 404);
    assert_eq!(client.view(&later).status, 200);
    drop(daemon);

    let mut drill = backup(&["drill", &made.display().to_string(), "--json"]);
    let place = dir.path().join("drills");
    fs::create_dir(&place).expect("a folder");
    drill.args(["--identity", &keys.identity()]).arg("--in").arg(&place);
    let found: serde_json::Value = serde_json::from_str(&well(drill)).expect("JSON");
    // The secret of the first start, the two, the one with an attachment, and the draft.
    assert_eq!(found["live_secrets"], 5, "{found}");
    assert_eq!((&found["boxes"], &found["accounts"]), (&json!(1), &json!(1)), "{found}");
    assert_eq!(found["messages"], 2, "{found}");
    assert!(found["age_seconds"].as_u64().is_some_and(|age| age < 600), "{found}");
    assert_eq!(fs::read_dir(&place).expect("the folder").count(), 0, "nothing is left");
}
