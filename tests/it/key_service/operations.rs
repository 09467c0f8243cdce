//! Every operation of the document, in JSON and in XML: fields, order, values.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{
    PASSPHRASE, Part, TestBox, assert_done, assert_refused, call, fetch, list, shared_key, text,
};
use crate::{server::TestServer, trial, xml};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("key_service::operations::each_in_json", each_operation_in_json),
        trial("key_service::operations::each_in_xml", each_operation_in_xml),
    ]
}

const KEY_FIELDS: [&str; 14] = [
    "KeyId",
    "KeyToken",
    "PublicKey",
    "PrivateKey",
    "PrivateKeyHash",
    "IsPrivateKeyEncrypted",
    "IsPublicKeyOnly",
    "RequestDate",
    "ReleaseDate",
    "LockDate",
    "DeleteMessagesAfterReading",
    "DeleteKeyAfterReading",
    "URI",
    "Messages",
];
const MESSAGE_FIELDS: [&str; 9] = [
    "MessageId",
    "EncryptionKey",
    "MessageData",
    "Created",
    "MessageHash",
    "IsFile",
    "FileName",
    "Size",
    "TemporaryDownloadId",
];
/// SHA-256 of `hi`, by sha256sum.
const HASH_OF_HI: &str = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

/// The names of an object in the order in which they are written.
fn assert_fields(text: &str, fields: &[&str]) {
    let places: Vec<_> = fields.iter().map(|name| text.find(&format!("\"{name}\":"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {text}");
}

fn each_operation_in_json() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let created = call(&client, "POST", &[("passphrase", PASSPHRASE)]);
    let (_, [public, private, hash]) = shared_key();
    let upload = [("publickey", &**public), ("privatekeyhash", hash), ("privatekey", private)];
    for (answer, private) in [
        (created, Some(None)),
        (call(&client, "POST", &upload), Some(Some(private))),
        (call(&client, "POST", &upload[..2]), None),
    ] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_fields(&answer.text(), &KEY_FIELDS);
        let key = answer.json();
        assert_eq!(key.as_object().map(serde_json::Map::len), Some(KEY_FIELDS.len()));
        let online = private.is_some();
        match private {
            None => assert_eq!(key["PrivateKey"], Value::Null),
            Some(Some(given)) => assert_eq!(key["PrivateKey"], json!(given)),
            Some(None) => {
                let pem = text(&key["PrivateKey"]);
                assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{pem}");
            }
        }
        assert!(text(&key["PublicKey"]).starts_with("-----BEGIN PUBLIC KEY-----\n"));
        assert_eq!(key["IsPrivateKeyEncrypted"], json!(online));
        assert_eq!(key["IsPublicKeyOnly"], json!(!online));
        assert_eq!(key["RequestDate"], json!("2026-11-22T12:00:00Z"));
        assert_eq!(key["ReleaseDate"], json!("2026-11-22T12:00:00Z"), "the creation, never null");
        assert_eq!(key["LockDate"], Value::Null);
        let id = key["KeyId"].as_i64().expect("a whole number");
        assert!((1..=i64::from(i32::MAX)).contains(&id), "{id} is not a positive int");
        assert_eq!(key["DeleteMessagesAfterReading"], json!(false));
        assert_eq!(key["DeleteKeyAfterReading"], json!(false));
        assert_eq!(key["Messages"], json!([]));
        let token = text(&key["KeyToken"]);
        assert_eq!(key["URI"], json!(format!("{}/#{token}", client.base)));
        let hash = text(&key["PrivateKeyHash"]);
        let own = TestBox { client: client.clone(), token, hash };
        own_operations_in_json(&own, online);
    }
}

fn own_operations_in_json(own: &TestBox, online: bool) {
    let read = |own: &TestBox| if online { own.read(&[]) } else { own.read_sealed(&[]) };
    assert_eq!(read(own).status, 304);
    assert_eq!(own.read_sealed(&[]).status, 304);
    own.send("hi");
    assert_done(&own.put_parts(&[Part::text("message", "two"), Part::file("x", "ö.txt", b"hi")]));
    assert_done(&own.put(&[("encryptedmessage", "any ☃ text"), ("encryptionkey", "any key")]));

    if online {
        let answer = own.read(&[]);
        assert_fields(&answer.text(), &MESSAGE_FIELDS);
        let mut listed = list(&answer);
        let ticket = text(&listed[2]["TemporaryDownloadId"]);
        listed[2]["TemporaryDownloadId"] = Value::Null;
        let message = |id, data: &str, hash: &str| {
            json!({
                "MessageId": id, "MessageData": data, "EncryptionKey": null,
                "Created": "2026-11-22T12:00:00Z", "MessageHash": hash, "IsFile": false,
                "FileName": null, "Size": data.len(), "TemporaryDownloadId": null,
            })
        };
        assert_eq!(listed[0], message(1, "hi", HASH_OF_HI));
        // By sha256sum.
        let hash = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";
        assert_eq!(listed[1], message(2, "two", hash));
        let mut file = message(3, "hi", HASH_OF_HI);
        file["IsFile"] = json!(true);
        file["MessageData"] = Value::Null;
        file["FileName"] = json!("ö.txt");
        assert_eq!(listed[2], file);
        let mut theirs = message(4, "any ☃ text", "");
        theirs["EncryptionKey"] = json!("any key");
        theirs["MessageHash"] = Value::Null;
        assert_eq!(listed[3], theirs);
        assert_eq!(fetch(&own.client, &ticket).body, b"hi");
    }
    let answer = own.read_sealed(&[]);
    assert_fields(&answer.text(), &MESSAGE_FIELDS);
    let listed = list(&answer);
    assert_eq!(listed.len(), 4);
    for (index, message) in listed.iter().enumerate() {
        assert_eq!(message.as_object().map(serde_json::Map::len), Some(MESSAGE_FIELDS.len()));
        assert_eq!(message["MessageId"], json!(index + 1));
        assert_eq!(message["MessageHash"], Value::Null, "it would allow messages to be guessed");
        assert_eq!(message["IsFile"], json!(index == 2));
        assert!(message["EncryptionKey"].is_string());
        assert_eq!(message["MessageData"].is_string(), index != 2);
        assert_eq!(message["FileName"].is_string(), index == 2);
        assert_eq!(message["TemporaryDownloadId"].is_string(), index == 2);
    }
    assert_eq!(listed[3]["MessageData"], json!("any ☃ text"));

    let proof = if online { ("passphrase", PASSPHRASE) } else { ("privatekeyhash", &*own.hash) };
    let deleted = call(&own.client, "DELETE", &[("token", &own.token), proof]);
    assert_eq!((deleted.status, deleted.text().as_str()), (200, "\"Deleted.\""));
    assert_refused(&own.put(&[("message", "x")]), "There is no key with this token");
}

fn each_operation_in_xml() {
    let server = TestServer::start();
    let client = server.client.with_key("");
    let (_, [public, private, hash]) = shared_key();
    let call = |method: &str, parameters: &[(&str, &str)]| -> xml::Element {
        let answer = call(&client, method, &[&[("format", "xml")], parameters].concat());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/xml; charset=utf-8"));
        xml::parse(&answer.text())
    };
    let upload = [("publickey", &**public), ("privatekeyhash", hash), ("privatekey", private)];
    let namespaces = [
        ("xmlns:xsi".to_owned(), "http://www.w3.org/2001/XMLSchema-instance".to_owned()),
        ("xmlns:xsd".to_owned(), "http://www.w3.org/2001/XMLSchema".to_owned()),
    ];
    for (parameters, online) in
        [(&[("passphrase", PASSPHRASE)][..], true), (&upload, true), (&upload[..2], false)]
    {
        let key = call("POST", parameters);
        assert_eq!((key.name.as_str(), &key.attributes[..]), ("response", &namespaces[..]));
        let is_there = |name: &&str| *name != "Messages" && (online || *name != "PrivateKey");
        let fields: Vec<_> = KEY_FIELDS.into_iter().filter(is_there).collect();
        assert_eq!(key.names(), fields);
        let value = |name: &str| key.child(name).expect("an element").text.clone();
        assert!(key.child("LockDate").expect("an element").is_nil());
        assert_eq!(value("RequestDate"), "2026-11-22T12:00:00Z");
        assert_eq!(value("ReleaseDate"), "2026-11-22T12:00:00Z");
        assert_eq!(value("IsPublicKeyOnly"), (!online).to_string());
        assert!(value("PublicKey").starts_with("-----BEGIN PUBLIC KEY-----\n"));

        let (token, hash) = (value("KeyToken"), value("PrivateKeyHash"));
        let own = TestBox { client: client.clone(), token: token.clone(), hash: hash.clone() };
        let token = ("token", &*token);
        let sent = call("PUT", &[token, ("message", "<hi> & ]]>")]);
        assert_eq!((sent.name.as_str(), sent.text.as_str()), ("response", "true"));
        assert!(sent.attributes.is_empty());
        own.send_file("<ä>&.txt", b"bytes");
        let proof = if online { ("passphrase", PASSPHRASE) } else { ("privatekeyhash", &*hash) };
        let listed = call("GET", &[token, proof]);
        assert_eq!(listed.name, "response");
        assert_eq!(listed.attributes, namespaces);
        assert_eq!(listed.names(), ["Message", "Message"]);
        if online {
            let [message, file] = &listed.children[..] else { panic!("{listed:?}") };
            let of = |element: &xml::Element, name| element.child(name).map(|e| e.text.clone());
            let fields = ["MessageId", "MessageData", "Created", "MessageHash", "IsFile", "Size"];
            assert_eq!(message.names(), fields);
            assert_eq!(of(message, "MessageData").unwrap(), "<hi> & ]]>");
            assert_eq!(of(message, "Size").unwrap(), "10");
            let fields = [
                "MessageId",
                "Created",
                "MessageHash",
                "IsFile",
                "FileName",
                "Size",
                "TemporaryDownloadId",
            ];
            assert_eq!(file.names(), fields);
            assert_eq!(of(file, "FileName").unwrap(), "<ä>&.txt");
            assert_eq!(of(file, "IsFile").unwrap(), "true");
        } else {
            let fields = ["MessageId", "EncryptionKey", "MessageData", "Created", "IsFile", "Size"];
            assert_eq!(listed.children[0].names(), fields);
        }
        let deleted = call("DELETE", &[token, proof]);
        assert_eq!((deleted.name.as_str(), deleted.text.as_str()), ("response", "Deleted."));
        let again = super::call(&client, "DELETE", &[token, proof]);
        assert_refused(&again, "There is no key with this token");
    }
    let token = TestBox::new(&client).token;
    let read = super::call(
        &client,
        "GET",
        &[("token", &token), ("privatekeyhash", hash), ("format", "xml")],
    );
    assert_eq!(read.status, 304);
    // Errors have the format of the query or of Accept, also before a body is read.
    for (path, accept) in [("/Service?format=xml", "*/*"), ("/service/", "text/xml")] {
        let answer = client.send("POST", path, &[("accept", accept)], b"");
        assert_eq!((answer.status, xml::parse(&answer.text()).name.as_str()), (400, "response"));
    }
    // Also for unknown paths, in any case and by any method.
    for method in ["GET", "POST", "PUT", "DELETE"] {
        for path in
            ["/Service/nothing", "/service/a/b/c", "/SERVICE/File", "/Service/x/publickey/y"]
        {
            let answer = client.send(method, path, &[], b"");
            assert_eq!((answer.status, answer.text().as_str()), (404, "\"Not found\""), "{path}");
            for (query, accept) in [("?format=xml", "*/*"), ("", "application/xml")] {
                let path = format!("{path}{query}");
                let answer = client.send(method, &path, &[("accept", accept)], b"");
                assert_eq!(
                    (answer.status, answer.message().as_str()),
                    (404, "Not found"),
                    "{path}"
                );
                assert_eq!(answer.header("content-type"), Some("text/xml; charset=utf-8"));
            }
        }
    }
    let unknown = "x".repeat(31);
    for path in [format!("{unknown}/publickey"), format!("{unknown}/terms"), "File/0".into()] {
        let answer = client.send("GET", &format!("/Service/{path}?format=xml"), &[], b"");
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, Some("text/xml; charset=utf-8"))
        );
        assert!(!answer.message().is_empty());
    }
}
