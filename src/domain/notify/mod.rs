//! Notifications about events, queued in the same change that causes the event.
//!
//! A notification never makes that change fail: if the limits of mails are reached, it is left out. Each
//! notification has a link that unsubscribes from all of its kind.

pub mod event;
pub mod language;
pub mod mailbox;
pub mod outbox;
pub mod subscription;
pub mod webhook;

use serde::{Deserialize, Serialize};

pub use self::subscription::{Subscriber, Subscription};
use self::{
    event::{WebhookEvent, WebhookEventKind},
    mailbox::Mailbox,
    outbox::{Letter, NewMail, OutboxError},
};
use super::{
    account::AccountError,
    numbers::{AccountNumber, BoxNumber, SecretId},
    request_id::RequestId,
    schema::{self, TextField},
    text::Text,
    view::View,
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, bytes_equal, random_array},
    domain::account::check_live,
    store::{Key, Record, Store, StoreError, Transaction},
};

/// The shortest interval between two mails about messages in the same box.
const BOX_PAUSE_SECONDS: u64 = 3600;

/// The notification address of an account.
#[derive(Clone, Serialize, Deserialize)]
pub struct Notify {
    /// The recipient.
    pub email: Mailbox,
    /// The random bits of the unsubscribe link in each notification.
    pub unsubscribe: [u8; 16],
}

/// The notification address of a box.
#[derive(Clone, Serialize, Deserialize)]
pub struct BoxNotify {
    account: AccountNumber,
    email: Mailbox,
    unsubscribe: [u8; 16],
    last_at: Option<UnixSeconds>,
}

impl BoxNotify {
    /// Notifications to `email`, requested by `account`. `unsubscribe` are fresh random bits.
    #[must_use]
    pub fn new(account: AccountNumber, email: Mailbox, unsubscribe: [u8; 16]) -> Self {
        Self { account, email, unsubscribe, last_at: None }
    }
}

impl Record for Notify {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        Some(key.clone())
    }
}
impl Record for BoxNotify {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        Some(key.clone())
    }
}

/// Notifies of a view of a secret.
pub(super) fn viewed(
    transaction: &mut Transaction<'_, '_>,
    secret: SecretId,
    view: &View,
) -> Result<(), StoreError> {
    let letter = Letter::Viewed { secret, view: view.clone() };
    tell(transaction, secret, letter, WebhookEventKind::SecretViewed, view.at)
}

/// Notifies of a late attempt to view a secret.
pub(super) fn tried_after(
    transaction: &mut Transaction<'_, '_>,
    secret: SecretId,
    view: &View,
) -> Result<(), StoreError> {
    let letter = Letter::TriedAfter { secret, view: view.clone() };
    tell(transaction, secret, letter, WebhookEventKind::SecretTriedAfter, view.at)
}

/// Notifies the owner of a secret, by mail and by webhooks.
fn tell(
    transaction: &mut Transaction<'_, '_>,
    secret: SecretId,
    letter: Letter,
    kind: WebhookEventKind,
    at: UnixSeconds,
) -> Result<(), StoreError> {
    let account = secret.number.account;
    mail(transaction, account, letter, at)?;
    webhook::queue(transaction, account, &WebhookEvent { kind, at, secret, request: None })
}

/// Notifies of a secret that was created through a secret request.
pub(super) fn answered(
    transaction: &mut Transaction<'_, '_>,
    request: RequestId,
    secret: SecretId,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let kind = WebhookEventKind::RequestAnswered;
    let event = WebhookEvent { kind, at: now, secret, request: Some(request) };
    webhook::queue(transaction, secret.number.account, &event)
}

/// Sets the recipient of the notifications of a box.
pub fn watch_box(
    transaction: &mut Transaction<'_, '_>,
    number: BoxNumber,
    notify: &BoxNotify,
) -> Result<(), StoreError> {
    transaction.put(&schema::box_notify(number), notify)
}

/// Deletes the recipient of the notifications of a box that is burned.
pub(super) fn forget_box(
    transaction: &mut Transaction<'_, '_>,
    number: BoxNumber,
) -> Result<(), StoreError> {
    transaction.delete(&schema::box_notify(number))
}

/// The recipient of the notifications of `account`; `None` if it has none.
pub fn email(store: &Store, account: AccountNumber) -> Result<Option<Mailbox>, StoreError> {
    Ok(store.get::<Notify>(&schema::notify(account))?.map(|notify| notify.email))
}

/// Sets or deletes the recipient of the notifications of `account`. Blocks.
pub fn set_email(
    store: &Store,
    account: AccountNumber,
    email: Option<Mailbox>,
    random: &dyn Random,
) -> Result<(), AccountError> {
    store.change(email_set(account, email, random_array(random))).wait()
}

/// As [`set_email`]; `unsubscribe` are fresh random bits.
pub fn email_set(
    account: AccountNumber,
    email: Option<Mailbox>,
    unsubscribe: [u8; 16],
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), AccountError> + Send + 'static {
    move |transaction| {
        check_live(transaction, account)?;
        let key = schema::notify(account);
        let Some(email) = &email else { return Ok(transaction.delete(&key)?) };
        // For an unchanged address, the links in earlier mails remain valid.
        let found = transaction.get::<Notify>(&key)?;
        if found.is_some_and(|found| found.email == *email) {
            return Ok(());
        }
        // Another key, so that the old address cannot be read any more.
        transaction.delete(&key)?;
        Ok(transaction.put(&key, &Notify { email: email.clone(), unsubscribe })?)
    }
}

/// Whether the subscription of an unsubscribe link still exists.
pub fn is_subscribed(store: &Store, subscription: Subscription) -> Result<bool, StoreError> {
    let found = match subscription.subscriber {
        Subscriber::Account(number) => {
            store.get::<Notify>(&schema::notify(number))?.map(|notify| notify.unsubscribe)
        }
        Subscriber::Box(number) => {
            store.get::<BoxNotify>(&schema::box_notify(number))?.map(|notify| notify.unsubscribe)
        }
    };
    Ok(found.is_some_and(|found| bytes_equal(&found, &subscription.random)))
}

/// Ends a subscription. Returns `false` if it does not exist.
pub fn unsubscribe(
    subscription: Subscription,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, StoreError> + Send + 'static {
    move |transaction| {
        let (key, found) = match subscription.subscriber {
            Subscriber::Account(number) => {
                let key = schema::notify(number);
                let found = transaction.get::<Notify>(&key)?;
                (key, found.map(|notify| notify.unsubscribe))
            }
            Subscriber::Box(number) => {
                let key = schema::box_notify(number);
                let found = transaction.get::<BoxNotify>(&key)?;
                (key, found.map(|notify| notify.unsubscribe))
            }
        };
        let fits = found.is_some_and(|found| bytes_equal(&found, &subscription.random));
        if fits {
            transaction.delete(&key)?;
        }
        Ok(fits)
    }
}

/// The content of the unsubscribe link for a notification to `email`; `None` if the subscription has ended.
pub fn subscription(
    store: &Store,
    subscriber: Subscriber,
    email: &Mailbox,
) -> Result<Option<Subscription>, StoreError> {
    let found = match subscriber {
        Subscriber::Account(number) => store
            .get::<Notify>(&schema::notify(number))?
            .map(|notify| (notify.email, notify.unsubscribe)),
        Subscriber::Box(number) => store
            .get::<BoxNotify>(&schema::box_notify(number))?
            .map(|notify| (notify.email, notify.unsubscribe)),
    };
    let current = found.filter(|(now, _)| now == email);
    Ok(current.map(|(_, random)| Subscription { subscriber, random }))
}

/// The description of a secret, if the secret still exists.
pub fn description(store: &Store, secret: SecretId) -> Result<Option<String>, StoreError> {
    let text = store.get::<Text>(&schema::text(secret.number, TextField::Description))?;
    Ok(text.map(Text::into_string))
}

/// Notifies of a message in a box.
pub fn box_message(
    transaction: &mut Transaction<'_, '_>,
    drop_box: BoxNumber,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let key = schema::box_notify(drop_box);
    let Some(mut notify) = transaction.get::<BoxNotify>(&key)? else { return Ok(()) };
    // A time in the future comes from a clock that was set back later.
    let is_recent = |last: UnixSeconds| last <= now && now < last.plus(BOX_PAUSE_SECONDS);
    if notify.last_at.is_some_and(is_recent) {
        return Ok(());
    }
    let letter = Letter::BoxMessage { drop_box, at: now };
    let to = notify.email.clone();
    let mail = NewMail { account: Some(notify.account), to, language: None, payload: None };
    if queue(transaction, mail, letter, now)? {
        notify.last_at = Some(now);
        transaction.put(&key, &notify)?;
    }
    Ok(())
}

fn mail(
    transaction: &mut Transaction<'_, '_>,
    account: AccountNumber,
    letter: Letter,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let Some(notify) = transaction.get::<Notify>(&schema::notify(account))? else { return Ok(()) };
    let (to, account) = (notify.email, Some(account));
    queue(transaction, NewMail { account, to, language: None, payload: None }, letter, now)
        .map(drop)
}

/// Queues a mail and returns whether it was queued; see [`outbox::put_mail`].
fn queue(
    transaction: &mut Transaction<'_, '_>,
    mail: NewMail,
    letter: Letter,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    match outbox::put_mail(transaction, &mail, letter, now) {
        Ok(()) => Ok(true),
        Err(OutboxError::TooMany { .. }) => {
            let line = "a notification was left out: the limit of mails per hour is reached";
            transaction.report(line, false);
            Ok(false)
        }
        Err(OutboxError::Store(StoreError::Full)) => {
            transaction.report("a notification was left out: the disk is full", true);
            Ok(false)
        }
        Err(OutboxError::Store(error)) => Err(error),
    }
}
