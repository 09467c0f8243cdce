//! The HTTP side: requests become calls of [`crate::domain`], and what those say becomes answers.
//!
//! HTTP ends here and async ends here. Handlers read top-down: who asks, what they ask for, the change,
//! the answer.

pub mod account;
pub mod attachments;
pub mod auth;
pub(crate) mod error;
pub mod health;
pub mod key_service;
mod limits;
mod links;
pub mod load;
mod mail;
pub mod openapi;
pub mod public;
pub mod requests;
pub mod routes;
pub mod secrets;

use std::sync::Arc;

pub use self::{attachments::Transfers, error::ApiError};
use self::{
    key_service::{KeyService, ServiceRules},
    load::work::SlowWork,
    secrets::late_tries::LateTries,
};
pub use crate::domain::limits::client_net::Client;
use crate::{
    clock::Clock,
    config::{CrossOrigin, SecretCreation, TryLimits, ViewerIp},
    crypto::Random,
    delivery::{Deliveries, DeliveryContext, webhook::Caller},
    domain::{
        account::api_key::ApiKeys,
        alike,
        id::Ids,
        limits::{captcha::Captchas, client_net::ClientNet, try_limit::TryLimit},
        numbers::AccountNumber,
        secret::{attachment, lifetime::LifetimeRules},
    },
    http::body_budget::BodyBudget,
    store::{Store, StoreError},
};

/// What every handler works with.
pub struct App {
    /// The database.
    pub store: Store,
    /// Reads and writes ids.
    pub ids: Arc<Ids>,
    /// Knows who asks.
    pub api_keys: ApiKeys,
    /// Limits on what one client, or one account, may attempt.
    pub attempts: AttemptLimits,
    /// Threads, memory and upload places that requests share.
    pub load: Load,
    /// Tries that came too late.
    pub late_tries: LateTries,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// What the operator has set.
    pub rules: Rules,
    /// Whose pages may call the APIs, besides our own.
    pub cors: CrossOrigin,
    /// Boxes.
    pub key_service: KeyService,
    /// Calls webhooks.
    pub caller: Arc<Caller>,
    /// What goes out: mails and calls of webhooks.
    pub deliveries: Arc<Deliveries>,
}

/// Limits on what one client, or one account, may attempt.
pub struct AttemptLimits {
    /// Wrong passwords of secrets.
    pub wrong_passwords: TryLimit<ClientNet>,
    /// Secrets made without an account. Each one counts.
    pub creations: TryLimit<ClientNet>,
    /// Answers to secret requests.
    pub answers: TryLimit<ClientNet>,
    /// Test calls of webhooks.
    pub webhook_tests: TryLimit<AccountNumber>,
    /// Proofs of work before a view.
    pub captchas: Captchas,
}

/// What requests share, each client with a share of its own.
#[derive(Default)]
pub struct Load {
    /// Threads for work that takes a core for long.
    pub slow_work: SlowWork,
    /// Memory for large bodies.
    pub body_budget: BodyBudget,
    /// Attachments that are being transferred.
    pub transfers: Transfers,
}

/// The operator's settings that handlers need.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The longest ciphertext, in characters of base64.
    pub max_ciphertext: usize,
    /// How long secrets live.
    pub lifetime: LifetimeRules,
    /// Who may create secrets.
    pub create: SecretCreation,
    /// How much of a viewer's address is kept.
    pub viewer_ip: ViewerIp,
    /// How long used-up and expired secrets and requests stay in the list.
    pub keep_log_seconds: u64,
    /// How many secret requests an account may have in its list.
    pub request_allowance: u64,
    /// Whether webhooks at private addresses are called.
    pub webhook_private: bool,
    /// Attachments of secrets.
    pub attachments: attachment::Limits,
    /// What one client, account or box may do within a while.
    pub limits: TryLimits,
}

impl App {
    /// Brings together what handlers work with, without a server for mails: whoever starts it puts
    /// that in. Blocks.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub fn new(
        store: Store,
        clock: Clock,
        random: Arc<dyn Random>,
        rules: Rules,
        service_rules: ServiceRules,
    ) -> Result<Self, StoreError> {
        store.keep_time(&clock);
        alike::prepare(&store)?;
        // The log keeps no more of an address than the view log.
        let logs_addresses = rules.viewer_ip == ViewerIp::Full;
        let key_service =
            KeyService::new(service_rules, rules.limits, logs_addresses, Arc::clone(&random));
        Ok(Self {
            ids: Arc::new(Ids::load(&store, &*random)?),
            api_keys: ApiKeys::load(&store)?,
            attempts: AttemptLimits {
                wrong_passwords: TryLimit::new(rules.limits.password_rule(), logs_addresses),
                creations: TryLimit::new(rules.limits.creation_rule(), logs_addresses),
                answers: TryLimit::new(rules.limits.answer_rule(), logs_addresses),
                webhook_tests: TryLimit::new(rules.limits.webhook_test_rule(), true),
                captchas: Captchas::new(&*random),
            },
            load: Load::default(),
            late_tries: LateTries::default(),
            deliveries: Arc::default(),
            cors: CrossOrigin::default(),
            key_service,
            caller: Arc::new(Caller::new(rules.webhook_private)),
            store,
            clock,
            random,
            rules,
        })
    }

    /// What the delivery loops work with.
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
