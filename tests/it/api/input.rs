//! Every parameter of `POST /api/secrets`: its valid and its invalid values.

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::seen;
use crate::{
    http::secret_with,
    server::{Options, TestServer},
    trial,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("api::input::good_values_come_back", good_values_come_back),
        trial("api::input::bad_values_name_their_field", bad_values_name_their_field),
        trial("api::input::bad_ciphertexts_say_what_is_wrong", bad_ciphertexts_say_what_is_wrong),
        trial("api::input::good_ciphertexts_come_back", good_ciphertexts_come_back),
        trial("api::input::the_operators_lifetimes_hold", the_operators_lifetimes_hold),
        trial("api::input::what_is_no_object_is_malformed", what_is_no_object_is_malformed),
        trial("api::input::only_json_is_read", only_json_is_read),
    ]
}

/// A message of SJCL with other fields, `null` for none.
fn sjcl_with(changes: Value) -> String {
    let mut message = json!({
        "iv": "kWzXu1z4TB17UqoML6j/ww==", "v": 1, "iter": 10000, "ks": 256, "ts": 64, "mode": "gcm",
        "adata": "", "cipher": "aes", "salt": "5c5Omxh4wL4=", "ct": "bqgKWeDwecQpsxK7uFw+AAAAAAA=",
    });
    let fields = message.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    STANDARD.encode(message.to_string())
}

fn good_values_come_back() {
    let server = TestServer::start();
    let long = "\u{1f511}".repeat(1000);
    // (sent, field of the list, its value)
    let cases = [
        (json!({}), "description", json!(null)),
        (json!({}), "message", json!(null)),
        (json!({}), "view_button", json!(false)),
        (json!({}), "captcha", json!(false)),
        (json!({}), "password", json!(false)),
        (json!({}), "expiration", json!(168)),
        (json!({}), "expires_at", json!("2026-11-29T12:00:00Z")),
        (json!({}), "created_at", json!("2026-11-22T12:00:00Z")),
        (json!({}), "expired", json!(false)),
        (json!({}), "locked", json!(false)),
        (json!({}), "view_times", json!(0)),
        (json!({}), "max_views", json!(1)),
        (json!({}), "views", json!([])),
        (
            json!({"description": "a \u{e5} \"b\"\u{0}\n"}),
            "description",
            json!("a \u{e5} \"b\"\u{0}\n"),
        ),
        (json!({"description": long}), "description", json!(long)),
        (json!({"description": ""}), "description", json!(null)),
        (json!({"description": null}), "description", json!(null)),
        (json!({"message": long}), "message", json!(long)),
        (json!({"message": ""}), "message", json!(null)),
        (json!({}), "message_shown", json!("with")),
        (json!({"message_shown": ""}), "message_shown", json!("with")),
        (json!({"message_shown": "with"}), "message_shown", json!("with")),
        (json!({"message_shown": "before"}), "message_shown", json!("before")),
        (json!({"expiration": 1}), "expiration", json!(1)),
        (json!({"expiration": 1}), "expires_at", json!("2026-11-22T13:00:00Z")),
        (json!({"expiration": 350}), "expiration", json!(350)),
        (json!({"expiration": 0}), "expiration", json!(168)),
        (json!({"expiration": null}), "expiration", json!(168)),
        (json!({"view_button": true}), "view_button", json!(true)),
        (json!({"view_button": "true"}), "view_button", json!(true)),
        (json!({"view_button": "false"}), "view_button", json!(false)),
        (json!({"captcha": true}), "captcha", json!(true)),
        (json!({"captcha": "true"}), "captcha", json!(true)),
        (json!({"captcha": null}), "captcha", json!(false)),
        (json!({"password": "p"}), "password", json!(true)),
        (json!({"password": "\u{1f511}".repeat(1000)}), "password", json!(true)),
        (json!({"password": ""}), "password", json!(false)),
        (json!({"password": " p\t\r\n"}), "password", json!(true)),
        (json!({"password": null}), "password", json!(false)),
        (json!({"max_views": 1}), "max_views", json!(1)),
        (json!({"max_views": 100}), "max_views", json!(100)),
        (json!({"max_views": null}), "max_views", json!(1)),
        (json!({"max_visningar": 7}), "max_views", json!(7)),
        (json!({"unknown": [{"deep": [1.5e300]}], "id": "mine"}), "max_views", json!(1)),
    ];
    for (more, field, expected) in cases {
        let answer = server.client.post("/api/secrets", &secret_with(more.clone()));
        assert_eq!(answer.status, 201, "{more}: {}", answer.text());
        assert_eq!(answer.json()["data"][field], expected, "{field} of {more}");
        assert_eq!(seen(&server.client)["data"][0], answer.json()["data"], "{more}");
    }
}

fn bad_values_name_their_field() {
    let server = TestServer::start();
    server.client.create(json!({"description": "there before"}));
    let before = seen(&server.client);
    let too_long = "\u{e5}".repeat(1001);
    // (field, values, text of the message)
    let cases: [(&str, Vec<Value>, &str); 24] = [
        ("ciphertext", vec![json!(null), json!("")], "Ciphertext can't be blank"),
        ("ciphertext", vec![json!(5), json!(true), json!([]), json!({})], "must be a string"),
        ("ciphertext", vec![json!("*"), json!("a b="), json!("YQ=a"), json!("\u{e5}")], "base64"),
        ("password_part_private", vec![json!(null), json!("")], "can't be blank"),
        ("password_part_private", vec![json!(5), json!(["YQ=="])], "must be a string"),
        ("password_part_private", vec![json!("*"), json!("a"), json!("YQ\t==")], "base64"),
        ("password_part_private", vec![json!("YWFh".repeat(257))], "1024 characters"),
        ("description", vec![json!(5), json!([]), json!(false)], "Description must be a string"),
        ("description", vec![json!(too_long)], "1000 characters"),
        ("message", vec![json!(5), json!({}), json!(true)], "Message must be a string"),
        ("message", vec![json!(too_long)], "1000 characters"),
        ("message_shown", vec![json!("after"), json!("With")], "\"before\" or \"with\""),
        ("message_shown", vec![json!(true), json!(1)], "must be a string"),
        ("expiration", vec![json!(351), json!(u64::MAX)], "between 1 and 350"),
        (
            "expiration",
            vec![json!(-1), json!(1.5), json!(1e300), json!("24h"), json!(true), json!([1])],
            "must be a whole number",
        ),
        (
            "view_button",
            vec![json!(1), json!("yes"), json!("True"), json!([])],
            "View button must be true or false",
        ),
        ("captcha", vec![json!(0), json!("on"), json!("TRUE")], "must be true or false"),
        ("password", vec![json!(5), json!(true), json!([])], "Password must be a string"),
        ("password", vec![json!(too_long)], "1000 characters"),
        ("password", vec![json!("p\nq"), json!("p\0q"), json!("p\u{7f}q")], "control characters"),
        ("password", vec![json!(" "), json!("\t\n"), json!("\u{3000}\u{200b}")], "blanks only"),
        ("max_views", vec![json!(0), json!(101), json!(257), json!(u64::MAX)], "between 1 and 100"),
        (
            "max_views",
            vec![json!(-1), json!(2.5), json!("5.5"), json!(true)],
            "Max views must be a whole number",
        ),
        ("max_visningar", vec![json!(0), json!(101)], "between 1 and 100"),
    ];
    for (name, values, says) in cases {
        for value in values {
            let answer = server.client.post("/api/secrets", &secret_with(json!({name: value})));
            let field = if name == "max_visningar" { "max_views" } else { name };
            assert_eq!(answer.error(), (422, json!(field)), "{value}: {}", answer.text());
            let message = answer.json()["error"]["message"].as_str().expect("a text").to_owned();
            assert!(message.contains(says), "{value}: {message}");
        }
    }
    let twice = secret_with(json!({"max_views": 1, "max_visningar": 1}));
    assert_eq!(server.client.post("/api/secrets", &twice).error(), (422, json!("max_views")));
    for field in ["ciphertext", "password_part_private"] {
        let mut body = secret_with(json!({}));
        body.as_object_mut().expect("an object").remove(field);
        assert_eq!(server.client.post("/api/secrets", &body).error(), (422, json!(field)));
    }
    assert_eq!(seen(&server.client), before);
}

fn bad_ciphertexts_say_what_is_wrong() {
    let server = TestServer::start();
    let before = seen(&server.client);
    let cases = [
        (STANDARD.encode("hunter2"), "JSON"),
        (STANDARD.encode("[1]"), "JSON object"),
        (STANDARD.encode(b"\xff\xfe"), "JSON"),
        (sjcl_with(json!({"mode": "ccm"})), "mode"),
        (sjcl_with(json!({"mode": "ocb2"})), "mode"),
        (sjcl_with(json!({"mode": null})), "mode"),
        (sjcl_with(json!({"ks": 128})), "ks"),
        (sjcl_with(json!({"ks": "256"})), "ks"),
        (sjcl_with(json!({"ks": null})), "ks"),
        (sjcl_with(json!({"iter": 999})), "iter"),
        (sjcl_with(json!({"iter": 2_000_001})), "iter"),
        (sjcl_with(json!({"iter": -1})), "iter"),
        (sjcl_with(json!({"iter": "10000"})), "iter"),
        (sjcl_with(json!({"iter": 4_294_977_296_u64})), "iter"),
        (sjcl_with(json!({"ts": 32})), "ts"),
        (sjcl_with(json!({"ts": 0})), "ts"),
        (sjcl_with(json!({"ts": 127})), "ts"),
        (sjcl_with(json!({"ts": "64"})), "ts"),
        (sjcl_with(json!({"cipher": "des"})), "cipher"),
        (sjcl_with(json!({"v": 2})), "v must be 1"),
        (sjcl_with(json!({"iv": null})), "iv"),
        (sjcl_with(json!({"iv": "AAAA"})), "iv"),
        (sjcl_with(json!({"salt": null})), "salt"),
        (sjcl_with(json!({"salt": ""})), "salt"),
        (sjcl_with(json!({"ct": null})), "ct"),
        (sjcl_with(json!({"ct": "AAAA"})), "ct"),
        (sjcl_with(json!({"ct": "*"})), "ct"),
    ];
    for (ciphertext, says) in cases {
        for name in ["ciphertext", "chiffertext"] {
            let mut body = json!({"password_part_private": "YQ=="});
            body[name] = json!(ciphertext);
            let answer = server.client.post("/api/secrets", &body);
            assert_eq!(answer.error(), (422, json!("ciphertext")), "{says}: {}", answer.text());
            let message = answer.json()["error"]["message"].as_str().expect("a text").to_owned();
            assert!(message.starts_with("Ciphertext ") && message.contains(says), "{message}");
        }
    }
    assert_eq!(seen(&server.client), before);
}

fn good_ciphertexts_come_back() {
    let server = TestServer::start();
    let cases = [
        sjcl_with(json!({"iter": 1000})),
        sjcl_with(json!({"iter": 2_000_000})),
        sjcl_with(json!({"iter": null})),
        sjcl_with(json!({"ts": 96})),
        sjcl_with(json!({"ts": 128})),
        sjcl_with(json!({"ts": null})),
        STANDARD.encode(format!("{} ", plain(&sjcl_with(json!({}))))),
        STANDARD.encode(format!("{} ", plain(&sjcl_with(json!({}))))).replace('=', ""),
        STANDARD.encode(format!(" {}  ", plain(&sjcl_with(json!({}))))).replace('=', ""),
    ];
    assert!(cases.iter().any(|text| text.len() % 4 != 0), "one is without its padding");
    for part in ["TFNFQ1RBbENZNUNyYVhLSnlo", "YQ==", "YQ", &"YWFh".repeat(256)] {
        for ciphertext in &cases {
            for name in ["ciphertext", "chiffertext"] {
                let mut body = json!({"password_part_private": part});
                body[name] = json!(ciphertext);
                let answer = server.client.post("/api/secrets", &body);
                assert_eq!(answer.status, 201, "{}: {}", plain(ciphertext), answer.text());
                let id = answer.json()["data"]["id"].as_str().expect("an id").to_owned();
                let data = server.public.view(&id).json()["data"].clone();
                let expected = json!({
                    "id": id, "ciphertext": ciphertext, "password_part_private": part, "message": null,
                });
                assert_eq!(data, expected);
            }
        }
    }
}

fn plain(ciphertext: &str) -> String {
    let bytes = STANDARD.decode(ciphertext).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn the_operators_lifetimes_hold() {
    let rules = |min, max, default| {
        let mut options = Options::default();
        options.rules.lifetime = sealdrop::domain::lifetime::LifetimeRules { min, max, default };
        TestServer::with(options)
    };
    let server = rules(2, 48, 24);
    // sent -> expiration, or the text of the message
    let cases = [
        (json!(null), Ok(24)),
        (json!(0), Ok(24)),
        (json!(2), Ok(2)),
        (json!(48), Ok(48)),
        (json!(1), Err("between 2 and 48")),
        (json!(49), Err("between 2 and 48")),
    ];
    for (sent, expected) in cases {
        let answer = server.client.post("/api/secrets", &secret_with(json!({"expiration": sent})));
        match expected {
            Ok(hours) => assert_eq!(answer.json()["data"]["expiration"], json!(hours), "{sent}"),
            Err(says) => {
                assert_eq!(answer.error(), (422, json!("expiration")), "{sent}");
                assert!(answer.text().contains(says), "{sent}: {}", answer.text());
            }
        }
    }
    let server = rules(2, 48, 0);
    for sent in [json!(null), json!(0)] {
        let answer = server.client.post("/api/secrets", &secret_with(json!({"expiration": sent})));
        let data = &answer.json()["data"];
        assert_eq!((&data["expiration"], &data["expires_at"]), (&json!(0), &json!(null)));
        let id = data["id"].as_str().expect("an id").to_owned();
        server.clock.advance(1_000_000_000);
        assert_eq!(server.public.view(&id).status, 200);
    }
}

fn what_is_no_object_is_malformed() {
    let server = TestServer::start();
    let before = seen(&server.client);
    let deep = format!("{{\"x\":{}1", "[".repeat(60_000));
    let bodies: [&[u8]; 13] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"\"text\"",
        b"7",
        b"{",
        b"{\"a\":1,}",
        b"{'a':1}",
        b"{} {}",
        b"\xef\xbb\xbf",
        b"{\"ciphertext\":\"\xff\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let headers = [("content-type", "application/json")];
        let answer = server.client.send("POST", "/api/secrets", &headers, body);
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(answer.error(), (400, json!(null)), "{start}: {}", answer.text());
    }
    assert_eq!(seen(&server.client), before);
}

fn only_json_is_read() {
    let server = TestServer::start();
    let body = secret_with(json!({})).to_string();
    let cases = [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("APPLICATION/JSON", 201),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain", 415),
        ("text/plain; application/json", 415),
        ("application/jsonp", 415),
    ];
    for (content_type, status) in cases {
        let before = seen(&server.client);
        let headers = [("content-type", content_type)];
        let answer = server.client.send("POST", "/api/secrets", &headers, body.as_bytes());
        assert_eq!(answer.status, status, "{content_type}");
        if status == 415 {
            assert_eq!(answer.error(), (415, json!(null)));
            assert!(answer.text().contains("application/json"), "{}", answer.text());
            assert_eq!(seen(&server.client), before, "{content_type}");
        }
    }
}
