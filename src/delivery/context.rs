//! The state that the loops of the outbox share with handlers.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::Notify;

use super::{smtp::Mailer, webhook::Caller};
use crate::{
    clock::Clock,
    crypto::Random,
    domain::{
        id::Ids,
        notify::{mailbox::Mailbox, outbox},
        numbers::Lane,
    },
    metrics::EventCount,
    store::Store,
};

/// The parts of the daemon that the loops use.
#[derive(Clone)]
pub struct DeliveryContext {
    /// The outbox, and the records that mails and calls are about.
    pub store: Store,
    /// Writes ids and message names.
    pub ids: Arc<Ids>,
    /// The time.
    pub clock: Clock,
    /// Calls webhooks.
    pub caller: Arc<Caller>,
    /// Sends mails, and wakes the loops.
    pub deliveries: Arc<Deliveries>,
}

/// The state that handlers and the loops share.
#[derive(Default)]
pub struct Deliveries {
    mailer: RwLock<Option<Arc<Mailer>>>,
    lanes: [Bell; 2],
    /// [`outbox::queued`] at the last [`Deliveries::wake_for_new`].
    queued: AtomicU64,
    outcomes: [[EventCount; DeliveryOutcomeKind::ALL.len()]; 2],
}

/// The result of an attempt, in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcomeKind {
    /// The receiver accepted it.
    Delivered,
    /// It failed, and is tried again.
    Retried,
    /// It failed, and is not tried again.
    GivenUp,
    /// It was not needed any more.
    Skipped,
}

impl DeliveryOutcomeKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Retried, Self::GivenUp, Self::Skipped];

    /// The name in the metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retried => "retried",
            Self::GivenUp => "given_up",
            Self::Skipped => "skipped",
        }
    }
}

/// Wakes a loop.
#[derive(Default)]
pub(super) struct Bell {
    pub(super) ring: Notify,
    /// Whether pauses of the lane end, too.
    pub(super) try_now: AtomicBool,
}

impl Deliveries {
    /// Sends mails with `mailer`; without one they wait, and are given up in the end.
    #[must_use]
    pub fn new(mailer: Option<Mailer>) -> Self {
        let deliveries = Self::default();
        deliveries.replace_mailer(mailer);
        deliveries
    }

    /// Replaces the mailer. Deliveries in progress continue with the previous one.
    pub fn replace_mailer(&self, mailer: Option<Mailer>) {
        *self.mailer.write().unwrap_or_else(PoisonError::into_inner) = mailer.map(Arc::new);
    }

    /// Reports new items, after the change that queued them. This is cheap, and the signal is not lost.
    pub fn wake(&self) {
        self.lanes.iter().for_each(|bell| bell.ring.notify_one());
    }

    /// Like [`Deliveries::wake`], if anything was queued since the last call. For changes that seldom queue
    /// anything, and are made often.
    pub fn wake_for_new(&self, store: &Store) {
        let queued = outbox::queued(store);
        if self.queued.swap(queued, Ordering::AcqRel) != queued {
            self.wake();
        }
    }

    /// Like [`Deliveries::wake`], for items that the operator has made due: a lane that pauses because its
    /// server is down tries again at once.
    pub fn try_now(&self) {
        self.lanes.iter().for_each(|bell| bell.try_now.store(true, Ordering::Release));
        self.wake();
    }

    /// The current mailer.
    #[must_use]
    pub fn mailer(&self) -> Option<Arc<Mailer>> {
        self.mailer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a test mail without the outbox. Returns the server's reply.
    ///
    /// # Errors
    ///
    /// The step that failed, and why, in words for the operator.
    pub async fn test(
        &self,
        random: &dyn Random,
        clock: &Clock,
        to: &Mailbox,
    ) -> Result<String, String> {
        let mailer = self.mailer().ok_or("mail is not set up: see smtp_url in docs/mail.md")?;
        let name: [u8; 8] = crate::crypto::random_array(random);
        mailer.test(to, &crate::crypto::hex(&name), clock.now()).await
    }

    /// Counts an attempt.
    pub(super) fn count(&self, lane: Lane, outcome: DeliveryOutcomeKind) {
        if let Some(count) = self.outcome(lane, outcome) {
            count.add_one();
        }
    }

    /// The number of attempts of a lane with this result since the start.
    #[must_use]
    pub fn outcomes(&self, lane: Lane, outcome: DeliveryOutcomeKind) -> u64 {
        self.outcome(lane, outcome).map_or(0, EventCount::get)
    }

    fn outcome(&self, lane: Lane, outcome: DeliveryOutcomeKind) -> Option<&EventCount> {
        let of_lane = match lane {
            Lane::Mail => self.outcomes.first()?,
            Lane::Webhook => self.outcomes.last()?,
            Lane::GivenUp => return None,
        };
        of_lane.get(outcome as usize)
    }

    /// `None` for a lane that has no loop.
    pub(super) fn bell(&self, lane: Lane) -> Option<&Bell> {
        match lane {
            Lane::Mail => self.lanes.first(),
            Lane::Webhook => self.lanes.last(),
            Lane::GivenUp => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;
    use crate::{
        clock::UnixSeconds,
        domain::{
            notify::outbox::{Letter, NewMail, put_mail},
            numbers::{AccountNumber, SecretId, SecretNumber},
        },
    };

    fn are_woken(deliveries: &Deliveries) -> bool {
        deliveries.lanes.iter().all(|bell| {
            let ring = pin!(bell.ring.notified());
            ring.poll(&mut Context::from_waker(Waker::noop())).is_ready()
        })
    }

    #[test]
    fn lanes_are_woken_for_what_is_new() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), 8 << 20).unwrap();
        let deliveries = Deliveries::new(None);
        deliveries.wake_for_new(&store);
        assert!(!are_woken(&deliveries));
        for _ in 0..2 {
            let queued = store.change(|transaction| {
                let to = Mailbox::new("a@example.org").unwrap();
                let mail = NewMail { account: None, to, language: None, payload: None };
                let number = SecretNumber { account: AccountNumber::NOBODY, sequence: 0 };
                let letter = Letter::SelfDestruct { secret: SecretId { number, random: [0; 15] } };
                put_mail(transaction, &mail, letter, UnixSeconds(1_793_577_600))
            });
            queued.wait().unwrap();
            deliveries.wake_for_new(&store);
            assert!(are_woken(&deliveries));
            deliveries.wake_for_new(&store);
            assert!(!are_woken(&deliveries));
        }
    }
}
