//! The lane of webhooks: each webhook has its own host.

use std::sync::Arc;

use super::{DeliveryContext, attempt::DeliveryOutcome, hosts::Hosts, lane::Courier};
use crate::{
    delivery::webhook::{self, CallError, CallResult},
    domain::{
        notify::outbox::{Outgoing, OutgoingContent},
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
    ) -> DeliveryOutcome {
        let OutgoingContent::Webhook { webhook, event } = &outgoing.content else {
            return DeliveryOutcome::Never("it is not a webhook call".to_owned());
        };
        let DeliveryContext { store, ids, caller, clock, .. } = &*self.context;
        let name = format!("msg_{}", ids.message_name(number));
        let call = match self.hosts.begin(*webhook, clock.monotonic()).await {
            Ok(call) => call,
            Err(seconds) => {
                let text =
                    "the webhook has its largest number of calls, or is paused after a failure";
                return DeliveryOutcome::NotBefore(clock.now().plus(seconds), text.to_owned());
            }
        };
        let now = clock.now();
        let called = webhook::deliver(store, ids, caller, &name, *webhook, event, now).await;
        // A permanent failure does not pause the webhook: its other calls get the same answer at once.
        if !matches!(called, Err(CallError::Never(_))) {
            call.end(called.is_ok(), clock.monotonic());
        }
        match called {
            Ok(CallResult::Taken(_)) => DeliveryOutcome::Delivered,
            Ok(CallResult::Removed) => {
                self.hosts.forget(*webhook);
                DeliveryOutcome::Pointless
            }
            Err(CallError::Later(error)) => DeliveryOutcome::Later(error),
            Err(CallError::Never(error)) => DeliveryOutcome::Never(error),
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
