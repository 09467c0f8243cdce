//! One attempt at an item: the claim before it, and the outcome after it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{DeliveryContext, DeliveryOutcomeKind, lane::Courier};
use crate::{
    clock::UnixSeconds,
    domain::{
        notify::outbox::{self, CLAIM_SECONDS, ClaimedItem, FailureOf, FailureVerdict},
        numbers::OutboxNumber,
    },
    store::StoreError,
};

/// The number of items that are given up together.
const BATCH: usize = 256;
/// The longest time of an attempt under a claim. It ends a minute before the claim, because the clock of another
/// process may be ahead.
const LONGEST: Duration = Duration::from_secs(CLAIM_SECONDS - 60);

/// The outcome of an attempt. The texts are for the operator and contain no secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DeliveryOutcome {
    /// It was accepted.
    Delivered,
    /// It is not needed any more.
    Pointless,
    /// A retry may succeed.
    Later(String),
    /// A retry is useless.
    Never(String),
    /// It was not tried, because its endpoint must not be called before this moment; and the reason.
    NotBefore(UnixSeconds, String),
    /// No delivery is possible: the lane pauses.
    Down(String),
}

/// The result of an attempt.
pub(super) enum Attempted {
    /// It was made.
    With(DeliveryOutcome),
    /// Another process attempts the item, or has put it off.
    Elsewhere,
    /// There is nothing to attempt any more, or the record cannot be read.
    Nothing,
}

/// One attempt, once there is a place.
pub(super) async fn attempt<C: Courier>(
    context: Arc<DeliveryContext>,
    courier: Arc<C>,
    sending: Arc<Semaphore>,
    number: OutboxNumber,
) -> Attempted {
    let process = context.store.process();
    let claim = outbox::claim(number, process, context.clock.now());
    let (outgoing, payload) = match context.store.change(claim).await {
        Ok(ClaimedItem::Ours(outgoing, payload)) => (*outgoing, payload),
        Ok(ClaimedItem::Elsewhere) => return Attempted::Elsewhere,
        // It was dropped or delivered after it was fetched.
        Ok(ClaimedItem::Gone) | Err(StoreError::Closed) => return Attempted::Nothing,
        Err(error) => {
            tracing::error!(outbox = number.0, %error, "an item of the outbox cannot be read");
            return Attempted::Nothing;
        }
    };
    let made = async {
        // The semaphore is closed at the end.
        let _place = sending.acquire().await.ok()?;
        Some(courier.deliver(number, outgoing, payload).await)
    };
    let made = match process {
        0 => made.await,
        _ => timeout(LONGEST, made).await.unwrap_or_else(|_| {
            Some(DeliveryOutcome::Later("the attempt has taken too long".to_owned()))
        }),
    };
    made.map_or(Attempted::Nothing, Attempted::With)
}

/// Gives up items that have waited longer than the limit, tried or not: they contain sealed links.
pub(super) async fn give_up_old<C: Courier>(
    context: &DeliveryContext,
    error: &str,
) -> Result<(), StoreError> {
    let mut count = 0_usize;
    let settled = context.clock.settled();
    loop {
        let store = context.store.clone();
        let old = spawn_blocking(move || outbox::overdue(&store, C::LANE, settled, BATCH)).await;
        // The task fails only when the runtime ends.
        let old = old.unwrap_or_default();
        if old.is_empty() {
            break;
        }
        let give_up = |number| {
            let verdict = (error, FailureVerdict::GiveUp);
            outbox::failed(number, FailureOf::Age, verdict, settled, settled)
        };
        let changes: Vec<_> =
            old.into_iter().map(|number| context.store.change(give_up(number))).collect();
        for change in changes {
            if change.await?.is_some() {
                count += 1;
                context.deliveries.count(C::LANE, DeliveryOutcomeKind::GivenUp);
            }
        }
    }
    if count > 0 {
        tracing::warn!(count, "given up after a day of waiting");
    }
    Ok(())
}

/// Writes the outcome of an attempt.
pub(super) async fn settle<C: Courier>(
    context: &DeliveryContext,
    number: OutboxNumber,
    outcome: DeliveryOutcome,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let count = |kind| context.deliveries.count(C::LANE, kind);
    let (error, verdict) = match outcome {
        DeliveryOutcome::Delivered | DeliveryOutcome::Pointless => {
            count(match outcome {
                DeliveryOutcome::Delivered => DeliveryOutcomeKind::Delivered,
                _ => DeliveryOutcomeKind::Skipped,
            });
            tracing::debug!(outbox = number.0, "{} was delivered", C::WHAT);
            return context.store.change(outbox::delivered(number)).await;
        }
        DeliveryOutcome::Later(error) | DeliveryOutcome::Down(error) => {
            (error, FailureVerdict::Retry)
        }
        DeliveryOutcome::NotBefore(until, error) => (error, FailureVerdict::Wait(until)),
        DeliveryOutcome::Never(error) => (error, FailureVerdict::GiveUp),
    };
    let attempt = FailureOf::Attempt(context.store.process());
    let settled = context.clock.settled();
    let failed = outbox::failed(number, attempt, (&error, verdict), now, settled);
    match context.store.change(failed).await? {
        None => tracing::debug!(outbox = number.0, error, "{} is not waiting here", C::WHAT),
        Some(FailureVerdict::Retry) => {
            count(DeliveryOutcomeKind::Retried);
            tracing::info!(outbox = number.0, error, "{} is tried again later", C::WHAT);
        }
        Some(FailureVerdict::Wait(_)) => {
            tracing::debug!(outbox = number.0, error, "{} waits", C::WHAT);
        }
        Some(FailureVerdict::GiveUp) => {
            count(DeliveryOutcomeKind::GivenUp);
            tracing::warn!(outbox = number.0, error, "{} was given up", C::WHAT);
        }
    }
    Ok(())
}
