//! Webhooks in the store: add, queue calls, remove.

use super::*;
use crate::{
    crypto::SeededRandom,
    domain::{
        account::{AccountError, api_key::AskedBy, find_account},
        numbers::{OutboxNumber, SecretId, SecretNumber},
        operator::{create_account, delete_account},
    },
    store::Store,
};

const NOW: UnixSeconds = UnixSeconds(1000);

struct Fixture {
    store: Store,
    random: SeededRandom,
    _dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 16 << 20).unwrap();
        let random = SeededRandom::new(1);
        for name in ["alice", "bob"] {
            create_account(&store, name, 10, &random, NOW).unwrap();
        }
        Self { store, random, _dir: dir }
    }

    fn add(&self, account: &str, events: &[WebhookEventKind]) -> Result<NewWebhook, WebhookError> {
        let url = WebhookUrl::parse("https://example.org/hook?token=planted", false)?;
        let account = find_account(&self.store, account)?;
        add(&self.store, account, &url, events, AskedBy::Operator, &self.random, NOW)
    }

    fn remove(&self, id: &str) -> Result<String, WebhookError> {
        remove(&self.store, find(&self.store, None, id)?, AskedBy::Operator)
    }

    fn ids(&self, account: Option<&str>) -> Vec<String> {
        let account = account.map(|name| find_account(&self.store, name).unwrap());
        list(&self.store, account).unwrap().into_iter().map(|listed| listed.id).collect()
    }

    /// Queues an event of the account. Returns the webhooks of all calls in the outbox.
    fn happens(&self, account: u32, kind: WebhookEventKind) -> Vec<String> {
        let account = AccountNumber::new(account).unwrap();
        let secret = SecretId { number: SecretNumber { account, sequence: 0 }, random: [7; 15] };
        let event = WebhookEvent { kind, at: NOW, secret, request: None };
        self.store.change(move |transaction| queue(transaction, account, &event)).wait().unwrap();
        self.waiting()
    }

    fn waiting(&self) -> Vec<String> {
        let (all, _) = outbox::list(&self.store, OutboxNumber(0), usize::MAX).unwrap();
        let ids = all.into_iter().map(|(_, outgoing)| match outgoing.content {
            OutgoingContent::Webhook { webhook, .. } => webhook.id(),
            OutgoingContent::Mail { .. } => "mail".into(),
        });
        ids.collect()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.store.close();
    }
}

#[test]
fn a_webhook_is_added_listed_called_and_removed() {
    let f = Fixture::new();
    let new = f.add("alice", &[]).ok().unwrap();
    assert_eq!((&*new.id, &*new.url), ("w1", "https://example.org/hook?…"));
    let key = new.key.expose_secret().strip_prefix("whsec_").unwrap();
    assert_eq!(STANDARD.decode(key).unwrap().len(), 32);

    let number = find(&f.store, None, "w1").unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| find_account(&f.store, name).unwrap());
    assert!(find(&f.store, Some(bob), "w1").is_err());
    let endpoint = Endpoint::open(f.store.change(fetch(number)).wait().unwrap().unwrap()).unwrap();
    assert_eq!(endpoint.url, "https://example.org/hook?token=planted");
    assert_eq!(endpoint.key_text().expose_secret(), new.key.expose_secret());

    f.add("bob", &[WebhookEventKind::RequestAnswered, WebhookEventKind::RequestAnswered])
        .ok()
        .unwrap();
    let listed = list(&f.store, Some(bob)).unwrap();
    assert_eq!((listed.len(), &*listed[0].account, &*listed[0].id), (1, "bob", "w2"));
    assert_eq!(listed[0].webhook.events, [WebhookEventKind::RequestAnswered]);
    assert_eq!(list(&f.store, Some(alice)).unwrap()[0].webhook.events, WebhookEventKind::ALL);
    assert_eq!(f.ids(None), ["w1", "w2"]);

    assert_eq!(f.remove("w1").unwrap(), "alice");
    assert!(matches!(remove(&f.store, number, AskedBy::Operator), Err(WebhookError::Unknown(_))));
    assert!(f.store.change(fetch(number)).wait().unwrap().is_none());
    assert_eq!(f.ids(None), ["w2"]);
    for id in ["w1", "1", "w01", "W2", "", "w3"] {
        assert!(matches!(f.remove(id), Err(WebhookError::Unknown(_))), "{id}");
    }
    // An id is never reused, because queued calls of the old webhook must not go to a new one.
    assert_eq!(f.add("alice", &[]).ok().unwrap().id, "w3");
}

#[test]
fn an_event_calls_the_webhooks_of_its_account_that_want_it() {
    let f = Fixture::new();
    f.add("alice", &[WebhookEventKind::SecretViewed]).ok().unwrap();
    f.add("bob", &[]).ok().unwrap();
    f.add("alice", &[]).ok().unwrap();
    assert_eq!(f.happens(1, WebhookEventKind::SecretViewed), ["w1", "w3"]);
    assert_eq!(f.happens(1, WebhookEventKind::SecretTriedAfter), ["w1", "w3", "w3"]);
    assert_eq!(f.happens(2, WebhookEventKind::RequestAnswered), ["w1", "w3", "w3", "w2"]);
}

#[test]
fn an_account_has_ten_at_most() {
    let f = Fixture::new();
    for _ in 0..MAX_WEBHOOKS {
        f.add("alice", &[]).ok().unwrap();
    }
    assert!(matches!(f.add("alice", &[]), Err(WebhookError::TooMany)));
    f.add("bob", &[]).ok().unwrap();
    assert_eq!(f.happens(1, WebhookEventKind::SecretViewed).len(), 10);
    f.remove("w4").unwrap();
    f.add("alice", &[]).ok().unwrap();
    let unknown = f.add("carol", &[]);
    assert!(matches!(unknown, Err(WebhookError::Account(AccountError::Unknown(_)))));
}

#[test]
fn what_an_account_has_goes_with_it() {
    let f = Fixture::new();
    for account in ["alice", "bob", "alice"] {
        f.add(account, &[]).ok().unwrap();
    }
    f.happens(1, WebhookEventKind::SecretViewed);
    assert_eq!(f.happens(2, WebhookEventKind::SecretViewed), ["w1", "w3", "w2"]);
    let notify = crate::domain::notify::Notify {
        email: crate::domain::notify::mailbox::Mailbox::new("alice@example.org").unwrap(),
        unsubscribe: [0; 16],
    };
    let key = schema::notify(AccountNumber::new(1).unwrap());
    let put = key.clone();
    f.store.change(move |transaction| transaction.put(&put, &notify)).wait().unwrap();
    delete_account(&f.store, "alice", NOW).unwrap();
    assert_eq!(f.waiting(), ["w2"]);
    assert_eq!(f.ids(None), ["w2"]);
    assert!(f.store.keys(&key).next().is_none());
    assert_eq!(
        f.store.keys(&schema::outgoing_dues(crate::domain::numbers::Lane::Webhook)).count(),
        1
    );
}
