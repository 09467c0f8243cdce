//! Notifications: who wants to know what has happened, told by the very change that makes it happen.
//!
//! A notification never stands in the way of what it is about: one mail too many is left out. Each has a
//! link that ends all of its kind.

pub mod language;
pub mod mailbox;
pub mod outbox;
pub mod webhook;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::{
    mailbox::Mailbox,
    outbox::{Letter, NewMail, OutboxError},
    webhook::{Event, EventKind},
};
use super::{
    account::AccountError,
    drop_box::DropBox,
    numbers::{AccountNumber, BoxId, BoxNumber, SecretId},
    operator,
    request::RequestId,
    schema::{self, TextField},
    secret::view::View,
    text::Text,
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, bytes_equal, random_array},
    store::{Record, Store, StoreError, Transaction},
};

/// So long no second mail says that a message came into a box.
const BOX_PAUSE_SECONDS: u64 = 3600;

/// Where an account's notifications go.
#[derive(Clone, Serialize, Deserialize)]
pub struct Notify {
    /// To whom.
    pub email: Mailbox,
    /// What ends them, shown in each of them.
    pub unsubscribe: [u8; 16],
}

/// Where the notifications of a box go.
#[derive(Clone, Serialize, Deserialize)]
pub struct BoxNotify {
    account: AccountNumber,
    email: Mailbox,
    unsubscribe: [u8; 16],
    last_at: Option<UnixSeconds>,
}

impl BoxNotify {
    /// To `email`, as somebody in `account` wants it. `unsubscribe` are fresh random bits.
    #[must_use]
    pub fn new(account: AccountNumber, email: Mailbox, unsubscribe: [u8; 16]) -> Self {
        Self { account, email, unsubscribe, last_at: None }
    }
}

/// Who gets notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscriber {
    /// Of what happens to the secrets of an account.
    Account(AccountNumber),
    /// Of what comes into a box.
    Box(BoxNumber),
}

/// What a link names that ends notifications: whose, and the random bits that prove one got one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Whose.
    pub subscriber: Subscriber,
    /// 128 random bits.
    pub random: [u8; 16],
}

/// Without the random bits, which open the link.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("subscriber", &self.subscriber).finish_non_exhaustive()
    }
}

impl Record for Notify {
    const VERSION: u8 = 1;
}
impl Record for BoxNotify {
    const VERSION: u8 = 1;
}

/// A secret was viewed.
pub(super) fn viewed(
    transaction: &mut Transaction<'_, '_>,
    secret: SecretId,
    view: &View,
) -> Result<(), StoreError> {
    let letter = Letter::Viewed { secret, view: view.clone() };
    tell(transaction, secret, letter, EventKind::SecretViewed, view.at)
}

/// Somebody tried the link of a secret that is gone.
pub(super) fn tried_after(
    transaction: &mut Transaction<'_, '_>,
    secret: SecretId,
    view: &View,
) -> Result<(), StoreError> {
    let letter = Letter::TriedAfter { secret, view: view.clone() };
    tell(transaction, secret, letter, EventKind::SecretTriedAfter, view.at)
}

/// Tells the owner of a secret, by mail and by webhooks.
fn tell(
    transaction: &mut Transaction<'_, '_>,
    secret: SecretId,
    letter: Letter,
    kind: EventKind,
    at: UnixSeconds,
) -> Result<(), StoreError> {
    let account = secret.number.account;
    mail(transaction, account, letter, at)?;
    webhook::queue(transaction, account, &Event { kind, at, secret, request: None })
}

/// A secret was made through a secret request.
pub(super) fn answered(
    transaction: &mut Transaction<'_, '_>,
    request: RequestId,
    secret: SecretId,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let kind = EventKind::RequestAnswered;
    let event = Event { kind, at: now, secret, request: Some(request) };
    webhook::queue(transaction, secret.number.account, &event)
}

/// Sends the notifications of a box.
///
/// # Errors
///
/// See [`StoreError`].
pub fn watch_box(
    transaction: &mut Transaction<'_, '_>,
    number: BoxNumber,
    notify: &BoxNotify,
) -> Result<(), StoreError> {
    transaction.put(&schema::box_notify(number), notify)
}

/// Nobody watches a box that is gone.
pub(super) fn forget_box(
    transaction: &mut Transaction<'_, '_>,
    number: BoxNumber,
) -> Result<(), StoreError> {
    transaction.delete(&schema::box_notify(number))
}

/// Where the notifications of `account` go; `None` for nowhere.
///
/// # Errors
///
/// See [`StoreError`].
pub fn email(store: &Store, account: AccountNumber) -> Result<Option<Mailbox>, StoreError> {
    Ok(store.get::<Notify>(&schema::notify(account))?.map(|notify| notify.email))
}

/// Sends the notifications of `account` to `email`, or to nobody. Blocks.
///
/// # Errors
///
/// See [`AccountError`].
pub fn set_email(
    store: &Store,
    account: AccountNumber,
    email: Option<Mailbox>,
    random: &dyn Random,
) -> Result<(), AccountError> {
    let unsubscribe: [u8; 16] = random_array(random);
    store
        .change(move |transaction| {
            operator::check_live(transaction, account)?;
            let key = schema::notify(account);
            let Some(email) = &email else { return Ok(transaction.delete(&key)?) };
            // Said again: the links in mails that are out go on working.
            let found = transaction.get::<Notify>(&key)?;
            if found.is_some_and(|found| found.email == *email) {
                return Ok(());
            }
            let notify = Notify { email: email.clone(), unsubscribe };
            Ok::<_, AccountError>(transaction.put(&key, &notify)?)
        })
        .wait()
}

/// Whether there are notifications that this would end.
///
/// # Errors
///
/// See [`StoreError`].
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

/// Ends notifications. `false` where they have ended already, or never were.
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

/// What the link in a notification to `email` names that ends it; `None` where it is wanted no more.
///
/// # Errors
///
/// See [`StoreError`].
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
    let wanted = found.filter(|(now, _)| now == email);
    Ok(wanted.map(|(_, random)| Subscription { subscriber, random }))
}

/// What the owner of a secret has written about it, if it is still there.
///
/// # Errors
///
/// See [`StoreError`].
pub fn description(store: &Store, secret: SecretId) -> Result<Option<String>, StoreError> {
    let text = store.get::<Text>(&schema::text(secret.number, TextField::Description))?;
    Ok(text.map(Text::into_string))
}

/// The id of a box, if it is still there.
///
/// # Errors
///
/// See [`StoreError`].
pub fn box_id(store: &Store, number: BoxNumber) -> Result<Option<BoxId>, StoreError> {
    Ok(store.get::<DropBox>(&schema::drop_box(number))?.and_then(|found| found.id(number)))
}

/// A message came into a box.
///
/// # Errors
///
/// See [`StoreError`].
pub fn box_message(
    transaction: &mut Transaction<'_, '_>,
    drop_box: BoxNumber,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let key = schema::box_notify(drop_box);
    let Some(mut notify) = transaction.get::<BoxNotify>(&key)? else { return Ok(()) };
    // One of the future is of a clock that was set back since.
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

/// Whether it was queued: see [`outbox::put_mail`].
fn queue(
    transaction: &mut Transaction<'_, '_>,
    mail: NewMail,
    letter: Letter,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    match outbox::put_mail(transaction, &mail, letter, now) {
        Ok(()) => Ok(true),
        Err(OutboxError::TooMany { .. }) => {
            tracing::info!("a notification was left out: as many mails as may go out have gone");
            Ok(false)
        }
        Err(OutboxError::Store(error)) => Err(error),
    }
}
