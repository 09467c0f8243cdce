//! Webhooks that are called for real events, through the outbox.

use std::time::{Duration, Instant};

use super::receiver::{Call, Receiver, status};
use crate::{
    api::secret_requests::{handed_over, request},
    mail::{until, waiting},
    server::{Options, START, TestServer},
    trial,
};
use libtest_mimic::Trial;
use sealdrop::domain::{
    account::api_key::AskedBy,
    notify::{
        event::WebhookEventKind,
        webhook::{self, WebhookUrl},
    },
};
use serde_json::{Value, json};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("webhook::outbox::each_event_is_told_once", each_event_is_told_once),
        trial("webhook::outbox::a_call_is_tried_again", a_call_is_tried_again),
        trial("webhook::outbox::who_is_gone_is_given_up", who_is_gone_is_given_up),
        trial("webhook::outbox::a_removed_one_is_not_called", a_removed_one_is_not_called),
        trial("webhook::outbox::one_that_hangs_holds_up_itself", one_that_hangs_holds_up_itself),
    ]
}

fn server() -> TestServer {
    let mut options = Options::default();
    options.rules.webhook_private = true;
    TestServer::with(options)
}

fn add(server: &TestServer, receiver: &Receiver, events: &[WebhookEventKind]) -> String {
    let (app, url) = (&server.app, WebhookUrl::parse(&receiver.url(), true).expect("a URL"));
    let added = webhook::add(
        &app.store,
        server.account(),
        &url,
        events,
        AskedBy::Operator,
        &*app.random,
        START,
    );
    added.expect("a webhook").id
}

fn told(call: &Call) -> Value {
    assert!(call.header("webhook-id").starts_with("msg_"));
    serde_json::from_str(&call.body).expect("JSON")
}

fn each_event_is_told_once() {
    let (server, receiver) = (server(), Receiver::start());
    let only_late_ones = Receiver::start();
    add(&server, &receiver, &[]);
    add(&server, &only_late_ones, &[WebhookEventKind::SecretTriedAfter]);
    let at = START.to_string();
    let asked = request(&server.client, json!({}));
    let id = handed_over(&server, &asked);
    let expected = json!({"type": "secret_request.answered", "timestamp": at,
        "data": {"secret_id": id, "secret_request_id": asked}});
    assert_eq!(told(&receiver.call()), expected);
    // By the link, with a lease; then with an API key, too late.
    let stranger = server.client.with_key("");
    let lease = json!({"lease": "0123456789abcdef012345"});
    for _ in 0..2 {
        assert_eq!(stranger.post(&format!("/api/public/secrets/{id}/view"), &lease).status, 200);
    }
    let viewed = json!({"type": "secret.viewed", "timestamp": at, "data": {"secret_id": id}});
    assert_eq!(told(&receiver.call()), viewed);
    assert_eq!(server.public.view(&id).status, 404);
    let late = json!({"type": "secret.tried_after", "timestamp": at, "data": {"secret_id": id}});
    assert_eq!(told(&receiver.call()), late);
    assert_eq!(told(&only_late_ones.call()), late);
    until("the outbox is empty", || waiting(&server).is_empty());
    assert!(receiver.is_idle() && only_late_ones.is_idle());
}

fn a_call_is_tried_again() {
    let (server, receiver) = (server(), Receiver::start());
    receiver.answer(status("500 Internal Server Error"));
    add(&server, &receiver, &[]);
    let id = server.client.create(json!({}));
    assert_eq!(server.public.view(&id).status, 200);
    let first = receiver.call();
    until("it has failed", || waiting(&server).iter().any(|out| out.attempts == 1));
    let error = waiting(&server).remove(0).last_error.expect("a reason");
    assert!(error.contains("500") && !error.contains("planted"), "{error}");
    receiver.answer(status("204 No Content"));
    server.clock.advance(60);
    server.app.deliveries.wake();
    let second = receiver.call();
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("webhook-timestamp"), (START.0 + 60).to_string());
    assert_ne!(second.header("webhook-signature"), first.header("webhook-signature"));
    until("the outbox is empty", || waiting(&server).is_empty());
}

fn who_is_gone_is_given_up() {
    let (server, receiver) = (server(), Receiver::start());
    receiver.answer(status("410 Gone"));
    add(&server, &receiver, &[]);
    let id = server.client.create(json!({}));
    assert_eq!(server.public.view(&id).status, 200);
    receiver.call();
    until("it is given up", || waiting(&server).iter().all(|out| out.is_given_up));
    assert_eq!(waiting(&server).len(), 1, "the operator sees it for a week");
}

fn a_removed_one_is_not_called() {
    let (server, receiver) = (server(), Receiver::start());
    receiver.answer(status("503 Service Unavailable"));
    let webhook = add(&server, &receiver, &[]);
    let id = server.client.create(json!({}));
    assert_eq!(server.public.view(&id).status, 200);
    receiver.call();
    until("it has failed", || waiting(&server).iter().any(|out| out.attempts == 1));
    let number = webhook::find(&server.app.store, None, &webhook).expect("its number");
    webhook::remove(&server.app.store, number, AskedBy::Operator).expect("a webhook");
    server.clock.advance(60);
    server.app.deliveries.wake();
    until("the outbox is empty", || waiting(&server).is_empty());
    assert!(receiver.is_idle());
}

fn one_that_hangs_holds_up_itself() {
    let (server, silent, well) = (server(), Receiver::start(), Receiver::start());
    silent.answer("");
    add(&server, &silent, &[WebhookEventKind::SecretViewed]);
    for _ in 0..20 {
        let id = server.client.create(json!({}));
        assert_eq!(server.public.view(&id).status, 200);
    }
    add(&server, &well, &[WebhookEventKind::SecretTriedAfter]);
    let id = server.client.create(json!({}));
    assert_eq!(server.public.view(&id).status, 200);
    let began = Instant::now();
    assert_eq!(server.public.view(&id).status, 404);
    assert_eq!(told(&well.call())["data"]["secret_id"], id);
    assert!(began.elapsed() < Duration::from_secs(10), "as long as one call may hang, and more");
}
