//! Requests as such: formats, paths, methods, CORS, lengths, invalid bodies.

use libtest_mimic::Trial;

use super::{
    Part, TestBox, assert_done, assert_refused, form,
    parameters::{PARTS, Way, send},
    put_parts,
};
use crate::{
    raw::{Raw, request},
    server::{Options, TestServer},
    trial, xml,
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::requests::format_and_accept", format_and_accept),
        trial("key_service::requests::one_path_in_any_case", one_path_in_any_case),
        trial("key_service::requests::methods_and_cors", methods_and_cors),
        trial("key_service::requests::what_is_too_long", what_is_too_long),
        trial("key_service::requests::bodies_that_make_no_sense", bodies_that_make_no_sense),
    ]
}

fn format_and_accept() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    own.send("hi");
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    // (query, Accept, in XML)
    let cases = [
        ("", "", false),
        ("", "*/*", false),
        ("", "text/plain", false),
        ("", "application/xml", true),
        ("", "Text/XML; charset=utf-8", true),
        ("", "application/json, application/xml", false),
        ("", "application/json;q=0.5, text/xml", true),
        ("", browser, false),
        ("&format=xml", browser, true),
        ("&format=XML", "application/json", true),
        ("&format=json", "application/xml", false),
        ("&FORMAT=Json", "text/xml", false),
    ];
    for (query, accept, is_xml) in cases {
        let read = format!("/Service?token={}&privatekeyhash={}{query}", own.token, own.hash);
        let wrong = format!("/Service?token=x{query}");
        let send =
            |method: &str, path: &str| own.client.send(method, path, &[("accept", accept)], b"");
        let answers =
            [(send("GET", &read), 200), (send("PUT", &wrong), 400), (send("PATCH", &read), 405)];
        for (answer, status) in answers {
            assert_eq!(answer.status, status, "{query} {accept}: {}", answer.text());
            let expected = if is_xml { "text/xml; charset=utf-8" } else { "application/json" };
            assert_eq!(answer.header("content-type"), Some(expected), "{query} {accept}");
        }
    }
    // In a body of any kind, for answers that come after it was read.
    let token = ("token", &*own.token);
    let pairs = [token, ("message", "m"), ("format", "xml")];
    for way in [Way::Headers, Way::Form, Way::Json, Way::Parts] {
        let answer = send(&own.client, way, "PUT", &pairs);
        assert_eq!(answer.status, 200, "{way:?}");
        assert_eq!(xml::parse(&answer.text()).name, "response", "{way:?}");
    }
    for format in ["yaml", "xml2", "jsonp"] {
        let answer = own.client.get(&format!("/Service?format={format}"));
        assert_refused(&answer, "format must be json or xml");
    }
    // A wrong parameter at the end of a form still rejects the message.
    let count = own.messages().len();
    for wrong in [("v", "2"), ("format", "yaml")] {
        let parts = [
            Part::text("token", &own.token),
            Part::file("f", "f", b"f"),
            Part::text(wrong.0, wrong.1),
        ];
        assert_refused(&put_parts(&own.client, &parts), wrong.0);
    }
    assert_eq!(own.messages().len(), count);
}

fn one_path_in_any_case() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    for path in ["/Service", "/service", "/SERVICE/", "/sErViCe", "/Service/"] {
        let answer = own.client.send("PUT", path, &[("token", &own.token), ("message", path)], b"");
        assert_done(&answer);
    }
    assert_eq!(own.messages().len(), 5);
    for path in ["/Services", "/Service/x", "/Service//", "/x/Service", "/Service/a/b/c", "/Servic"]
    {
        let answer = own.client.get(path);
        assert_eq!(answer.status, 404, "{path}");
    }
}

fn methods_and_cors() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let own = TestBox::new(&client);
    let publickey = format!("/Service/{}/publickey", own.token);
    for (path, allowed) in [
        ("/Service", "GET, POST, PUT, DELETE, OPTIONS"),
        ("/service/", "GET, POST, PUT, DELETE, OPTIONS"),
        ("/Service/File/00", "GET, OPTIONS"),
        (&*publickey, "GET, OPTIONS"),
    ] {
        for method in ["PATCH", "HEAD", "TRACE", "FOO"] {
            let answer = match method {
                // It has no body to check.
                "HEAD" => {
                    let mut raw = Raw::connect(&client);
                    let head = raw.send(request(&client, "HEAD", path, &[])).answer_to(true);
                    assert_eq!(head.status, 405, "{path}");
                    assert_eq!(head.header("allow"), Some(allowed), "{path}");
                    continue;
                }
                _ => client.send(method, path, &[], b""),
            };
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        }
        let headers = [
            ("origin", "https://other.example"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "token,passphrase,content-type"),
        ];
        let preflight = client.send("OPTIONS", path, &headers, b"");
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-methods"), Some(allowed));
        assert_eq!(preflight.header("access-control-max-age"), Some("86400"));
        let names = preflight.header("access-control-allow-headers").expect("names");
        let names: Vec<_> = names.split(", ").map(str::to_ascii_lowercase).collect();
        for name in [
            "content-type",
            "authorization",
            "accept",
            "range",
            "token",
            "passphrase",
            "publickey",
            "privatekey",
            "privatekeyhash",
            "message",
            "encryptedmessage",
            "encryptionkey",
            "releasedate",
            "lockdate",
            "deletemessagesafterreading",
            "deletekeyafterreading",
            "offset",
            "limit",
            "since",
            "v",
            "format",
        ] {
            assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
        }
    }
    // The client checks the other headers of CORS on every answer.
    let answer = client.send("GET", "/Service", &[("origin", "null")], b"");
    let exposed = answer.header("access-control-expose-headers").expect("names");
    assert!(
        exposed.contains("Content-Disposition") && exposed.contains("Retry-After"),
        "{exposed}"
    );
}

fn what_is_too_long() {
    let mut options = Options::default();
    options.service_rules.max_text = 100_000;
    options.service_rules.max_upload = Some(200_000);
    let server = TestServer::with(options);
    let own = TestBox::new(&server.client.with_key(""));
    let token = ("token", &*own.token);
    let text = |length| "x".repeat(length);
    for (length, fits) in [(99_000, true), (100_001, false)] {
        for way in [Way::Form, Way::Json, Way::Parts] {
            let length = if matches!(way, Way::Form) { length / 3 } else { length };
            let answer = send(&own.client, way, "PUT", &[token, ("message", &text(length))]);
            assert_eq!(answer.status, if fits { 200 } else { 413 }, "{way:?} {length}");
            if !fits {
                assert!(answer.message().contains("100000 bytes"), "{}", answer.message());
            }
        }
    }
    for (length, status) in [(200_000, 200), (200_001, 413), (5_000_000, 413)] {
        for name in ["file", "encryptedfile", "message"] {
            let bytes = vec![7; length];
            let parts = [Part::file(name, "a", &bytes), Part::text("encryptionkey", "k")];
            let answer = own.put_parts(&parts);
            assert_eq!(answer.status, status, "{name} {length}: {}", answer.text());
            if status == 413 {
                assert!(answer.message().contains("200000 bytes"), "{}", answer.message());
            }
        }
    }
    // The largest number of files in one form; with one more, none is stored.
    let parts = vec![Part::file("file", "a", b"a"); 101];
    assert_eq!(own.put_parts(&parts).status, 413);
    assert_eq!(own.messages().len(), 6);
    assert_done(&own.put_parts(&parts[..100]));
    assert_eq!(own.messages().len(), 106);
}

fn bodies_that_make_no_sense() {
    let server = TestServer::start();
    let own = TestBox::new(&server.client.with_key(""));
    let put = |content_type: &str, body: &[u8]| {
        let headers = [("content-type", content_type), ("token", &*own.token), ("message", "m")];
        own.client.send("PUT", "/Service", &headers, body)
    };
    // (type, body, words of the answer)
    let cases: [(&str, &[u8], &str); 12] = [
        ("text/plain", b"x", "application/json"),
        ("application/xml", b"<x/>", "application/json"),
        ("multipart/mixed; boundary=x", b"x", "application/json"),
        ("multipart/form-data", b"x", "boundary"),
        ("multipart/form-data; boundary=", b"x", "boundary"),
        ("multipart/form-data; boundary=x", b"no boundary", "multipart"),
        ("multipart/form-data; boundary=x", b"--x\r\nno head\r\n\r\nx\r\n--x--", "head"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nx\r\n", "too early"),
        ("application/json", b"{\"message\":", "not valid JSON"),
        ("application/json", b"[1]", "must be a JSON object"),
        ("application/json", b"{\"message\":\"\xff\"}", "UTF-8"),
        ("application/json", b"{} {}", "not valid JSON"),
    ];
    for (content_type, body, says) in cases {
        assert_refused(&put(content_type, body), says);
    }
    assert!(own.messages().is_empty(), "none of them was sent");
    // An empty body counts as none, whatever its type is.
    assert_done(&put("application/json", b""));
    assert_done(&put("text/plain", b""));
    // Files are for sending, not for reading.
    for method in ["GET", "POST", "DELETE"] {
        let body = form(&[Part::file("file", "f", b"f")]);
        assert_refused(&own.client.send(method, "/Service", &[PARTS], &body), "PUT");
    }
}
