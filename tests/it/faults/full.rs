//! The disk fills up under the daemon: creations stop, other calls still work.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use sealdrop::crypto::{Random, SeededRandom};
use serde_json::{Value, json};

use super::flips::large_ciphertext;
use crate::{
    daemon::Daemon,
    http::{Client, secret_with},
    key_service::{self, MULTIPART, Part, TestBox, eventually, form},
    raw::{Raw, request},
};

/// Secrets that are viewed until the disk is full, and the number of views of each.
const BUSY: u64 = 12;
const VIEWS: u64 = 100;

/// A file system of its own, unmounted when dropped.
pub(crate) struct Disk {
    _dir: tempfile::TempDir,
    mount: PathBuf,
}

impl Disk {
    pub(crate) fn new(mebibytes: u64) -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let (image, mount) = (dir.path().join("image"), dir.path().join("mount"));
        fs::create_dir(&mount).expect("a folder");
        let file = File::create(&image).expect("an image");
        file.set_len(mebibytes << 20).expect("its size");
        // Without blocks that are reserved for root, the user of this test.
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image));
        run(Command::new("mount").args(["-o", "loop"]).args([&image, &mount]));
        Self { _dir: dir, mount }
    }

    fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.mount).expect("its figures");
        stat.f_bavail * stat.f_frsize
    }

    /// Another program takes the space, except for `left` bytes.
    pub(crate) fn fill(&self, left: u64) {
        let filler = File::options().create(true).append(true).open(self.filler());
        let mut filler = filler.expect("a file to fill the disk with");
        for chunk in [1 << 20, 1 << 12] {
            while self.free() > left {
                match filler.write(&vec![1; chunk.min((self.free() - left) as usize)]) {
                    Ok(1..) => {}
                    Err(error) if error.kind() != ErrorKind::StorageFull => panic!("{error}"),
                    _ => break,
                }
            }
        }
        // Delayed allocation takes the rest now, or finds that there is no space.
        let _ = filler.sync_all();
    }

    pub(crate) fn mount(&self) -> &std::path::Path {
        &self.mount
    }

    /// The blocks of the disk, after everything on it was written.
    pub(crate) fn unmounted_image(self) -> Vec<u8> {
        run(Command::new("umount").arg(&self.mount));
        fs::read(self.mount.with_file_name("image")).expect("the image")
    }

    fn filler(&self) -> PathBuf {
        self.mount.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.mount).status();
    }
}

pub(super) fn stops_creations_only() {
    let disk = Disk::new(160);
    let data = disk.mount.join("data");
    let (mut daemon, mut client) = Daemon::start_first(&data, &[]);
    // Every third is a file.
    let create = |client: &Client, n: u64| match n % 3 {
        0 => client.create(json!({"ciphertext": large_ciphertext()})),
        _ => client.create(json!({"message": "m".repeat(1000)})),
    };
    let mut ids: Vec<String> = (0..60).map(|n| create(&client, n)).collect();
    let busy: Vec<String> = (0..BUSY).map(|_| client.create(json!({"max_views": VIEWS}))).collect();
    assert_eq!(client.get("/ready").status, 200);

    disk.fill(40 << 20);
    assert_refused(&client);
    for _ in 0..10 {
        let id = ids.pop().expect("a secret");
        assert_eq!(client.view(&id).status, 200);
        let id = ids.pop().expect("a secret");
        assert_eq!(client.delete(&format!("/api/secrets/{id}")).status, 200);
    }

    // Not a byte left: the daemon ends without an answer as soon as the log needs more space.
    disk.fill(0);
    let mut views = 0;
    while views < BUSY * VIEWS {
        let path = format!("/api/secrets/{}", busy[(views % BUSY) as usize]);
        match client.try_send("GET", &path, &[("user-agent", &"a".repeat(256))], b"") {
            Ok(answer) => assert_eq!(answer.status, 200, "{}", answer.text()),
            Err(_) => break,
        }
        views += 1;
    }
    println!("{views} of {} views on the full disk", BUSY * VIEWS);
    daemon.kill();
    daemon = Daemon::start(&data, &[]);
    client = Client::new(daemon.base.clone(), client.key);
    let listed = client.get("/api/secrets").json();
    let listed = listed["data"].as_array().expect("a list");
    let views_of = |id: &String| {
        let item = listed.iter().find(|item| item["id"] == json!(id)).expect("a listed secret");
        item["view_times"].as_u64().expect("a number")
    };
    let kept: u64 = busy.iter().map(views_of).sum();
    assert!((views..=views + 1).contains(&kept), "{kept} of {views} views");
    assert!(!data.join("ballast").exists(), "it started without its ballast");
    assert_refused(&client);
    for _ in 0..5 {
        assert_eq!(client.view(&ids.pop().expect("a secret")).status, 200);
    }

    fs::remove_file(disk.filler()).expect("the filler");
    assert_eq!(client.get("/ready").status, 200);
    ids.extend((0..5).map(|n| create(&client, n)));
    assert!(daemon.stop().0.success());
    daemon = Daemon::start(&data, &[]);
    client = Client::new(daemon.base.clone(), client.key);
    assert!(data.join("ballast").exists());
    for id in &ids {
        assert_eq!(client.view(id).status, 200, "lost");
    }
    let listed = client.get("/api/secrets").json()["metadata"]["secrets_total"].clone();
    assert_eq!(listed, json!(60 - 10 + 5 + BUSY));
    assert!(daemon.stop().0.success());
}

/// Creations get 507 with the reason, small and large ones.
fn assert_refused(client: &Client) {
    for fields in [json!({}), json!({"ciphertext": large_ciphertext()})] {
        let answer = client.post("/api/secrets", &secret_with(fields));
        assert_eq!(answer.error(), (507, Value::Null), "{}", answer.text());
    }
    let ready = client.get("/ready");
    assert_eq!(ready.status, 503);
    assert!(ready.json()["reason"].as_str().expect("a reason").contains("full"));
}

/// Messages and files get 507, at the start and in the middle; other calls still work.
pub(super) fn takes_no_messages() {
    let disk = Disk::new(160);
    let data = disk.mount.join("data");
    let flags = ["--key-pool", "0", "--rsa-bits", "2048", "--max-upload", "0"];
    let (daemon, client) = Daemon::start_first(&data, &flags);
    let own = TestBox::new(&client.with_key(""));
    own.send("before");
    own.send_file("before", b"a file");
    let files = || crate::api::walk(&data.join("store/payloads")).len();
    let before = files();
    // There is space for it when it begins, but not at its end.
    let mut long = vec![0; 128 << 20];
    SeededRandom::new(1).fill(&mut long);
    for name in ["file", "encryptedfile"] {
        let parts = [
            Part::text("encryptionkey", "k"),
            Part::file("file", "short", b"all or none"),
            Part::file(name, "long", &long),
        ];
        let body = form(&[&[Part::text("token", &own.token)], &parts[..]].concat());
        let head =
            [&format!("Content-Type: {MULTIPART}"), &*format!("Content-Length: {}", body.len())];
        let mut raw = Raw::connect(&own.client);
        raw.send(request(&own.client, "PUT", "/Service", &head));
        // A client that only sends does not notice the answer; a client that reads does.
        let mut pieces = body.chunks(1 << 20);
        while !raw.answers_within(Duration::from_millis(1)) {
            raw.send(pieces.next().expect("an answer before the end"));
        }
        let answer = raw.answer();
        assert_eq!(answer.status, 507, "{answer:?}");
        assert_eq!(answer.json(), json!("No space left for new messages"));
        eventually("no file is left", || files() == before);
    }
    drop(long);
    own.send("in between");
    disk.fill(40 << 20);
    let full = [
        own.put(&[("message", "m")]),
        own.put(&[("encryptedmessage", "e"), ("encryptionkey", "k")]),
        own.put_parts(&[Part::file("file", "f", b"f")]),
        key_service::call(&own.client, "POST", &[("passphrase", "p")]),
    ];
    for answer in full {
        assert_eq!((answer.status, &*answer.message()), (507, "No space left for new messages"));
    }
    let messages = own.messages();
    assert_eq!(messages.len(), 3);
    let ticket = key_service::text(&messages[1]["TemporaryDownloadId"]);
    assert_eq!(key_service::fetch(&own.client, &ticket).body, b"a file");
    assert_eq!(files(), before);
    assert_eq!(own.delete().message(), "Deleted.");
    fs::remove_file(disk.filler()).expect("the filler");
    let own = TestBox::new(&own.client);
    own.send_file("after", b"room again");
    assert_eq!(own.messages().len(), 1);
    assert!(daemon.stop().0.success());
}

fn run(command: &mut Command) {
    let status = command.status().expect("a program");
    assert!(status.success(), "{command:?}: {status}");
}
