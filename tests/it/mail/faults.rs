//! Mail servers that refuse a mail, or delay it.

use libtest_mimic::Trial;
use serde_json::json;

use super::{Smtp, advance, link_letter, mailer, queue, server, smtp::parse_one, until, waiting};
use crate::{
    api::secret_requests::{PATH, with_mail},
    server::{Options, TestServer},
    tools::{Tool, trial_with},
};

const TOOLS: &[Tool] = &[Tool::Aiosmtpd];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("mail::faults::greylisted_then_taken", TOOLS, greylisted),
        trial_with("mail::faults::refused_is_given_up_and_burned", TOOLS, refused),
        trial_with("mail::faults::cut_in_mid_data_is_sent_again", TOOLS, cut),
        trial_with("mail::faults::a_server_that_is_down_pauses_the_lane", TOOLS, down_then_up),
        trial_with("mail::faults::a_wrong_login_loses_no_mail", TOOLS, wrong_login),
        trial_with("mail::faults::without_a_server_mails_are_given_up", TOOLS, no_server),
        trial_with("mail::faults::a_dead_connection_is_replaced", TOOLS, dead_connection),
        trial_with("mail::faults::four_connections_at_most", TOOLS, four_connections),
        trial_with("mail::faults::too_many_mails_are_429", TOOLS, too_many),
    ]
}

fn tries(server: &TestServer) -> Vec<u32> {
    waiting(server).iter().map(|entry| entry.attempts).collect()
}

/// Waits until the slot file has no key of a payload. The record of a mail is written first.
fn until_burned(server: &TestServer) {
    until("the link is burned", || live_slots(server) == 0);
}

/// Keys of payloads in the slot file that are not burned.
fn live_slots(server: &TestServer) -> usize {
    crate::key_files::payload_keys(server)
}

fn greylisted() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    smtp.tell("greylist 2");
    queue(&server, "a@example.com", link_letter()).expect("queued");
    until("it was tried", || tries(&server) == [1]);
    let entry = waiting(&server).pop().expect("an entry");
    let error = entry.last_error.expect("an error");
    assert!(error.contains("450") && error.contains("greylisted"), "{error}");
    assert!(!error.contains("a@example.com"), "{error}");
    smtp.event("rcpt");
    advance(&server, 59);
    smtp.no_mail();
    assert_eq!(tries(&server), [1]);
    advance(&server, 1);
    until("it was tried again", || tries(&server) == [2]);
    advance(&server, 120);
    smtp.mail();
    until("it is delivered", || waiting(&server).is_empty());
    until_burned(&server);
}

fn refused() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    smtp.tell("refuse");
    queue(&server, "a@example.com", link_letter()).expect("queued");
    until("it is given up", || waiting(&server).iter().all(|entry| entry.is_given_up));
    let entry = waiting(&server).pop().expect("an entry");
    let error = entry.last_error.expect("an error");
    assert!(error.contains("550") && error.contains("(address)"), "{error}");
    until_burned(&server);
    advance(&server, 24 * 3600);
    // The others are not delayed, and use the same connection.
    smtp.tell("refuse-data");
    queue(&server, "b@example.com", link_letter()).expect("queued");
    until("it is given up", || waiting(&server).iter().all(|entry| entry.is_given_up));
    smtp.tell("accept");
    queue(&server, "c@example.com", link_letter()).expect("queued");
    assert_eq!(smtp.mail()["to"][0], "c@example.com");
    assert_eq!(waiting(&server).iter().filter(|entry| entry.is_given_up).count(), 2);
}

fn cut() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    smtp.tell("cut 1");
    queue(&server, "a@example.com", link_letter()).expect("queued");
    let first = smtp.event("cut")["id"].as_str().expect("an id").to_owned();
    until("it was tried", || tries(&server) == [1]);
    assert_eq!(live_slots(&server), 1);
    advance(&server, 60);
    let mail = smtp.mail();
    assert_eq!(parse_one(&mail).header("message-id"), Some(&*first));
    until("it is delivered", || waiting(&server).is_empty());
    smtp.no_mail();
}

fn down_then_up() {
    let gone = Smtp::start(&[]);
    let port = gone.port;
    drop(gone);
    let mailer = Some(mailer(port, &[]));
    let server = TestServer::with(Options { mailer, ..Options::default() });
    for to in ["a@example.com", "b@example.com", "c@example.com"] {
        queue(&server, to, link_letter()).expect("queued");
    }
    until("one was tried", || tries(&server).contains(&1));
    let entry = waiting(&server).into_iter().find(|entry| entry.attempts == 1).expect("it");
    assert!(entry.last_error.expect("an error").contains("cannot connect to 127.0.0.1 port"));
    // The others are not sent while the lane pauses, and only one of them at its next attempt.
    advance(&server, 59);
    assert_eq!(tries(&server).iter().sum::<u32>(), 1);
    advance(&server, 1);
    until("another was tried", || tries(&server).iter().sum::<u32>() == 2);
    // Now for two minutes.
    advance(&server, 119);
    let mut smtp = Smtp::start(&["--port", &port.to_string()]);
    smtp.no_mail();
    assert_eq!(tries(&server).iter().sum::<u32>(), 2);
    advance(&server, 1);
    let mut to: Vec<String> = (0..3).map(|_| smtp.mail()["to"][0].to_string()).collect();
    to.sort();
    assert_eq!(to, ["\"a@example.com\"", "\"b@example.com\"", "\"c@example.com\""]);
    until("all are delivered", || waiting(&server).is_empty());
}

fn wrong_login() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let file = dir.path().join("password");
    std::fs::write(&file, "s3cret\n").expect("a file");
    let mut smtp = Smtp::start(&["auth"]);
    smtp.tell("refuse-auth");
    let url = format!("smtp://post@127.0.0.1:{}?tls=none", smtp.port);
    let more = [("smtp_url", url), ("smtp_password_file", file.display().to_string())];
    let mailer = Some(mailer(smtp.port, &more));
    let server = TestServer::with(Options { mailer, ..Options::default() });
    for to in ["a@example.com", "b@example.com"] {
        queue(&server, to, link_letter()).expect("queued");
    }
    assert_eq!(smtp.event("auth")["right"], false);
    until("one was tried", || tries(&server).iter().sum::<u32>() == 1);
    let entry = waiting(&server).into_iter().find(|entry| entry.attempts == 1).expect("it");
    let error = entry.last_error.expect("an error");
    assert!(error.starts_with("AUTH: the server answered 535"), "{error}");
    smtp.tell("accept");
    advance(&server, 60);
    for _ in 0..2 {
        assert_eq!(smtp.mail()["user"], "post");
    }
    until("all are delivered", || waiting(&server).is_empty());
}

fn no_server() {
    let server = TestServer::start();
    for to in ["a@example.com", "b@example.com", "c@example.com"] {
        queue(&server, to, link_letter()).expect("queued");
    }
    until("one was tried", || tries(&server).contains(&1));
    assert_eq!(live_slots(&server), 3);
    advance(&server, 24 * 3600 - 1);
    until("one was tried", || tries(&server).iter().sum::<u32>() == 2);
    assert!(waiting(&server).iter().all(|entry| !entry.is_given_up));
    advance(&server, 3600);
    until("all are given up", || waiting(&server).iter().all(|entry| entry.is_given_up));
    until_burned(&server);
    let error = waiting(&server).pop().and_then(|entry| entry.last_error).expect("an error");
    assert!(error.contains("mail is not set up"), "{error}");
}

fn dead_connection() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    queue(&server, "a@example.com", link_letter()).expect("queued");
    smtp.mail();
    until("it is delivered", || waiting(&server).is_empty());
    smtp.tell("close");
    queue(&server, "b@example.com", link_letter()).expect("queued");
    smtp.mail();
    until("it is delivered", || waiting(&server).is_empty());
    assert_eq!(smtp.connections().1, 2, "the first, and its replacement");
}

fn four_connections() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    smtp.tell("greylist 60");
    for number in 0..60 {
        queue(&server, &format!("{number}@example.com"), link_letter()).expect("queued");
    }
    until("all were tried", || tries(&server) == [1; 60]);
    advance(&server, 60);
    for _ in 0..60 {
        smtp.mail();
    }
    until("all are delivered", || waiting(&server).is_empty());
    let (most, all) = smtp.connections();
    assert!(most <= 4 && all <= 4, "{most} of {all}");
    // They are not needed any more.
    for _ in 0..all {
        smtp.event("quit");
    }
}

fn too_many() {
    let server = with_mail();
    let ask = || server.client.post(PATH, &json!({"send_request_to_email": "a@example.com"}));
    for _ in 0..5 {
        assert_eq!(ask().status, 201);
    }
    server.clock.advance(600);
    let refused = ask();
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), Some("3000"));
    assert_eq!(refused.json()["error"]["field"], "send_request_to_email");
    let listed = server.client.get(PATH).json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(5), "nothing is left of the sixth");
    server.clock.advance(3000);
    assert_eq!(ask().status, 201, "an hour later");
}
