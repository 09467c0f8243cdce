//! The mails with links, from the call that requests one to the secret that the reader opens.

use base64::{Engine, engine::general_purpose::STANDARD};
use libtest_mimic::Trial;
use sealdrop::crypto::{SystemRandom, sjcl, sjcl::SjclMessage};
use serde_json::{Value, json};

use super::{
    mailer, server,
    smtp::{Parsed, Smtp, parse_one},
    until, waiting,
};
use crate::{
    api::secret_requests::{PATH, request},
    key_service::{self, TestBox},
    server::{Options, TestServer},
    tools::{Tool, trial_with},
};

const TOOLS: &[Tool] = &[Tool::Aiosmtpd];
const SITE: &str = "https://example.org/secrets";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("mail::links::a_request_is_answered_by_mail", TOOLS, request_by_mail),
        trial_with("mail::links::a_deleted_request_is_not_mailed", TOOLS, deleted_request),
        trial_with("mail::links::a_message_destroys_itself", TOOLS, self_destruct),
        trial_with("mail::links::self_destruct_says_what_is_wrong", TOOLS, self_destruct_refused),
        trial_with("mail::links::a_box_tells_once_an_hour", TOOLS, box_notification),
        trial_with("mail::links::a_late_try_is_told", TOOLS, late_try),
    ]
}

/// A secret as a sender's program creates it, and the half for the link.
pub(super) fn sealed(text: &str) -> (Value, String) {
    let halves = [sjcl::password_half(&SystemRandom), sjcl::password_half(&SystemRandom)];
    let [private, public] = halves.each_ref().map(|half| half.expose_secret());
    let password = format!("{private}{public}");
    let message = sjcl::seal(password.as_bytes(), text.as_bytes(), 1000, &SystemRandom);
    let ciphertext = STANDARD.encode(message.expect("a message"));
    let secret =
        json!({"ciphertext": ciphertext, "password_part_private": STANDARD.encode(private)});
    (secret, STANDARD.encode(public))
}

/// The part after the site, in the one line of a mail that is a link below it.
fn link(mail: &Parsed) -> String {
    let text = mail.text();
    let mut links = text.lines().filter_map(|line| line.strip_prefix(SITE)?.strip_prefix('/'));
    let link = links.next().unwrap_or_else(|| panic!("no link in {text}")).to_owned();
    assert_eq!(links.next(), None);
    link
}

/// Follows the link of a secret and opens the secret; otherwise returns the status.
fn open(server: &TestServer, link: &str) -> Result<String, u16> {
    let (id, public) = link.split_once("/#").expect("a link with a fragment");
    let stranger = server.client.with_key("");
    let viewed = stranger.post(&format!("/api/public/secrets/{id}/view"), &json!({}));
    if viewed.status != 200 {
        return Err(viewed.status);
    }
    let data = viewed.json()["data"].take();
    let decoded = |name: &str| STANDARD.decode(data[name].as_str().expect(name)).expect(name);
    let public = STANDARD.decode(public).expect("base64 in the link");
    let password = [decoded("password_part_private"), public].concat();
    let message = SjclMessage::parse(&decoded("ciphertext")).expect("an SJCL message");
    let text = message.open(&password).expect("the right password");
    Ok(String::from_utf8(text.expose_secret().to_vec()).expect("UTF-8"))
}

fn request_by_mail() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    let asked = json!({
        "message": "the key of the door, please",
        "send_request_to_email": "bob@example.com",
        "send_to_email": "alice@example.com",
    });
    let headers = [("content-type", "application/json"), ("accept-language", "sv-SE,en;q=0.5")];
    let made =
        server.client.send("POST", "/api/secret_requests", &headers, asked.to_string().as_bytes());
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["data"]["id"].as_str().expect("an id").to_owned();

    let mail = smtp.mail();
    assert_eq!(mail["to"], json!(["bob@example.com"]));
    let mail = parse_one(&mail);
    assert!(mail.html().contains("<html lang=\"sv\">") && mail.text().contains("> the key of"));
    assert_eq!(link(&mail), format!("req/{id}"));

    let stranger = server.client.with_key("");
    let path = format!("/api/public/secret_requests/{id}");
    assert_eq!(stranger.get(&path).json()["data"]["send_to_email"], "alice@example.com");
    let (mut handed, public) = sealed("under the mat");
    let path = format!("{path}/secrets");
    let refused = stranger.post(&path, &handed);
    assert_eq!(refused.error(), (422, json!("password_part_public")), "{}", refused.text());
    handed["password_part_public"] = public.clone().into();
    let answer = stranger.post(&path, &handed);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let secret = answer.json()["data"]["id"].as_str().expect("an id").to_owned();

    let mail = smtp.mail();
    assert_eq!(mail["to"], json!(["alice@example.com"]));
    let link = link(&parse_one(&mail));
    assert_eq!(link, format!("{secret}/#{public}"));
    until("the outbox is empty", || waiting(&server).is_empty());
    assert_eq!(open(&server, &link).expect("a secret"), "under the mat");
    assert_eq!(open(&server, &link), Err(404), "another lease");
}

fn deleted_request() {
    let mut smtp = Smtp::start(&[]);
    smtp.tell("greylist 1");
    let server = server(&smtp);
    let id = request(&server.client, json!({"send_request_to_email": "bob@example.com"}));
    until("it was tried", || waiting(&server).iter().any(|mail| mail.attempts == 1));
    assert_eq!(server.client.delete(&format!("/api/secret_requests/{id}")).status, 200);
    super::advance(&server, 60);
    until("the outbox is empty", || waiting(&server).is_empty());
    smtp.no_mail();
}

fn self_destruct() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    let file = [0, 1, 254, 255, b'x'].repeat(5000);
    let (message, data) = ("läs detta", STANDARD.encode(&file));
    let form = key_service::urlencoded(&[
        ("message", message),
        ("EMAIL", "bob@example.com"),
        ("attachment", &data),
        ("attachmentName", "../nyckel.bin"),
    ]);
    let headers =
        [("content-type", "application/x-www-form-urlencoded"), ("accept-language", "sv")];
    let sent = server.client.send("POST", "/service/selfdestruct", &headers, form.as_bytes());
    assert_eq!((sent.status, sent.text().as_str()), (200, "true"));
    let mail = smtp.mail();
    assert_eq!(mail["to"], json!(["bob@example.com"]));
    let mail = parse_one(&mail);
    assert!(mail.html().contains("<html lang=\"sv\">") && !mail.text().contains("läs"));
    let with_file = link(&mail);
    let contents = open(&server, &with_file).expect("a secret");
    let contents: Value = serde_json::from_str(&contents).expect("JSON");
    let attachment =
        json!({"name": "../nyckel.bin", "size": file.len(), "data": STANDARD.encode(&file)});
    let expected = json!({"sealdrop": 1, "text": message, "attachments": [attachment]});
    assert_eq!(contents, expected);
    assert_eq!(open(&server, &with_file), Err(404));

    let text = "{\"sealdrop\":1}";
    let body = json!({"message": text, "email": "bob@example.com"});
    let path = "/Service/SelfDestruct?format=xml";
    let sent = server.client.with_key("").post(path, &body);
    assert!(sent.text().ends_with("<response>true</response>"), "{}", sent.text());
    let opened = open(&server, &link(&parse_one(&smtp.mail()))).expect("a secret");
    let opened: Value = serde_json::from_str(&opened).expect("JSON");
    assert_eq!(opened, json!({"sealdrop": 1, "text": text, "attachments": []}));
    // They belong to no account: no list shows them.
    assert_eq!(server.client.get("/api/secrets").json()["metadata"]["secrets_total"], 0);
}

fn self_destruct_refused() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    let send = |server: &TestServer, body: &Value| {
        server.client.with_key("").post("/Service/SelfDestruct", body)
    };
    let cases = [
        (json!({"email": "a@example.com"}), "message is missing"),
        (json!({"message": "m"}), "email is missing"),
        (json!({"message": "m", "email": "a@example.com,b@example.com"}), "email must be one"),
        (json!({"message": "m", "email": "a@example.com\r\nBcc: b@example.com"}), "email must be"),
        (json!({"message": "m", "email": "a@example.com", "attachmentname": "n"}), "attachment is"),
        (json!({"message": "m", "email": "a@example.com", "attachment": "å"}), "attachment must"),
        (json!({"message": "m", "email": "a@example.com", "v": "2"}), "v must be 1"),
    ];
    for (body, says) in &cases {
        key_service::assert_refused(&send(&server, body), says);
    }
    assert_eq!(server.client.get("/Service/SelfDestruct").status, 405);
    let body = |to: &str| json!({"message": "m", "email": to});
    for _ in 0..2 {
        assert_eq!(send(&server, &body("a@example.com")).status, 200);
        smtp.mail();
    }
    let refused = send(&server, &body("A@example.com"));
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3600")));
    // Mails of other senders do not prevent an account holder from writing to them.
    let asked = json!({"send_request_to_email": "a@example.com"});
    for status in [201, 201, 201, 429] {
        assert_eq!(server.client.post(PATH, &asked).status, status);
    }
    for _ in 0..3 {
        smtp.mail();
    }
    // Requests that were refused for their fields were not counted: seven more go to other addresses.
    for number in 0..7 {
        assert_eq!(send(&server, &body(&format!("{number}@example.com"))).status, 200);
        smtp.mail();
    }
    let refused = send(&server, &body("b@example.com"));
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3600")));
    smtp.no_mail();

    let without_mail = TestServer::start();
    key_service::assert_refused(&send(&without_mail, &body("a@example.com")), "email needs mail");
    let mut options = Options { mailer: Some(mailer(smtp.port, &[])), ..Options::default() };
    options.service_rules.creation = sealdrop::config::Boxes::Account;
    let closed = TestServer::with(options);
    key_service::assert_refused(&send(&closed, &body("a@example.com")), "API key");
    assert_eq!(closed.client.post("/Service/SelfDestruct", &body("a@example.com")).status, 200);
}

fn box_notification() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    let form = [("passphrase", "correct-horse"), ("notifyemail", "owner@example.com")];
    let stranger = server.client.with_key("");
    let refused = key_service::call(&stranger, "POST", &form);
    key_service::assert_refused(&refused, "notifyemail can be set with an API key only");
    let wrong = [("passphrase", "correct-horse"), ("notifyemail", "owner")];
    let wrong = key_service::call(&server.client, "POST", &wrong);
    key_service::assert_refused(&wrong, "notifyemail must be one e-mail address");

    let drop_box = TestBox::with(&server.client, &[("notifyemail", "owner@example.com")]);
    drop_box.send("first");
    let mail = smtp.mail();
    assert_eq!(mail["to"], json!(["owner@example.com"]));
    let first = parse_one(&mail);
    assert!(!first.text().contains("first") && first.header("list-unsubscribe").is_some());
    super::advance(&server, 3599);
    drop_box.send("second");
    assert!(waiting(&server).is_empty());
    super::advance(&server, 1);
    drop_box.send("third");
    let third = parse_one(&smtp.mail());
    assert_eq!(third.header("subject"), first.header("subject"));
    assert_eq!(drop_box.messages().len(), 3, "a mail over the limit does not reject the message");
}

fn late_try() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    super::notify(&server, "owner@example.com");
    let id = super::view(&server);
    assert_eq!(parse_one(&smtp.mail()).header("subject"), Some("Your secret was viewed"));
    let stranger = server.client.with_key("");
    assert_eq!(stranger.get(&format!("/api/public/secrets/{id}")).status, 404);
    let late = parse_one(&smtp.mail());
    assert!(late.text().contains(&id) && late.text().contains("the door"), "{}", late.text());
    assert_ne!(late.header("subject"), Some("Your secret was viewed"));
    // Late attempts leave room for other mails.
    for _ in 0..6 {
        assert_eq!(stranger.get(&format!("/api/public/secrets/{id}")).status, 404);
    }
    assert_eq!(parse_one(&smtp.mail()).header("subject"), late.header("subject"));
    super::view(&server);
    assert_eq!(parse_one(&smtp.mail()).header("subject"), Some("Your secret was viewed"));
    // After four in an hour, views still work, and their mails are sent later.
    for _ in 0..6 {
        super::view(&server);
    }
    until("the others wait", || waiting(&server).len() == 4);
    smtp.no_mail();
    super::advance(&server, 3600);
    for _ in 0..4 {
        assert_eq!(parse_one(&smtp.mail()).header("subject"), Some("Your secret was viewed"));
    }
    until("the outbox is empty", || waiting(&server).is_empty());
    smtp.no_mail();
}
