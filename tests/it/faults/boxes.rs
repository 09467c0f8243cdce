//! Boxes: a crash in the middle of an upload leaves nothing of it, and a burned box does not open.

use std::{collections::BTreeSet, path::Path, thread, time::Duration};

use super::{below, burned::find, flips::files, rounds};
use crate::{
    api::walk,
    daemon::Daemon,
    http::Client,
    key_files::{Files, keys_in},
    key_service::{MULTIPART, PASSPHRASE, Part, TestBox, eventually, fetch, form, list, text},
    raw::{Raw, request},
    server::TestServer,
};
use sealdrop::{
    crypto::{Random, SeededRandom, SlotKey, seal},
    domain::{id::Ids, numbers::BoxId},
};

/// Files in one upload, of so many bytes each.
const FILES: usize = 3;
const FILE_BYTES: usize = 3 << 20;

pub(super) fn kill_in_an_upload() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = ["--key-pool", "0", "--rsa-bits", "2048"];
    let (mut daemon, _) = Daemon::start_first(&data, &flags);
    let mut own = TestBox::new(&Client::new(daemon.base.clone(), ""));
    let mut bytes = vec![0; FILE_BYTES];
    SeededRandom::new(1).fill(&mut bytes);
    let rounds = rounds("SEALDROP_FAULT_ROUNDS", 12);
    let (mut whole, mut with_files) = (0, 0);
    for round in 0..rounds {
        let parts = [
            &[Part::text("token", &own.token), Part::text("message", "with files")][..],
            &[Part::file("file", "f", &bytes); FILES],
        ];
        let body = form(&parts.concat());
        let head =
            [&format!("Content-Type: {MULTIPART}"), &*format!("Content-Length: {}", body.len())];
        let mut raw = Raw::connect(&own.client);
        raw.send(request(&own.client, "PUT", "/Service", &head));
        // In the middle, or, sometimes, around its very end.
        let is_at_end = round % 3 == 2;
        let cut = match is_at_end {
            true => body.len(),
            false => usize::try_from(below(body.len() as u64)).expect("a place"),
        };
        assert!(raw.try_send(&body[..cut]));
        if is_at_end {
            thread::sleep(Duration::from_micros(below(300_000)));
        } else if cut > FILE_BYTES / 2 {
            eventually("it is being written", || files_of(&data) > whole * FILES);
            with_files += 1;
        }
        daemon.kill();
        daemon = Daemon::start(&data, &flags);
        own.client = Client::new(daemon.base.clone(), "");
        let listed = list(&own.read_sealed(&[]));
        let new = listed.len() - whole * (FILES + 1);
        assert!(new == 0 || (is_at_end && new == FILES + 1), "{new} of a form, cut at {cut}");
        whole += usize::from(new > 0);
        assert_eq!(files_of(&data), whole * FILES, "an orphan, or a message without its file");
    }
    println!("{rounds} rounds: {whole} whole, {with_files} with files on disk when it was killed");
    own.send("and it goes on");
    let messages = own.messages();
    assert_eq!(messages.len(), whole * (FILES + 1) + 1);
    for file in messages.iter().filter(|message| message["IsFile"] == true) {
        assert!(fetch(&own.client, &text(&file["TemporaryDownloadId"])).body == bytes);
    }
    assert!(daemon.stop().0.success());
}

fn files_of(data: &Path) -> usize {
    walk(&data.join("store/payloads")).len()
}

/// A way to burn a box, or its content.
const BURNED: [&str; 4] = ["deleted", "read", "key read", "control"];

/// The sealed parts of a box, with the random bits of the box as context: its keys, and the heads of its
/// messages, which have everything that opens its files.
struct SealedBox {
    name: &'static str,
    own: TestBox,
    context: [u8; 15],
    /// As they were found on disk.
    sealed: Vec<(u64, Vec<u8>)>,
}

pub(super) fn nothing_opens() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let boxes: Vec<SealedBox> =
        BURNED.into_iter().map(|name| fill(&server, &client, name)).collect();
    let before = files(server.dir(), &[]);
    for plain in ["planted", PASSPHRASE, "sent-sealed"] {
        for (path, bytes) in &before {
            assert!(find(bytes, plain.as_bytes()).is_none(), "{plain} in {}", path.display());
        }
    }
    assert_eq!(opened(&before, &boxes), [5; 4], "the keys, two texts and two files");

    for SealedBox { name, own, .. } in &boxes {
        match *name {
            "deleted" => assert_eq!(own.delete().message(), "Deleted."),
            "read" | "key read" => {
                let messages = own.messages();
                assert_eq!(messages.len(), 4);
                for message in messages.iter().filter(|message| message["IsFile"] == true) {
                    let ticket = text(&message["TemporaryDownloadId"]);
                    assert_eq!(fetch(&client, &ticket).status, 200);
                }
            }
            _ => {}
        }
    }
    eventually("the files are gone", || files_of_server(&server) == 2);
    let after = files(server.dir(), &[]);
    let (_, log) = after.iter().find(|(path, _)| path.ends_with("db/db")).expect("the log");
    let kept =
        boxes.iter().flat_map(|sealed| &sealed.sealed).filter(|(_, s)| find(log, s).is_some());
    assert!(kept.count() >= 10, "otherwise nothing is proved: the log still has it");
    // The keys of the box whose messages were read stay.
    assert_eq!(opened(&after, &boxes), [0, 1, 0, 5]);
}

fn files_of_server(server: &TestServer) -> usize {
    walk(&server.dir().join("store/payloads")).len()
}

/// Creates a box with a text and a file of each kind, and finds its sealed parts.
fn fill(server: &TestServer, client: &Client, name: &'static str) -> SealedBox {
    let own = match name {
        "read" => TestBox::with(client, &[("deletemessagesafterreading", "true")]),
        "key read" => TestBox::with(client, &[("deletekeyafterreading", "true")]),
        _ => TestBox::new(client),
    };
    own.send("planted message");
    let theirs =
        [("encryptedmessage", "sent-sealed message"), ("encryptionkey", "sent-sealed key")];
    assert_eq!(own.put(&theirs).status, 200);
    own.send_file("planted name", b"planted content");
    let parts = [
        Part::text("encryptionkey", "sent-sealed key"),
        Part::file("encryptedfile", "sent-sealed name", b"sent-sealed content"),
    ];
    assert_eq!(own.put_parts(&parts).status, 200);
    let ids: &Ids = &server.app.ids;
    let BoxId { random: context, .. } = ids.parse_token(&own.token).expect("a token");
    let found = files(server.dir(), &[]);
    let sealed = sealed_under(&found, &context);
    SealedBox { name, own, context, sealed }
}

/// Everything in the log that is sealed with this context and a key of the slots, with the check value of
/// its key: a record has that before its payload, then a tag, the length, and the sealed bytes.
fn sealed_under(files: &Files, context: &[u8; 15]) -> Vec<(u64, Vec<u8>)> {
    let (_, log) = files.iter().find(|(path, _)| path.ends_with("db/db")).expect("the log");
    let mut found = Vec::new();
    for bytes in keys_in(files) {
        let key = SlotKey::from_bytes(bytes);
        let check = key.check().to_le_bytes();
        let places = log.windows(8).enumerate().filter(|(_, window)| *window == check);
        let mut sealed = places.filter_map(|(place, _)| match log.get(place + 9..)? {
            // bincode: up to 250 as it is, larger ones as two bytes, little endian.
            [251, low, high, rest @ ..] => {
                rest.get(..usize::from(u16::from_le_bytes([*low, *high])))
            }
            [length, rest @ ..] => rest.get(..usize::from(*length)),
            [] => None,
        });
        let opens = |sealed: &&[u8]| seal::open(&key, context, sealed.to_vec()).is_ok();
        found.extend(sealed.find(|sealed| opens(sealed)).map(|s| (key.check(), s.to_vec())));
    }
    found
}

/// For each box, the number of parts that open: with any 32 bytes, in any file, at any place, or with a key of
/// the slots.
fn opened(files: &Files, boxes: &[SealedBox]) -> Vec<usize> {
    let checks: BTreeSet<u64> =
        boxes.iter().flat_map(|of| &of.sealed).map(|(check, _)| *check).collect();
    let windows = files.iter().flat_map(|(_, bytes)| bytes.windows(32));
    let keys: Vec<SlotKey> = windows
        .filter_map(<[u8]>::first_chunk)
        .copied()
        .chain(keys_in(files))
        .filter(|key| *key != [0; 32])
        .map(SlotKey::from_bytes)
        .filter(|key| checks.contains(&key.check()))
        .collect();
    let opens = |(check, sealed): &(u64, Vec<u8>), context: &[u8; 15]| {
        let mut keys = keys.iter().filter(|key| key.check() == *check);
        keys.any(|key| seal::open(key, context, sealed.clone()).is_ok())
    };
    let count = |of: &SealedBox| of.sealed.iter().filter(|s| opens(s, &of.context)).count();
    boxes.iter().map(count).collect()
}
