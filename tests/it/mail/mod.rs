//! Mails through a real mail server: `tests/mail/server.py`.

mod cli;
mod faults;
mod letters;
mod links;
mod logged;
mod login;
mod mismatch;
pub(crate) mod smtp;
mod tls;
mod unsubscribe;

use std::time::{Duration, Instant};

use self::smtp::Smtp;
use crate::server::{Options, TestServer};
use libtest_mimic::Trial;
use sealdrop::{
    api::App,
    config::Settings,
    delivery::smtp::Mailer,
    domain::{
        notify::{
            self,
            language::Language,
            mailbox::Mailbox,
            outbox::{self, Letter, NewMail, OutboxError, Outgoing},
        },
        numbers::{AccountNumber, OutboxNumber, SecretId, SecretNumber},
    },
};
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    [
        cli::trials(),
        faults::trials(),
        letters::trials(),
        links::trials(),
        logged::trials(),
        login::trials(),
        mismatch::trials(),
        tls::trials(),
        unsubscribe::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The settings to send mails to the server on `port`, in the clear; `more` settings replace others.
pub(crate) fn mailer(port: u16, more: &[(&'static str, String)]) -> Mailer {
    let mut flags = vec![
        ("smtp_url", format!("smtp://127.0.0.1:{port}?tls=none")),
        ("mail_from", "sealdrop <no-reply@example.org>".to_owned()),
        ("public_url", "https://example.org/secrets".to_owned()),
    ];
    flags.retain(|(key, _)| more.iter().all(|(other, _)| other != key));
    flags.extend_from_slice(more);
    let loaded = Settings::load(flags, []).expect("right settings");
    Mailer::from_settings(&loaded.settings).expect("right files").expect("a mail server")
}

/// A server in this process that sends its mails to `smtp`.
fn server(smtp: &Smtp) -> TestServer {
    TestServer::with(Options { mailer: Some(mailer(smtp.port, &[])), ..Options::default() })
}

/// Sends the notifications of the first account to `email`.
pub(crate) fn notify(server: &TestServer, email: &str) {
    let email = Some(Mailbox::new(email).expect("an address"));
    let App { store, random, .. } = &*server.app;
    notify::set_email(store, server.account(), email, &**random).expect("an account");
}

/// Queues a mail.
fn queue(server: &TestServer, to: &str, letter: Letter) -> Result<(), OutboxError> {
    let mail = mail(server, to, None, &letter);
    let now = server.clock.now();
    let queued = server.app.store.change(move |t| outbox::put_mail(t, &mail, letter.clone(), now));
    let queued = queued.wait();
    server.app.deliveries.wake();
    queued
}

fn mail(server: &TestServer, to: &str, language: Option<Language>, letter: &Letter) -> NewMail {
    let to = Mailbox::new(to).expect("an address");
    if letter.is_sealed() {
        return server.app.mail_link(None, to, language, PART.to_owned()).expect("a payload");
    }
    NewMail { account: None, to, language, payload: None }
}

/// The half of a password in the links of [`link_letter`].
const PART: &str = "planted-link";

/// A mail with a link that must not appear anywhere else.
fn link_letter() -> Letter {
    let number = SecretNumber { account: AccountNumber::NOBODY, sequence: 7 };
    Letter::Secret { secret: SecretId { number, random: [7; 15] } }
}

/// The link in a mail.
fn link(server: &TestServer, letter: &Letter) -> String {
    match letter {
        Letter::Request { request } => format!("https://example.org/secrets/req/{request}"),
        Letter::Secret { secret } | Letter::SelfDestruct { secret } => {
            format!("https://example.org/secrets/{}/#{PART}", server.app.ids.text(secret))
        }
        _ => panic!("a letter without a link"),
    }
}

/// Creates a secret and views it.
fn view(server: &TestServer) -> String {
    let id = server.client.create(json!({"description": "the door"}));
    let viewed = server.client.send(
        "GET",
        &format!("/api/secrets/{id}"),
        &[("user-agent", "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0")],
        b"",
    );
    assert_eq!(viewed.status, 200);
    id
}

/// The content of the outbox.
pub(crate) fn waiting(server: &TestServer) -> Vec<Outgoing> {
    let all = outbox::list(&server.app.store, OutboxNumber(0), usize::MAX);
    let (all, _) = all.expect("the outbox");
    all.into_iter().map(|(_, outgoing)| outgoing).collect()
}

/// Moves the time, and lets the lanes check their queues.
fn advance(server: &TestServer, seconds: u64) {
    server.clock.advance(seconds);
    server.app.deliveries.wake();
}

/// Waits for a change in the background.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
