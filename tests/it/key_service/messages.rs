//! Sent content is returned: texts, files, and content that senders have encrypted.

use std::io::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::crypto::{BoxKey, EnvelopeWriter, MessageKey, RsaBits, SystemRandom, envelope};
use serde_json::{Value, json};

use super::{
    MULTIPART, Part, TestBox, assert_done, assert_refused, at_once, eventually, fetch, form, list,
    payload_files, put_parts, shared_key, text, texts,
};
use crate::{
    raw::{Raw, request},
    server::TestServer,
    trial, xml,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::messages::any_text_comes_back", any_text_comes_back),
        trial("key_service::messages::repeats_are_delivered_once", repeats_are_delivered_once),
        trial("key_service::messages::several_files_all_or_none", several_files_all_or_none),
        trial("key_service::messages::a_broken_form_leaves_nothing", a_broken_form_leaves_nothing),
        trial("key_service::messages::a_client_that_hangs_up", a_client_that_hangs_up),
        trial("key_service::messages::a_thousand_in_order", a_thousand_in_order),
        trial("key_service::messages::sealed_here_opens_there", sealed_here_opens_there),
        trial("key_service::messages::sealed_there_opens_here", sealed_there_opens_here),
        trial("key_service::messages::foreign_ones_are_shown_as_they_are", foreign_ones),
    ]
}

/// A message as a sender that encrypts creates it: `encryptedmessage` and `encryptionkey`.
pub(super) fn sealed(key: &BoxKey, write: impl FnOnce(&mut dyn Write)) -> (String, String) {
    let message_key = MessageKey::new(&SystemRandom);
    let mut writer = EnvelopeWriter::new(Vec::new(), &message_key, &SystemRandom).expect("memory");
    write(&mut writer);
    let (bytes, _) = writer.finish().expect("memory");
    let wrapped = key.public().seal_message_key(&message_key, &SystemRandom);
    (STANDARD.encode(bytes), STANDARD.encode(wrapped))
}

fn sealed_text(key: &BoxKey, text: &[u8]) -> (String, String) {
    sealed(key, |writer| writer.write_all(text).expect("memory"))
}

/// Opens the base64 of an envelope, with the base64 of its wrapped key.
fn opened(key: &BoxKey, wrapped: &Value, message: &str) -> Vec<u8> {
    let from_base64 = |text: &str| STANDARD.decode(text).expect("base64");
    let message_key = key
        .open_message_key(&from_base64(&text(wrapped)), &SystemRandom)
        .expect("a key for this box");
    let opened = envelope::open(&message_key, &from_base64(message), 10 << 20);
    opened.expect("an envelope").expose_secret().to_vec()
}

/// A message that is sent again under its key is stored once, and gets the first answer.
fn repeats_are_delivered_once() {
    const KEY: &str = "6f6b1c3e-0f5f-4a0a-9d5c-0f7a3c0f6c11";
    let server = TestServer::start();
    let client = server.client.with_key("");
    let own = TestBox::new(&client);
    let other = TestBox::new(&client);
    let named = |drop_box: &TestBox, key: &str, text: &str| {
        drop_box.put(&[("message", text), ("idempotency-key", key)])
    };
    assert_done(&named(&own, KEY, "one"));
    // A second message under the same key is ignored, not one under another key, in another box or without one.
    assert_done(&named(&own, KEY, "two"));
    assert_done(&named(&own, &format!("{KEY}x"), "three"));
    assert_done(&named(&other, KEY, "four"));
    assert_done(&own.put(&[("message", "five")]));
    assert_done(&own.put(&[("message", "five")]));
    assert_eq!(texts(&own.messages()), ["one", "three", "five", "five"]);
    assert_eq!(texts(&other.messages()), ["four"]);
    let before = payload_files(&server);
    // The key is a header, as clients send it. A file follows, whose bytes are not stored.
    let mut head = request(
        &client,
        "PUT",
        "/Service",
        &[
            &format!("token: {}", own.token),
            &format!("Idempotency-Key: {KEY}"),
            &format!("Content-Type: {MULTIPART}"),
        ],
    );
    let body = form(&[Part::file("file", "a.txt", &[7; 300_000])]);
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    head.truncate(head.len() - 2);
    let answer = Raw::connect(&client).send(head + &length).send(body).answer();
    assert_eq!((answer.status, &*answer.body), (200, &b"true"[..]));
    assert_eq!(own.messages().len(), 4);
    eventually("the file is gone", || payload_files(&server) == before);
    // Concurrent ones are stored once.
    at_once(8, |_| assert_done(&named(&own, "one key for all of them", "six")));
    assert_eq!(own.messages().len(), 5);
    // A message that was read and burned does not come back; and a lock does not change the answer.
    let locked = TestBox::with(
        &client,
        &[("deletemessagesafterreading", "true"), ("lockdate", "2100-01-01T00:00:00Z")],
    );
    assert_done(&named(&locked, KEY, "once"));
    assert_eq!(texts(&locked.messages()), ["once"]);
    assert_done(&named(&locked, KEY, "once"));
    assert_eq!(locked.messages().len(), 0);
    // Keys that other senders could choose, too.
    for wrong in ["1", "fifteen letters", &"x".repeat(256)] {
        assert_refused(&named(&own, wrong, "no"), "idempotency-key");
    }
    assert_eq!(own.messages().len(), 5);
    assert_eq!(own.delete().status, 200);
}

fn any_text_comes_back() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let controls: String = ('\0'..=' ').chain('\u{7f}'..='\u{a0}').collect();
    let most = (1 << 20) - 500;
    let sent = [
        "hej".to_owned(),
        " \u{feff}åäö ☃ \u{1f511} \u{10ffff}\u{fffe} e\u{301} ".to_owned(),
        "\r\n\r\n--x".to_owned(),
        controls,
        "]]></MessageData><![CDATA[\"\\u0000&amp;".to_owned(),
        "x".repeat(1025),
        "a".repeat(most),
        "\u{1f511}".repeat(most / 4),
        // The longest characters in JSON: six bytes for one.
        "\0".repeat(most),
    ];
    for message in &sent {
        assert_done(&own.put_parts(&[Part::text("message", message)]));
    }
    let listed = own.messages();
    assert!(texts(&listed) == sent, "{:?}", listed.iter().map(|m| &m["Size"]).collect::<Vec<_>>());
    for (message, sent) in listed.iter().zip(&sent) {
        assert_eq!(message["Size"], json!(sent.len()));
        let hash = sealdrop::crypto::sha256(sent.as_bytes()).map(|byte| format!("{byte:02x}"));
        assert_eq!(message["MessageHash"], json!(hash.concat()));
    }
    let can = |c: char| {
        matches!(c, '\t' | '\n' | '\r') || (' '..'\u{fffe}').contains(&c) || c > '\u{ffff}'
    };
    let document = own.read(&[("format", "xml")]).text();
    for (message, sent) in xml::parse(&document).children.iter().zip(&sent) {
        let expected: String = sent.chars().map(|c| if can(c) { c } else { '\u{fffd}' }).collect();
        assert!(message.child("MessageData").expect("a text").text == expected, "{expected:.60}");
    }
    assert_refused(&own.put_parts(&[Part::text("message", "")]), "message, files, or");
}

fn several_files_all_or_none() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let parts = [
        Part::text("token", &own.token),
        Part::file("files[]", "one.txt", b"1"),
        Part::text("message", "a text"),
        Part::file("anything", "C:\\x\\two \"ö\".bin", &large),
        Part::file("file", "", b""),
        Part::file("file", "empty", b""),
    ];
    assert_done(&put_parts(&own.client, &parts));
    let listed = own.messages();
    let names: Vec<_> = listed.iter().map(|message| message["FileName"].as_str()).collect();
    assert_eq!(names, [None, Some("one.txt"), Some("two %22ö%22.bin"), Some("empty")]);
    let sizes: Vec<_> = listed.iter().map(|message| message["Size"].clone()).collect();
    assert_eq!(sizes, [json!(6), json!(1), json!(large.len()), json!(0)]);
    for (message, expected) in listed[1..].iter().zip([b"1", &large[..], b""]) {
        let file = fetch(&own.client, &text(&message["TemporaryDownloadId"]));
        assert!(file.status == 200 && file.body == expected, "{}", message["FileName"]);
    }

    // One file too long, or a name, or a full box: then none is stored.
    let files = payload_files(&server);
    let long_name = "n".repeat(256);
    let token = Part::text("token", &own.token);
    let cases = [
        vec![token, Part::file("a", "a", &large), Part::file("b", &long_name, b"b")],
        vec![Part::file("a", "a", &large), Part::text("token", "x"), Part::text("message", "m")],
        // The token comes after the file: otherwise a client without a token could fill the disk.
        vec![Part::file("a", "a", &large), Part::text("token", &own.token)],
        vec![Part::file("a", "a", &large), Part::text("message", "m")],
        vec![token, Part::file("a", "a", &large), Part::file("encryptedfile", "b", b"b")],
        vec![token, Part::file("a", "a", &large), Part::text("encryptedmessage", "e")],
        vec![token, Part::file("a", "a", &large), Part::text("message", "m"), Part::text("v", "2")],
    ];
    for parts in cases {
        let answer = put_parts(&own.client, &parts);
        assert_eq!(answer.status, 400, "{}", answer.text());
        eventually("no file is left", || payload_files(&server) == files);
    }
    assert_eq!(own.messages().len(), 4);
    for number in 4..999 {
        assert_done(&own.put(&[("encryptedmessage", &number.to_string()), ("encryptionkey", "k")]));
    }
    let two = [Part::file("a", "a", &large), Part::file("b", "b", &large)];
    let full = own.put_parts(&two);
    assert_eq!((full.status, full.message().as_str()), (507, "The box is full"));
    eventually("no file is left", || payload_files(&server) == files);
    assert_done(&own.put_parts(&two[..1]));
    assert_eq!(own.put(&[("message", "m")]).status, 507);
}

fn a_broken_form_leaves_nothing() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let large = vec![5; 700_000];
    let whole = form(&[
        Part::text("token", &own.token),
        Part::text("message", "a text"),
        Part::file("file", "one", &large),
        Part::file("file", "two", &large),
    ]);
    let send =
        |body: &[u8]| own.client.send("PUT", "/Service", &[("content-type", MULTIPART)], body);
    let end = whole.len();
    for cut in [0, 3, 60, 200, 350_000, 700_500, end / 2 + 10, end - 30, end - 5] {
        let answer = send(&whole[..cut]);
        assert_eq!(answer.status, 400, "cut at {cut} of {end}: {}", answer.text());
        eventually("no file is left", || payload_files(&server) == 0);
        assert_eq!(own.read(&[]).status, 304, "cut at {cut}");
    }
    let broken = [&whole[..end - 5], b"junk"].concat();
    assert_eq!(send(&broken).status, 400);
    assert_eq!(own.read(&[]).status, 304);
    assert_done(&send(&whole));
    assert_eq!(own.messages().len(), 3);
}

fn a_client_that_hangs_up() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let large = vec![5; 2_000_000];
    let parts = [
        Part::text("token", &own.token),
        Part::file("file", "one", &large),
        Part::file("encryptedfile", "two", &large),
        Part::text("encryptionkey", "k"),
    ];
    let whole = form(&parts);
    let head = request(
        &own.client,
        "PUT",
        "/Service",
        &[&format!("Content-Type: {MULTIPART}"), &format!("Content-Length: {}", whole.len())],
    );
    for cut in [0, 1000, 500_000, 1_999_000, 3_000_000, whole.len() - 1] {
        let mut raw = Raw::connect(&own.client);
        raw.send(&head).send(&whole[..cut]);
        if cut > 100_000 {
            eventually("it is being written", || payload_files(&server) > 0);
        }
        raw.hang_up();
        eventually("no file is left", || payload_files(&server) == 0);
        assert_eq!(own.read(&[]).status, 304, "{cut}");
    }
    // A client that sends everything and does not wait for the answer has sent it.
    let mut raw = Raw::connect(&own.client);
    raw.send(&head).send(&whole);
    eventually("both are there", || own.messages().len() == 2);
    raw.hang_up();
    // A client that disconnects while reading burns nothing: the next one gets everything.
    let read = format!("/Service?token={}&privatekeyhash={}", own.token, own.hash);
    for _ in 0..10 {
        let mut raw = Raw::connect(&own.client);
        raw.send(request(&own.client, "GET", &read, &[]));
        raw.hang_up();
    }
    assert_eq!(own.messages().len(), 2);
}

fn a_thousand_in_order() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let text_of =
        |id: u64| format!("{id}: {}", "x".repeat(usize::try_from(id).unwrap() * 7 % 3000));
    for id in 1..=1000 {
        own.send(&text_of(id));
    }
    let check = |messages: &[Value], ids: &mut dyn Iterator<Item = u64>| {
        let ids: Vec<u64> = ids.collect();
        assert_eq!(messages.len(), ids.len());
        for (message, id) in messages.iter().zip(ids) {
            assert_eq!(message["MessageId"], json!(id));
            assert_eq!(message["MessageData"], json!(text_of(id)));
        }
    };
    check(&own.messages(), &mut (1..=1000));
    // (parameters, first, last)
    type Case<'a> = (&'a [(&'a str, &'a str)], u64, u64);
    let cases: [Case; 8] = [
        (&[("limit", "1")], 1, 1),
        (&[("limit", "10"), ("offset", "990")], 991, 1000),
        (&[("offset", "999")], 1000, 1000),
        (&[("since", "0"), ("limit", "65")], 1, 65),
        (&[("since", "936")], 937, 1000),
        (&[("since", "900"), ("offset", "90")], 991, 1000),
        (&[("since", "100"), ("offset", "100"), ("limit", "100")], 201, 300),
        (&[("limit", "99999999999999")], 1, 1000),
    ];
    for (parameters, first, last) in cases {
        check(&list(&own.read(parameters)), &mut (first..=last));
    }
    let sealed = list(&own.read_sealed(&[("since", "500")]));
    let ids: Vec<_> = sealed.iter().map(|message| message["MessageId"].as_u64().unwrap()).collect();
    assert!(ids.into_iter().eq(501..=1000));
    for nothing in [("since", "1000"), ("offset", "1000"), ("since", "18446744073709551615")] {
        assert_eq!(own.read(&[nothing]).status, 304);
        let answer = own.read_sealed(&[nothing, ("format", "xml")]);
        assert_eq!(answer.status, 304);
    }
    let full = own.put(&[("message", "one more")]);
    assert_eq!((full.status, full.message().as_str()), (507, "The box is full"));
}

fn sealed_here_opens_there() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let (key, _) = shared_key();
    let large = "åäö ".repeat(50_000);
    for message in ["hej", &large] {
        own.send(message);
    }
    own.send_file("ö.txt", large.as_bytes());
    let listed = list(&own.read_sealed(&[]));
    for (message, expected) in listed.iter().zip(["hej", &large]) {
        let data = text(&message["MessageData"]);
        assert!(opened(key, &message["EncryptionKey"], &data) == expected.as_bytes());
        assert_eq!(message["Size"], json!(expected.len()));
    }
    let file = &listed[2];
    let about = opened(key, &file["EncryptionKey"], &text(&file["FileName"]));
    let about: Value = serde_json::from_slice(&about).expect("JSON");
    assert_eq!([&about["name"], &about["type"]], ["ö.txt", "text/x-test"]);
    let hash = sealdrop::crypto::sha256(large.as_bytes()).map(|byte| format!("{byte:02x}"));
    assert_eq!(about["sha256"], json!(hash.concat()));
    let bytes = fetch(&own.client, &text(&file["TemporaryDownloadId"])).body;
    let bytes = opened(key, &file["EncryptionKey"], &STANDARD.encode(bytes));
    assert!(bytes == large.as_bytes());
}

fn sealed_there_opens_here() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let (key, _) = shared_key();
    let large = "x\u{1f511}".repeat(40_000);
    for (plain, shown) in [
        (&b"hej"[..], "hej"),
        (b"", ""),
        (large.as_bytes(), &large),
        // Invalid text is shown as far as it is valid.
        (b"a\xffb\0", "a\u{fffd}b\0"),
    ] {
        let (message, wrapped) = sealed_text(key, plain);
        let lines = message.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap());
        let with_lines = lines.collect::<Vec<_>>().join("\r\n");
        for message in [&message, &with_lines] {
            assert_done(&own.put(&[("encryptedmessage", message), ("encryptionkey", &wrapped)]));
            let listed = own.messages();
            let last = listed.last().expect("a message");
            assert_eq!(last["MessageData"], json!(shown));
            assert_eq!(last["EncryptionKey"], Value::Null);
            assert_eq!(last["Size"], json!(plain.len()));
            let hash = sealdrop::crypto::sha256(plain).map(|byte| format!("{byte:02x}"));
            assert_eq!(last["MessageHash"], json!(hash.concat()));
            let listed = list(&own.read_sealed(&[]));
            let last = listed.last().expect("a message");
            assert_eq!(last["MessageData"], json!(message), "offline as sent");
            assert_eq!(last["EncryptionKey"], json!(wrapped));
            assert_eq!(last["Size"], json!(message.len()));
        }
    }
}

/// A message that does not open is listed as it is stored, and does not prevent reading the others.
fn foreign_ones() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let (key, _) = shared_key();
    let (message, wrapped) = sealed_text(key, b"good");
    let (other, _) = sealed_text(key, b"sealed with another message key");
    let stranger = BoxKey::generate(RsaBits::Bits2048, &SystemRandom);
    let (strange, strange_key) = sealed_text(&stranger, b"for somebody else");
    let mut flipped = STANDARD.decode(&message).expect("base64");
    flipped[20] ^= 1;
    let cut = STANDARD.encode(&STANDARD.decode(&message).expect("base64")[..20]);
    let long = "y".repeat(500_000);
    let foreign = [
        ("any ☃ text\0\r\n", "any key"),
        ("=", "="),
        (&*message, "AAAA"),
        (&message, &strange_key),
        (&strange, &strange_key),
        (&other, &wrapped),
        (&STANDARD.encode(flipped), &wrapped),
        (&cut, &wrapped),
        (&message[..message.len() - 3], &wrapped),
        (&long, &wrapped),
        ("AAAA", &wrapped),
    ];
    own.send("before");
    for (message, key) in foreign {
        assert_done(&own.put(&[("encryptedmessage", message), ("encryptionkey", key)]));
        own.send("between");
    }
    let (online, offline) = (own.messages(), list(&own.read_sealed(&[])));
    assert_eq!(online.len(), 1 + 2 * foreign.len());
    for (index, (message, key)) in foreign.iter().enumerate() {
        for listed in [&online, &offline] {
            let shown = &listed[1 + 2 * index];
            assert_eq!(shown["MessageData"], json!(message));
            assert_eq!(shown["EncryptionKey"], json!(key));
            assert_eq!(shown["Size"], json!(message.len()));
            assert_eq!(shown["MessageHash"], Value::Null);
        }
        assert_eq!(online[2 + 2 * index]["MessageData"], "between");
    }
}
