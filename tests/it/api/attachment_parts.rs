//! Attachments that arrive in parts: broken connections, wrong offsets, limits and quotas.

use super::{
    attachments::{Draft, fetch, sealed_file, view},
    payload_files,
    races::{at_once, count},
};
use crate::{
    http::{Client, secret_with},
    mail::until,
    raw::{Raw, request},
    server::{Options, TestServer},
    trial,
};
use libtest_mimic::Trial;
use sealdrop::domain::secret::attachment::stored_bytes;
use serde_json::json;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("attachments::parts_of_any_length_make_the_whole", parts_make_the_whole),
        trial("attachments::a_cut_line_keeps_whole_chunks", a_cut_line_keeps_whole_chunks),
        trial("attachments::a_body_without_a_length_is_taken", a_body_without_a_length),
        trial("attachments::a_whole_one_takes_the_place_of_parts", a_whole_one_replaces_parts),
        trial("attachments::two_uploaders_at_once", two_uploaders_at_once),
        trial("attachments::what_is_wrong_is_said", what_is_wrong_is_said),
        trial("attachments::too_many_and_too_long", too_many_and_too_long),
        trial("attachments::quotas_hold", quotas_hold),
    ]
}

/// The number of bytes that an interrupted upload of `bytes` bytes keeps.
fn whole_chunks(bytes: usize) -> usize {
    match bytes.checked_sub(7).map_or(0, |rest| rest / 65_552) {
        0 => 0,
        chunks => 7 + chunks * 65_552,
    }
}

fn parts_make_the_whole() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 1, json!({}));
    let file = sealed_file(300_000);
    let mut from = 0;
    for bytes in [1, 100, 65_536, 22, 3, 130_000, usize::MAX] {
        let to = from + bytes.min(file.len() - from);
        let answer = draft.put_part(client, 1, &file, from..to);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let is_last = to == file.len();
        assert_eq!(answer.json()["data"]["received"], to);
        assert_eq!(draft.offset(client, 1), (to, is_last));
        assert_eq!(stored_bytes(&server.app.store).expect("a count"), to as u64);
        from = to;
    }
    let (lease, _) = view(client, &draft.id);
    assert!(fetch(client, &draft.id, 1, &lease, None).body == file);
    // The file, and none for a remainder of less than a chunk.
    until("the ends are gone", || payload_files(server.dir()) == 1);
}

/// Sends the head of an upload and a part of its body, and disconnects.
fn cut_off(client: &Client, draft: &Draft, from: usize, file: &[u8], upto: usize) {
    let range = format!("Content-Range: bytes {from}-{}/{}", file.len() - 1, file.len());
    let length = format!("Content-Length: {}", file.len() - from);
    let token = format!("Upload-Token: {}", draft.token);
    let mut raw = Raw::connect(client);
    raw.send(request(client, "PUT", &draft.path(1), &[&token, &range, &length]));
    raw.send(&file[from..upto]).hang_up();
}

fn a_cut_line_keeps_whole_chunks() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 1, json!({}));
    let file = sealed_file(2 << 20);
    let mut from = 0;
    for upto in [10, 65_558, 65_559, 700_001, file.len() - 1] {
        let kept = whole_chunks(upto).max(from);
        until("it is kept", || {
            // An upload is refused while the previous one still holds the attachment, so it is repeated.
            cut_off(client, &draft, from, &file, upto);
            draft.offset(client, 1) == (kept, false)
        });
        from = kept;
        assert_eq!(client.get(&format!("/api/public/secrets/{}", draft.id)).status, 404);
    }
    until("it has ended", || draft.put_part(client, 1, &file, from..file.len()).status == 200);
    let (lease, _) = view(client, &draft.id);
    assert!(fetch(client, &draft.id, 1, &lease, None).body == file);
    assert_eq!(stored_bytes(&server.app.store).expect("a count"), file.len() as u64);
}

fn a_body_without_a_length() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 1, json!({}));
    let token = format!("Upload-Token: {}", draft.token);
    let file = sealed_file(200_000);
    let head = request(client, "PUT", &draft.path(1), &[&token, "Transfer-Encoding: chunked"]);
    let chunk =
        |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let mut raw = Raw::connect(client);
    raw.send(&head).send(chunk(&file[..100_000])).send(chunk(&file[100_000..]));
    raw.send("0\r\n\r\n");
    assert_eq!(raw.answer().json()["data"]["published"], true);
    let (lease, _) = view(client, &draft.id);
    assert!(fetch(client, &draft.id, 1, &lease, None).body == file);

    let draft = Draft::create(client, 1, json!({}));
    let token = format!("Upload-Token: {}", draft.token);
    let head = request(client, "PUT", &draft.path(1), &[&token, "Transfer-Encoding: chunked"]);
    let mut raw = Raw::connect(client);
    raw.send(&head).send(chunk(&file[..22])).send("0\r\n\r\n");
    assert_eq!(raw.answer().status, 422, "no sealed file is so short");
    assert_eq!(draft.offset(client, 1), (0, false));
}

fn a_whole_one_replaces_parts() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 1, json!({}));
    let (old, new) = (sealed_file(100_000), sealed_file(70_000));
    assert_eq!(draft.put_part(client, 1, &old, 0..90_000).status, 200);
    assert_eq!(draft.put(client, 1, &new).status, 200);
    assert_eq!(stored_bytes(&server.app.store).expect("a count"), new.len() as u64);
    let again = draft.put(client, 1, &new);
    assert_eq!((again.status, again.header("upload-complete")), (409, Some("true")));
    let (lease, _) = view(client, &draft.id);
    assert!(fetch(client, &draft.id, 1, &lease, None).body == new);
}

fn two_uploaders_at_once() {
    let server = TestServer::start();
    let client = &server.client;
    let file = sealed_file(1 << 20);
    let draft = Draft::create(client, 1, json!({}));
    // An upload that has begun and stalls blocks others, and they get its progress.
    let mut slow = Raw::connect(client);
    let token = format!("Upload-Token: {}", draft.token);
    let length = format!("Content-Length: {}", file.len());
    slow.send(request(client, "PUT", &draft.path(1), &[&token, &length]));
    slow.send(&file[..300_000]);
    // A status query by another upload could come first, and block it.
    until("it has begun", || payload_files(server.dir()) > 0);
    let other = draft.put_part(client, 1, &file, 5..10);
    assert!(other.text().contains("under way"), "{}", other.text());
    let refused = draft.put(client, 1, &file);
    assert_eq!((refused.status, refused.header("upload-offset")), (409, Some("0")));
    slow.send(&file[300_000..]);
    assert_eq!(slow.answer().status, 200);

    for _ in 0..5 {
        let draft = Draft::create(client, 1, json!({}));
        let statuses = at_once(4, |_| {
            let own = Client::new(client.base.clone(), client.key.clone());
            draft.put_part(&own, 1, &file, 0..file.len()).status
        });
        assert_eq!((count(&statuses, 200), count(&statuses, 409)), (1, 3), "{statuses:?}");
        let (lease, _) = view(client, &draft.id);
        assert!(fetch(client, &draft.id, 1, &lease, None).body == file);
    }
}

fn what_is_wrong_is_said() {
    let server = TestServer::start();
    let client = &server.client;
    let draft = Draft::create(client, 2, json!({}));
    let file = sealed_file(100_000);
    assert_eq!(draft.put_part(client, 1, &file, 0..70_000).status, 200);
    let put = |headers: &[(&str, &str)], bytes: &[u8]| {
        let all = [&[("upload-token", &*draft.token)], headers].concat();
        client.send("PUT", &draft.path(1), &all, bytes)
    };
    let total = file.len();
    let cases = [
        (format!("bytes 0-9/{total}"), 10, 409),
        (format!("bytes 69999-70008/{total}"), 10, 409),
        (format!("bytes 70001-70010/{total}"), 10, 409),
        (format!("bytes 70000-70009/{}", total + 1), 10, 422),
        (format!("bytes 70000-70010/{total}"), 10, 422),
        (String::from("bytes 70000-70009/*"), 10, 422),
        (String::from("70000-70009"), 10, 422),
        (String::from("bytes 0-9/22"), 10, 422),
        (format!("bytes 70000-70009/{}", 1_u64 << 40), 10, 413),
    ];
    for (range, bytes, status) in cases {
        let answer = put(&[("content-range", &*range)], &file[..bytes]);
        assert_eq!(answer.status, status, "{range}: {}", answer.text());
        if status == 409 {
            let told = (answer.header("upload-offset"), answer.header("upload-complete"));
            assert_eq!(told, (Some("70000"), Some("false")));
        }
    }
    assert_eq!(draft.offset(client, 1), (70_000, false), "nothing has changed");
    for path in [draft.path(0), draft.path(3), format!("{}0", draft.path(0)), draft.path(200)] {
        let answer = client.send("PUT", &path, &[("upload-token", &draft.token)], &file);
        assert_eq!(answer.status, 404, "{path}");
    }

    // A wrong token gets the same answer as a draft that does not exist, and no body is requested.
    let other = Draft::create(client, 1, json!({}));
    let wrong = Draft { id: draft.id.clone(), token: other.token.clone() };
    let whole = |answer: crate::http::Answer| (answer.status, answer.text());
    let nowhere = Draft { id: "0".repeat(31), token: other.token };
    assert_eq!(whole(wrong.put(client, 1, &file)), whole(nowhere.put(client, 1, &file)));
    assert_eq!(wrong.put(client, 1, &file).status, 404);
    assert_eq!(wrong.publish(client).status, 404);
    assert_eq!(wrong.drop_it(client).status, 404);
    let head = client.send("HEAD", &draft.path(1), &[("upload-token", &wrong.token)], b"");
    assert_eq!(head.status, 404);
    for (method, path) in [
        ("PUT", draft.path(1)),
        ("GET", draft.path(1)),
        ("POST", format!("/api/secrets/{}/publish", draft.id)),
        ("DELETE", format!("/api/secrets/{}/draft", draft.id)),
    ] {
        assert_eq!(client.send(method, &path, &[], b"").status, 403, "{method} {path}");
    }
}

fn too_many_and_too_long() {
    let mut options = Options::default();
    options.rules.attachments.max_count = 3;
    options.rules.attachments.max_bytes = Some(70_000);
    let server = TestServer::with(options);
    let client = &server.client;
    for (wrong, status) in [
        (json!(4), 422),
        (json!(u64::MAX), 422),
        (json!([null, null, null, null]), 422),
        (json!([1]), 422),
        (json!("1.5"), 422),
        (json!({}), 422),
        (json!(["*"]), 422),
        (json!(["YQ=="]), 422),
        (json!([base64(&sealed_file(70_000))]), 413),
    ] {
        let answer = client.post("/api/secrets", &secret_with(json!({"attachments": wrong})));
        assert_eq!(answer.status, status, "{wrong}: {}", answer.text());
    }
    for none in [json!(0), json!(null), json!([])] {
        let answer = client.post("/api/secrets", &secret_with(json!({"attachments": none})));
        assert_eq!(answer.json()["data"]["draft"], false, "{none}");
    }
    let draft = Draft::create(client, 3, json!({}));
    assert_eq!(draft.put(client, 1, &sealed_file(70_000)).status, 413);
    let long = sealed_file(70_000);
    assert_eq!(draft.put_part(client, 1, &long, 0..10).status, 413);
    let chunked = format!("Upload-Token: {}", draft.token);
    let mut raw = Raw::connect(client);
    let head = request(client, "PUT", &draft.path(1), &[&chunked, "Transfer-Encoding: chunked"]);
    raw.send(head).send(format!("{:x}\r\n", long.len())).send(&long);
    assert_eq!(raw.answer().status, 413);
    assert_eq!(draft.put(client, 1, &sealed_file(69_900)).status, 200);
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

fn quotas_hold() {
    let mut options = Options::default();
    options.rules.attachments.max_account_bytes = Some(250_000);
    options.rules.attachments.max_storage_bytes = Some(400_000);
    let server = TestServer::with(options);
    let (client, other) = (&server.client, server.other_account());
    let file = sealed_file(100_000);
    let stored = || stored_bytes(&server.app.store).expect("a count");
    let first = Draft::create(client, 3, json!({}));
    assert_eq!(first.put(client, 1, &file).status, 200);
    assert_eq!(first.put(client, 2, &file).status, 200);
    // If the length is known, the answer comes before the body is read.
    assert_eq!(first.put_part(client, 3, &file, 0..50).status, 507);
    assert_eq!(first.put(client, 3, &file).error().0, 507);
    let inline = secret_with(json!({"attachments": [base64(&file)]}));
    assert_eq!(client.post("/api/secrets", &inline).status, 507);
    let second = Draft::create(&other, 2, json!({}));
    assert_eq!(second.put(&other, 1, &file).status, 200);
    assert_eq!(second.put(&other, 2, &file).status, 507, "of all together");
    assert_eq!(stored(), 3 * file.len() as u64);

    // Deleted files release their space.
    assert_eq!(first.drop_it(client).status, 200);
    assert_eq!(stored(), file.len() as u64);
    assert_eq!(second.put(&other, 2, &file).status, 200);
    assert_eq!(other.delete(&format!("/api/secrets/{}", second.id)).status, 200);
    assert_eq!(stored(), 0);
    assert_eq!(client.post("/api/secrets", &inline).status, 201);
    assert_eq!(stored(), file.len() as u64);
}
