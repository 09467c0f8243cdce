//! Delivery of the outbox: one loop for each [`Lane`](crate::domain::numbers::Lane).
//!
//! A loop holds a few numbers at a time, however many items wait. It looks into the outbox when it is
//! woken, when something is due, and every ten seconds. Time is the daemon's [`Clock`](crate::clock::Clock); only the pauses
//! between looks are real time.

mod attempt;
mod context;
mod hosts;
mod lane;
#[cfg(test)]
mod lane_tests;
mod mail_courier;
pub mod smtp;
pub mod webhook;
mod webhook_courier;

use std::sync::Arc;

use tokio::{
    sync::watch,
    task::{JoinHandle, spawn},
};

pub use self::context::{Deliveries, DeliveryContext, DeliveryOutcomeKind};
use self::{mail_courier::MailCourier, webhook_courier::WebhookCourier};

/// The running loops.
pub struct Running {
    stop: watch::Sender<()>,
    loops: Vec<JoinHandle<()>>,
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
