//! Delivery of the outbox: one loop for each [`Lane`].
//!
//! A loop holds a few numbers at a time, however many items wait. It looks into the outbox when it is
//! woken, when something is due, and every ten seconds. Time is the daemon's [`Clock`]; only the pauses
//! between looks are real time.

mod hosts;
mod lane;
pub(crate) mod mail_courier;
pub mod smtp;
pub mod webhook;
pub(crate) mod webhook_courier;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::{JoinHandle, spawn},
};

use self::{mail_courier::MailCourier, webhook_courier::WebhookCourier};
use crate::{
    clock::Clock,
    crypto::Random,
    delivery::{smtp::Mailer, webhook::Caller},
    domain::{id::Ids, notify::mailbox::Mailbox, numbers::Lane},
    store::Store,
};

/// How long deliveries in progress may continue after a signal to stop. Unfinished ones are repeated after
/// the next start.
const GRACE: Duration = Duration::from_secs(5);

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
}

/// Wakes a loop.
#[derive(Default)]
struct Bell {
    ring: Notify,
    /// Whether pauses of the lane end, too.
    try_now: AtomicBool,
}

/// The running loops.
pub struct Running {
    stop: watch::Sender<()>,
    loops: Vec<JoinHandle<()>>,
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

    /// `None` for a lane that has no loop.
    fn bell(&self, lane: Lane) -> Option<&Bell> {
        match lane {
            Lane::Mail => self.lanes.first(),
            Lane::Webhook => self.lanes.last(),
            Lane::GivenUp => None,
        }
    }
}

/// Starts the loops; they end when [`Running::stop`] is called, or when it is dropped.
#[must_use]
pub fn start(context: DeliveryContext) -> Running {
    let context = Arc::new(context);
    let (stop, stopped) = watch::channel(());
    let mails = Arc::new(MailCourier::new(Arc::clone(&context)));
    let calls = Arc::new(WebhookCourier::new(Arc::clone(&context)));
    let loops = vec![
        spawn(lane::run(Arc::clone(&context), mails, stopped.clone())),
        spawn(lane::run(Arc::clone(&context), calls, stopped)),
    ];
    Running { stop, loops }
}

impl Running {
    /// Ends the loops. Waits up to five seconds for deliveries in progress.
    pub async fn stop(self) {
        drop(self.stop);
        for lane in self.loops {
            if let Err(error) = lane.await {
                tracing::error!(%error, "a loop of the outbox failed");
            }
        }
    }
}
