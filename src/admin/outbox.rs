//! The outbox as the operator sees it.

use super::{CommandError, ErrorKind, OutboxChanged, OutboxPage, OutboxRow};
use crate::{
    clock::UnixSeconds,
    domain::{
        notify::outbox::{self, Letter, Outgoing, OutgoingContent},
        numbers::OutboxNumber,
    },
    store::{Store, StoreError},
};

/// The most entries of one reply: about 200 KiB.
const PAGE: usize = 1000;

/// A page of the list.
pub(super) fn page(store: &Store, from: u64) -> Result<OutboxPage, CommandError> {
    let (found, next) = outbox::list(store, OutboxNumber(from), PAGE)?;
    let next = next.map(|number| number.0);
    Ok(OutboxPage { entries: found.into_iter().map(row).collect(), next })
}

/// Makes one entry due, or all of them.
pub(super) fn retry(
    store: &Store,
    id: Option<u64>,
    now: UnixSeconds,
) -> Result<OutboxChanged, CommandError> {
    if let Some(id) = id {
        let done = store.change(outbox::retry(OutboxNumber(id), now)).wait()?;
        return changed(done, id, "waits");
    }
    let (mut count, mut next) = (0, Some(OutboxNumber(0)));
    while let Some(from) = next {
        let page;
        (page, next) = outbox::list(store, from, PAGE)?;
        let retry = |(number, _)| store.change(outbox::retry(number, now));
        // All changes are queued before the first one is awaited, so that they share syncs.
        let under_way: Vec<_> = page.into_iter().map(retry).collect();
        for pending in under_way {
            count += u64::from(pending.wait()?);
        }
    }
    Ok(OutboxChanged { count })
}

/// Deletes one entry.
pub(super) fn drop_one(store: &Store, id: u64) -> Result<OutboxChanged, CommandError> {
    let done = store.change(outbox::remove(OutboxNumber(id))).wait()?;
    changed(done, id, "is in the outbox")
}

fn changed(done: bool, id: u64, what: &str) -> Result<OutboxChanged, CommandError> {
    if done {
        return Ok(OutboxChanged { count: 1 });
    }
    let message = format!("no item with the number {id} {what}: see sealdrop mail list");
    Err(CommandError::new(ErrorKind::NotFound, message))
}

fn row((number, outgoing): (OutboxNumber, Outgoing)) -> OutboxRow {
    let Outgoing { queued_at, next_at, attempts, last_error, is_given_up, content, .. } = outgoing;
    let (kind, to) = match content {
        OutgoingContent::Mail { to, letter, .. } => (kind(&letter), Some(to.as_str().to_owned())),
        OutgoingContent::Webhook { .. } => ("webhook", None),
    };
    OutboxRow {
        id: number.0,
        kind: kind.to_owned(),
        to,
        state: if is_given_up { "given up" } else { "waiting" }.to_owned(),
        queued_at,
        next_at: (!is_given_up).then_some(next_at),
        attempts,
        error: last_error,
    }
}

fn kind(letter: &Letter) -> &'static str {
    match letter {
        Letter::Request { .. } => "request",
        Letter::Secret { .. } => "secret",
        Letter::SelfDestruct { .. } => "self_destruct",
        Letter::Viewed { .. } => "viewed",
        Letter::TriedAfter { .. } => "tried_after",
        Letter::BoxMessage { .. } => "box_message",
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorKind::Failed, error.to_string())
    }
}
