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
pub mod public;
pub mod requests;
pub mod secrets;

use std::{net::IpAddr, sync::Arc};

pub use self::{attachments::Transfers, error::ApiError};
use self::{
    key_service::{KeyService, ServiceRules},
    load::work::SlowWork,
    secrets::late_tries::LateTries,
};
use crate::{
    clock::Clock,
    config::{Create, CrossOrigin, TryLimits, ViewerIp},
    crypto::Random,
    delivery::{Deliveries, webhook::Caller},
    domain::{
        account::{AccountNumber, api_key::ApiKeys},
        alike,
        id::Ids,
        limits::{captcha::Captchas, client_net::ClientNet, try_limit::TryLimit},
        secret::{attachment, lifetime::LifetimeRules},
    },
    http::body_budget::BodyBudget,
    store::{Store, StoreError},
    web::Web,
};

/// What every handler works with.
pub struct App {
    /// The database.
    pub store: Store,
    /// Reads and writes ids.
    pub ids: Ids,
    /// Knows who asks.
    pub api_keys: ApiKeys,
    /// Slows down clients that guess passwords of secrets.
    pub wrong_passwords: TryLimit<ClientNet>,
    /// Slows down who makes secrets without an account: what it calls wrong is one more made.
    pub creations: TryLimit<ClientNet>,
    /// Proofs of work before a view.
    pub captchas: Captchas,
    /// Slows down who fills other people's lists through secret requests.
    pub answers: TryLimit<ClientNet>,
    /// Slows down who tries out webhooks, by account.
    pub webhook_tests: TryLimit<AccountNumber>,
    /// Attachments that are on their way.
    pub transfers: Transfers,
    /// What takes a core for long.
    pub slow_work: SlowWork,
    /// Memory for large bodies.
    pub body_budget: BodyBudget,
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
    pub caller: Caller,
    /// What goes out: mails and calls of webhooks.
    pub deliveries: Arc<Deliveries>,
    /// The pages.
    pub web: Web,
    /// The path of the public URL, such as `/secrets`, or empty: a proxy may keep it in its requests.
    pub sub_path: String,
}

/// The operator's settings that handlers need.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The longest ciphertext, in characters of base64.
    pub max_ciphertext: usize,
    /// How long secrets live.
    pub lifetime: LifetimeRules,
    /// Who may create secrets.
    pub create: Create,
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

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The peer, or whom a trusted proxy names.
    pub address: IpAddr,
}

impl Client {
    /// What it is counted by, where a client has a share or a limit.
    #[must_use]
    pub fn net(self) -> ClientNet {
        ClientNet::of(self.address)
    }
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
        web: Web,
    ) -> Result<Self, StoreError> {
        store.keep_time(&clock);
        alike::prepare(&store)?;
        // The log keeps no more of an address than the view log.
        let logs_addresses = rules.viewer_ip == ViewerIp::Full;
        let key_service =
            KeyService::new(service_rules, rules.limits, logs_addresses, Arc::clone(&random));
        Ok(Self {
            ids: Ids::load(&store, &*random)?,
            api_keys: ApiKeys::load(&store)?,
            wrong_passwords: TryLimit::new(rules.limits.password_rule(), logs_addresses),
            creations: TryLimit::new(rules.limits.creation_rule(), logs_addresses),
            captchas: Captchas::new(&*random),
            answers: TryLimit::new(rules.limits.answer_rule(), logs_addresses),
            webhook_tests: TryLimit::new(rules.limits.webhook_test_rule(), true),
            transfers: Transfers::default(),
            slow_work: SlowWork::default(),
            body_budget: BodyBudget::default(),
            late_tries: LateTries::default(),
            deliveries: Arc::default(),
            cors: CrossOrigin::default(),
            key_service,
            caller: Caller::new(rules.webhook_private),
            web,
            sub_path: String::new(),
            store,
            clock,
            random,
            rules,
        })
    }
}
