//! The answer to a creation, its effect on the usage, and its limits.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use serde_json::json;

use super::{figures, payload_files, seen};
use crate::{
    http::secret_with,
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::create::the_answer_is_the_lists_entry", the_answer_is_the_lists_entry),
        trial("api::create::ids_are_31_letters_and_digits", ids_are_31_letters_and_digits),
        trial("api::create::the_allowance_is_by_the_month", the_allowance_is_by_the_month),
        trial("api::create::a_refused_creation_leaves_no_file", a_refused_creation_leaves_no_file),
        trial("api::create::a_mebibyte_comes_back_unchanged", a_mebibyte_comes_back_unchanged),
    ]
}

fn the_answer_is_the_lists_entry() {
    let server = TestServer::start();
    let more = json!({"description": "d", "message": "m", "view_button": true, "max_views": 3});
    let answer = server.client.post("/api/secrets", &secret_with(more));
    assert_eq!(answer.status, 201);
    let created = answer.json();
    assert_eq!(created.as_object().expect("an object").len(), 2);
    assert_eq!(figures(&created), (1, 1, 1_000_000));
    let mut fields: Vec<_> = created["data"].as_object().expect("an object").keys().collect();
    fields.sort();
    let expected = [
        "attachments",
        "captcha",
        "created_at",
        "description",
        "draft",
        "events",
        "expiration",
        "expired",
        "expires_at",
        "id",
        "locked",
        "max_views",
        "message",
        "message_shown",
        "password",
        "reply",
        "reply_key",
        "view_button",
        "view_times",
        "views",
    ];
    assert_eq!(fields, expected);
    let list = seen(&server.client);
    assert_eq!(list["data"], json!([created["data"]]));
    assert_eq!(list["metadata"], created["metadata"]);

    let id = created["data"]["id"].as_str().expect("an id");
    let viewed = server.public.view(id);
    assert_eq!(viewed.status, 200);
    let sent = secret_with(json!({}));
    let expected = json!({
        "data": {
            "id": id,
            "ciphertext": sent["ciphertext"],
            "password_part_private": sent["password_part_private"],
            "message": "m",
        },
        "metadata": created["metadata"],
    });
    assert_eq!(viewed.json(), expected);

    let deleted = server.client.delete(&format!("/api/secrets/{id}"));
    assert_eq!(deleted.status, 200);
    let metadata = json!({"secrets_total": 0, "secrets_usage": 1, "secrets_allowance": 1_000_000});
    assert_eq!(deleted.json(), json!({"data": null, "metadata": metadata}));
    assert_eq!(
        seen(&server.client),
        json!({"data": [], "metadata": metadata, "next_cursor": null})
    );
}

fn ids_are_31_letters_and_digits() {
    let server = TestServer::start();
    let other = server.other_account();
    let mut all = HashSet::new();
    for number in 0..100 {
        let id = if number % 20 == 0 { &other } else { &server.client }.create(json!({}));
        assert_eq!(id.len(), 31, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert!(all.insert(id), "an id was given twice");
    }
    // An attacker would not have to guess the common part of ids.
    for place in 1..31 {
        let letters: HashSet<_> = all.iter().map(|id| id.as_bytes()[place]).collect();
        assert!(letters.len() > 20, "place {place} is always one of {letters:?}");
    }
}

fn the_allowance_is_by_the_month() {
    let server = TestServer::with(Options { allowance: 3, ..Options::default() });
    let client = &server.client;
    assert_eq!(figures(&seen(client)), (0, 0, 3));
    let ids: Vec<_> = (0..3).map(|_| client.create(json!({}))).collect();
    let before = seen(client);
    assert_eq!(figures(&before), (3, 3, 3));
    let refuse = |months: &str| {
        let answer = client.post("/api/secrets", &secret_with(json!({})));
        assert_eq!(answer.error(), (403, json!(null)), "{months}");
        assert!(answer.text().contains("allowance of 3"), "{}", answer.text());
    };
    refuse("the fourth");
    assert_eq!(seen(client), before);

    // Neither a view nor a deletion returns any of it.
    let viewed = server.public.view(&ids[0]).json();
    assert_eq!(figures(&viewed), (3, 3, 3));
    assert_eq!(figures(&client.delete(&format!("/api/secrets/{}", ids[1])).json()), (2, 3, 3));
    refuse("after a deletion");

    const UNTIL_DECEMBER: u64 = 734_400;
    server.clock.advance(UNTIL_DECEMBER - 1);
    refuse("the last second of November");
    assert_eq!(figures(&seen(client)).1, 3);
    server.clock.advance(1);
    assert_eq!(figures(&seen(client)), (2, 0, 3));
    let answer = client.post("/api/secrets", &secret_with(json!({})));
    assert_eq!(answer.status, 201);
    assert_eq!(figures(&answer.json()), (3, 1, 3));
}

fn a_refused_creation_leaves_no_file() {
    let server = TestServer::with(Options { allowance: 1, ..Options::default() });
    let large = json!({"ciphertext": ciphertext_of(100 << 10)});
    server.client.create(large.clone());
    let files = payload_files(server.dir());
    assert_eq!(files, 1, "a large payload is a file");
    let refused = [
        (large.clone(), 403),
        (json!({"ciphertext": large["ciphertext"], "password": "p"}), 403),
        (json!({"ciphertext": large["ciphertext"], "max_views": 0}), 422),
    ];
    for (more, status) in refused {
        assert_eq!(server.client.post("/api/secrets", &secret_with(more)).status, status);
        assert_eq!(payload_files(server.dir()), files, "{status}");
    }
}

/// A valid ciphertext of exactly this many characters.
pub(crate) fn ciphertext_of(chars: usize) -> String {
    let head = r#"{"iv":"kWzXu1z4TB17UqoML6j/ww==","v":1,"iter":10000,"ks":256,"ts":64,"mode":"gcm","adata":"","cipher":"aes","salt":"5c5Omxh4wL4=","ct":""#;
    assert_eq!(chars % 4, 0);
    let room = chars / 4 * 3 - head.len() - 2;
    let ct: String = ('A'..='Z').chain('a'..='z').cycle().take(room / 4 * 4).collect();
    let spaces = " ".repeat(room % 4);
    let text = STANDARD.encode(format!("{head}{ct}\"}}{spaces}"));
    assert_eq!(text.len(), chars);
    text
}

fn a_mebibyte_comes_back_unchanged() {
    let server = TestServer::start();
    for chars in [4 << 10, 6 << 10, 64 << 10, 1 << 20] {
        let ciphertext = ciphertext_of(chars);
        let id = server.client.create(json!({"ciphertext": ciphertext}));
        let viewed = server.public.view(&id);
        assert_eq!(viewed.status, 200, "{chars}");
        assert!(viewed.json()["data"]["ciphertext"] == json!(ciphertext), "{chars}");
    }
    let before = seen(&server.client);
    let body = secret_with(json!({"ciphertext": ciphertext_of((1 << 20) + 4)}));
    let answer = server.client.post("/api/secrets", &body);
    assert_eq!(answer.error(), (413, json!("ciphertext")));
    assert!(answer.text().contains("1048576"), "{}", answer.text());
    assert_eq!(seen(&server.client), before);

    // All other fields have their greatest length, and all characters are escaped.
    let escaped = |text: &str| text.replace('\u{1f511}', "\\ud83d\\udd11").replace('/', "\\/");
    let long = "\u{1f511}".repeat(1000);
    let body = secret_with(json!({
        "ciphertext": ciphertext_of(1 << 20), "description": long, "message": long, "password": long,
    }));
    let body = escaped(&body.to_string());
    let headers = [("content-type", "application/json")];
    let answer = server.client.send("POST", "/api/secrets", &headers, body.as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["data"]["message"], json!(long));
}
