//! The HTTP side: requests become calls of [`crate::domain`], and what those say becomes answers.
//!
//! HTTP ends here and async ends here. Handlers read top-down: who asks, what they ask for, the change,
//! the answer.

pub mod auth;
pub mod body;
pub mod cors;
mod error;
pub mod health;
pub mod key_service;
pub mod params;
pub mod response;
mod secret_item;
pub mod secrets;
pub mod work;

use std::{net::IpAddr, sync::Arc};

pub use self::error::ApiError;
use self::{
    body::BodyBudget,
    key_service::{KeyService, ServiceRules},
    work::SlowWork,
};
use crate::{
    clock::Clock,
    config::ViewerIp,
    crypto::Random,
    domain::{api_key::ApiKeys, id::Ids, lifetime::LifetimeRules, try_limit::TryLimit},
    store::{Store, StoreError},
};

/// Wrong passwords from one address within [`WRONG_PASSWORDS_SECONDS`].
const MAX_WRONG_PASSWORDS: u32 = 10;
const WRONG_PASSWORDS_SECONDS: u64 = 3600;

/// What every handler works with.
pub struct App {
    /// The database.
    pub store: Store,
    /// Reads and writes ids.
    pub ids: Ids,
    /// Knows who asks.
    pub api_keys: ApiKeys,
    /// Slows down who guesses passwords of secrets, by [`customer`](crate::domain::try_limit::customer).
    pub wrong_passwords: TryLimit<IpAddr>,
    /// Password hashing.
    pub slow_work: SlowWork,
    /// Memory for large bodies.
    pub body_budget: BodyBudget,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// What the operator has set.
    pub rules: Rules,
    /// Boxes.
    pub key_service: KeyService,
}

/// The operator's settings that handlers need.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The longest ciphertext, in characters of base64.
    pub max_ciphertext: usize,
    /// How long secrets live.
    pub lifetime: LifetimeRules,
    /// How much of a viewer's address is kept.
    pub viewer_ip: ViewerIp,
    /// How long used-up and expired secrets stay in the list.
    pub keep_log_seconds: u64,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The peer, or whom a trusted proxy names.
    pub address: IpAddr,
}

impl App {
    /// Brings together what handlers work with. Blocks.
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
        Ok(Self {
            ids: Ids::load(&store, &*random)?,
            api_keys: ApiKeys::load(&store)?,
            wrong_passwords: TryLimit::new(MAX_WRONG_PASSWORDS, WRONG_PASSWORDS_SECONDS),
            slow_work: SlowWork::default(),
            body_budget: BodyBudget::default(),
            key_service: KeyService::new(service_rules, Arc::clone(&random)),
            store,
            clock,
            random,
            rules,
        })
    }
}
