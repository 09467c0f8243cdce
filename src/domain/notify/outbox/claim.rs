//! Which process attempts an item, so that no two do at the same time.

use serde::{Deserialize, Serialize};

use super::{Outgoing, queue::move_to};
use crate::{
    clock::UnixSeconds,
    domain::{numbers::OutboxNumber, schema},
    store::{FoundPayload, StoreError, Transaction},
};

/// The time within which a process must end an attempt, in seconds. A process that ends meanwhile lets go of the
/// item after it.
pub const CLAIM_SECONDS: u64 = 300;

/// The right of one process to attempt an item. Only a store that several processes share has claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxClaim {
    /// [`Store::process`](crate::store::Store::process).
    process: u64,
    /// The end of the claim.
    until: UnixSeconds,
}

/// The answer to a claim.
pub enum ClaimedItem {
    /// The item and its sealed part. No other process attempts it now.
    Ours(Box<Outgoing>, Option<FoundPayload>),
    /// Another process attempts the item, or has put it off.
    Elsewhere,
    /// It was delivered, dropped or given up.
    Gone,
}

/// Who wants to record a failure.
#[derive(Clone, Copy, Debug)]
pub enum FailureOf {
    /// An attempt of this process: it counts unless the claim was lost.
    Attempt(u64),
    /// No attempt, but the age of the item: it counts unless somebody attempts the item.
    Age,
}

impl FailureOf {
    /// Whether the failure counts.
    pub(super) fn counts(self, outgoing: &Outgoing, now: UnixSeconds) -> bool {
        match self {
            // The only process. A claim can only come from a restored backup.
            Self::Attempt(0) => true,
            // A process claims no item that it attempts, so this is the claim of that attempt.
            Self::Attempt(process) => outgoing.claim.is_some_and(|claim| claim.process == process),
            Self::Age => !outgoing.is_claimed(now),
        }
    }
}

impl Outgoing {
    /// Whether a process may be attempting the item.
    pub(super) fn is_claimed(&self, now: UnixSeconds) -> bool {
        self.claim.is_some_and(|claim| now < claim.until)
    }
}

/// Claims a due item for this `process` (see [`Store::process`](crate::store::Store::process)). Until the end of
/// the claim, the item is not due for others. Process 0 is the only one and writes nothing.
pub fn claim(
    number: OutboxNumber,
    process: u64,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<ClaimedItem, StoreError> + Send + 'static {
    move |transaction| {
        let key = schema::outgoing(number);
        let found = transaction.get::<Outgoing>(&key)?.filter(|outgoing| !outgoing.is_given_up);
        let Some(mut outgoing) = found else { return Ok(ClaimedItem::Gone) };
        if process != 0 {
            if outgoing.is_claimed(now) || now < outgoing.next_at {
                return Ok(ClaimedItem::Elsewhere);
            }
            let until = now.plus(CLAIM_SECONDS);
            outgoing.claim = Some(OutboxClaim { process, until });
            move_to(transaction, number, &mut outgoing, until)?;
        }
        Ok(ClaimedItem::Ours(Box::new(outgoing), transaction.payload(&key)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            notify::{
                event::{WebhookEvent, WebhookEventKind},
                outbox::{
                    FailureVerdict, OutgoingContent, delivered, due, failed, overdue, put, retry,
                },
            },
            numbers::{AccountNumber, Lane, SecretId, SecretNumber, WebhookNumber},
        },
        store::{
            Store,
            faulty::{MemoryDisk, Sharing},
        },
    };

    const NOW: UnixSeconds = UnixSeconds(1_000_000);

    fn with_item(sharing: Sharing) -> (MemoryDisk, Store, OutboxNumber) {
        let disk = MemoryDisk::new(sharing, 1);
        let store = Store::in_memory(&disk).unwrap();
        let account = AccountNumber::FIRST;
        let secret = SecretId { number: SecretNumber { account, sequence: 0 }, random: [0; 15] };
        let content = OutgoingContent::Webhook {
            webhook: WebhookNumber { account, sequence: 0 },
            event: WebhookEvent {
                kind: WebhookEventKind::SecretViewed,
                at: NOW,
                secret,
                request: None,
            },
        };
        let put = move |transaction: &mut Transaction<'_, '_>| {
            put(transaction, Some(account), content.clone(), None, NOW)
        };
        store.change(put).wait().unwrap();
        let (found, _) = due(&store, Lane::Webhook, NOW, 9, |_| false).unwrap();
        (disk, store, found[0])
    }

    fn is_ours(store: &Store, number: OutboxNumber, now: UnixSeconds) -> bool {
        let claimed = store.change(claim(number, store.process(), now)).wait().unwrap();
        matches!(claimed, ClaimedItem::Ours(..))
    }

    fn fail(store: &Store, number: OutboxNumber, now: UnixSeconds) -> Option<FailureVerdict> {
        let attempt = FailureOf::Attempt(store.process());
        let failed = failed(number, attempt, ("no", FailureVerdict::GiveUp), now, now);
        store.change(failed).wait().unwrap()
    }

    #[test]
    fn of_two_processes_one_attempts_an_item() {
        let (disk, one, number) = with_item(Sharing::Shared);
        let other = Store::in_memory(&disk).unwrap();
        // The other process is faster than the commit of this one.
        let rival = other.clone();
        disk.before_next_commit(move || assert!(is_ours(&rival, number, NOW)));
        assert!(!is_ours(&one, number, NOW));
        let end = NOW.plus(CLAIM_SECONDS);
        let is_due = |now| !due(&one, Lane::Webhook, now, 9, |_| false).unwrap().0.is_empty();
        assert_eq!((is_due(UnixSeconds(end.0 - 1)), is_due(end)), (false, true));
        assert!(one.change(retry(number, NOW)).wait().unwrap());
        assert!(!is_due(NOW), "it is attempted already");
        let late = NOW.plus(48 * 3600);
        assert_eq!(overdue(&one, Lane::Webhook, late, 9), [number]);

        // A process that has not come back in time has lost the item.
        assert!(is_ours(&one, number, end));
        assert_eq!(fail(&other, number, end), None);
        assert!(!is_ours(&other, number, end), "it is still attempted");
        let aged = failed(number, FailureOf::Age, ("old", FailureVerdict::GiveUp), end, late);
        assert_eq!(one.change(aged).wait().unwrap(), None);
        // What it has delivered is delivered.
        other.change(delivered(number)).wait().unwrap();
        assert_eq!(fail(&one, number, end), None);
        let claimed = one.change(claim(number, one.process(), late)).wait().unwrap();
        assert!(matches!(claimed, ClaimedItem::Gone));
        assert_eq!(disk.keys_and_files(), (0, 0));
    }

    #[test]
    fn a_failure_ends_the_claim() {
        let (disk, one, number) = with_item(Sharing::Shared);
        let other = Store::in_memory(&disk).unwrap();
        assert!(is_ours(&one, number, NOW));
        let failed = failed(
            number,
            FailureOf::Attempt(one.process()),
            ("no", FailureVerdict::Wait(NOW.plus(5))),
            NOW,
            NOW,
        );
        assert!(one.change(failed).wait().unwrap().is_some());
        assert!(!is_ours(&other, number, NOW.plus(4)), "it is not due");
        assert!(is_ours(&other, number, NOW.plus(5)));
        assert_eq!(fail(&other, number, NOW.plus(6)), Some(FailureVerdict::GiveUp));
    }

    #[test]
    fn the_only_process_writes_nothing() {
        let (_, store, number) = with_item(Sharing::Exclusive);
        let commits = || store.figures().commit_times.values().count;
        let before = commits();
        assert!(is_ours(&store, number, NOW));
        assert_eq!(commits(), before);
        assert_eq!(fail(&store, number, NOW), Some(FailureVerdict::GiveUp));
    }
}
