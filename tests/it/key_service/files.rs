//! Files: a ticket from the list, one download, and the burning of the file.

use std::io::{BufRead, Read};

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::crypto::sha256;
use serde_json::{Value, json};

use super::{
    Part, TestBox, assert_done, assert_refused, at_once, eventually, fetch, list, messages::sealed,
    payload_files, shared_key, text,
};
use crate::{
    http::{Answer, Client},
    raw::{Raw, request},
    server::TestServer,
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::files::a_ticket_is_good_for_one_download", a_ticket_is_good_for_one),
        trial("key_service::files::a_ticket_is_good_for_two_minutes", a_ticket_is_good_for_so_long),
        trial("key_service::files::a_cut_download_can_be_retried", a_cut_download_can_be_retried),
        trial("key_service::files::one_at_a_time", one_at_a_time),
        trial("key_service::files::ranges", ranges),
        trial("key_service::files::hostile_names", hostile_names),
        trial("key_service::files::sealed_by_their_senders", sealed_by_their_senders),
        trial("key_service::files::burned_when_fetched", burned_when_fetched),
        trial("key_service::files::a_deleted_box_voids_tickets", a_deleted_box_voids_tickets),
    ]
}

/// Incompressible, and longer than the buffers of sockets.
fn long_bytes() -> Vec<u8> {
    (0..600_000_u64).flat_map(|n| sealdrop_mix(n).to_le_bytes()).collect()
}

/// SplitMix64.
fn sealdrop_mix(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn ticket(own: &TestBox) -> String {
    text(&own.messages().last().expect("a message")["TemporaryDownloadId"])
}

fn a_ticket_is_good_for_one() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let long = long_bytes();
    own.send_file("long", &long);
    let [first, second] = [ticket(&own), ticket(&own)];
    assert_ne!(first, second);
    for ticket in [&first, &second] {
        assert!(ticket.len() == 32 && ticket.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let path = format!("/SERVICE/file/{ticket}/");
        let file = own.client.get(&path);
        assert_eq!(file.status, 200, "{}", file.text());
        assert!(file.body == long);
        assert_eq!(file.header("content-type"), Some("application/octet-stream"));
        assert_eq!(file.header("content-length"), Some(&*long.len().to_string()));
        assert_eq!(file.header("accept-ranges"), Some("bytes"));
        assert_refused(&own.client.get(&path), "no file");
    }
    let never = "0123456789abcdef".repeat(2);
    for id in [&*never, "", "x", &first[..31], &format!("{first}0"), "%00", &"+".repeat(32)] {
        let answer = fetch(&own.client, id);
        match id {
            "" => assert_eq!(answer.status, 404),
            _ => assert_refused(&answer, "no file"),
        }
    }
    assert_eq!(own.messages().len(), 1, "it stays in the box");
}

fn a_ticket_is_good_for_so_long() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    own.send_file("f", b"file");
    let [first, second] = [ticket(&own), ticket(&own)];
    server.clock.advance(119);
    assert_eq!(fetch(&own.client, &first).body, b"file");
    let third = ticket(&own);
    server.clock.advance(1);
    assert_refused(&fetch(&own.client, &second), "120 s");
    assert_eq!(fetch(&own.client, &third).body, b"file");
}

/// Begins a download and reads the head of the answer and a little.
fn begin(client: &Client, ticket: &str) -> Raw {
    let mut raw = Raw::connect(client);
    raw.send(request(client, "GET", &format!("/Service/File/{ticket}"), &[]));
    let mut line = String::new();
    raw.reader().read_line(&mut line).expect("an answer");
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    raw.reader().read_exact(&mut [0; 1000]).expect("some of it");
    raw
}

fn a_cut_download_can_be_retried() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let long = long_bytes();
    for more in [&[][..], &[("deletemessagesafterreading", "true")]] {
        let own = TestBox::with(&client, more);
        own.send_file("long", &long);
        let ticket = ticket(&own);
        for _ in 0..3 {
            begin(&client, &ticket).hang_up();
            let answer = retry(&client, &ticket, &[("range", "bytes=0-9")]);
            assert!(answer.status == 206 && answer.body == long[..10]);
        }
        assert!(retry(&client, &ticket, &[]).body == long);
        assert_refused(&fetch(&client, &ticket), "no file");
    }
    // Not after its time, although it was begun in time.
    let own = TestBox::with(&client, &[("deletemessagesafterreading", "true")]);
    own.send_file("long", &long);
    let ticket = ticket(&own);
    let mut cut = begin(&client, &ticket);
    server.clock.advance(120);
    cut.hang_up();
    eventually("the attempt has ended", || fetch(&client, &ticket).message().contains("no file"));
}

/// Repeats the request until the server has noticed that the previous client has disconnected.
fn retry(client: &Client, ticket: &str, headers: &[(&str, &str)]) -> Answer {
    let answer = std::cell::RefCell::new(None);
    eventually("the previous attempt has ended", || {
        let path = format!("/Service/File/{ticket}");
        let got = client.send("GET", &path, headers, b"");
        let is_over = got.status != 400;
        if !is_over {
            assert_refused(&got, "being fetched already");
        }
        *answer.borrow_mut() = Some(got);
        is_over
    });
    answer.into_inner().expect("an answer")
}

fn one_at_a_time() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let long = long_bytes();
    own.send_file("long", &long);
    let ticket_of_one = ticket(&own);
    let mut first = begin(&own.client, &ticket_of_one);
    assert_refused(&fetch(&own.client, &ticket_of_one), "being fetched already");
    assert!(fetch(&own.client, &ticket(&own)).body == long, "another ticket of the file");
    let mut rest = vec![0; long.len() - 2000];
    first.reader().read_exact(&mut rest).expect("the rest");
    drop(first);
    // Many at once: one gets it.
    for _ in 0..10 {
        let ticket = ticket(&own);
        let whole = std::sync::atomic::AtomicUsize::new(0);
        at_once(4, |_| {
            let answer = fetch(&Client::new(own.client.base.clone(), ""), &ticket);
            match answer.status {
                200 => {
                    assert!(answer.body == long);
                    whole.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
                _ => assert_eq!(answer.status, 400, "{}", answer.text()),
            }
        });
        assert_eq!(whole.into_inner(), 1);
    }
}

fn ranges() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let long = long_bytes();
    let length = long.len();
    own.send_file("long", &long);
    let whole = 0..length;
    // (Range, bytes, status)
    let cases = [
        ("bytes=0-0", 0..1, 206),
        ("bytes=70000-200000", 70_000..200_001, 206),
        ("bytes=4799990-", 4_799_990..length, 206),
        ("bytes=-7", length - 7..length, 206),
        ("bytes=0-", whole.clone(), 206),
        ("bytes=10-99999999", 10..length, 206),
        ("bytes=0-1,5-6", whole.clone(), 200),
        ("lines=1-2", whole.clone(), 200),
        ("bytes=b-c", whole.clone(), 200),
        ("bytes=4800000-", 0..0, 416),
        ("bytes=99999999999999999999-", 0..0, 416),
    ];
    for (range, bytes, status) in cases {
        for if_range in [None, Some("\"etag\"")] {
            let ticket = ticket(&own);
            let path = format!("/Service/File/{ticket}");
            let headers: Vec<_> = [("range", range)]
                .into_iter()
                .chain(if_range.map(|value| ("if-range", value)))
                .collect();
            let answer = own.client.send("GET", &path, &headers, b"");
            // No If-Range matches a file that has neither tag nor date.
            let (bytes, status) =
                if if_range.is_some() { (whole.clone(), 200) } else { (bytes.clone(), status) };
            if range.starts_with("bytes=9999999999999") && if_range.is_none() {
                assert!(matches!(answer.status, 200 | 416), "{range}");
                continue;
            }
            assert_eq!(answer.status, status, "{range} {if_range:?}");
            assert!(answer.body == long[bytes.clone()], "{range} {if_range:?}");
            let told = match status {
                206 => Some(format!("bytes {}-{}/{length}", bytes.start, bytes.end - 1)),
                416 => Some(format!("bytes */{length}")),
                _ => None,
            };
            assert_eq!(answer.header("content-range"), told.as_deref(), "{range}");
            // A ticket is used up when everything was fetched, also for the parts before the end.
            let again = own.client.send("GET", &path, &[("range", "bytes=1-1")], b"");
            let is_used_up = bytes == whole;
            assert_eq!(again.status, if is_used_up { 400 } else { 206 }, "{range} {if_range:?}");
        }
    }
    // In pieces, as a download that is resumed several times.
    let ticket = ticket(&own);
    let path = format!("/Service/File/{ticket}");
    let mut got = Vec::new();
    while got.len() < length {
        let range = format!("bytes={}-{}", got.len(), got.len() + 999_999);
        let piece = own.client.send("GET", &path, &[("range", &range)], b"");
        assert_eq!(piece.status, 206);
        got.extend(piece.body);
    }
    assert!(got == long);
    assert_refused(&own.client.get(&path), "no file");
}

fn hostile_names() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    // (name, name in the list, name in the header)
    let cases = [
        ("a.txt", "a.txt", "filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        (
            "räksmörgås ☃.pdf",
            "räksmörgås ☃.pdf",
            "filename=\"r_ksm_rg_s _.pdf\"; filename*=UTF-8''r%C3%A4ksm%C3%B6rg%C3%A5s%20%E2%98%83.pdf",
        ),
        ("../../etc/passwd", "passwd", "filename=\"passwd\"; filename*=UTF-8''passwd"),
        ("C:\\Users\\x\\boot.ini", "boot.ini", "filename=\"boot.ini\"; filename*=UTF-8''boot.ini"),
        (
            "a;b=c,d'e%41",
            "a;b=c,d'e%41",
            "filename=\"a;b=c,d'e_41\"; filename*=UTF-8''a%3Bb%3Dc%2Cd%27e%2541",
        ),
        (
            "cod\u{202e}gpj.exe",
            "cod\u{202e}gpj.exe",
            "filename=\"cod_gpj.exe\"; filename*=UTF-8''cod_gpj.exe",
        ),
        ("...", "...", "filename=\"file\"; filename*=UTF-8''file"),
        ("<script>", "<script>", "filename=\"_script_\"; filename*=UTF-8''_script_"),
        ("a\tb", "a\tb", "filename=\"a_b\"; filename*=UTF-8''a_b"),
    ];
    for (name, listed, header) in cases {
        own.send_file(name, b"x");
        let messages = own.messages();
        let last = messages.last().expect("a message");
        assert_eq!(last["FileName"], json!(listed));
        let file = fetch(&own.client, &text(&last["TemporaryDownloadId"]));
        let told = file.header("content-disposition").expect("a name");
        assert_eq!(told, format!("attachment; {header}"), "{name}");
    }
    // A name of several lines, which a sender can seal.
    let (key, _) = shared_key();
    let about =
        json!({"name": "a\r\nSet-Cookie: x=1\"; filename=\"y", "type": "text/html"}).to_string();
    let message_key = sealdrop::crypto::MessageKey::new(&sealdrop::crypto::SystemRandom);
    let seal = |bytes: &[u8]| {
        sealdrop::crypto::envelope::seal(&message_key, bytes, &sealdrop::crypto::SystemRandom)
    };
    let wrapped = key.public().seal_message_key(&message_key, &sealdrop::crypto::SystemRandom);
    let (name, bytes) = (STANDARD.encode(seal(about.as_bytes())), seal(b"<script>"));
    let key = STANDARD.encode(wrapped);
    let parts = [Part::file("encryptedfile", &name, &bytes), Part::text("encryptionkey", &key)];
    assert_done(&own.put_parts(&parts));
    let file = fetch(&own.client, &ticket(&own));
    assert_eq!(file.body, b"<script>");
    assert_eq!(file.header("set-cookie"), None);
    assert_eq!(file.header("content-type"), Some("application/octet-stream"));
    let told = file.header("content-disposition").expect("a name");
    assert!(
        told.starts_with("attachment; filename=\"a__Set-Cookie_ x=1_; filename=_y\""),
        "{told}"
    );
}

fn sealed_by_their_senders() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let (key, _) = shared_key();
    let long = long_bytes();
    let (envelope, wrapped) = sealed(key, |writer| writer.write_all(&long).expect("memory"));
    let envelope = STANDARD.decode(envelope).expect("base64");
    // In the format that the server can open, and in another one.
    for (bytes, key, opens) in [(&envelope, &*wrapped, true), (&long, "any ☃ key", false)] {
        let parts = [Part::text("encryptionkey", key), Part::file("EncryptedFile", "näme", bytes)];
        assert_done(&own.put_parts(&parts));
        for online in [true, false] {
            let listed = if online { own.messages() } else { list(&own.read_sealed(&[])) };
            let last = listed.last().expect("a message");
            let is_opened = online && opens;
            assert_eq!(last["FileName"], json!("näme"));
            assert_eq!([&last["MessageData"], &last["MessageHash"]], [&Value::Null; 2]);
            assert_eq!(last["IsFile"], json!(true));
            assert_eq!(last["EncryptionKey"], if is_opened { Value::Null } else { json!(key) });
            assert_eq!(last["Size"], json!(bytes.len()));
            let file = fetch(&own.client, &text(&last["TemporaryDownloadId"]));
            assert_eq!(file.status, 200);
            assert!(sha256(&file.body) == sha256(if is_opened { &long } else { bytes }));
        }
    }
    // Damaged: the answer breaks off, and never looks complete.
    let mut damaged = envelope.clone();
    damaged[1_000_000] ^= 1;
    let parts = [Part::text("encryptionkey", &wrapped), Part::file("encryptedfile", "n", &damaged)];
    assert_done(&own.put_parts(&parts));
    let path = format!("/Service/File/{}", ticket(&own));
    assert!(own.client.try_send("GET", &path, &[], b"").is_err(), "it looks whole");
}

fn burned_when_fetched() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let own = TestBox::with(&client, &[("deletemessagesafterreading", "true")]);
    let long = long_bytes();
    own.send_file("long", &long);
    let [first, second] = [ticket(&own), ticket(&own)];
    assert_eq!(payload_files(&server), 1);
    let mut begun = begin(&client, &first);
    eventually("not even during the download", || payload_files(&server) == 0);
    assert_refused(&fetch(&client, &second), "no file");
    assert_eq!(own.read(&[]).status, 304);
    begun.hang_up();
    assert!(retry(&client, &first, &[]).body == long);
    assert_refused(&fetch(&client, &first), "no file");
    // An invalid range burns nothing.
    own.send_file("long", &long);
    let third = ticket(&own);
    let path = format!("/Service/File/{third}");
    assert_eq!(client.send("GET", &path, &[("range", "bytes=9999999-")], b"").status, 416);
    assert_eq!(payload_files(&server), 1);
    assert!(fetch(&client, &third).body == long);
}

fn a_deleted_box_voids_tickets() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    own.send_file("f", b"file");
    let ticket = ticket(&own);
    assert_eq!(own.delete().status, 200);
    assert_eq!(fetch(&own.client, &ticket).status, 400);
    eventually("no file is left", || payload_files(&server) == 0);
}
