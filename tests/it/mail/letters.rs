//! The content of mails, read by Python's email package.

use super::{
    link, link_letter, mail, mailer, notify, queue, server,
    smtp::{Smtp, parse, parse_one},
    until, view, waiting,
};
use crate::{
    api::secret_requests::request,
    server::{Options, START, TestServer},
    tools::{Tool, trial_with},
};
use libtest_mimic::Trial;
use sealdrop::{
    domain::{
        notify::{
            BoxNotify,
            language::Language,
            mailbox::Mailbox,
            outbox::{Letter, put_mail},
        },
        numbers::{AccountNumber, BoxNumber},
        request_id::RequestId,
        view::View,
    },
    store::{StoreError, Transaction},
};
use serde_json::{Value, json};

const TOOLS: &[Tool] = &[Tool::Aiosmtpd];
/// The names of the texts of [`letters`].
const NAMES: [&str; 6] =
    ["request", "secret", "self_destruct", "viewed", "tried_after", "box_message"];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("mail::letters::a_view_is_told", TOOLS, a_view_is_told),
        trial_with("mail::letters::every_kind_in_every_language", TOOLS, every_kind),
        trial_with("mail::letters::nobody_writes_headers", TOOLS, nobody_writes_headers),
        trial_with("mail::letters::texts_of_the_operator", TOOLS, texts_of_the_operator),
    ]
}

fn a_view_is_told() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    notify(&server, "owner@example.com");
    let id = view(&server);
    let mail = smtp.mail();
    assert_eq!(mail["sender"], "no-reply@example.org");
    assert_eq!(mail["to"], json!(["owner@example.com"]));
    assert_eq!(mail["hello"], "example.org");
    let parsed = parse_one(&mail);
    assert_eq!(parsed.header("subject"), Some("Your secret was viewed"));
    assert_eq!(parsed.header("from"), Some("sealdrop <no-reply@example.org>"));
    assert_eq!(parsed.header("to"), Some("owner@example.com"));
    assert_eq!(parsed.header("auto-submitted"), Some("auto-generated"));
    let date = parsed.field("date").as_u64().expect("a date");
    assert_eq!(date, START.0, "the app's clock, not the system's");
    let parts = [
        &*id,
        "Description: the door",
        "127.0.0.1",
        "Firefox on Android",
        "2026-11-22 12:00:00 UTC",
    ];
    for part in parts {
        assert!(parsed.text().contains(part), "{part} in {}", parsed.text());
    }
    // No part of the header itself.
    for raw in ["Mozilla", "Gecko", "rv:"] {
        assert!(!parsed.text().contains(raw) && !mail.to_string().contains(raw), "{raw} in {mail}");
    }
    until("the outbox is empty", || waiting(&server).is_empty());
}

/// A mail of each kind, about records that exist.
fn letters(server: &TestServer) -> Vec<Letter> {
    let id = server.client.create(json!({"description": "dörren"}));
    let secret = server.app.ids.parse(&id).expect("an id");
    let view = View::new(START, "192.0.2.7".parse().ok(), Some("a browser"));
    let made = server.client.send("POST", "/Service", &[], b"passphrase=correct-horse");
    let token = made.json()["KeyToken"].as_str().expect("a token").to_owned();
    let drop_box: BoxNumber = server.app.ids.parse_token(&token).expect("a token").number;
    let watch = move |t: &mut Transaction<'_, '_>| {
        let email = Mailbox::new("box@example.com").expect("an address");
        let notify = BoxNotify::new(AccountNumber::NOBODY, email, [7; 16]);
        notify::watch_box(t, drop_box, &notify)
    };
    server.app.store.change::<_, StoreError>(watch).wait().expect("a box");
    let asked = json!({"message": "Snälla,\nlösenordet till <dörren>?", "limit": 2});
    let request = RequestId::parse(&request(&server.client, asked)).expect("an id");
    vec![
        Letter::Request { request },
        Letter::Secret { secret },
        Letter::SelfDestruct { secret },
        Letter::Viewed { secret, view: view.clone() },
        Letter::TriedAfter { secret, view },
        Letter::BoxMessage { drop_box, at: START },
    ]
}

fn every_kind() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    notify(&server, "owner@example.com");
    let mut mails: Vec<Value> = Vec::new();
    let letters = letters(&server);
    for letter in &letters {
        for language in Language::all() {
            let to = match letter {
                Letter::BoxMessage { .. } => "box@example.com",
                _ => "owner@example.com",
            };
            let (mail, letter) = (mail(&server, to, Some(language), letter), letter.clone());
            let (app, now) = (&server.app, server.clock.now());
            let put = move |t: &mut Transaction<'_, '_>| put_mail(t, &mail, letter.clone(), now);
            app.store.change(put).wait().expect("within the limits");
            app.deliveries.wake();
            mails.push(smtp.mail());
            server.clock.advance(3600);
        }
    }
    let languages: Vec<Language> = Language::all().collect();
    assert_eq!(mails.len(), 6 * languages.len());
    let (mut subjects, mut ids) = (Vec::new(), Vec::new());
    for (place, parsed) in parse(&mails).iter().enumerate() {
        assert_eq!(parsed.field("type"), "multipart/alternative");
        assert_eq!(
            parsed.field("parts"),
            &json!([["text/plain", "utf-8"], ["text/html", "utf-8"]])
        );
        subjects.push(parsed.header("subject").expect("a subject").to_owned());
        let id = parsed.header("message-id").expect("an id").to_owned();
        assert!(id.ends_with("@example.org>") && id.len() == 30, "{id}");
        ids.push(id);
        let (kind, language) = (place / languages.len(), languages[place % languages.len()]);
        let direction = if language.tag() == "ar" { " dir=\"rtl\"" } else { "" };
        let start = format!("<html lang=\"{}\"{direction}>", language.tag());
        assert!(parsed.html().contains(&start), "{}", parsed.html());
        let (text, html) = (parsed.text(), parsed.html());
        let source = format!(
            "{}/src/locales/{}/mail/{}.txt",
            env!("CARGO_MANIFEST_DIR"),
            language.tag(),
            NAMES[kind]
        );
        let source = std::fs::read_to_string(source).expect("a text");
        assert_eq!(source.lines().next(), Some(&*format!("Subject: {}", subjects[place])));
        for line in source.lines().skip(1).filter(|line| !line.contains('{')) {
            assert!(text.lines().any(|there| there == line), "{line} in {text}");
        }
        if kind < 3 {
            let link = link(&server, &letters[kind]);
            assert!(text.contains(&link) && html.contains(&format!("href=\"{link}\"")), "{text}");
            assert_eq!(parsed.header("list-unsubscribe"), None);
        } else {
            let list = parsed.header("list-unsubscribe").expect("a link");
            let url = list.trim_start_matches('<').trim_end_matches('>');
            assert!(
                url.starts_with("https://example.org/secrets/api/public/unsubscribe/"),
                "{url}"
            );
            assert!(text.contains(url) && html.contains(&format!("href=\"{url}\"")));
            let post = parsed.header("list-unsubscribe-post");
            assert_eq!(post, Some("List-Unsubscribe=One-Click"));
        }
        if kind == 0 {
            assert!(text.contains("> Snälla,\n> lösenordet till <dörren>?\n"), "{text}");
            assert!(html.contains("till &lt;dörren&gt;?"), "{html}");
        }
        if (3..5).contains(&kind) {
            assert!(text.contains("dörren") && text.contains("192.0.2.7"), "{text}");
        }
    }
    for all in [&mut subjects, &mut ids] {
        all.sort();
        all.dedup();
        assert_eq!(all.len(), mails.len(), "{all:?}");
    }
}

/// CR, LF and similar characters, in every value that a client can set.
fn nobody_writes_headers() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    let evil =
        "x\r\nBcc: evil@example.com\r\n\r\n.\r\nMAIL FROM:<a@b>\r\n\u{2028}\u{85}\n--=_0\n\0y";
    notify(&server, "owner@example.com");
    let id = server.client.create(json!({"description": evil}));
    let secret = server.app.ids.parse(&id).expect("an id");
    // Longer than HTTP allows.
    let view = View::new(START, None, Some(evil));
    let asked = json!({"message": evil.repeat(3), "send_request_to_email": "a@example.com"});
    request(&server.client, asked);
    let first = smtp.mail();
    queue(&server, "owner@example.com", Letter::Viewed { secret, view }).expect("queued");
    let second = smtp.mail();
    let parsed = parse(&[first.clone(), second.clone()]);
    let plain = [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "auto-submitted",
        "mime-version",
        "content-type",
    ];
    for (mail, parsed) in [first, second].iter().zip(&parsed) {
        assert_eq!(mail["to"].as_array().map(Vec::len), Some(1), "{mail}");
        let mut names = parsed.names();
        names.retain(|name| !name.starts_with("list-unsubscribe"));
        names.sort_unstable();
        let mut expected = plain.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(parsed.field("parts").as_array().map(Vec::len), Some(2));
        assert!(parsed.text().contains("Bcc: evil@example.com"), "{}", parsed.text());
        assert!(!parsed.text().contains("\nBcc:") && !parsed.text().contains('\0'));
    }
    // A value that is more than one address never becomes a mail, whatever has accepted it.
    for to in
        ["a@example.com\r\nBcc: b@example.com", "a@example.com, b@example.com", "a b@example.com"]
    {
        let Ok(to) = Mailbox::new(to) else { continue };
        queue(&server, to.as_str(), link_letter()).expect("queued");
        until("it is given up", || waiting(&server).iter().all(|entry| entry.is_given_up));
    }
    smtp.no_mail();
}

fn texts_of_the_operator() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let text = "Subject: Åh, en hemlighet\n\nBara för dig:\n{{ link }}\n";
    std::fs::write(dir.path().join("secret.sv.txt"), text).expect("a file");
    let mut smtp = Smtp::start(&[]);
    let more =
        [("mail_templates", dir.path().display().to_string()), ("language", "sv".to_owned())];
    let mailer = Some(mailer(smtp.port, &more));
    let server = TestServer::with(Options { mailer, ..Options::default() });
    queue(&server, "a@example.com", link_letter()).expect("queued");
    let parsed = parse_one(&smtp.mail());
    assert_eq!(parsed.header("subject"), Some("Åh, en hemlighet"));
    let link = link(&server, &link_letter());
    assert_eq!(parsed.text(), format!("Bara för dig:\n{link}\n"));
    assert!(parsed.html().contains("<p>Bara för dig:<br>"), "{}", parsed.html());
}
