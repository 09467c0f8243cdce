//! The lane of webhooks: each webhook has its own host.

use std::sync::Arc;

use super::{
    DeliveryContext,
    hosts::Hosts,
    lane::{Courier, Outcome},
};
use crate::{
    delivery::webhook::{self, CallError, Delivered},
    domain::{
        notify::outbox::{Content, Outgoing},
        numbers::{Lane, OutboxNumber},
    },
    store::FoundPayload,
};

pub(super) struct WebhookCourier {
    context: Arc<DeliveryContext>,
    hosts: Hosts,
}

impl WebhookCourier {
    pub(super) fn new(context: Arc<DeliveryContext>) -> Self {
        Self { context, hosts: Hosts::default() }
    }
}

impl Courier for WebhookCourier {
    const LANE: Lane = Lane::Webhook;
    const PLACES: usize = 8;
    const WHAT: &'static str = "a webhook's call";
    const IS_ONE_SERVER: bool = false;

    async fn deliver(
        &self,
        number: OutboxNumber,
        outgoing: Outgoing,
        _payload: Option<FoundPayload>,
    ) -> Outcome {
        let Content::Webhook { webhook, event } = &outgoing.content else {
            return Outcome::Never("it is not a webhook call".to_owned());
        };
        let DeliveryContext { store, ids, caller, clock, .. } = &*self.context;
        let name = format!("msg_{}", ids.message_name(number));
        let call = match self.hosts.begin(*webhook, clock.monotonic()).await {
            Ok(call) => call,
            Err(seconds) => {
                let text =
                    "the webhook has its largest number of calls, or is paused after a failure";
                return Outcome::NotBefore(clock.now().plus(seconds), text.to_owned());
            }
        };
        let now = clock.now();
        let called = webhook::deliver(store, ids, caller, &name, *webhook, event, now).await;
        // A permanent failure does not pause the webhook: its other calls get the same answer at once.
        if !matches!(called, Err(CallError::Never(_))) {
            call.end(called.is_ok(), clock.monotonic());
        }
        match called {
            Ok(Delivered::Taken(_)) => Outcome::Delivered,
            Ok(Delivered::Removed) => {
                self.hosts.forget(*webhook);
                Outcome::Pointless
            }
            Err(CallError::Later(error)) => Outcome::Later(error),
            Err(CallError::Never(error)) => Outcome::Never(error),
        }
    }

    fn try_now(&self) {
        self.hosts.try_now();
    }

    fn holds(&self) -> bool {
        false
    }

    async fn rest(&self, _is_end: bool) {}
}
