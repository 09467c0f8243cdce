//! The state of the handlers.

use std::{net::IpAddr, sync::Arc};

use super::{
    attachments::Transfers,
    key_service::{KeyService, ServiceRules},
    load::work::SlowWork,
    routes,
    secrets::{late_tries::LateTries, visitor::kept_address},
};
use crate::{
    clock::Clock,
    config::{CrossOrigin, SecretCreation, TryLimits, ViewerIp},
    crypto::Random,
    delivery::{Deliveries, DeliveryContext, webhook::Caller},
    domain::{
        account::api_key::ApiKeys,
        history::History,
        id::Ids,
        lifetime::LifetimeRules,
        limits::{captcha::Captchas, client_net::ClientNet, try_limit::TryLimit},
        numbers::AccountNumber,
        secret::{attachment, gaps},
        stand_ins,
    },
    http::body_budget::BodyBudget,
    metrics::Metrics,
    store::{Store, StoreError},
};

/// The state that all handlers share.
pub struct App {
    /// The database.
    pub store: Store,
    /// Parses and formats ids.
    pub ids: Arc<Ids>,
    /// Finds the client of a request.
    pub api_keys: ApiKeys,
    /// Limits on attempts, by client or account.
    pub attempts: AttemptLimits,
    /// Threads, memory and upload places, shared by all requests.
    pub load: Load,
    /// Late attempts that are not in the logs yet.
    pub late_tries: LateTries,
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
    /// The operator's settings for handlers.
    pub rules: Rules,
    /// The origins whose pages may call the APIs, besides the server's own.
    pub cors: CrossOrigin,
    /// The state of the Key Service.
    pub key_service: KeyService,
    /// Calls webhooks.
    pub caller: Arc<Caller>,
    /// The outbox: mails and calls of webhooks.
    pub deliveries: Arc<Deliveries>,
    /// The history of the last 30 days.
    pub history: History,
    /// The figures of requests and connections.
    pub metrics: Arc<Metrics>,
}

/// Limits on attempts, by client or account.
pub struct AttemptLimits {
    /// Wrong passwords of secrets.
    pub wrong_passwords: TryLimit<ClientNet>,
    /// Secrets created without an account; each one counts.
    pub creations: TryLimit<ClientNet>,
    /// Answers to secret requests.
    pub answers: TryLimit<ClientNet>,
    /// Test calls of webhooks.
    pub webhook_tests: TryLimit<AccountNumber>,
    /// Proofs of work before a view.
    pub captchas: Captchas,
}

/// Resources that requests share fairly by client.
#[derive(Default)]
pub struct Load {
    /// Threads for slow work.
    pub slow_work: SlowWork,
    /// Memory for large bodies.
    pub body_budget: BodyBudget,
    /// Transfers of attachments in progress.
    pub transfers: Transfers,
}

/// The operator's settings for handlers.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The maximum length of a ciphertext, in characters of base64.
    pub max_ciphertext: usize,
    /// The limits on the lifetime of secrets.
    pub lifetime: LifetimeRules,
    /// Which clients may create secrets.
    pub create: SecretCreation,
    /// How much of a viewer's address is stored.
    pub viewer_ip: ViewerIp,
    /// How long secrets and requests stay in the list after their end.
    pub keep_log_seconds: u64,
    /// The time between two turns of the ring.
    pub ring_turn_seconds: u64,
    /// The maximum number of secret requests in an account's list.
    pub request_allowance: u64,
    /// Whether webhooks may have private addresses.
    pub webhook_private: bool,
    /// Attachments of secrets.
    pub attachments: attachment::AttachmentLimits,
    /// Limits on attempts, by client, account or box.
    pub limits: TryLimits,
}

impl App {
    /// Makes the state of the handlers, without a mail server: the caller adds it. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read or written.
    pub fn new(
        store: Store,
        clock: Clock,
        random: Arc<dyn Random>,
        rules: Rules,
        service_rules: ServiceRules,
    ) -> Result<Self, StoreError> {
        store.keep_time(&clock);
        stand_ins::write(&store)?;
        gaps::distrust(&store)?;
        let key_service = KeyService::new(service_rules, rules.limits, Arc::clone(&random));
        Ok(Self {
            ids: Arc::new(Ids::load(&store, &*random)?),
            api_keys: ApiKeys::load(&store)?,
            attempts: AttemptLimits {
                wrong_passwords: TryLimit::new(rules.limits.password_rule()),
                creations: TryLimit::new(rules.limits.creation_rule()),
                answers: TryLimit::new(rules.limits.answer_rule()),
                webhook_tests: TryLimit::new(rules.limits.webhook_test_rule()),
                captchas: Captchas::load(&store, &*random)?,
            },
            load: Load::default(),
            late_tries: LateTries::default(),
            deliveries: Arc::default(),
            cors: CrossOrigin::default(),
            key_service,
            caller: Arc::new(Caller::new(rules.webhook_private)),
            history: History::default(),
            metrics: Arc::new(Metrics::new(routes::labels(), clock.now())),
            store,
            clock,
            random,
            rules,
        })
    }

    /// The part of a client's address that the log may have: no more than the view log has.
    #[must_use]
    pub fn logged_address(&self, address: IpAddr) -> Option<IpAddr> {
        kept_address(self.rules.viewer_ip, address)
    }

    /// Makes the state of the delivery loops.
    #[must_use]
    pub fn delivery_context(&self) -> DeliveryContext {
        let Self { store, ids, clock, caller, deliveries, .. } = self;
        DeliveryContext {
            store: store.clone(),
            ids: Arc::clone(ids),
            clock: clock.clone(),
            caller: Arc::clone(caller),
            deliveries: Arc::clone(deliveries),
        }
    }
}
